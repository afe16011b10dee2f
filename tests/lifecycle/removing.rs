//! Undoing: `rollback` to each phase and forward again, and `reset`.

use crate::observe::{SERVICES, bytes, ids_of};
use crate::support::Ecosystem;

/// Rolls a complete system back to a phase, and brings it up again. `kept` are the services that stay.
#[track_caller]
fn back_to(phase: u8, kept: &[&str]) {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, kept);
    let target = phase.to_string();

    ecosystem
        .chora(&["rollback", "--to-phase", &target, "--force"])
        .exits(0);

    let mut running = ecosystem.ids();
    // The orchestrator check of phase 4 restarts the analyzer on the way forward, so only its presence is compared there.
    if phase == 3 {
        assert!(running.remove("analyzer").is_some());
    }
    assert_eq!(running, ids);
    let state = ecosystem.state();
    let completed: Vec<u8> = (0..=phase).collect();
    assert_eq!(state["completed_phases"], serde_json::json!(completed));
    assert_eq!(state["status"], "rolled_back");

    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ids_of(&ecosystem, kept), ids);
    assert_eq!(ids_of(&ecosystem, &SERVICES).len(), 4);
    ecosystem.chora(&["status"]).exits(0);
}

#[test]
fn back_to_phase_3_and_forward_again_keeps_all_services() {
    back_to(3, &["manifest", "orchestrator", "gateway"]);
}

#[test]
fn back_to_phase_2_and_forward_again_keeps_core_and_infrastructure() {
    back_to(2, &["manifest", "orchestrator", "gateway"]);
}

#[test]
fn back_to_phase_1_and_forward_again_keeps_the_core() {
    back_to(1, &["manifest"]);
}

#[test]
fn back_to_phase_0_and_forward_again_begins_with_the_core() {
    back_to(0, &[]);
}

#[test]
fn without_a_target_it_goes_back_one_phase() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);

    ecosystem.chora(&["rollback", "--force"]).exits(0);

    let completed = &ecosystem.state()["completed_phases"];
    assert_eq!(*completed, serde_json::json!([0, 1, 2, 3]));
}

#[test]
fn going_back_to_phase_0_deletes_data_unless_it_is_to_be_kept() {
    let ecosystem = Ecosystem::new();
    let database = ecosystem.home().join("data/manifest/manifest.db");
    ecosystem.chora(&["bootstrap"]).exits(0);
    let credentials = bytes(&ecosystem, "credentials.json");

    let rollback = ["rollback", "--to-phase", "0", "--force", "--keep-data"];
    ecosystem.chora(&rollback).exits(0);
    assert!(database.exists());
    assert_eq!(bytes(&ecosystem, "credentials.json"), credentials);

    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
        .chora(&["rollback", "--to-phase", "0", "--force"])
        .exits(0);
    assert!(!database.exists());
}

#[test]
fn an_impossible_target_is_refused_and_nothing_is_undone() {
    let ecosystem = Ecosystem::new();
    ecosystem
        .chora(&["rollback", "--to-phase", "1", "--force"])
        .exits(2);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &SERVICES);

    for target in ["4", "5", "200"] {
        ecosystem
            .chora(&["rollback", "--to-phase", target, "--force"])
            .exits(2);
    }

    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);
}

#[test]
fn without_a_terminal_it_asks_for_force_instead_of_an_answer() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ids_of(&ecosystem, &SERVICES);

    for command in ["rollback", "reset"] {
        let refused = ecosystem.chora(&[command]);
        assert_ne!(refused.code, 0);
        assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    }

    assert_eq!(ids_of(&ecosystem, &SERVICES), ids);
}

#[test]
fn a_reset_keeps_data_and_credentials_and_says_so() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let credentials = bytes(&ecosystem, "credentials.json");

    let output = ecosystem.chora(&["reset", "--force"]).exits(0);

    assert!(output.stdout.contains("kept"), "{}", output.stdout);
    assert!(ecosystem.ids().is_empty());
    ecosystem.chora(&["status"]).exits(2);
    assert_eq!(bytes(&ecosystem, "credentials.json"), credentials);
    assert!(ecosystem.home().join("data/manifest/manifest.db").exists());
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(bytes(&ecosystem, "credentials.json"), credentials);
}

#[test]
fn a_reset_with_volumes_deletes_data_and_credentials() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);

    ecosystem.chora(&["reset", "--force", "--volumes"]).exits(0);

    let home = ecosystem.home();
    assert!(!home.join("credentials.json").exists());
    assert!(!home.join("data").exists());
    assert!(!home.join("bootstrap-state.json").exists());
    ecosystem.chora(&["status"]).exits(2);
}

#[test]
fn a_reset_with_volumes_can_spare_the_credentials() {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    let credentials = bytes(&ecosystem, "credentials.json");

    ecosystem
        .chora(&["reset", "--force", "--volumes", "--keep-credentials"])
        .exits(0);

    assert_eq!(bytes(&ecosystem, "credentials.json"), credentials);
    assert!(!ecosystem.home().join("data").exists());
}
