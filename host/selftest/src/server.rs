//! A real HTTP server that remembers what it was asked, and misbehaves where a path says so.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::Error;

/// Listens on a port of its own until it is dropped.
pub struct Server {
    /// Where, on 127.0.0.1.
    pub port: u16,
    heads: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts one.
    pub async fn start() -> Result<Self, Error> {
        let failed = || Error::io("listen on a port of its own");
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed())?;
        let port = listener.local_addr().map_err(failed())?.port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        let task = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(answer(connection, Arc::clone(&seen)));
            }
        });
        Ok(Self { port, heads, task })
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The request lines and headers of all requests.
    pub fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut connection: TcpStream, heads: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match connection.read_u8().await {
            Ok(byte) => head.push(byte),
            // Whoever only connects sends nothing.
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    heads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head);
    let (status, more, body) = match path.as_str() {
        "/silent" => return std::future::pending().await,
        "/endless" => {
            return endless(connection, "transfer-encoding: chunked\r\n\r\n", &chunk()).await;
        }
        "/endless-headers" => return endless(connection, "", "x-more: of the same\r\n").await,
        // It says that it is compressed, which who unpacks it would find out not to be true.
        "/packed" => (
            "200 OK",
            "content-encoding: gzip\r\n".to_owned(),
            "as it is".to_owned(),
        ),
        "/large" => ("200 OK", String::new(), "x".repeat((1 << 20) + 1)),
        "/redirect" => (
            "302 Found",
            "location: /secret\r\n".to_owned(),
            String::new(),
        ),
        _ => ("200 OK", String::new(), "hello".to_owned()),
    };
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\n{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // Who has read enough hangs up.
    let _ = connection.write_all(text.as_bytes()).await;
}

/// A chunk of 64 KiB.
fn chunk() -> String {
    format!("10000\r\n{}\r\n", "x".repeat(0x1_0000))
}

/// Answers the same again and again until nobody listens any more.
async fn endless(mut connection: TcpStream, begins: &str, goes_on: &str) {
    let head = format!("HTTP/1.1 200 OK\r\n{begins}");
    let mut sent = connection.write_all(head.as_bytes()).await;
    while sent.is_ok() {
        sent = connection.write_all(goes_on.as_bytes()).await;
    }
}
