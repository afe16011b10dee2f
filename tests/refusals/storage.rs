//! Files that cannot be read or written.

use std::os::unix::fs::PermissionsExt;

use crate::support::Ecosystem;

#[test]
fn a_corrupt_state_is_8_and_is_never_begun_afresh() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ecosystem.ids();
    let state = ecosystem.home().join("bootstrap-state.json");
    let good = std::fs::read(&state).expect("a state");
    std::fs::write(&state, b"{\"schema_version\": 1, \"envir").expect("a write");
    for command in [
        vec!["bootstrap"],
        vec!["rollback", "--force"],
        vec!["validate"],
    ] {
        let refused = ecosystem.chora(&command);
        assert!(
            refused.stderr.contains("error[STATE_CORRUPTED]"),
            "{command:?}: {}",
            refused.stderr
        );
        assert!(
            refused.stderr.contains("last-good"),
            "{command:?}: {}",
            refused.stderr
        );
    }
    ecosystem.chora(&["bootstrap"]).exits(8);
    std::fs::write(&state, good).expect("a write");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ecosystem.ids(), ids);
}

#[test]
fn a_state_of_a_newer_chora_is_refused() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let path = ecosystem.home().join("bootstrap-state.json");
    let mut state = ecosystem.state();
    state["schema_version"] = 999.into();
    std::fs::write(&path, state.to_string()).expect("a write");
    let refused = ecosystem.chora(&["bootstrap"]).exits(8);
    assert!(refused.stderr.contains("999"), "{}", refused.stderr);
}

#[test]
fn credentials_that_others_can_read_are_refused_with_the_command_that_mends_it() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let path = ecosystem.home().join("credentials.json");
    let mode = std::fs::metadata(&path)
        .expect("credentials")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let refused = ecosystem.chora(&["bootstrap"]).exits(8);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    ecosystem.chora(&["bootstrap"]).exits(0);
}

#[test]
fn a_home_that_is_a_file_is_an_error_that_names_it() {
    let ecosystem = Ecosystem::new();
    // Works for the superuser too, whom no mode keeps from writing.
    std::fs::write(ecosystem.home().join("runs"), "in the way").expect("a file");
    let refused = ecosystem.chora(&["bootstrap"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains(".chora/runs"), "{}", refused.stderr);
    assert!(ecosystem.ids().is_empty());
    std::fs::remove_file(ecosystem.home().join("runs")).expect("a file");
}

#[test]
fn damaged_credentials_are_8_and_the_copy_before_them_is_named() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let rotate = ["config", "rotate-credentials", "--force", "--despite-data"];
    ecosystem.chora(&rotate).exits(0);
    let path = ecosystem.home().join("credentials.json");
    let whole = std::fs::read(&path).expect("credentials");
    let ids = ecosystem.ids();
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("a write");
    for command in [
        ["bootstrap", "--verbose"].as_slice(),
        &["bootstrap", "--dry-run"],
        &["config", "apply-credentials"],
    ] {
        let refused = ecosystem.chora(command).exits(8);
        for part in [
            "STATE_CORRUPTED",
            "credentials.json",
            "credentials.last-good.json",
        ] {
            assert!(
                refused.stderr.contains(part),
                "{part} in {}",
                refused.stderr
            );
        }
    }
    assert_eq!(ecosystem.ids(), ids);
    std::fs::write(&path, whole).expect("a write");
    ecosystem.chora(&["bootstrap"]).exits(0);
}
