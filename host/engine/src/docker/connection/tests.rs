//! Which engine is found, what it is asked, and what is told of one that is not there or too old.

use std::sync::{Arc, Mutex};

use bollard::query_parameters::ListNetworksOptionsBuilder;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::*;

fn endpoint(variables: &[(&str, &str)]) -> Endpoint {
    Endpoint::from_variables(|name| {
        let found = variables.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

async fn error_of(endpoint: Endpoint) -> DockerError {
    Connection::new(endpoint).client().await.unwrap_err()
}

#[test]
fn docker_host_is_taken_as_it_is() {
    let found = endpoint(&[("DOCKER_HOST", "tcp://10.0.0.1:2375")]);
    assert_eq!(found.host(), "tcp://10.0.0.1:2375");
    assert_eq!(found.socket_path(), None);
    let found = endpoint(&[("DOCKER_HOST", "unix:///a.sock")]);
    assert_eq!(found.socket_path(), Some(Path::new("/a.sock")));
}

#[tokio::test]
async fn a_scheme_that_chora_does_not_speak_is_named() {
    let error = error_of(endpoint(&[("DOCKER_HOST", "ssh://somewhere")])).await;
    assert!(error.to_string().contains("ssh://somewhere"), "{error}");
    assert!(matches!(error, DockerError::WrongHost { .. }));
}

#[tokio::test]
async fn a_socket_without_an_engine_is_not_running() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker.sock");
    let error = error_of(Endpoint::socket(&path)).await;
    assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let error = error_of(Endpoint::socket(&path)).await;
    assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
    assert!(error.is_lost());
}

/// An engine that says which version of the API it speaks, answers everything else with an empty list, and keeps the lines that it was asked with.
struct Speaker {
    folder: tempfile::TempDir,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Speaker {
    fn of_version(api: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("docker.sock")).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, api, Arc::clone(&lines)));
            }
        });
        Self { folder, asked }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::socket(&self.folder.path().join("docker.sock"))
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(stream: UnixStream, api: &str, asked: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let first = std::mem::take(&mut line);
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.unwrap();
        }
        line.clear();
        let body = if first.contains("/version ") {
            format!("{{\"Version\":\"19.3\",\"ApiVersion\":\"{api}\"}}")
        } else {
            "[]".to_owned()
        };
        asked.lock().unwrap().push(first);
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn an_engine_is_asked_in_the_version_that_both_speak() {
    let speaker = Speaker::of_version("1.43");
    let client = speaker.endpoint().connect().await.unwrap();
    let options = ListNetworksOptionsBuilder::default().build();
    client.list_networks(Some(options)).await.unwrap();
    let asked = speaker.asked();
    let [version, networks] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    assert!(version.starts_with("GET /version "), "{version}");
    assert!(networks.starts_with("GET /v1.43/networks"), "{networks}");
}

#[tokio::test]
async fn an_engine_that_is_too_old_is_told_with_its_version() {
    let speaker = Speaker::of_version("1.40");
    let error = error_of(speaker.endpoint()).await;
    assert!(matches!(error, DockerError::TooOld { .. }), "{error:?}");
    let told = error.to_string();
    for part in ["19.3", "1.40", "1.41", "20.10"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(!error.is_lost());
}

#[tokio::test]
async fn missing_certificates_are_told_with_their_directory() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().display().to_string();
    let error = error_of(endpoint(&[
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("DOCKER_TLS_VERIFY", "1"),
        ("DOCKER_CERT_PATH", &directory),
    ]))
    .await;
    assert!(matches!(error, DockerError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains(&directory), "{error}");
}
