//! What was changed behind chora's back between two runs is found and made good.

use crate::oracle::{completes, credentials};
use crate::support::Ecosystem;

fn up() -> Ecosystem {
    let ecosystem = Ecosystem::new();
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

#[test]
fn everything_killed_at_once_comes_back() {
    let ecosystem = up();
    let before = ecosystem.found();
    for service in before.values() {
        ecosystem.kill(service);
    }

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    let after = ecosystem.found();
    assert!(before.keys().all(|id| !after.contains_key(id)));
}

#[test]
fn an_empty_registry_is_filled_again() {
    let ecosystem = up();
    let ids = ecosystem.ids();
    ecosystem.kill("manifest");
    let data = ecosystem.home().join("data/manifest");
    std::fs::remove_dir_all(data).expect("the registry's data");

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    // Who only had to register again was not started again.
    assert_eq!(ecosystem.ids()["gateway"], ids["gateway"]);
    assert_eq!(ecosystem.ids()["orchestrator"], ids["orchestrator"]);
}

#[test]
fn an_analyzer_stopped_through_the_orchestrator_s_back_is_deployed_again() {
    let ecosystem = up();
    let ids = ecosystem.ids();
    ecosystem.kill("orchestrator");
    ecosystem.kill("analyzer");

    assert_eq!(
        completes(&ecosystem, credentials(&ecosystem).as_deref()),
        Ok(())
    );

    assert_eq!(ecosystem.ids()["manifest"], ids["manifest"]);
}
