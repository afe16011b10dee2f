//! A real HTTP server on this machine that has a component and its signature, and misbehaves where a path says so.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What there is.
#[derive(Default)]
struct Content {
    component: Vec<u8>,
    signature: Option<Vec<u8>>,
}

/// Listens until it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    content: Arc<Mutex<Content>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Has this at `/component.wasm`.
    pub(crate) fn with(content: &[u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let content = Arc::new(Mutex::new(Content {
            component: content.to_vec(),
            signature: None,
        }));
        let over = Arc::new(AtomicBool::new(false));
        let (served, ended) = (Arc::clone(&content), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let served = Arc::clone(&served);
                // Whoever has heard enough hangs up.
                std::thread::spawn(move || answer(connection, &served).ok());
            }
        });
        Self {
            address,
            content,
            over,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Has something else from now on.
    pub(crate) fn changes_to(&self, content: &[u8]) {
        let mut kept = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        kept.component = content.to_vec();
    }

    /// Has this, from now on, at each path of the component with `.minisig` after it; and nothing there before.
    pub(crate) fn has_signature(&self, signature: &str) {
        let mut kept = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        kept.signature = Some(signature.as_bytes().to_vec());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

const NONE: &str = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn answer(connection: TcpStream, content: &Mutex<Content>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let mut out = connection;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let (path, suffix) = match path.strip_suffix(".minisig") {
        Some(path) => (path, ".minisig"),
        None => (path, ""),
    };
    let there = {
        let content = content.lock().unwrap_or_else(PoisonError::into_inner);
        match suffix {
            "" => Some(content.component.clone()),
            _ => content.signature.clone(),
        }
    };
    let Some(content) = there else {
        return out.write_all(NONE.as_bytes());
    };
    let length = content.len();
    if let Some(left) = path.strip_prefix("/redirect/") {
        let left: u32 = left.parse().unwrap_or(0);
        let to = match left {
            0 => format!("/component.wasm{suffix}"),
            _ => format!("/redirect/{}{suffix}", left - 1),
        };
        return write!(
            out,
            "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    match path {
        "/component.wasm" | "/guarded.wasm" if path == "/component.wasm" || query == "pass=1" => {
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            )?;
            out.write_all(&content)
        }
        "/cut-off.wasm" => {
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            )?;
            out.write_all(&content[..length / 2])
        }
        "/huge.wasm" => write!(
            out,
            "HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\nconnection: close\r\n\r\n"
        ),
        "/endless.wasm" => {
            write!(out, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            let block = vec![0_u8; 1 << 16];
            loop {
                out.write_all(&block)?;
            }
        }
        // It says that it goes on and does not, until the other side has gone.
        "/silent.wasm" => {
            write!(
                out,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            )?;
            out.write_all(&content[..100])?;
            reader.read_line(&mut line).map(drop)
        }
        _ => out.write_all(NONE.as_bytes()),
    }
}
