//! Who may not, and what cannot be.

use chora_engine::{Definition, Engine as _, SecretEnv, ServiceSpec, Surroundings};
use chora_service_kit::{Secret, sign_token};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::scene::{Project, answer, lasting, runs, token};

#[tokio::test]
async fn nothing_is_changed_without_a_signed_token() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let begun = orchestrator.deployed(&lasting("web")).await;
    let foreign = sign_token(&Secret::new("another"), "chora").unwrap();
    let changes = [
        (Method::POST, "/v1/deploy"),
        (Method::POST, "/v1/services/web/stop"),
        (Method::POST, "/v1/services/web/restart"),
        (Method::POST, "/v1/services/web/start"),
        (Method::DELETE, "/v1/services/web"),
    ];
    for (method, path) in changes {
        let request = || {
            orchestrator
                .request(method.clone(), path)
                .json(&lasting("other"))
        };
        let (status, body) = answer(request()).await;
        assert_eq!(
            (status.as_u16(), &body["error"]),
            (401, &json!("unauthorized")),
            "{path}"
        );
        for (bearer, status) in [
            (foreign.as_str(), 401),
            ("nobody-s-key", 401),
            ("key-web", 403),
            ("key-own", 403),
        ] {
            let (answered, body) = answer(request().bearer_auth(bearer)).await;
            assert_eq!(answered, status, "{path}: {body}");
        }
    }
    assert!(runs(begun));
    assert_eq!(orchestrator.get("/v1/services").await.1["total"], 1);
}

#[tokio::test]
async fn a_deployment_that_cannot_be_is_refused_with_the_field() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let cases = [
        ("name", json!("Web")),
        ("name", json!("")),
        ("name", json!("../web")),
        ("name", json!("x".repeat(65))),
        ("version", json!("one")),
        ("version", json!("1.0")),
        ("command", json!([])),
        ("command", json!([""])),
        ("command", json!(["a\u{0}b"])),
        ("port", json!(0)),
        ("environment", json!({"A=B": "c"})),
        ("environment_name", json!("production")),
    ];
    for (field, value) in cases {
        let mut body = lasting("web");
        body[field] = value;
        let (status, answer) = orchestrator.deploy(&body).await;
        assert_eq!(
            (status.as_u16(), &answer["field"]),
            (400, &json!(field)),
            "{body}: {answer}"
        );
    }
    for (field, value) in [
        ("port", json!(65_536)),
        ("command", json!("sleep 1")),
        ("colour", json!(1)),
    ] {
        let mut body = lasting("web");
        body[field] = value;
        let (status, answer) = orchestrator.deploy(&body).await;
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (400, &json!("invalid_request"))
        );
    }
    assert_eq!(orchestrator.get("/v1/services").await.1["total"], 0);
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let request = orchestrator
        .request(Method::POST, "/v1/deploy")
        .bearer_auth(token())
        .header(header::CONTENT_TYPE, "application/json")
        .body("{ name: web");
    let (status, body) = answer(request).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (400, &json!("invalid_json"))
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_and_not_deployed() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let body = json!({"name": "web", "command": ["no-such-program"]});
    let (status, answer) = orchestrator.deploy(&body).await;
    assert_eq!(
        (status.as_u16(), &answer["error"]),
        (422, &json!("not_runnable"))
    );
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("there is no program `no-such-program` in PATH ("),
        "{message}"
    );
    assert_eq!(orchestrator.get("/v1/services/web").await.0, 404);
}

#[tokio::test]
async fn a_deployment_that_fails_leaves_the_one_before_running() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let begun = orchestrator.deployed(&lasting("web")).await;
    let body = json!({"name": "web", "version": "2.0.0", "command": ["no-such-program"]});
    assert_eq!(orchestrator.deploy(&body).await.0, 422);
    let service = orchestrator.service("web").await;
    assert_eq!(
        (&service["pid"], &service["version"]),
        (&json!(begun), &json!("1.0.0"))
    );
    // And it is still looked after.
    crate::scene::kill(begun);
    orchestrator
        .until("web", |it| it["restarts"] == 1 && it["state"] == "running")
        .await;
}

#[tokio::test]
async fn unknown_services_and_verbs_are_not_found() {
    let project = Project::new();
    let orchestrator = project.start().await;
    let code =
        |(status, body): (reqwest::StatusCode, Value)| (status.as_u16(), body["error"].clone());
    let unknown = (404, json!("unknown_service"));
    assert_eq!(code(orchestrator.get("/v1/services/web").await), unknown);
    for verb in ["start", "stop", "restart"] {
        assert_eq!(code(orchestrator.verb("web", verb).await), unknown);
    }
    orchestrator.deployed(&lasting("web")).await;
    assert_eq!(
        code(orchestrator.verb("web", "explode").await),
        (404, json!("unknown_verb"))
    );
    assert_eq!(
        code(orchestrator.get("/v2").await),
        (404, json!("unknown_route"))
    );
}

#[tokio::test]
async fn a_service_that_somebody_else_started_is_not_taken_over() {
    let project = Project::new();
    let engine = project.engine();
    for (name, command) in [("manifest", ["sleep", "1000"]), ("ended", ["sleep", "0"])] {
        let definition = Definition {
            name: name.to_owned(),
            version: None,
            command: command.map(str::to_owned).into(),
            image: None,
            port: None,
            environment: std::collections::BTreeMap::new(),
            docker_compose: None,
            stop_grace: std::time::Duration::from_secs(1),
        };
        let place = Surroundings {
            layout: &project.layout,
            log_level: "info",
            registry: None,
            registry_inside: None,
            compose_files: &[],
            compose_variables: None,
        };
        let spec = ServiceSpec::new(definition, place);
        engine.start(&spec, &SecretEnv::default()).await.unwrap();
    }
    engine.wait_exit("ended").await.unwrap();
    let before = engine.inspect("manifest").await.unwrap();
    let orchestrator = project.start().await;
    for name in ["manifest", "ended", "orchestrator"] {
        let (status, answer) = orchestrator.deploy(&lasting(name)).await;
        assert_eq!(
            (status.as_u16(), &answer["error"]),
            (409, &json!("name_taken")),
            "{name}"
        );
        assert_eq!(orchestrator.verb(name, "stop").await.0, 404);
        let path = format!("/v1/services/{name}");
        assert_eq!(
            orchestrator.change(Method::DELETE, &path, None).await.0,
            404
        );
    }
    assert_eq!(engine.inspect("manifest").await.unwrap(), before);
}
