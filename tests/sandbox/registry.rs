//! A registry of one image, on this machine: just what a pull asks of one.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::json;
use sha2::{Digest as _, Sha256};

/// What is there, by the end of its path: its type and its bytes.
type Files = HashMap<String, (&'static str, Vec<u8>)>;

/// Starts one, which ends with the tests. Answers its port; every name with the tag `1` is its image.
pub(crate) fn start() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let files = Arc::new(files(port));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let files = Arc::clone(&files);
            std::thread::spawn(move || answer(&connection.expect("a connection"), &files));
        }
    });
    port
}

/// An image of one file, which no other registry has.
fn files(port: u16) -> Files {
    let contents = format!("{port} {}", std::process::id());
    let mut layer = tar::Builder::new(Vec::new());
    let mut head = tar::Header::new_gnu();
    head.set_size(contents.len() as u64);
    head.set_mode(0o644);
    let added = layer.append_data(&mut head, "file", contents.as_bytes());
    added.expect("a layer");
    let layer = layer.into_inner().expect("a layer");
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    });
    let config = config.to_string().into_bytes();
    let part = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "size": bytes.len(), "digest": digest(bytes)});
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind,
        "config": part("application/vnd.docker.container.image.v1+json", &config),
        "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip", &layer)],
    });
    let manifest = manifest.to_string().into_bytes();
    let any = "application/octet-stream";
    HashMap::from([
        (format!("blobs/{}", digest(&config)), (any, config)),
        (format!("blobs/{}", digest(&layer)), (any, layer)),
        (
            format!("manifests/{}", digest(&manifest)),
            (kind, manifest.clone()),
        ),
        ("manifests/1".to_owned(), (kind, manifest)),
        ("v2/".to_owned(), ("application/json", b"{}".to_vec())),
    ])
}

fn digest(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let hex = base16ct::lower::encode_string(&digest);
    format!("sha256:{hex}")
}

fn answer(connection: &TcpStream, files: &Files) {
    let mut lines = BufReader::new(connection);
    let mut first = String::new();
    // Whoever hangs up wants no answer.
    if lines.read_line(&mut first).is_err() {
        return;
    }
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|read| read > 2) {
        line.clear();
    }
    let mut words = first.split(' ');
    let is_head = words.next() == Some("HEAD");
    let path = words.next().unwrap_or_default();
    let found = files.iter().find(|(end, _)| path.ends_with(end.as_str()));
    let mut connection = connection;
    let _ = match found {
        Some((_, (kind, bytes))) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ndocker-content-digest: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                digest(bytes),
                bytes.len()
            );
            let body: &[u8] = if is_head { &[] } else { bytes };
            connection.write_all(&[head.as_bytes(), body].concat())
        }
        None => connection
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"),
    };
}
