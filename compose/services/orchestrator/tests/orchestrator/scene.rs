//! Starts an orchestrator in a project of its own and talks to it.

use std::path::PathBuf;
use std::time::Duration;

use chora_engine::process::ProcessEngine;
use chora_model::layout::Layout;
use chora_orchestrator::{OrchestratorError, Place, RunsOn};
use chora_service_kit::{
    CancellationToken, Secret, ServeError, ServiceSettings, http_client, sign_token,
};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff";

/// A project. Everything that was started in it ends with it.
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) layout: Layout,
}

impl Project {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), "dev", true);
        std::fs::create_dir_all(layout.service_data("orchestrator")).unwrap();
        let project = Self { folder, layout };
        project.credentials("key-web");
        project
    }

    /// Writes the credential file, with this key for the service `web`.
    pub(crate) fn credentials(&self, web: &str) {
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = self.layout.credentials();
        let mut file = std::fs::File::options();
        let file = file.create(true).truncate(true).write(true).mode(0o600);
        let credentials =
            json!({"jwt_secret": SECRET, "api_key_orchestrator": "key-own", "api_key_web": web});
        serde_json::to_writer(file.open(path).unwrap(), &credentials).unwrap();
    }

    /// What chora itself would use.
    pub(crate) fn engine(&self) -> ProcessEngine {
        ProcessEngine::open(&self.layout, "/bin/false".into())
    }

    pub(crate) fn deployments(&self) -> PathBuf {
        self.layout
            .service_data("orchestrator")
            .join("deployments.json")
    }

    pub(crate) async fn try_start(&self) -> Result<Orchestrator, OrchestratorError> {
        let credentials = self.layout.credentials();
        let variables = [
            ("PORT", "0"),
            ("API_KEY_ORCHESTRATOR", "key-own"),
            ("CREDENTIALS_FILE", credentials.to_str().unwrap()),
            // Nobody is there; registering is another crate's matter.
            ("MANIFEST_URL", "http://127.0.0.1:1"),
        ];
        let settings = ServiceSettings::from_variables("orchestrator", 8600, variables).unwrap();
        let place = Place {
            layout: self.layout.clone(),
            exe: "/bin/false".into(),
            credentials,
            data: self.layout.service_data("orchestrator"),
            log_level: "info".to_owned(),
            runs_on: RunsOn::Processes,
            compose_project: None,
        };
        // A runtime of its own can be ended as abruptly as a process.
        let runtime = Runtime::new().unwrap();
        let bound = runtime
            .spawn(chora_orchestrator::bind(settings, place))
            .await
            .unwrap();
        let bound = match bound {
            Ok(bound) => bound,
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let url = format!("http://{}", bound.local_addr());
        let stop = CancellationToken::new();
        let serving = runtime.spawn(bound.serve(stop.clone()));
        Ok(Orchestrator {
            url,
            client: http_client(Duration::from_secs(60)).unwrap(),
            stop,
            running: Some((runtime, serving)),
        })
    }

    pub(crate) async fn start(&self) -> Orchestrator {
        self.try_start().await.unwrap()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        // Everything that was started for this project knows its directory. A start that was under way may bring one more, so it is looked for until there is none.
        let mark = self.folder.path().as_os_str().as_encoded_bytes();
        loop {
            let mut found = false;
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let Some(pid) = entry.file_name().to_str().and_then(|it| it.parse().ok()) else {
                    continue;
                };
                let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
                let of_this_project = environment.windows(mark.len()).any(|part| part == mark);
                if of_this_project && pid != std::process::id() {
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

pub(crate) struct Orchestrator {
    url: String,
    client: Client,
    stop: CancellationToken,
    running: Option<(Runtime, JoinHandle<Result<(), ServeError>>)>,
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        if let Some((runtime, _)) = self.running.take() {
            runtime.shutdown_background();
        }
    }
}

impl Orchestrator {
    /// Ends it in good order.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        let (runtime, serving) = self.running.take().unwrap();
        serving.await.unwrap().unwrap();
        cut_off(runtime);
    }

    /// Ends it in the midst of whatever it does.
    pub(crate) fn crash(mut self) {
        cut_off(self.running.take().unwrap().0);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request with a good token.
    pub(crate) async fn change(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path).bearer_auth(token());
        if let Some(body) = body {
            request = request.json(body);
        }
        answer(request).await
    }

    pub(crate) async fn deploy(&self, body: &Value) -> (StatusCode, Value) {
        self.change(Method::POST, "/v1/deploy", Some(body)).await
    }

    /// Deploys what can be deployed; its process.
    pub(crate) async fn deployed(&self, body: &Value) -> u32 {
        let (status, answer) = self.deploy(body).await;
        assert_eq!(status, 201, "{answer}");
        pid(&answer)
    }

    pub(crate) async fn verb(&self, name: &str, verb: &str) -> (StatusCode, Value) {
        let path = format!("/v1/services/{name}/{verb}");
        self.change(Method::POST, &path, None).await
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn service(&self, name: &str) -> Value {
        let (status, answer) = self.get(&format!("/v1/services/{name}")).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Asks until the service is as wanted.
    pub(crate) async fn until(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = self.service(name).await;
            if wanted(&answer) {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Waits until none of its tasks runs any more.
fn cut_off(runtime: Runtime) {
    std::thread::spawn(move || drop(runtime)).join().unwrap();
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap(),
    };
    (status, body)
}

pub(crate) fn token() -> String {
    sign_token(&Secret::new(SECRET), "chora").unwrap()
}

/// A deployment of a shell script.
pub(crate) fn script(name: &str, script: &str) -> Value {
    json!({"name": name, "version": "1.0.0", "command": ["sh", "-c", script]})
}

/// A deployment that runs until it is ended.
pub(crate) fn lasting(name: &str) -> Value {
    json!({"name": name, "version": "1.0.0", "command": ["sleep", "1000"]})
}

pub(crate) fn pid(service: &Value) -> u32 {
    service["pid"].as_u64().unwrap().try_into().unwrap()
}

/// Whether a process runs; a zombie does not.
pub(crate) fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .map(|(_, after)| after.chars().next());
    !matches!(state, None | Some(None | Some('Z' | 'X')))
}

/// Kills a process that was started here, and waits until it has ended: a signal is only the wish.
pub(crate) fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    // Gone already is as good.
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else {
        return;
    };
    let _ = pidfd_send_signal(&handle, Signal::KILL);
    poll(&mut [PollFd::new(&handle, PollFlags::IN)], None).unwrap();
}
