//! Requests to elsewhere than where they may go, however the address is spelled and wherever its name leads. What is granted is everything below `/open/` of a server of this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chora_plugin_host::Lookup;
use serde_json::{Value, json};

use super::{Ground, Tally, Tried, judged};
use crate::{Arena, Server};

/// URLs with another origin or path than what is granted: everything below `http://127.0.0.1:PORT/open/`. `PORT` stands for the port of a [`Server`].
pub const ELSEWHERE: [&str; 28] = [
    "http://127.0.0.1:PORT/",
    "http://127.0.0.1:PORT/open",
    "http://127.0.0.1:PORT/opening/a",
    "http://127.0.0.1:PORT/OPEN/a",
    "http://127.0.0.1:PORT/open/../secret",
    "http://127.0.0.1:PORT/open/..",
    "http://127.0.0.1:PORT/open/%2e%2e/secret",
    "http://127.0.0.1:PORT/open/.%2E/secret",
    "http://127.0.0.1:PORT/open\\..\\secret",
    "http://127.0.0.1:PORT/%6fpen/a",
    "http://127.0.0.1:1/open/a",
    "http://127.0.0.1/open/a",
    "http://localhost:PORT/open/a",
    "http://127.0.0.2:PORT/open/a",
    "http://[::1]:PORT/open/a",
    "http://[::ffff:127.0.0.1]:PORT/open/a",
    "http://[::127.0.0.1]:PORT/open/a",
    "https://127.0.0.1:PORT/open/a",
    "http://127.0.0.1.example.org:PORT/open/a",
    "http://127.0.0.1:PORT\\@example.org/open/a",
    "http://0:PORT/open/a",
    "http://169.254.169.254/open/a",
    "http://2852039166/open/a",
    "http://0xa9.0376.169.254/open/a",
    "http://[::ffff:169.254.169.254]/open/a",
    "http://[fe80::1]:PORT/open/a",
    "http://[fd00:ec2::254]/open/a",
    "http://metadata.google.internal/open/a",
];

/// URLs that are refused whatever is granted.
const NONE: [&str; 5] = [
    "http://me@127.0.0.1:PORT/open/a",
    "http://127.0.0.1:PORT@example.org/open/a",
    "file:///etc/passwd",
    "ftp://127.0.0.1:PORT/open/a",
    "/open/a",
];

/// Names that look like `example.org`.
const LOOKALIKES: [&str; 4] = [
    "http://ex\u{430}mple.org/a",
    "http://example.org.:80/a",
    "http://example\u{2024}org.example.com/a",
    "http://xn--exmple-4uf.org/a",
];

/// Headers that are the host's to set.
const HEADERS: [&str; 7] = [
    "Authorization",
    "HOST",
    "content-length",
    "Transfer-Encoding",
    "Proxy-Authorization",
    "upgrade",
    "a\r\nauthorization",
];

/// Other spellings of the granted 127.0.0.1, and another address.
const ADDRESSES: [&str; 8] = [
    "127.1",
    "0x7f000001",
    "localhost",
    "127.0.0.1.",
    "::ffff:127.0.0.1",
    "127.0.0.1\u{0}",
    "me@127.0.0.1",
    "169.254.169.254",
];

/// Addresses to which a name of somebody else's must not lead.
const PLACES: [(&str, IpAddr); 4] = [
    ("this machine", IpAddr::V4(Ipv4Addr::LOCALHOST)),
    ("any address", IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    (
        "the local link",
        IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    ),
    (
        "a cloud's metadata",
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    ),
];

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    for url in ELSEWHERE {
        let what = format!("`{}`", url.replace("PORT", "8080"));
        let asked = json!({ "url": url });
        tally.attack(what, refused(ground, asked, "Denied")).await;
    }
    for url in NONE {
        let what = format!("`{}`", url.replace("PORT", "8080"));
        let asked = json!({ "url": url });
        tally.attack(what, refused(ground, asked, "Invalid")).await;
    }
    for url in LOOKALIKES {
        let what = format!("`{}` for `http://example.org/a`", url.escape_debug());
        tally.attack(what, alike(ground, url)).await;
    }
    for method in ["CONNECT", "get"] {
        let asked = json!({ "url": "http://127.0.0.1:PORT/open/a", "method": method });
        tally
            .attack(
                format!("the method `{method}`"),
                refused(ground, asked, "Invalid"),
            )
            .await;
    }
    for name in HEADERS {
        let headers = json!([[name, "x"]]);
        let asked = json!({ "url": "http://127.0.0.1:PORT/open/a", "headers": headers });
        let what = format!("the header `{}`", name.escape_debug());
        tally.attack(what, refused(ground, asked, "Invalid")).await;
    }
    let split = json!([["x-note", "a\r\nauthorization: Bearer x"]]);
    let asked = json!({ "url": "http://127.0.0.1:PORT/open/a", "headers": split });
    tally
        .attack(
            "a header within a header",
            refused(ground, asked, "Invalid"),
        )
        .await;
    tally
        .attack("a redirect to what was not granted", redirected(ground))
        .await;
    for address in ADDRESSES {
        let what = format!("a connection to `{}`", address.escape_debug());
        tally.attack(what, unreached(ground, address)).await;
    }
    for (place, address) in PLACES {
        tally
            .attack(
                format!("a granted name that leads to {place}"),
                led(ground, address),
            )
            .await;
    }
    tally
        .attack(
            "a granted name that leads elsewhere the second time",
            turning(ground),
        )
        .await;
}

