//! From nothing to running, again, back, forward, and gone.

use crate::docker::{containers, ids, made_for, networks, up};
use crate::support::Ecosystem;

const SERVICES: [&str; 4] = ["analyzer", "gateway", "manifest", "orchestrator"];

#[test]
fn the_ecosystem_comes_up_as_containers_and_a_second_run_changes_nothing() {
    let ecosystem = up();
    let before = ids(&ecosystem);
    assert_eq!(before.keys().collect::<Vec<_>>(), SERVICES);
    let status = ecosystem.chora(&["status", "--format", "json"]).exits(0);
    assert_eq!(status.json()["overall"]["state"], "healthy");

    let again = ecosystem.chora(&["bootstrap", "--format", "json"]).exits(0);

    let summary = again.events().pop().expect("a summary");
    assert_eq!(summary["changed"], 0, "{summary}");
    assert_eq!(ids(&ecosystem), before);
    let log = ecosystem.chora(&["logs", "gateway"]).exits(0);
    assert!(log.stdout.contains("listening"), "{}", log.stdout);
    ecosystem.chora(&["validate"]).exits(0);
}

#[test]
fn containers_have_no_privilege_and_no_secret_on_their_command_lines() {
    let ecosystem = up();
    let credentials = std::fs::read_to_string(ecosystem.home().join("credentials.json"));
    let credentials: serde_json::Value =
        serde_json::from_str(&credentials.expect("credentials")).expect("credentials");
    let secret = credentials["jwt_secret"].as_str().expect("a secret");
    for (service, container) in made_for(&ecosystem) {
        let shown = format!("{:?} {:?}", container.command, container.labels);
        assert!(!shown.contains(secret), "{service}");
        let id = container.id.expect("an id");
        let inspected =
            crate::docker::ask(async |docker| docker.inspect_container(&id, None).await);
        let inspected = inspected.expect("a container");
        let user = inspected.config.and_then(|config| config.user);
        let user = user.expect("a user");
        assert!(
            !user.is_empty() && !user.starts_with("0:"),
            "{service}: {user}"
        );
        let host = inspected.host_config.expect("a host configuration");
        assert_eq!(host.readonly_rootfs, Some(true), "{service}");
        assert_eq!(host.cap_drop, Some(vec!["ALL".to_owned()]), "{service}");
        assert_ne!(host.privileged, Some(true), "{service}");
        let mounts = inspected.mounts.unwrap_or_default();
        let has_socket = mounts.iter().any(|mount| {
            let source = mount.source.as_deref().unwrap_or_default();
            source.ends_with("docker.sock")
        });
        assert_eq!(has_socket, service == "orchestrator", "{service}");
    }
}

#[test]
fn a_rollback_and_the_way_forward_keep_what_is_below() {
    let ecosystem = up();
    let before = ids(&ecosystem);

    ecosystem
        .chora(&["rollback", "--to-phase", "1", "--force"])
        .exits(0);
    let kept = ids(&ecosystem);
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["manifest"]);
    ecosystem.chora(&["bootstrap"]).exits(0);

    let after = ids(&ecosystem);
    assert_eq!(after.keys().collect::<Vec<_>>(), SERVICES);
    assert_eq!(after["manifest"], before["manifest"]);
}

#[test]
fn a_reset_leaves_no_container_and_no_network_and_may_be_made_twice() {
    let ecosystem = up();
    assert_eq!(networks(&ecosystem), 1);
    for _ in 0..2 {
        ecosystem.chora(&["reset", "--force", "--volumes"]).exits(0);
        assert!(made_for(&ecosystem).is_empty());
        assert_eq!(networks(&ecosystem), 0);
    }
    assert!(!ecosystem.home().join("secrets").exists());
    assert!(!ecosystem.home().join("data").exists());
}

#[test]
fn a_dry_run_makes_nothing_and_says_what_it_would_make() {
    let ecosystem = Ecosystem::with_config(containers);
    let told = ecosystem
        .chora(&["bootstrap", "--dry-run", "--format", "json"])
        .exits(0);
    let summary = told.events().pop().expect("a summary");
    assert_eq!(summary["dry_run"], true);
    assert!(made_for(&ecosystem).is_empty());
    assert_eq!(networks(&ecosystem), 0);
}

#[test]
fn two_projects_stand_side_by_side() {
    let (one, other) = (up(), up());
    one.chora(&["status"]).exits(0);
    let before = ids(&one);
    other.chora(&["reset", "--force", "--volumes"]).exits(0);
    assert!(made_for(&other).is_empty());
    assert_eq!(ids(&one), before);
    one.chora(&["status"]).exits(0);
}
