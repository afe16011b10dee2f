//! The registry under load: 32 connections that register, send heartbeats and list, each in turn with the same against a server that stores nothing.
//!
//! Clients and server share the machine, so requests per second say as much of it as of the registry; the share of the plain server's says more.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::figures::{median, percentile};
use crate::project::free_port;

const CONNECTIONS: usize = 32;
/// Requests of each connection in a round.
const REQUESTS: usize = 500;
/// Requests of each connection before the first round; they are not counted.
const WARM_UP: usize = 50;
/// Rounds of each kind. The figures are the medians of theirs.
const ROUNDS: usize = 5;
/// Instances of each connection that are there when heartbeats and lists are measured: some thousand in all.
const INSTANCES: usize = 32;
const KEY: &str = "bench-key-that-guards-nothing";

/// A server that ends when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// The registry as `chora` runs it: its keys in a file, its log in another.
    async fn registry(chora: &Path) -> Result<Self> {
        let data = tempfile::tempdir().context("failed to make a directory")?;
        let credentials = data.path().join("credentials.json");
        let keys = json!({"jwt_secret": "00".repeat(32), "api_key_manifest": KEY});
        std::fs::write(&credentials, keys.to_string()).context("failed to write the keys")?;
        let log = File::create(data.path().join("log")).context("failed to make the log")?;
        let port = free_port()?;
        let mut command = Command::new(chora);
        command
            .args(["serve", "manifest"])
            .env("PORT", port.to_string())
            .env("DATA_DIR", data.path())
            .env("CHORA_SERVICE", "manifest")
            .env("CREDENTIALS_FILE", &credentials)
            .stderr(log);
        Self::start(command, port, data).await
    }

    /// This program again, as the plain server.
    pub(crate) async fn plain() -> Result<Self> {
        let data = tempfile::tempdir().context("failed to make a directory")?;
        let port = free_port()?;
        let this = std::env::current_exe().context("failed to find this program")?;
        let mut command = Command::new(this);
        command.args([crate::PLAIN, &port.to_string()]);
        Self::start(command, port, data).await
    }

    async fn start(mut command: Command, port: u16, data: tempfile::TempDir) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .spawn()
            .context("failed to start a server")?;
        let server = Self {
            child,
            port,
            _data: data,
        };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            ensure!(
                began.elapsed() < Duration::from_secs(20),
                "failed to reach the server on port {port}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(server)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Register,
    Heartbeat,
    List,
}

impl Kind {
    fn request(self, connection: usize, number: usize) -> Result<Request<Full<Bytes>>> {
        let name = format!("bench-{connection}");
        let (method, path, body) = match self {
            Self::Register => {
                let body = json!({
                    "id": format!("i{number}"), "name": name, "version": "1.0.0",
                    "interfaces": [{"type": "http", "url": "http://localhost:1"}],
                    "metadata": {"description": "a record", "environment": "dev"},
                });
                (Method::POST, "/v1/services".to_owned(), body.to_string())
            }
            Self::Heartbeat => {
                let id = number % INSTANCES;
                let path = format!("/v1/services/{name}/i{id}/heartbeat");
                (Method::PUT, path, String::new())
            }
            Self::List => (
                Method::GET,
                "/v1/services?limit=100".to_owned(),
                String::new(),
            ),
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json");
        request
            .body(Full::new(Bytes::from(body)))
            .context("failed to make a request")
    }

    fn expected(self) -> StatusCode {
        match self {
            Self::Register => StatusCode::CREATED,
            Self::Heartbeat => StatusCode::NO_CONTENT,
            Self::List => StatusCode::OK,
        }
    }
}

/// The requests of one round.
#[derive(Clone, Copy)]
struct Load {
    kind: Kind,
    /// The number of each connection's first request: an instance is registered only once.
    first: usize,
    requests: usize,
}

/// How one round went.
#[derive(Clone, Copy)]
struct Round {
    per_second: f64,
    p99: Duration,
}

/// Prints requests per second and the 99th percentile of each kind.
pub(crate) async fn measure(chora: &Path) -> Result<()> {
    let plain = Arc::new(Server::plain().await?);
    let registry = Arc::new(Server::registry(chora).await?);
    rounds("registry: register", &registry, &plain, Kind::Register).await?;
    drop(registry);

    let registry = Arc::new(Server::registry(chora).await?);
    let there = Load {
        kind: Kind::Register,
        first: 0,
        requests: INSTANCES,
    };
    round(&registry, there).await?;
    let there = CONNECTIONS * INSTANCES;
    let name = format!("registry: heartbeat of {there}");
    rounds(&name, &registry, &plain, Kind::Heartbeat).await?;
    let name = format!("registry: list 100 of {there}");
    rounds(&name, &registry, &plain, Kind::List).await
}

/// Measures one kind, turn and turn about.
async fn rounds(name: &str, registry: &Arc<Server>, plain: &Arc<Server>, kind: Kind) -> Result<()> {
    let warm_up = Load {
        kind,
        first: 0,
        requests: WARM_UP,
    };
    round(plain, warm_up).await?;
    round(registry, warm_up).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..ROUNDS {
        let load = Load {
            kind,
            first: WARM_UP + number * REQUESTS,
            requests: REQUESTS,
        };
        theirs.push(round(plain, load).await?);
        ours.push(round(registry, load).await?);
    }
    let rate = median(ours.iter().map(|round| round.per_second));
    let mut p99: Vec<Duration> = ours.iter().map(|round| round.p99).collect();
    p99.sort_unstable();
    let p99 = percentile(&p99, 50);
    let pairs = ours.iter().zip(&theirs);
    let share = 100.0 * median(pairs.map(|(ours, theirs)| ours.per_second / theirs.per_second));
    println!(
        "{name:<46} {rate:>10.0} per second   p99 {p99:>10.2?}   {share:.0}% of a plain server   ({ROUNDS} runs, {CONNECTIONS} connections)"
    );
    Ok(())
}

async fn round(server: &Arc<Server>, load: Load) -> Result<Round> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for connection in 0..CONNECTIONS {
        let server = Arc::clone(server);
        tasks.spawn(async move { send(&server, load, connection).await });
    }
    let mut latencies = Vec::with_capacity(CONNECTIONS * load.requests);
    while let Some(ended) = tasks.join_next().await {
        latencies.extend(ended??);
    }
    let took = began.elapsed();
    latencies.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = latencies.len() as f64 / took.as_secs_f64();
    Ok(Round {
        per_second,
        p99: percentile(&latencies, 99),
    })
}

async fn send(server: &Server, load: Load, connection: usize) -> Result<Vec<Duration>> {
    let mut sender = server.connect().await?;
    let mut latencies = Vec::with_capacity(load.requests);
    for number in load.first..load.first + load.requests {
        let request = load.kind.request(connection, number)?;
        let began = Instant::now();
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        latencies.push(began.elapsed());
        ensure!(
            status == load.kind.expected(),
            "the server answered {status}: {}",
            String::from_utf8_lossy(&body)
        );
    }
    Ok(latencies)
}
