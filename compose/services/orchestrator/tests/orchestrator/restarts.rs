//! The orchestrator's own end, and what it finds afterwards.

use chora_orchestrator::OrchestratorError;
use serde_json::{Value, json};

use crate::scene::{Project, kill, lasting, pid, runs};

#[tokio::test]
async fn deployments_go_on_when_the_orchestrator_ends_and_are_found_again() {
    let project = Project::new();
    let first = project.start().await;
    let begun = first.deployed(&lasting("web")).await;
    first.end().await;
    assert!(runs(begun));
    let second = project.start().await;
    let service = second.service("web").await;
    assert_eq!(
        (&service["state"], pid(&service)),
        (&json!("running"), begun)
    );
    second.crash();
    assert!(runs(begun));
    let third = project.start().await;
    let (status, answer) = third.deploy(&lasting("web")).await;
    assert_eq!((status.as_u16(), pid(&answer)), (200, begun));
}

#[tokio::test]
async fn what_was_found_again_is_looked_after() {
    let project = Project::new();
    let first = project.start().await;
    let begun = first.deployed(&lasting("web")).await;
    first.crash();
    let second = project.start().await;
    kill(begun);
    let service = second
        .until("web", |it| it["restarts"] == 1 && it["state"] == "running")
        .await;
    assert_ne!(pid(&service), begun);
}

#[tokio::test]
async fn what_ended_meanwhile_is_started_and_what_was_stopped_is_not() {
    let project = Project::new();
    let first = project.start().await;
    let died = first.deployed(&lasting("died")).await;
    first.deployed(&lasting("stopped")).await;
    first.verb("stopped", "stop").await;
    first.crash();
    kill(died);
    let second = project.start().await;
    let service = second.service("died").await;
    assert_eq!(service["state"], "running");
    assert_ne!(pid(&service), died);
    let service = second.service("stopped").await;
    assert_eq!(
        (&service["state"], &service["pid"]),
        (&json!("stopped"), &Value::Null)
    );
}

#[tokio::test]
async fn what_was_to_be_stopped_when_the_orchestrator_crashed_is_stopped() {
    let project = Project::new();
    let first = project.start().await;
    let begun = first.deployed(&lasting("web")).await;
    first.crash();
    // Decided, and not yet done.
    let mut kept: Value =
        serde_json::from_slice(&std::fs::read(project.deployments()).unwrap()).unwrap();
    kept["web"]["desired"] = json!("stopped");
    std::fs::write(project.deployments(), kept.to_string()).unwrap();
    let second = project.start().await;
    assert_eq!(second.service("web").await["state"], "stopped");
    assert!(!runs(begun));
}

#[tokio::test]
async fn a_damaged_list_is_an_error_that_names_it_and_ends_nothing() {
    let project = Project::new();
    let first = project.start().await;
    let begun = first.deployed(&lasting("web")).await;
    first.crash();
    std::fs::write(project.deployments(), "{").unwrap();
    let error = project.try_start().await.err().unwrap();
    assert!(matches!(error, OrchestratorError::Damaged { .. }));
    assert!(error.to_string().contains("deployments.json"), "{error}");
    assert!(runs(begun));
}
