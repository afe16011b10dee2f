//! Health endpoints that answer strangely: slow, never, now and then, elsewhere, far too much, or for another service.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::support::Ecosystem;

/// What a request gets, by how many came before it.
type Behaviour = Box<dyn Fn(usize, &mut TcpStream) + Send + Sync>;

/// An HTTP server that behaves as told, until it is dropped.
struct Server {
    port: u16,
    requests: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (requests, over) = (
            Arc::new(AtomicUsize::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (count, ended) = (Arc::clone(&requests), Arc::clone(&over));
        let behaviour = Arc::new(behaviour);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.expect("a connection");
                let (count, behaviour) = (Arc::clone(&count), Arc::clone(&behaviour));
                std::thread::spawn(move || {
                    let mut lines = BufReader::new(stream.try_clone().expect("a stream"));
                    let mut line = String::new();
                    while lines.read_line(&mut line).is_ok_and(|read| read > 2) {
                        line.clear();
                    }
                    behaviour(count.fetch_add(1, Ordering::Relaxed), &mut stream);
                });
            }
        });
        Self {
            port,
            requests,
            over,
            thread: Some(thread),
        }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for the next connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: &mut TcpStream, head: &str, body: &str) {
    // The one who asked may have gone.
    let _ = write!(
        stream,
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// A service whose health is what the server answers.
fn watched(server: &Server, timeout: f64) -> Ecosystem {
    let port = server.port;
    Ecosystem::with_config(|_| {
        format!(
            "services:\n  - name: web\n    phase: 1\n    command: [sleep, \"1000\"]\n    health_endpoint: http://127.0.0.1:{port}/health\n    timeout: {timeout}\n    health: {{plugin: http-check, successes: 3, probe_timeout: 0.3}}\nretry: {{initial_delay: 0.01, max_delay: 0.05}}\nengine: process\n"
        )
    })
}

/// Runs until the service is declared healthy, and answers that event.
fn becomes_healthy(behaviour: Behaviour) -> (Value, Server) {
    let server = Server::new(behaviour);
    let ecosystem = watched(&server, 60.0);
    let events = ecosystem
        .chora(&["bootstrap", "--skip-validation", "--format", "json"])
        .exits(0)
        .events();
    let mut healthy = events
        .into_iter()
        .filter(|event| event["event"] == "service_healthy");
    (healthy.next().expect("a declaration"), server)
}

/// Runs until the service is given up, and answers what is said of it. `status` finds the same.
fn is_given_up(behaviour: Behaviour) -> (String, Server) {
    let (said, server, ecosystem) = is_waited_for_in_vain(behaviour);
    let status = ecosystem.chora(&["status", "--format", "json"]).exits(3);
    assert_eq!(status.json()["services"][0]["healthy"], false);
    (said, server)
}

fn is_waited_for_in_vain(behaviour: Behaviour) -> (String, Server, Ecosystem) {
    let server = Server::new(behaviour);
    let ecosystem = watched(&server, 1.0);
    let failed = ecosystem
        .chora(&["bootstrap", "--skip-validation"])
        .exits(2);
    for part in ["CORE_FAILED", "`web`", "not healthy within"] {
        assert!(failed.stderr.contains(part), "{part} in {}", failed.stderr);
    }
    (failed.stderr, server, ecosystem)
}

#[test]
fn a_slow_service_is_healthy_when_it_answers_in_time() {
    let (event, _server) = becomes_healthy(Box::new(|_, stream| {
        std::thread::sleep(Duration::from_millis(100));
        answer(stream, "200 OK", "");
    }));
    assert_eq!(event["probes"], 3);
}

#[test]
fn a_service_that_never_answers_is_given_up_with_what_was_waited_for() {
    let (said, server) = is_given_up(Box::new(|_, stream| {
        // Open until the other side gives up.
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(stream, &mut rest);
    }));
    assert!(said.contains("within 300 ms"), "{said}");
    assert!(server.requests() > 1);
}

#[test]
fn successes_that_do_not_follow_one_another_do_not_count() {
    let (said, server, _ecosystem) = is_waited_for_in_vain(Box::new(|count, stream| {
        let head = if count % 3 == 2 {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        answer(stream, head, "");
    }));
    assert!(server.requests() > 3, "{said}");
}

#[test]
fn a_failure_between_successes_begins_the_count_anew() {
    let (event, server) = becomes_healthy(Box::new(|count, stream| {
        let head = if count == 2 { "500 Broken" } else { "200 OK" };
        answer(stream, head, "");
    }));
    assert_eq!(event["probes"], 6);
    assert!(server.requests() >= 6);
}

#[test]
fn a_redirect_is_not_followed_and_is_no_success() {
    let elsewhere = Server::new(Box::new(|_, stream| answer(stream, "200 OK", "")));
    let port = elsewhere.port;
    let (said, _server) = is_given_up(Box::new(move |_, stream| {
        let head = format!("302 Found\r\nlocation: http://127.0.0.1:{port}/health");
        answer(stream, &head, "");
    }));
    assert!(said.contains("redirected to"), "{said}");
    assert_eq!(elsewhere.requests(), 0);
}

#[test]
fn an_answer_without_end_is_cut_off_and_is_no_success() {
    let (said, _server) = is_given_up(Box::new(|_, stream| {
        let begun = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
        let part = [b'x'; 64 << 10];
        // Until the reader has had enough.
        if begun.is_ok() {
            while stream.write_all(&part).is_ok() {}
        }
    }));
    assert!(said.contains("too large"), "{said}");
}

#[test]
fn an_answer_of_another_service_is_no_success_and_names_it() {
    let (said, _server) = is_given_up(Box::new(|_, stream| {
        answer(
            stream,
            "200 OK",
            r#"{"status": "healthy", "service": "stranger"}"#,
        );
    }));
    assert!(said.contains("wrong service `stranger`"), "{said}");
}

#[test]
fn something_that_is_no_http_is_no_success() {
    let (said, _server) = is_given_up(Box::new(|_, stream| {
        let _ = stream.write_all(b"SSH-2.0-nothing\r\n");
    }));
    assert!(said.contains("no answer from"), "{said}");
}
