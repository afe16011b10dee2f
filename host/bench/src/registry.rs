//! The registry under load: 32 connections that register, send heartbeats and list.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use crate::figures::percentile;

const CONNECTIONS: usize = 32;
/// Requests of each connection, for each kind.
const REQUESTS: usize = 500;
const KEY: &str = "bench-key-that-guards-nothing";

/// A registry that ends when it is dropped.
struct Registry {
    child: Child,
    port: u16,
    _data: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    async fn start(chora: &Path) -> Result<Self> {
        let data = tempfile::tempdir().context("failed to make a directory")?;
        let listener = TcpListener::bind("127.0.0.1:0").context("failed to bind a port")?;
        let port = listener
            .local_addr()
            .context("failed to read the port")?
            .port();
        drop(listener);
        let child = Command::new(chora)
            .args(["serve", "manifest"])
            .env("PORT", port.to_string())
            .env("DATA_DIR", data.path())
            .env("CHORA_SERVICE", "manifest")
            .env("JWT_SECRET", "00".repeat(32))
            .env("API_KEY_MANIFEST", KEY)
            .env("LOG_LEVEL", "error")
            .stdin(Stdio::null())
            .spawn()
            .context("failed to start the registry")?;
        let registry = Self {
            child,
            port,
            _data: data,
        };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            ensure!(
                began.elapsed() < Duration::from_secs(20),
                "failed to reach the registry"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(registry)
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
        let id = format!("i{number}");
        let (method, path, body) = match self {
            Self::Register => {
                let body = json!({
                    "id": id, "name": name, "version": "1.0.0",
                    "interfaces": [{"type": "http", "url": "http://localhost:1"}],
                    "metadata": {"description": "a record", "environment": "dev"},
                });
                (Method::POST, "/v1/services".to_owned(), body.to_string())
            }
            Self::Heartbeat => {
                let path = format!("/v1/services/{name}/{id}/heartbeat");
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

/// Prints requests per second and the 99th percentile of each kind. Client and registry share the machine.
pub(crate) async fn measure(chora: &Path) -> Result<()> {
    let registry = Arc::new(Registry::start(chora).await?);
    for (name, kind) in [
        ("registry: register", Kind::Register),
        ("registry: heartbeat", Kind::Heartbeat),
        ("registry: list 100", Kind::List),
    ] {
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for connection in 0..CONNECTIONS {
            let registry = Arc::clone(&registry);
            tasks.spawn(async move { send(&registry, kind, connection).await });
        }
        let mut latencies = Vec::with_capacity(CONNECTIONS * REQUESTS);
        while let Some(ended) = tasks.join_next().await {
            latencies.extend(ended??);
        }
        let took = began.elapsed();
        latencies.sort_unstable();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = latencies.len() as f64 / took.as_secs_f64();
        let p99 = percentile(&latencies, 99);
        println!(
            "{name:<46} {rate:>10.0} per second   p99 {p99:>10.2?}   ({CONNECTIONS} connections)"
        );
    }
    Ok(())
}

async fn send(registry: &Registry, kind: Kind, connection: usize) -> Result<Vec<Duration>> {
    let mut sender = registry.connect().await?;
    let mut latencies = Vec::with_capacity(REQUESTS);
    for number in 0..REQUESTS {
        let request = kind.request(connection, number)?;
        let began = Instant::now();
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        latencies.push(began.elapsed());
        if status != kind.expected() {
            bail!(
                "the registry answered {status}: {}",
                String::from_utf8_lossy(&body)
            );
        }
    }
    Ok(latencies)
}
