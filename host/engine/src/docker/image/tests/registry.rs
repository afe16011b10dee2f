//! A registry of one image, on this machine: just what a pull asks of one.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

use super::*;

/// How it behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// It gives its image to everyone.
    Open,
    /// It gives it to `user` with the password `secret`.
    Login,
    /// It takes requests and does not answer them.
    Silent,
}

/// Starts one; it ends with the test's runtime. Its address, and a channel that tells when a silent one is asked and when nobody waits for it any more.
pub(super) async fn start(manner: Manner) -> (String, tokio::sync::mpsc::Receiver<Gone>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (tell, told) = tokio::sync::mpsc::channel(16);
    let files = files();
    let router = Router::new().fallback(move |request: Request| {
        let (files, tell) = (files.clone(), tell.clone());
        async move {
            match manner {
                Manner::Login if !is_logged_in(&request) => Response::builder()
                    .status(StatusCode::UNAUTHORIZED)
                    .header(header::WWW_AUTHENTICATE, "Basic realm=\"test\"")
                    .body(Body::from(REFUSED))
                    .unwrap(),
                Manner::Silent => {
                    let _guard = TellWhenDropped(tell.clone());
                    tell.send(Gone::No).await.unwrap();
                    std::future::pending().await
                }
                Manner::Open | Manner::Login => answer(&files, &request),
            }
        }
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, told)
}

const REFUSED: &str =
    r#"{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}"#;

fn is_logged_in(request: &Request) -> bool {
    // `user:secret`
    let login = HeaderValue::from_static("Basic dXNlcjpzZWNyZXQ=");
    request.headers().get(header::AUTHORIZATION) == Some(&login)
}

/// Whether somebody came, or went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gone {
    No,
    Yes,
}

struct TellWhenDropped(tokio::sync::mpsc::Sender<Gone>);

impl Drop for TellWhenDropped {
    fn drop(&mut self) {
        // The test may be over.
        let _over = self.0.try_send(Gone::Yes);
    }
}

/// Paths and what is there: a manifest, an image's configuration, a layer of one file.
fn files() -> HashMap<String, (&'static str, Vec<u8>)> {
    // The engine asks for no layer that it has already.
    let contents = unique();
    let mut layer = tar::Builder::new(Vec::new());
    let mut head = tar::Header::new_gnu();
    head.set_size(contents.len() as u64);
    head.set_mode(0o644);
    layer
        .append_data(&mut head, "file", contents.as_bytes())
        .unwrap();
    let layer = layer.into_inner().unwrap();
    let digest = |bytes: &[u8]| {
        format!(
            "sha256:{}",
            base16ct::lower::encode_string(&Sha256::digest(bytes))
        )
    };
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
    })
    .to_string()
    .into_bytes();
    let part = |kind: &str, bytes: &[u8]| json!({"mediaType": kind, "size": bytes.len(), "digest": digest(bytes)});
    let kind = "application/vnd.docker.distribution.manifest.v2+json";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": kind,
        "config": part("application/vnd.docker.container.image.v1+json", &config),
        "layers": [part("application/vnd.docker.image.rootfs.diff.tar.gzip", &layer)],
    })
    .to_string()
    .into_bytes();
    let any = "application/octet-stream";
    HashMap::from([
        (format!("blobs/{}", digest(&config)), (any, config)),
        (format!("blobs/{}", digest(&layer)), (any, layer)),
        (
            format!("manifests/{}", digest(&manifest)),
            (kind, manifest.clone()),
        ),
        ("manifests/1".to_owned(), (kind, manifest)),
    ])
}

fn answer(files: &HashMap<String, (&'static str, Vec<u8>)>, request: &Request) -> Response {
    let path = request.uri().path();
    if path == "/v2/" {
        return Response::new(Body::from("{}"));
    }
    // `/v2/NAME/…`, and every name has the same.
    let Some((kind, bytes)) = path.splitn(4, '/').nth(3).and_then(|path| files.get(path)) else {
        let text = r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}"#;
        return Response::builder()
            .status(StatusCode::NOT_FOUND)
            .body(Body::from(text))
            .unwrap();
    };
    let digest = format!(
        "sha256:{}",
        base16ct::lower::encode_string(&Sha256::digest(bytes))
    );
    let body = match *request.method() {
        Method::HEAD => Body::empty(),
        _ => Body::from(bytes.clone()),
    };
    Response::builder()
        .header(header::CONTENT_TYPE, *kind)
        .header(header::CONTENT_LENGTH, bytes.len())
        .header("Docker-Content-Digest", digest)
        .body(body)
        .unwrap()
}
