//! Waiting for services that have no health check: all of the waiting but the probing.

use chora_engine::Exit;
use chora_model::plan::StepKey;
use chora_plugin_host::{HealthError, HealthReport, HealthService, ProbeTally};

use super::*;

async fn wait(place: &Place) -> Result<HealthReport, HealthError> {
    let (scene, health) = place.project.scene(Arc::clone(&place.heard) as _);
    health
        .wait(
            &scene,
            &StepKey::new("core", "start:db"),
            place.project.config.service("db").unwrap(),
            &ProbeTally::default(),
        )
        .await
}

#[tokio::test]
async fn a_service_that_goes_on_running_is_healthy() {
    let place = place();
    place.engine.run("db");
    assert_eq!(wait(&place).await.unwrap().summary, "running");
}

#[tokio::test]
async fn a_service_that_does_not_run_is_told_at_once() {
    let place = place();
    let error = wait(&place).await.unwrap_err();
    assert!(matches!(error, HealthError::Exited { .. }), "{error}");
}

#[tokio::test]
async fn an_exit_ends_the_wait_with_its_code_and_last_words() {
    let place = place();
    place.engine.run("db");
    let ending = async { place.engine.end("db", 3) };
    let (waited, ()) = tokio::join!(wait(&place), ending);
    let Err(HealthError::Exited { exit, log_tail, .. }) = waited else {
        panic!("{waited:?}");
    };
    let expected = Exit::of_code(3);
    assert_eq!(exit, expected);
    assert_eq!(log_tail, ["the last words of db"]);
}

#[tokio::test]
async fn the_timeout_of_the_service_ends_the_wait() {
    let mut config = config(&[("db", 1, &[])]);
    config.services[0].timeout = Duration::from_millis(1);
    let place = place_of(config);
    place.engine.run("db");
    let error = wait(&place).await.unwrap_err();
    assert!(matches!(error, HealthError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_run_that_is_to_stop_leaves_its_waits_at_once_and_says_for_which_step() {
    let place = place();
    let (scene, health) = place.project.scene(Arc::clone(&place.heard) as _);
    let service = place.project.config.service("db").unwrap();
    let (step, other) = (
        StepKey::new("core", "start:db"),
        StepKey::new("core", "start:web"),
    );
    let tally = ProbeTally::default();
    // It runs, and would be healthy after a moment.
    place.engine.run("db");
    health.stop();
    tokio::select! {
        biased;
        ended = health.wait(&scene, &step, service, &tally) => panic!("{ended:?}"),
        () = health.left(&other) => panic!("that one did not wait"),
        () = health.left(&step) => {}
    }
}
