//! The orchestrator as its callers meet it: the real server over HTTP, running real processes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper fails the test"
)]

use std::path::PathBuf;
use std::time::Duration;

use chora_engine::process::ProcessEngine;
use chora_engine::{Definition, Engine as _, SecretEnv, ServiceSpec, Surroundings};
use chora_model::{file, layout::Layout};
use chora_orchestrator::Place;
use chora_service_kit::{
    CancellationToken, Secret, ServeError, ServiceSettings, http_client, sign_token,
};
use reqwest::{Client, Method, Response};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const SECRET: &str = "00112233445566778899aabbccddeeff";

/// An environment in which services are deployed. Whatever runs in it ends with it.
struct World {
    folder: TempDir,
    layout: Layout,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), "dev", true);
        let world = Self { folder, layout };
        std::fs::create_dir_all(world.data()).unwrap();
        let credentials = json!({"jwt_secret": SECRET, "api_key_orchestrator": "key-orchestrator", "api_key_worker": "key-worker"});
        let text = credentials.to_string();
        file::write_atomic(&world.layout.credentials(), text.as_bytes(), 0o600).unwrap();
        world
    }

    fn data(&self) -> PathBuf {
        self.layout.service_data("orchestrator")
    }

    async fn orchestrator(&self) -> Orchestrator {
        let credentials = self.layout.credentials().display().to_string();
        let variables = [
            ("PORT", "0"),
            ("JWT_SECRET", SECRET),
            ("CREDENTIALS_FILE", credentials.as_str()),
        ];
        let settings = ServiceSettings::from_variables("orchestrator", 8600, variables).unwrap();
        let place = Place {
            layout: self.layout.clone(),
            exe: "/bin/false".into(),
            credentials: self.layout.credentials(),
            data: self.data(),
            log_level: "info".to_owned(),
        };
        let bound = chora_orchestrator::bind(settings, place).await.unwrap();
        let url = format!("http://{}", bound.local_addr());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(bound.serve(stop.clone()));
        Orchestrator {
            url,
            client: http_client(Duration::from_secs(60)).unwrap(),
            stop,
            serving,
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Every process of this world has its directory in the environment. A start that was under way may bring one more, so it is looked for until there is none.
        let mark = self.folder.path().as_os_str().as_encoded_bytes();
        loop {
            let mut found = false;
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let name = entry.file_name();
                let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                    continue;
                };
                let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
                if pid != std::process::id()
                    && environment.windows(mark.len()).any(|part| part == mark)
                {
                    found = true;
                    kill(pid);
                }
            }
            if !found {
                return;
            }
        }
    }
}

/// A running orchestrator.
struct Orchestrator {
    url: String,
    client: Client,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl Orchestrator {
    async fn ask(&self, method: Method, path: &str, bearer: &str, body: &Value) -> Answer {
        let request = self.client.request(method, format!("{}{path}", self.url));
        let request = if bearer.is_empty() {
            request
        } else {
            request.bearer_auth(bearer)
        };
        let request = if body.is_null() {
            request
        } else {
            request.json(body)
        };
        Answer::of(request.send().await.unwrap()).await
    }

    async fn deploy(&self, body: &Value) -> Answer {
        self.ask(Method::POST, "/v1/deploy", &token(), body).await
    }

    /// Deploys what has to start, and its process.
    async fn deployed(&self, body: &Value) -> u32 {
        let answer = self.deploy(body).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.pid()
    }

    async fn post(&self, path: &str) -> Answer {
        self.ask(Method::POST, path, &token(), &Value::Null).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "", &Value::Null).await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, &token(), &Value::Null).await
    }

    /// Asks for `worker` until it is as wanted.
    async fn worker(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = self.get("/v1/services/worker").await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            if wanted(&answer.body) {
                return answer.body;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Ends it in good order.
    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

struct Answer {
    status: u16,
    body: Value,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let status = response.status().as_u16();
        let bytes = response.bytes().await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, body }
    }

    fn pid(&self) -> u32 {
        pid(&self.body)
    }

    fn is(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, &self.body["error"]),
            (status, &json!(code)),
            "{}",
            self.body
        );
    }
}

fn pid(view: &Value) -> u32 {
    view["pid"].as_u64().unwrap().try_into().unwrap()
}

fn token() -> String {
    sign_token(&Secret::new(SECRET), "chora").unwrap()
}

fn sleeper() -> Value {
    json!({"name": "worker", "version": "1.0.0", "command": ["sleep", "1000"]})
}

fn script(script: &str) -> Value {
    json!({"name": "worker", "command": ["sh", "-c", script]})
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(pid.try_into().unwrap()).unwrap()
}

fn kill(pid: u32) {
    let _ = kill_process(raw(pid), Signal::KILL);
}

fn runs(pid: u32) -> bool {
    test_kill_process(raw(pid)).is_ok()
}