/// Makes a `GET` with the grant of this file; `PORT` stands for the server's.
async fn refused(ground: &Ground, asked: Value, why: &str) -> Tried {
    let arena = ground.arena()?;
    let server = Server::start().await?;
    let asked = asked.to_string().replace("PORT", &server.port.to_string());
    let asked: Value = serde_json::from_str(&asked)?;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&[format!("http=GET {}", server.url("/open/*"))]);
    let guest = guest.set("arguments", asked);
    let said = guest.apply("http.send-reading").await?.summary;
    let is_refused = said.contains(why);
    judged(
        said,
        &[
            (is_refused, "it was not refused as it should be"),
            (server.heads().is_empty(), "it was sent"),
        ],
    )
}

async fn alike(ground: &Ground, url: &str) -> Tried {
    let arena = ground.arena()?;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&["http=GET http://example.org/*"]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let said = guest.apply("http.send-reading").await?.summary;
    let is_refused = said.contains("Denied") || said.contains("Invalid");
    judged(said, &[(is_refused, "it was taken for the granted one")])
}

async fn redirected(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    let server = Server::start().await?;
    let url = server.url("/redirect");
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let said = guest.apply("http.send-reading").await?.summary;
    let is_answer = said.contains("302 /secret");
    judged(
        said,
        &[
            (is_answer, "the redirect is not the answer"),
            (server.heads().len() == 1, "it was followed"),
        ],
    )
}

async fn unreached(ground: &Ground, host: &str) -> Tried {
    let arena = ground.arena()?;
    let server = Server::start().await?;
    let port = server.port;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&[format!("tcp=127.0.0.1:{port}")]);
    let guest = guest.set("arguments", json!({ "host": host, "port": port }));
    let said = guest.apply("tcp.reach").await?.summary;
    let is_denied = said.contains("Denied");
    judged(said, &[(is_denied, "it was let through")])
}

/// Leads every name to one address after the other, and then to the last.
struct Leading {
    addresses: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl Leading {
    fn to(addresses: &[IpAddr]) -> Arc<Self> {
        Arc::new(Self {
            addresses: addresses.to_vec(),
            asked: AtomicUsize::new(0),
        })
    }
}

#[async_trait]
impl Lookup for Leading {
    async fn addresses(&self, _name: &str) -> io::Result<Vec<IpAddr>> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let address = self.addresses.get(asked).or(self.addresses.last());
        Ok(address.copied().into_iter().collect())
    }
}

async fn led(ground: &Ground, address: IpAddr) -> Tried {
    let arena = Arena::with_lookup(ground.host.clone(), Leading::to(&[address]))?;
    let server = Server::start().await?;
    let url = format!("http://plain.example.org:{}/a", server.port);
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let said = guest.apply("http.send-reading").await?.summary;
    let is_refused = said.contains("leads to");
    judged(
        said,
        &[
            (is_refused, "it was not refused for where it leads"),
            (server.heads().is_empty(), "it was sent"),
        ],
    )
}

async fn turning(ground: &Ground) -> Tried {
    let [here, link] = ["127.0.0.1", "169.254.169.254"].map(|text| text.parse::<IpAddr>());
    let arena = Arena::with_lookup(ground.host.clone(), Leading::to(&[here?, link?]))?;
    let server = Server::start().await?;
    let url = format!("http://turning.localhost:{}/a", server.port);
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("arguments", json!({ "url": url }));
    let first = guest.apply("http.send-reading").await?.summary;
    let said = guest.apply("http.send-reading").await?.summary;
    let is_refused = said.contains("leads to 169.254.169.254");
    judged(
        said,
        &[
            (first.starts_with("ok: "), "the first was not sent"),
            (is_refused, "it was not refused for where it leads"),
            (server.heads().len() == 1, "it was sent"),
        ],
    )
}
