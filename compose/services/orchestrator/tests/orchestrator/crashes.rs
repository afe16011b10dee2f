//! Deployments that end by themselves.

use serde_json::{Value, json};

use crate::scene::{Project, kill, lasting, pid, runs, script};

#[tokio::test]
async fn a_deployment_that_ended_is_started_again() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let begun = orchestrator.deployed(&lasting("web")).await;
    kill(begun);
    let service = orchestrator
        .until("web", |it| it["restarts"] == 1 && it["state"] == "running")
        .await;
    assert_ne!(pid(&service), begun);
    assert_eq!(service["last_exit"], json!({"code": null, "signal": 9}));
}

#[tokio::test]
async fn a_deployment_that_ends_again_and_again_is_left_alone_and_says_why() {
    let project = Project::new();
    let orchestrator = project.start().await;
    orchestrator
        .deploy(&script("web", "echo no database; exit 3"))
        .await;
    let service = orchestrator
        .until("web", |it| it["state"] == "crash_looping")
        .await;
    assert_eq!(service["desired"], "running");
    assert_eq!(service["restarts"], 4);
    assert_eq!(service["pid"], Value::Null);
    assert_eq!(service["last_exit"], json!({"code": 3, "signal": null}));
    assert_eq!(service["log_tail"], json!(vec!["no database"; 5]));
    // A decision starts it anew: with what is wrong mended, it runs.
    let begun = orchestrator.deployed(&lasting("web")).await;
    assert!(runs(begun));
    let service = orchestrator.service("web").await;
    assert_eq!(
        (&service["state"], &service["last_exit"]),
        (&json!("running"), &Value::Null)
    );
}

#[tokio::test]
async fn a_deployment_that_is_left_alone_can_be_stopped_and_deleted() {
    let project = Project::new();
    let orchestrator = project.start().await;
    orchestrator.deploy(&script("web", "exit 3")).await;
    orchestrator
        .until("web", |it| it["state"] == "crash_looping")
        .await;
    assert_eq!(orchestrator.verb("web", "stop").await.1["state"], "stopped");
    let delete = orchestrator.change(reqwest::Method::DELETE, "/v1/services/web", None);
    assert_eq!(delete.await.0, 204);
}

#[tokio::test]
async fn a_stopped_deployment_is_not_started_again() {
    let project = Project::new();
    let orchestrator = project.start().await;
    // Between two tries is when stopping is hardest.
    orchestrator.deploy(&script("web", "exit 3")).await;
    orchestrator
        .until("web", |it| it["restarts"].as_u64() >= Some(1))
        .await;
    orchestrator.verb("web", "stop").await;
    let restarts = orchestrator.service("web").await["restarts"].clone();
    orchestrator.deployed(&lasting("other")).await;
    let other = pid(&orchestrator.service("other").await);
    kill(other);
    orchestrator.until("other", |it| it["restarts"] == 1).await;
    let service = orchestrator.service("web").await;
    assert_eq!(
        (&service["state"], &service["restarts"]),
        (&json!("stopped"), &restarts)
    );
}
