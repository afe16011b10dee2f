//! New credentials: made only when asked for, used by who is started again, and never made in silence while data depends on the old ones.

use crate::observe::{SERVICES, bytes, ids_of};
use crate::support::Ecosystem;

#[test]
fn rotating_while_there_is_data_is_refused_unless_asked_for() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let before = bytes(&ecosystem, "credentials.json");

    let refused = ecosystem
        .chora(&["config", "rotate-credentials", "--force"])
        .exits(7);

    assert!(
        refused.stderr.contains("--despite-data"),
        "{}",
        refused.stderr
    );
    assert_eq!(bytes(&ecosystem, "credentials.json"), before);
}

#[test]
fn rotated_credentials_are_used_once_they_are_applied() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let (before, ids) = (
        bytes(&ecosystem, "credentials.json"),
        ids_of(&ecosystem, &SERVICES),
    );

    let rotated = ecosystem
        .chora(&["config", "rotate-credentials", "--force", "--despite-data"])
        .exits(0);

    assert!(
        rotated.stdout.contains("apply-credentials"),
        "{}",
        rotated.stdout
    );
    let rotated = bytes(&ecosystem, "credentials.json");
    assert_ne!(rotated, before);
    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);

    ecosystem.chora(&["config", "apply-credentials"]).exits(0);

    let applied = ids_of(&ecosystem, &SERVICES);
    for service in SERVICES {
        assert_ne!(applied[service], ids[service], "{service}");
    }
    assert_eq!(bytes(&ecosystem, "credentials.json"), rotated);
    ecosystem.chora(&["validate"]).exits(0);
    // Once more, there is nothing to apply; `validate` has started the analyzer again.
    let ids = ids_of(&ecosystem, &SERVICES);
    ecosystem.chora(&["config", "apply-credentials"]).exits(0);
    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);
}

#[test]
fn without_services_there_is_nothing_to_apply_and_no_question_without_a_terminal() {
    let ecosystem = Ecosystem::new();
    let nothing = ecosystem.chora(&["config", "apply-credentials"]).exits(0);
    assert!(
        nothing.stdout.contains("no service runs"),
        "{}",
        nothing.stdout
    );
    let refused = ecosystem.chora(&["config", "rotate-credentials"]).exits(7);
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert!(!ecosystem.home().join("credentials.json").exists());

    ecosystem
        .chora(&["config", "rotate-credentials", "--force"])
        .exits(0);

    assert!(ecosystem.home().join("credentials.json").exists());
}

#[test]
fn lost_credentials_are_not_made_anew_in_silence() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &SERVICES);
    let kept = bytes(&ecosystem, "credentials.json");
    std::fs::remove_file(ecosystem.home().join("credentials.json")).expect("credentials");

    for arguments in [vec!["bootstrap", "--dry-run"], vec!["bootstrap"]] {
        let refused = ecosystem.chora(&arguments).exits(1);
        for part in ["PREREQ_FAILED", "backup", "--despite-data"] {
            assert!(
                refused.stderr.contains(part),
                "{part} in {}",
                refused.stderr
            );
        }
        assert!(!ecosystem.home().join("credentials.json").exists());
    }
    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);

    // Taking things down keeps the data, and tells what it lacks.
    for arguments in [
        vec!["rollback", "--to-phase", "0", "--keep-data", "--force"],
        vec!["reset", "--force"],
    ] {
        let told = ecosystem.chora(&arguments).exits(0);
        let said = [told.stdout, told.stderr].concat();
        assert!(said.contains("made with are gone"), "{said}");
    }

    let path = ecosystem.home().join("credentials.json");
    std::fs::write(&path, kept).expect("the backup");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, private).expect("a mode");
    ecosystem.chora(&["bootstrap"]).exits(0);
    let again = ecosystem.chora(&["reset", "--force"]).exits(0);
    let said = [again.stdout, again.stderr].concat();
    assert!(said.contains("data and credentials were kept"), "{said}");
}
