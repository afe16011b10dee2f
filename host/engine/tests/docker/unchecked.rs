//! Health checks on podman, which leaves them to timers of systemd.

use std::path::Path;
use std::time::Duration;

use chora_compose::{HealthTest, Healthcheck};
use chora_engine::{Engine as _, HealthState};

use crate::world::{World, chain};

#[tokio::test]
async fn a_check_that_nobody_runs_is_told_instead_of_waited_for() {
    let world = World::new().await;
    let words = ["/container", "exit", "0"].map(str::to_owned);
    let spec = world.service_with("web", &["sleep"], |service| {
        service.healthcheck = Some(Healthcheck {
            test: Some(HealthTest::Command(words.to_vec())),
            interval: Some(Duration::from_secs(1)),
            ..Healthcheck::default()
        });
    });
    world.start(&spec).await;
    let health = world.engine.health("web").await.unwrap().unwrap();
    assert_eq!(health.state, HealthState::Starting);
    let changed = world.engine.health_changed("web", HealthState::Starting);
    let changed = changed.await;
    if Path::new("/run/systemd/system").exists() {
        assert_eq!(changed.unwrap().unwrap().state, HealthState::Healthy);
        return;
    }
    let told = chain(&changed.unwrap_err());
    assert!(told.contains(&world.named("-web-1")), "{told}");
    assert!(
        told.contains("systemd") && told.contains("`health:`"),
        "{told}"
    );
}
