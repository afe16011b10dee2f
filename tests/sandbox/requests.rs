//! Requests: only to what was granted, however the address is spelled.

use serde_json::json;

use crate::calls::COMPONENT;
use crate::scene::Sandbox;
use chora_selftest::{ELSEWHERE, Server};

/// What comes of a `GET` that is made with a grant for everything below `/open/` of the server; `PORT` stands for its port. Requests that arrived, too.
async fn get(arguments: serde_json::Value) -> (String, Vec<String>) {
    let sandbox = Sandbox::new();
    let server = Server::start().await.expect("a server");
    let port = server.port.to_string();
    let arguments = arguments.to_string().replace("PORT", &port);
    let arguments: serde_json::Value = serde_json::from_str(&arguments).expect("arguments");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[format!("http=GET {}", server.url("/open/*"))]);
    let guest = guest.set("arguments", arguments);
    let said = guest.apply("http.send-reading").await.unwrap().summary;
    (said, server.heads())
}

#[tokio::test]
async fn what_is_granted_is_sent_and_its_spelling_does_not_matter() {
    for url in [
        "http://127.0.0.1:PORT/open/a?b=c",
        "HTTP://127.1:PORT/open/../open/a",
        "http://0x7f000001:PORT/open/%2e/a",
        "http://\u{ff11}27.0.0.1:PORT/open/a",
    ] {
        let (said, heads) = get(json!({ "url": url })).await;
        assert!(said.starts_with("ok: "), "{url}: {said}");
        assert_eq!(heads.len(), 1, "{url}");
    }
}

#[tokio::test]
async fn what_is_not_granted_is_not_sent_however_it_is_spelled() {
    for url in ELSEWHERE {
        let (said, heads) = get(json!({ "url": url })).await;
        assert!(said.contains("Denied"), "{url}: {said}");
        assert!(heads.is_empty(), "{url}: {heads:?}");
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_before_any_grant_is_asked() {
    for (arguments, why) in [
        (
            json!({ "url": "http://me@127.0.0.1:PORT/open/a" }),
            "user information",
        ),
        (
            json!({ "url": "http://:pw@127.0.0.1:PORT/open/a" }),
            "user information",
        ),
        (
            json!({ "url": "http://127.0.0.1:PORT@example.org/open/a" }),
            "user information",
        ),
        (
            json!({ "url": "file:///etc/passwd" }),
            "neither `http` nor `https`",
        ),
        (
            json!({ "url": "ftp://127.0.0.1:PORT/open/a" }),
            "neither `http` nor `https`",
        ),
        (json!({ "url": "/open/a" }), "not valid"),
        (
            json!({ "url": "http://127.0.0.1:PORT/open/a", "method": "CONNECT" }),
            "method",
        ),
        (
            json!({ "url": "http://127.0.0.1:PORT/open/a", "method": "get" }),
            "method",
        ),
    ] {
        let (said, heads) = get(arguments.clone()).await;
        assert!(
            said.contains("Invalid") && said.contains(why),
            "{arguments}: {said}"
        );
        assert!(heads.is_empty(), "{arguments}: {heads:?}");
    }
}

#[tokio::test]
async fn headers_of_the_host_s_are_refused_in_any_case() {
    for name in [
        "Authorization",
        "HOST",
        "content-length",
        "Transfer-Encoding",
        "connection",
        "Proxy-Authorization",
        "upgrade",
        "te",
        "a\r\nauthorization",
    ] {
        let url = "http://127.0.0.1:PORT/open/a";
        let (said, heads) = get(json!({ "url": url, "headers": [[name, "x"]] })).await;
        assert!(said.contains("Invalid"), "{name}: {said}");
        assert!(heads.is_empty(), "{name}: {heads:?}");
    }
    let split = json!([["x-note", "a\r\nauthorization: Bearer x"]]);
    let url = "http://127.0.0.1:PORT/open/a";
    let (said, heads) = get(json!({ "url": url, "headers": split })).await;
    assert!(said.contains("Invalid"), "{said}");
    assert!(heads.is_empty());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let sandbox = Sandbox::new();
    let server = Server::start().await.expect("a server");
    let url = server.url("/redirect");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let said = guest.apply("http.send-reading").await.unwrap().summary;
    assert!(said.contains("302 /secret"), "{said}");
    let [head] = server.heads().try_into().expect("one request");
    assert!(head.starts_with("GET /redirect "), "{head}");
}

#[tokio::test]
async fn a_name_that_only_looks_like_the_granted_one_is_another() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await;
    let mut guest = guest.granted(&["http=GET http://example.org/*"]);
    for url in [
        "http://ex\u{430}mple.org/a",
        "http://example.org.:80/a",
        "http://example\u{2024}org.example.com/a",
        "http://xn--exmple-4uf.org/a",
    ] {
        guest = guest.set("arguments", json!({ "url": url }));
        let said = guest.apply("http.send-reading").await.unwrap().summary;
        let is_refused = said.contains("Denied") || said.contains("Invalid");
        assert!(is_refused, "{url}: {said}");
    }
}

#[tokio::test]
async fn a_packed_answer_is_not_unpacked() {
    let sandbox = Sandbox::new();
    let server = Server::start().await.expect("a server");
    let url = server.url("/packed");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let said = guest.apply("http.send-reading").await.unwrap().summary;
    assert!(said.contains("as it is"), "{said}");
}

#[tokio::test]
async fn a_connection_goes_to_the_granted_address_in_its_own_spelling_only() {
    let sandbox = Sandbox::new();
    let server = Server::start().await.expect("a server");
    let port = server.port;
    let guest = sandbox.guest(COMPONENT).await;
    let mut guest = guest.granted(&[format!("tcp=127.0.0.1:{port}")]);
    for host in [
        "127.1",
        "0x7f000001",
        "localhost",
        "127.0.0.1.",
        "::ffff:127.0.0.1",
        "[::ffff:127.0.0.1]",
        "127.0.0.1\u{0}",
        "me@127.0.0.1",
        "169.254.169.254",
    ] {
        guest = guest.set("arguments", json!({ "host": host, "port": port }));
        let said = guest.apply("tcp.reach").await.unwrap().summary;
        assert!(said.contains("Denied"), "{host:?}: {said}");
    }
    guest = guest.set("arguments", json!({ "host": "127.0.0.1", "port": port }));
    let said = guest.apply("tcp.reach").await.unwrap().summary;
    assert!(said.starts_with("ok: "), "{said}");
}
