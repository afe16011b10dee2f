//! Which engine is found, what it is asked, and what is told of one that is not there or too old.

use std::sync::{Arc, Mutex};

use bollard::query_parameters::ListNetworksOptionsBuilder;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, UnixListener, UnixStream};

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
async fn what_is_neither_a_socket_nor_an_address_is_named() {
    for host in [
        "ssh://somewhere",
        "somewhere",
        "unix://",
        "tcp://",
        "tcp://a b:1",
        "tcp://127.0.0.1:99999",
    ] {
        let error = error_of(endpoint(&[("DOCKER_HOST", host)])).await;
        assert!(error.to_string().contains(&format!("`{host}`")), "{error}");
        assert!(matches!(error, DockerError::WrongHost { .. }), "{error:?}");
    }
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

/// An endpoint where nobody listens, over TLS, whose certificates are not there either.
fn secured(variables: &[(&str, &str)]) -> Endpoint {
    let host = [
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("DOCKER_TLS_VERIFY", "1"),
    ];
    endpoint(&[&host, variables].concat())
}

/// The file that is missing first.
async fn missing(endpoint: Endpoint) -> PathBuf {
    match error_of(endpoint).await {
        DockerError::Tls(error) => match *error {
            TlsError::Missing { path, .. } => path,
            error => panic!("{error:?}"),
        },
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn certificates_are_where_dockers_own_client_has_them() {
    let (home, config, named) = (
        ("HOME", "/nobody"),
        ("DOCKER_CONFIG", "/config"),
        ("DOCKER_CERT_PATH", "/certificates"),
    );
    for (variables, directory) in [
        (&[home][..], "/nobody/.docker"),
        (&[home, config], "/config"),
        (&[home, config, named], "/certificates"),
        (&[home, config, ("DOCKER_CERT_PATH", "")], "/config"),
    ] {
        let expected = Path::new(directory).join("ca.pem");
        assert_eq!(missing(secured(variables)).await, expected);
        let address = ("DOCKER_HOST", "https://127.0.0.1:1");
        let endpoint = endpoint(&[&[address], variables].concat());
        assert_eq!(missing(endpoint).await, expected);
    }
}

#[test]
fn an_address_without_a_port_has_the_usual_one() {
    for (address, plain, secured) in [
        ("shop", "shop:2375", "shop:2376"),
        ("10.0.0.1", "10.0.0.1:2375", "10.0.0.1:2376"),
        ("[::1]", "[::1]:2375", "[::1]:2376"),
        ("[::1]:1", "[::1]:1", "[::1]:1"),
        ("shop:99999", "shop:99999", "shop:99999"),
        ("a b", "a b", "a b"),
    ] {
        assert_eq!(with_port(address, false), plain);
        assert_eq!(with_port(address, true), secured);
    }
}

#[tokio::test]
async fn tls_is_spoken_only_where_it_is_asked_for_and_never_to_a_socket() {
    let error = error_of(endpoint(&[
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("DOCKER_TLS_VERIFY", ""),
        ("DOCKER_CERT_PATH", "/nonexistent"),
    ]))
    .await;
    assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
    let error = error_of(endpoint(&[
        ("DOCKER_HOST", "unix:///nonexistent/docker.sock"),
        ("DOCKER_TLS_VERIFY", "1"),
    ]))
    .await;
    assert!(matches!(error, DockerError::NotRunning { .. }), "{error:?}");
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_not_an_engine_that_does_not_run() {
    // No label of a name is that long, so nobody has to be asked.
    let host = format!("tcp://{}:2375", "x".repeat(64));
    let error = error_of(endpoint(&[("DOCKER_HOST", &host)])).await;
    assert!(
        matches!(error, DockerError::Unreachable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("DOCKER_HOST"), "{error}");
    assert!(error.is_lost());
}

#[tokio::test]
async fn what_answers_and_is_no_engine_is_told_as_that() {
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome";
    let other_page = "HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<HTML>";
    let greeting = "SSH-2.0-server\r\n";
    for (answer, unasked) in [
        (page, false),
        (other_page, false),
        (greeting, false),
        (greeting, true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("tcp://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            if !unasked {
                stream.readable().await.unwrap();
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            // Until the other side has read it.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
        });
        let error = error_of(endpoint(&[("DOCKER_HOST", &host)])).await;
        assert!(matches!(error, DockerError::NoEngine { .. }), "{error:?}");
        assert!(error.to_string().contains(&host), "{error}");
    }
}

#[test]
fn how_to_start_an_engine_goes_by_where_it_is() {
    for (host, start) in [
        ("unix:///var/run/docker.sock", "`systemctl start docker`"),
        (
            "unix:///run/podman/podman.sock",
            "`systemctl start podman.socket`",
        ),
        (
            "unix:///run/user/1000/docker.sock",
            "`systemctl --user start docker`",
        ),
        ("tcp://10.0.0.1:2375", "start it there"),
    ] {
        let (host, source) = (host.to_owned(), None);
        let told = DockerError::NotRunning { host, source }.to_string();
        assert!(told.contains(start), "{told}");
    }
}

#[test]
fn how_to_be_let_in_goes_by_whose_socket_it_is() {
    let told = |host: &str| DockerError::PermissionDenied { host: host.into() }.to_string();
    let usual = told("unix:///var/run/docker.sock");
    assert!(usual.contains("usermod -aG docker"), "{usual}");
    let another = told("unix:///run/user/1000/podman/podman.sock");
    let look = "`ls -l /run/user/1000/podman/podman.sock`";
    assert!(another.contains(look), "{another}");
}
