//! What `list`, `inspect` and `verify` say.

use chora_test_guests::COURIER;
use serde_json::Value;

use crate::scene::{ASKED, add, bootstrap, config, project, project_with, sha256, with_courier};

#[test]
fn the_list_has_the_bundled_the_configured_and_the_added_plugins() {
    let ecosystem =
        project_with("plugins:\n  - {name: mine, path: courier.wasm, phase: 3, enabled: false}\n");
    add(&ecosystem, &["pulse.wasm"]);
    let listed = ecosystem.chora(&["plugin", "list"]).exits(0).stdout;
    for (name, parts) in [
        (
            "preflight",
            vec!["bundled", "in phase 0 (Pre-Bootstrap Validation)"],
        ),
        (
            "mine",
            vec!["courier.wasm (configuration)", "leaves it out"],
        ),
        (
            "pulse",
            vec![
                "0.1.0",
                "pulse.wasm",
                "where a service's `health:` names it",
            ],
        ),
    ] {
        let line = listed.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("{name} in {listed}"));
        for part in parts {
            assert!(line.contains(part), "{part:?} in {line}");
        }
    }
    let listed = ecosystem
        .chora(&["plugin", "list", "--format", "json"])
        .json();
    let plugins = listed["plugins"].as_array().expect("a list");
    let of = |name: &str| {
        let mut all = plugins.iter();
        all.find(|plugin| plugin["name"] == name).expect("a plugin")
    };
    assert_eq!(plugins.len(), 9);
    assert_eq!(of("core-services")["origin"], "bundled");
    assert_eq!(of("core-services")["placement"]["phase"], 1);
    assert_eq!(of("mine")["origin"], "configured");
    assert_eq!(of("mine")["enabled"], false);
    assert_eq!(of("pulse")["origin"], "added");
    assert_eq!(of("pulse")["kind"], "health");
}

#[test]
fn inspect_tells_what_a_plugin_is_may_do_and_did() {
    let ecosystem = with_courier();
    let inspect = ["plugin", "inspect", "courier"];
    let before = ecosystem.chora(&inspect).exits(0).stdout;
    assert!(before.contains("none of the latest runs"), "{before}");
    bootstrap(&ecosystem);
    bootstrap(&ecosystem);
    let shown = ecosystem.chora(&inspect).exits(0).stdout;
    let digest = sha256(COURIER);
    for part in [
        "courier 1.0.0: looks after the service `db`",
        "from: courier.wasm",
        &digest,
        "after service `db`, in phase 1",
        "chora:bootstrap@0.1.1, world phase-plugin (phase plugin)",
        "chora:bootstrap/services@0.1.1",
        "chora:bootstrap/phase@0.1.1",
        ASKED,
        "to see whether db runs",
        "1 in ",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let json = ["plugin", "inspect", "courier", "--format", "json"];
    let told = ecosystem.chora(&json).exits(0).json();
    assert_eq!(told["sha256"], digest);
    assert_eq!(told["size"], COURIER.len());
    assert_eq!(told["placement"]["after"], "db");
    assert_eq!(told["asked"][0]["grant"], ASKED);
    assert_eq!(told["grants"][0], ASKED);
    let runs = told["runs"].as_array().expect("runs");
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(run["calls"]["allowed"], 1, "{run}");
        let counts = ["plans", "steps", "failed"].map(|count| run[count].as_u64());
        assert_eq!(counts, [Some(1), Some(1), Some(0)], "{run}");
        assert!(
            run["took_us"].as_u64() > Some(0) && run["started_at"].is_string(),
            "{run}"
        );
    }
}

#[test]
fn what_a_health_check_probed_is_on_record_although_it_called_nothing() {
    let ecosystem = project();
    add(&ecosystem, &["pulse.wasm"]);
    ecosystem.write_config(&config("").replacen("health: none", "health: pulse", 1));
    let events = ecosystem.chora(&["bootstrap", "--format", "json"]);
    let events = events.exits(0).events();
    let waited = events
        .iter()
        .filter(|event| event["event"] == "service_healthy");
    let waited: u64 = waited.filter_map(|event| event["probes"].as_u64()).sum();
    let looked = |event: &&Value| event["function"] == "health.probe" && event["target"] == "db";
    let probed = waited + events.iter().filter(looked).count() as u64;

    let inspect = ["plugin", "inspect", "pulse"];
    let inspected = ecosystem.chora(&inspect).exits(0).stdout;
    assert!(inspected.contains("PROBES"), "{inspected}");
    let json = [&inspect[..], &["--format", "json"]].concat();
    let run = &ecosystem.chora(&json).exits(0).json()["runs"][0];
    let counts = ["probes", "failed", "steps", "plans"].map(|count| run[count].as_u64());
    assert_eq!(counts, [Some(probed), Some(0), Some(0), Some(0)], "{run}");
    assert!(run["took_us"].as_u64() > Some(0), "{run}");
    let audited = ecosystem.chora(&["plugin", "audit", "pulse"]).exits(0);
    let audited = audited.stdout;
    assert!(audited.contains("pulse, in 1 of the runs"), "{audited}");
    let verbose = ecosystem.chora(&["bootstrap", "--verbose"]).exits(0).stdout;
    let told = |line: &str| line.contains("pulse took ") && line.contains(" of db");
    assert!(verbose.lines().any(told), "{verbose}");
}

#[test]
fn bundled_plugins_can_be_inspected_as_anyone_s() {
    let ecosystem = with_courier();
    bootstrap(&ecosystem);
    let shown = ecosystem
        .chora(&["plugin", "inspect", "core-services"])
        .exits(0)
        .stdout;
    for part in [
        "from: bundled",
        "services=@phase:1:inspect+start+remove",
        "in phase 1",
        "bootstrap",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
}

#[test]
fn verify_says_of_each_whether_it_is_what_was_added() {
    let ecosystem = project_with("");
    let nothing = ecosystem.chora(&["plugin", "verify"]).exits(0).stdout;
    assert!(nothing.contains("no plugin was added"), "{nothing}");
    add(&ecosystem, &["courier.wasm", "--phase", "2"]);
    add(&ecosystem, &["pulse.wasm"]);
    let good = ecosystem.chora(&["plugin", "verify"]).exits(0).stdout;
    for name in ["courier 1.0.0", "pulse 0.1.0"] {
        assert!(
            good.contains(&format!("✓ {name} is what was added")),
            "{good}"
        );
    }
    std::fs::write(crate::scene::copy(&ecosystem, COURIER), "x").expect("a copy");
    let json = ecosystem
        .chora(&["plugin", "verify", "--format", "json"])
        .exits(1)
        .json();
    assert_eq!(json["plugins"][0]["intact"], false);
    assert_eq!(json["plugins"][0]["failure"]["code"], "PLUGIN_CHANGED");
    assert_eq!(json["plugins"][1]["intact"], true);
}

#[test]
fn looking_writes_nothing() {
    let ecosystem = with_courier();
    let before = crate::scene::files(&ecosystem);
    for arguments in [
        &["plugin", "list"][..],
        &["plugin", "inspect", "courier"],
        &["plugin", "inspect", "http-check"],
        &["plugin", "verify"],
    ] {
        ecosystem.chora(arguments).exits(0);
    }
    assert_eq!(crate::scene::files(&ecosystem), before);
}
