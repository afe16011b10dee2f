//! What is added is shown, recorded, and run by the next bootstrap.

use std::os::unix::fs::PermissionsExt;

use chora_test_guests::{COURIER, COURIER_NEXT, PULSE};

use crate::scene::{
    ASKED, add, bootstrap, config, copy, files, patched, project, record, sha256, with_courier,
};

#[test]
fn everything_that_matters_is_shown_and_recorded() {
    let ecosystem = project();
    let added = add(&ecosystem, &["./courier.wasm", "--after", "db"]);
    let digest = sha256(COURIER);
    for part in [
        "courier 1.0.0: looks after the service `db`",
        "./courier.wasm",
        &digest,
        "chora:bootstrap@0.1.1, world phase-plugin",
        "after service `db`, in phase 1 (Core Services)",
        "services",
        ASKED,
        "to see whether db runs",
        "✓ plugin courier was added",
        "Next: `chora bootstrap",
    ] {
        assert!(added.stdout.contains(part), "{part:?} in {}", added.stdout);
    }
    assert!(added.stderr.contains("compiling"), "{}", added.stderr);
    let kept = std::fs::read(copy(&ecosystem, COURIER)).expect("a copy");
    assert_eq!(kept, COURIER);
    let size = COURIER.len();
    let expected = format!(
        r#"format: 1
plugins:
  - name: "courier"
    version: "1.0.0"
    source: "./courier.wasm"
    sha256: "{digest}"
    size: {size}
    wit: "chora:bootstrap@0.1.1"
    world: "phase-plugin"
    after: "db"
    grants:
      - "services=db:inspect"
"#
    );
    let record = record(&ecosystem);
    assert!(record.ends_with(&expected), "{record}");
    let metadata = std::fs::metadata(ecosystem.home().join("plugins.lock")).expect("a record");
    assert_eq!(metadata.permissions().mode() & 0o022, 0);
}

#[test]
fn the_next_bootstrap_runs_it_in_its_place_and_no_rebuild_is_needed() {
    let ecosystem = project();
    assert!(
        !bootstrap(&ecosystem)
            .iter()
            .any(|(step, _)| step.starts_with("courier"))
    );
    add(&ecosystem, &["courier.wasm", "--after", "db"]);
    let steps = bootstrap(&ecosystem);
    let at = |key: &str| steps.iter().position(|(step, _)| step == key);
    let courier = at("courier/look").expect("the plugin's step");
    assert_eq!(steps[courier].1, 1);
    assert!(at("core-services/start:db") < Some(courier), "{steps:?}");
    assert!(at("infrastructure/start:web") > Some(courier), "{steps:?}");
    // What it was granted is enough, and it is the ledger that says so.
    let inspected = ecosystem.chora(&["plugin", "inspect", "courier", "--format", "json"]);
    let run = &inspected.json()["runs"][0];
    assert_eq!(run["calls"]["allowed"], 1, "{run}");
    assert_eq!(run["steps"], 1, "{run}");
}

#[test]
fn the_added_component_runs_also_when_the_file_it_came_from_is_gone() {
    let ecosystem = with_courier();
    std::fs::remove_file(ecosystem.path().join("courier.wasm")).expect("a file");
    assert!(
        bootstrap(&ecosystem)
            .iter()
            .any(|(step, _)| step == "courier/look")
    );
}

#[test]
fn a_health_check_is_added_and_named_by_a_service() {
    let ecosystem = project();
    let added = add(&ecosystem, &["pulse.wasm"]);
    assert!(added.stdout.contains("health: pulse"), "{}", added.stdout);
    assert!(
        added.stdout.contains("asks for: nothing"),
        "{}",
        added.stdout
    );
    let text = config("").replacen("health: none", "health: pulse", 1);
    ecosystem.write_config(&text);
    bootstrap(&ecosystem);
    let status = ecosystem.chora(&["status", "--format", "json"]).exits(0);
    assert!(
        status.stdout.contains("db has a pulse"),
        "{}",
        status.stdout
    );
    assert_eq!(
        std::fs::read(copy(&ecosystem, PULSE)).expect("a copy"),
        PULSE
    );
}