#[tokio::test]
async fn a_deployment_starts_once_and_is_then_unchanged() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let first = orchestrator.deploy(&sleeper()).await;
    assert_eq!(first.status, 201, "{}", first.body);
    assert_eq!(
        (
            &first.body["result"],
            &first.body["state"],
            &first.body["version"]
        ),
        (&json!("started"), &json!("running"), &json!("1.0.0"))
    );
    assert!(runs(first.pid()));
    let second = orchestrator.deploy(&sleeper()).await;
    assert_eq!(
        (second.status, &second.body["result"]),
        (200, &json!("unchanged"))
    );
    assert_eq!(second.pid(), first.pid());
    let listed = orchestrator.get("/v1/services").await;
    assert_eq!(
        (&listed.body["total"], &listed.body["services"][0]["name"]),
        (&json!(1), &json!("worker"))
    );
}

#[tokio::test]
async fn another_definition_replaces_what_runs() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let before = orchestrator.deployed(&sleeper()).await;
    let mut changed = sleeper();
    changed["environment"] = json!({"COLOUR": "blue"});
    let answer = orchestrator.deploy(&changed).await;
    assert_eq!(
        (answer.status, &answer.body["result"]),
        (201, &json!("replaced"))
    );
    assert_ne!(answer.pid(), before);
    assert!(!runs(before));
    assert_eq!(answer.body["restarts"], 0, "{}", answer.body);
}

#[tokio::test]
async fn changing_anything_needs_a_signed_token() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let pid = orchestrator.deployed(&sleeper()).await;
    let other = sign_token(&Secret::new("another secret"), "chora").unwrap();
    for (method, path, body) in [
        (Method::POST, "/v1/deploy", sleeper()),
        (Method::POST, "/v1/services/worker/start", Value::Null),
        (Method::POST, "/v1/services/worker/stop", Value::Null),
        (Method::POST, "/v1/services/worker/restart", Value::Null),
        (Method::DELETE, "/v1/services/worker", Value::Null),
    ] {
        for (bearer, status, code) in [
            ("", 401, "unauthorized"),
            ("nobodys-key", 401, "unauthorized"),
            (other.as_str(), 401, "unauthorized"),
            ("key-worker", 403, "forbidden"),
            ("key-orchestrator", 403, "forbidden"),
        ] {
            let answer = orchestrator.ask(method.clone(), path, bearer, &body).await;
            answer.is(status, code);
        }
    }
    let view = orchestrator.get("/v1/services/worker").await;
    assert_eq!(view.pid(), pid);
}

#[tokio::test]
async fn a_body_that_cannot_be_deployed_is_refused() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    for (field, value) in [
        ("name", json!("Not A Name")),
        ("version", json!("1.0")),
        ("command", json!([])),
        ("command", json!(["a\0b"])),
        ("port", json!(0)),
        ("environment", json!({"A=B": "c"})),
        ("environment_name", json!("production")),
    ] {
        let mut body = sleeper();
        body[field] = value;
        let answer = orchestrator.deploy(&body).await;
        answer.is(400, "invalid_deployment");
        assert_eq!(answer.body["field"], field);
    }
    for body in [
        json!({"name": "worker"}),
        json!({"name": "worker", "command": "sleep 1000"}),
        json!({"name": "worker", "command": ["sleep"], "unknown": 1}),
        json!([]),
    ] {
        assert_eq!(orchestrator.deploy(&body).await.status, 400, "{body}");
    }
    assert_eq!(orchestrator.get("/v1/services").await.body["total"], 0);
}

#[tokio::test]
async fn a_missing_program_is_not_deployed_and_leaves_what_was() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let mut missing = sleeper();
    missing["command"] = json!(["no-such-program-anywhere"]);
    let answer = orchestrator.deploy(&missing).await;
    answer.is(422, "not_runnable");
    let message = answer.body["message"].as_str().unwrap();
    assert!(message.contains("no-such-program-anywhere"), "{message}");
    let view = orchestrator.get("/v1/services/worker").await;
    view.is(404, "unknown_service");

    let pid = orchestrator.deployed(&sleeper()).await;
    let answer = orchestrator.deploy(&missing).await;
    answer.is(422, "not_runnable");
    assert_eq!(orchestrator.get("/v1/services/worker").await.pid(), pid);
    // And it is still looked after.
    kill(pid);
    orchestrator
        .worker(|view| view["restarts"] == 1 && view["state"] == "running")
        .await;
}

#[tokio::test]
async fn a_deployment_is_stopped_started_restarted_and_deleted() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let first = orchestrator.deployed(&sleeper()).await;

    let stopped = orchestrator.post("/v1/services/worker/stop").await;
    assert_eq!(stopped.status, 200);
    assert_eq!(
        (&stopped.body["state"], &stopped.body["desired"]),
        (&json!("stopped"), &json!("stopped"))
    );
    assert!(stopped.body["pid"].is_null() && !runs(first));

    let started = orchestrator.post("/v1/services/worker/start").await;
    assert_eq!(
        (started.status, &started.body["state"]),
        (200, &json!("running"))
    );
    let second = started.pid();
    let again = orchestrator.post("/v1/services/worker/start").await;
    assert_eq!((again.status, again.pid()), (200, second));

    let restarted = orchestrator.post("/v1/services/worker/restart").await;
    assert_eq!(restarted.status, 200);
    assert_ne!(restarted.pid(), second);
    assert!(!runs(second));
    assert_eq!(restarted.body["restarts"], 0, "nothing ended by itself");

    let deleted = orchestrator.delete("/v1/services/worker").await;
    assert_eq!(deleted.status, 204);
    assert!(!runs(restarted.pid()));
    let view = orchestrator.get("/v1/services/worker").await;
    view.is(404, "unknown_service");
}

