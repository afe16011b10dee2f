//! Deploying, starting, stopping, deleting.

use std::os::unix::fs::PermissionsExt as _;

use chora_engine::Engine as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::scene::{Project, lasting, pid, runs, script};

#[tokio::test]
async fn a_deployment_runs_and_is_shown() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let mut body = lasting("web");
    body["port"] = json!(9000);
    body["image"] = json!("an/image:1");
    body["health_endpoint"] = json!("http://localhost:9000/health");
    body["dependencies"] = json!(["manifest"]);
    body["environment"] = json!({"COLOUR": "blue"});
    body["environment_name"] = json!("dev");
    let (status, answer) = orchestrator.deploy(&body).await;
    assert_eq!(
        (status.as_u16(), &answer["result"]),
        (201, &json!("started")),
        "{answer}"
    );
    let service = orchestrator.service("web").await;
    assert!(runs(pid(&service)));
    assert!(service["started_at"].is_string());
    let mut rest = service.clone();
    rest["pid"] = Value::Null;
    rest["started_at"] = Value::Null;
    assert_eq!(
        rest,
        json!({
            "name": "web", "version": "1.0.0", "state": "running", "desired": "running", "pid": null, "started_at": null,
            "restarts": 0, "last_exit": null, "port": 9000,
        })
    );
    let (status, listed) = orchestrator.get("/v1/services").await;
    assert_eq!(status, 200);
    assert_eq!(listed, json!({"services": [service], "total": 1}));
}

#[tokio::test]
async fn the_same_deployment_again_changes_nothing_and_another_one_replaces_it() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let first = orchestrator.deployed(&lasting("web")).await;
    let (status, answer) = orchestrator.deploy(&lasting("web")).await;
    assert_eq!(
        (status.as_u16(), &answer["result"]),
        (200, &json!("unchanged"))
    );
    assert_eq!(pid(&answer), first);
    let mut next = lasting("web");
    next["version"] = json!("1.1.0");
    let (status, answer) = orchestrator.deploy(&next).await;
    assert_eq!(
        (status.as_u16(), &answer["result"]),
        (201, &json!("replaced"))
    );
    assert_eq!(answer["version"], "1.1.0");
    assert!(!runs(first));
    assert!(runs(pid(&answer)));
}

#[tokio::test]
async fn deployments_of_one_name_at_the_same_time_start_one_process() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let body = script("web", "echo up; exec sleep 1000");
    let deploys = (0..8).map(|_| orchestrator.deploy(&body));
    let mut results: Vec<u16> = Vec::new();
    for (status, _) in futures_util::future::join_all(deploys).await {
        results.push(status.as_u16());
    }
    results.sort_unstable();
    assert_eq!(results, [200, 200, 200, 200, 200, 200, 200, 201]);
}

#[tokio::test]
async fn stopping_and_starting_may_be_asked_for_twice() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let first = orchestrator.deployed(&lasting("web")).await;
    for _ in 0..2 {
        let (status, answer) = orchestrator.verb("web", "stop").await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["state"], &answer["desired"]),
            (&json!("stopped"), &json!("stopped"))
        );
        assert_eq!(answer["pid"], Value::Null);
    }
    assert!(!runs(first));
    let mut pids = Vec::new();
    for _ in 0..2 {
        let (status, answer) = orchestrator.verb("web", "start").await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(
            (&answer["state"], &answer["restarts"]),
            (&json!("running"), &json!(0))
        );
        pids.push(pid(&answer));
    }
    assert_eq!(pids[0], pids[1]);
    let (status, answer) = orchestrator.verb("web", "restart").await;
    assert_eq!(status, 200, "{answer}");
    assert!(!runs(pids[0]));
    assert!(runs(pid(&answer)));
}

#[tokio::test]
async fn a_stopped_deployment_is_started_by_a_restart_and_by_a_deploy() {
    let project = Project::new();
    let orchestrator = project.start().await;
    orchestrator.deployed(&lasting("web")).await;
    orchestrator.verb("web", "stop").await;
    let (_, answer) = orchestrator.verb("web", "restart").await;
    assert_eq!(answer["state"], "running");
    orchestrator.verb("web", "stop").await;
    let again = orchestrator.deployed(&lasting("web")).await;
    assert!(runs(again));
}

#[tokio::test]
async fn a_deleted_deployment_is_gone_with_its_process() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let begun = orchestrator.deployed(&lasting("web")).await;
    let (status, body) = orchestrator
        .change(Method::DELETE, "/v1/services/web", None)
        .await;
    assert_eq!((status.as_u16(), body), (204, Value::Null));
    assert!(!runs(begun));
    let (status, answer) = orchestrator
        .change(Method::DELETE, "/v1/services/web", None)
        .await;
    assert_eq!(
        (status.as_u16(), &answer["error"]),
        (404, &json!("unknown_service"))
    );
    assert_eq!(orchestrator.get("/v1/services").await.1["total"], 0);
    orchestrator.deployed(&lasting("web")).await;
}

#[tokio::test]
async fn a_deployment_is_told_what_every_service_is_told() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let mut body = script(
        "web",
        "echo $CHORA_SERVICE,$CHORA_ENVIRONMENT,$PORT,$SERVICE_VERSION,$MANIFEST_URL,$LOG_LEVEL,$COLOUR; echo $DATA_DIR; echo $JWT_SECRET; \
         echo $API_KEY_WEB; test -d \"$DATA_DIR\" && echo \"[$CREDENTIALS_FILE$API_KEY_ORCHESTRATOR$CHORA_HOME]\"; exec sleep 1000",
    );
    body["port"] = json!(9000);
    body["environment"] = json!({"COLOUR": "blue"});
    orchestrator.deployed(&body).await;
    let data = project.layout.service_data("web");
    let told = lines(&project, 5).await;
    assert_eq!(
        told,
        [
            "web,dev,9000,1.0.0,http://127.0.0.1:1,info,blue",
            data.to_str().unwrap(),
            crate::scene::SECRET,
            "key-web",
            "[]",
        ]
    );
}

#[tokio::test]
async fn a_rotated_credential_reaches_a_deployment_with_its_next_start() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let body = script("web", "echo $API_KEY_WEB; exec sleep 1000");
    orchestrator.deployed(&body).await;
    assert_eq!(lines(&project, 1).await, ["key-web"]);
    project.credentials("key-new");
    orchestrator.verb("web", "restart").await;
    assert_eq!(lines(&project, 2).await, ["key-web", "key-new"]);
}

#[tokio::test]
async fn chora_itself_sees_what_is_deployed() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let begun = orchestrator.deployed(&lasting("web")).await;
    let listed = project.engine().list().await.unwrap();
    let seen: Vec<_> = listed
        .iter()
        .map(|(name, it)| (name.as_str(), it.id.clone()))
        .collect();
    assert_eq!(seen, [("web", Some(begun.to_string()))]);
}

#[tokio::test]
async fn the_list_of_deployments_is_its_owner_s_alone() {
    let project = Project::new();
    let orchestrator = project.start().await;
    orchestrator.deployed(&lasting("web")).await;
    let mode = project
        .deployments()
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The first lines that the service `web` prints.
async fn lines(project: &Project, count: usize) -> Vec<String> {
    use futures_util::StreamExt as _;
    let lines = project.engine().log_follow("web", 99).await.unwrap();
    lines.take(count).map(Result::unwrap).collect().await
}
