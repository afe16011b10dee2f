//! Names that lead elsewhere than who granted them thought.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chora_plugin_host::Lookup;
use serde_json::json;

use crate::calls::COMPONENT;
use crate::scene::Sandbox;
use chora_selftest::Server;

/// Leads a name to the addresses of its first part, `turning` by turns here and to the link, and any other name here.
#[derive(Default)]
struct Leading(AtomicUsize);

const PLACES: &[(&str, &[&str])] = &[
    ("here", &["127.0.0.1"]),
    ("any", &["0.0.0.0"]),
    ("mapped", &["::ffff:127.0.0.1"]),
    ("link", &["169.254.169.254"]),
    ("link6", &["fe80::1"]),
    ("cloud", &["fd00:ec2::254"]),
    ("many", &["239.1.1.1"]),
    ("none", &[]),
    ("mixed", &["169.254.169.254", "127.0.0.1"]),
];

#[async_trait]
impl Lookup for Leading {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let first = name.split('.').next().unwrap_or_default();
        let question = self.0.fetch_add(1, Ordering::Relaxed);
        let place = match first {
            "turning" if question % 2 == 1 => "link",
            first => first,
        };
        let known = PLACES.iter().find(|(known, _)| *known == place);
        let (_, addresses) = known.or(PLACES.first()).expect("a place");
        let addresses = addresses.iter().map(|it| it.parse().expect("an address"));
        Ok(addresses.collect())
    }
}

/// What comes of a request to a name and of a connection to it, both granted; and how many requests arrived at a server of this machine.
async fn asked(name: &str) -> ([String; 2], usize) {
    let sandbox = Sandbox::with_lookup(Arc::new(Leading::default()));
    let server = Server::start().await.expect("a server");
    let port = server.port;
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[
        format!("http=GET http://{name}:{port}/*"),
        format!("tcp={name}:{port}"),
    ]);
    let guest = guest.set(
        "arguments",
        json!({ "url": format!("http://{name}:{port}/a") }),
    );
    let sent = guest.apply("http.send-reading").await.unwrap().summary;
    let guest = guest.set("arguments", json!({ "host": name, "port": port }));
    let reached = guest.apply("tcp.reach").await.unwrap().summary;
    ([sent, reached], server.heads().len())
}

#[tokio::test]
async fn a_name_is_not_followed_to_this_machine_its_link_or_its_metadata() {
    for (name, why) in [
        ("here.example.org", "leads to 127.0.0.1, this machine"),
        ("any.example.org", "leads to 0.0.0.0, this machine"),
        (
            "mapped.example.org",
            "leads to ::ffff:127.0.0.1, this machine",
        ),
        (
            "link.example.org",
            "leads to 169.254.169.254, an address of the local link",
        ),
        (
            "link6.example.org",
            "leads to fe80::1, an address of the local link",
        ),
        (
            "link",
            "leads to 169.254.169.254, an address of the local link",
        ),
        (
            "link.localhost",
            "leads to 169.254.169.254, an address of the local link",
        ),
        (
            "cloud.example.org",
            "leads to fd00:ec2::254, where a cloud keeps",
        ),
        (
            "many.example.org",
            "leads to 239.1.1.1, which is no single machine",
        ),
        ("mixed.example.org", "leads to"),
        ("none.example.org", "the name has no address"),
        (
            "api.home.test.example.org",
            "leads to 127.0.0.1, this machine",
        ),
    ] {
        let (said, requests) = asked(name).await;
        for said in said {
            assert!(said.contains(why), "{name}: {said}");
        }
        assert_eq!(requests, 0, "{name}");
    }
}

#[tokio::test]
async fn a_name_that_may_be_this_machine_is_followed_there() {
    // The host of a service's health endpoint is `api.home.test`.
    for name in [
        "localhost",
        "web.localhost",
        "mixed.localhost",
        "gateway",
        "api.home.test",
    ] {
        let ([sent, reached], requests) = asked(name).await;
        assert!(sent.starts_with("ok: "), "{name}: {sent}");
        assert!(reached.starts_with("ok"), "{name}: {reached}");
        assert_eq!(requests, 1, "{name}");
    }
}

#[tokio::test]
async fn a_name_is_looked_at_anew_at_each_request() {
    let sandbox = Sandbox::with_lookup(Arc::new(Leading::default()));
    let server = Server::start().await.expect("a server");
    let guest = sandbox.guest(COMPONENT).await;
    let url = format!("http://turning.localhost:{}/a", server.port);
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let first = guest.apply("http.send-reading").await.unwrap().summary;
    assert!(first.starts_with("ok: "), "{first}");
    let second = guest.apply("http.send-reading").await.unwrap().summary;
    assert!(second.contains("leads to 169.254.169.254"), "{second}");
    assert_eq!(server.heads().len(), 1);
}