#[tokio::test]
async fn what_is_not_deployed_is_not_found() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let path = "/v1/services/worker";
    orchestrator.get(path).await.is(404, "unknown_service");
    orchestrator.delete(path).await.is(404, "unknown_service");
    for verb in ["start", "stop", "restart"] {
        let answer = orchestrator.post(&format!("{path}/{verb}")).await;
        answer.is(404, "unknown_service");
    }
    let answer = orchestrator.post(&format!("{path}/dance")).await;
    answer.is(404, "unknown_verb");
}

#[tokio::test]
async fn a_name_that_runs_already_is_not_taken_over() {
    let world = World::new();
    let engine = ProcessEngine::open(&world.layout, "/bin/false".into());
    let definition = Definition {
        name: "worker".to_owned(),
        version: None,
        command: vec!["sleep".to_owned(), "1000".to_owned()],
        image: None,
        port: None,
        environment: std::collections::BTreeMap::new(),
        stop_grace: Duration::from_secs(10),
    };
    let place = Surroundings {
        layout: &world.layout,
        log_level: "info",
        registry: None,
    };
    let spec = ServiceSpec::new(definition, place);
    engine.start(&spec, &SecretEnv::default()).await.unwrap();
    let before = engine.inspect("worker").await.unwrap();

    let orchestrator = world.orchestrator().await;
    let answer = orchestrator.deploy(&sleeper()).await;
    answer.is(409, "name_taken");
    let mut own = sleeper();
    own["name"] = json!("orchestrator");
    orchestrator.deploy(&own).await.is(409, "name_taken");
    assert_eq!(engine.inspect("worker").await.unwrap(), before);
    let view = orchestrator.get("/v1/services/worker").await;
    view.is(404, "unknown_service");
}

#[tokio::test]
async fn a_crashed_deployment_is_started_again() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let first = orchestrator.deployed(&sleeper()).await;
    kill(first);
    let view = orchestrator
        .worker(|view| view["restarts"] == 1 && view["state"] == "running")
        .await;
    assert_ne!(pid(&view), first);
    assert_eq!(view["last_exit"]["signal"], 9);
}

#[tokio::test]
async fn a_crash_loop_is_given_up_and_told_with_its_last_words() {
    let world = World::new();
    let orchestrator = world.orchestrator().await;
    let answer = orchestrator.deploy(&script("echo broken; exit 3")).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    let view = orchestrator
        .worker(|view| view["state"] == "crash_looping")
        .await;
    assert_eq!(
        (&view["restarts"], &view["last_exit"]["code"]),
        (&json!(4), &json!(3))
    );
    assert_eq!(view["log_tail"], json!(["broken"].repeat(5)));
    assert_eq!(view["desired"], "running");

    // Somebody who deploys what works is not held to the past.
    orchestrator.deployed(&sleeper()).await;
    let view = orchestrator.worker(|view| view["state"] == "running").await;
    assert!(view["last_exit"].is_null());
}

#[test]
fn a_second_orchestrator_adopts_what_the_first_deployed() {
    let world = World::new();
    // Each has a runtime of its own, which ends with it as a process would.
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let deployed = first.block_on(async {
        let orchestrator = world.orchestrator().await;
        let deployed = orchestrator.deployed(&sleeper()).await;
        let mut halted = sleeper();
        halted["name"] = json!("halted");
        orchestrator.deployed(&halted).await;
        orchestrator.post("/v1/services/halted/stop").await;
        orchestrator.end().await;
        deployed
    });
    drop(first);
    assert!(runs(deployed));
    runtime().block_on(async {
        let orchestrator = world.orchestrator().await;
        let view = orchestrator.get("/v1/services/worker").await;
        assert_eq!((view.status, view.pid()), (200, deployed));
        let halted = orchestrator.get("/v1/services/halted").await;
        assert_eq!(halted.body["state"], "stopped");
        let again = orchestrator.deploy(&sleeper()).await;
        assert_eq!((again.status, again.pid()), (200, deployed));
        kill(deployed);
        let view = orchestrator
            .worker(|view| view["restarts"] == 1 && view["state"] == "running")
            .await;
        assert_ne!(pid(&view), deployed);
    });
}

#[test]
fn what_ended_while_no_orchestrator_ran_is_started_by_the_next() {
    let world = World::new();
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let before = first.block_on(async {
        let orchestrator = world.orchestrator().await;
        let pid = orchestrator.deployed(&sleeper()).await;
        orchestrator.end().await;
        pid
    });
    drop(first);
    kill(before);
    runtime().block_on(async {
        let orchestrator = world.orchestrator().await;
        let view = orchestrator
            .worker(|view| view["state"] == "running" && pid(view) != before)
            .await;
        assert!(runs(pid(&view)));
    });
}