/// `http` knows the type of a credential. Who only sends requests imports that type, and calls nothing of `credentials`.
#[test]
fn what_sends_requests_without_a_credential_need_not_ask_for_one() {
    let ecosystem = project();
    let bundled = chora_bundled_plugins::get("http-check").expect("a bundled plugin");
    let file = ecosystem.path().join("probe.wasm");
    std::fs::write(file, bundled.bytes).expect("a component");
    let added = add(&ecosystem, &["probe.wasm", "--name", "probe"]);
    let imports = "imports: http, settings, and ";
    assert!(added.stdout.contains(imports), "{}", added.stdout);
    assert!(record(&ecosystem).contains("http=GET @target/*"));
}

/// The tools of some languages import the whole of an interface for one of its types.
#[test]
fn credentials_that_come_with_requests_need_not_be_asked_for() {
    let ecosystem = project();
    let bundled = chora_bundled_plugins::get("validation").expect("a bundled plugin");
    let asks_for_requests_alone = patched(
        bundled.bytes,
        "credentials=jwt_secret:use",
        "http=GET http://localhost/",
    );
    let file = ecosystem.path().join("mine.wasm");
    std::fs::write(file, asks_for_requests_alone).expect("a component");
    let added = add(&ecosystem, &["mine.wasm", "--name", "mine", "--phase", "4"]);
    assert!(
        added
            .stdout
            .contains("imports: health, credentials, http, "),
        "{}",
        added.stdout
    );
    let record = record(&ecosystem);
    assert!(!record.contains("credentials"), "{record}");
}

#[test]
fn adding_the_same_again_changes_nothing_and_mends_the_copy() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    std::fs::write(copy(&ecosystem, COURIER), "torn").expect("a copy");
    let again = add(&ecosystem, &["courier.wasm", "--after", "db"]);
    assert!(
        again.stdout.contains("nothing was changed"),
        "{}",
        again.stdout
    );
    assert_eq!(files(&ecosystem), before);
    ecosystem
        .chora(&["plugin", "add", "courier.wasm", "--yes", "--phase", "4"])
        .exits(7)
        .complains(&[
            "error[CONFIG_ERROR]",
            "another place",
            "plugin remove courier",
        ]);
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn one_component_can_be_added_twice_under_two_names() {
    let ecosystem = with_courier();
    add(
        &ecosystem,
        &["courier.wasm", "--name", "other", "--phase", "3"],
    );
    let steps = bootstrap(&ecosystem);
    for key in ["courier/look", "other/look"] {
        assert!(
            steps.iter().any(|(step, _)| step == key),
            "{key} in {steps:?}"
        );
    }
    // The copy goes with the last of them.
    let removed = ecosystem
        .chora(&["plugin", "remove", "other", "--yes"])
        .exits(0);
    assert!(removed.stdout.contains("stays"), "{}", removed.stdout);
    assert!(copy(&ecosystem, COURIER).exists());
    ecosystem
        .chora(&["plugin", "remove", "courier", "--yes"])
        .exits(0);
    assert!(!copy(&ecosystem, COURIER).exists());
    assert!(record(&ecosystem).ends_with("plugins: []\n"));
    assert!(
        !bootstrap(&ecosystem)
            .iter()
            .any(|(step, _)| step.ends_with("/look"))
    );
}

#[test]
fn grants_are_given_one_by_one_where_that_is_wanted() {
    let ecosystem = project();
    let grants = format!("{ASKED},health=db");
    let arguments = [
        "plugin",
        "add",
        "courier-next.wasm",
        "--phase",
        "2",
        "--grant",
    ];
    let all = [&arguments[..], &[&grants, "--grant", "machine=ports"]].concat();
    let added = ecosystem.chora(&all).exits(0);
    // It asks for one thing more than it imports.
    assert!(
        added
            .stdout
            .contains("it asks for `machine=ports` and does not import `machine`"),
        "{}",
        added.stdout
    );
    let record = record(&ecosystem);
    for grant in [ASKED, "health=db", "machine=ports"] {
        assert!(record.contains(&format!("- \"{grant}\"")), "{record}");
    }
    assert!(copy(&ecosystem, COURIER_NEXT).exists());
    bootstrap(&ecosystem);
}

#[test]
fn every_environment_runs_what_was_added_to_the_project() {
    let ecosystem = with_courier();
    let arguments = ["bootstrap", "--environment", "staging", "--format", "json"];
    let ran = ecosystem.chora(&arguments).exits(0);
    assert!(ran.stdout.contains("courier/look"), "{}", ran.stdout);
}
