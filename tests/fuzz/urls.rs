//! URLs that a plugin asks for, against the grants that it has.

use bolero::check;
use chora_model::grant::{Access, Grant, Scene};
use url::Url;

use crate::pieces::{Piece, text};

/// What URLs are made of, and the ways in which one origin or path is made to look like another.
const PARTS: [&str; 58] = [
    "http://",
    "https://",
    "http:",
    "//",
    "/",
    "\\",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "evil.example",
    "\u{ff4c}ocalhost",
    "\u{2488}",
    "xn--",
    ":8800",
    ":80",
    ":",
    "@",
    "user",
    "#",
    "?",
    "v1",
    "v1/",
    "/v1/",
    "/v1/../",
    "..",
    ".",
    "%2e",
    "%2E%2e",
    "%252e",
    "%2f",
    "%5c",
    "%00",
    ";",
    "..;",
    "&",
    "=",
    "*",
    "admin",
    "v1admin",
    "\t",
    "\n",
    "\r",
    " ",
    "\u{0}",
    "\u{202e}",
    "file://",
    "data:",
    "javascript:",
    "ftp://",
    "%",
    "a",
];

/// Where a server may take a path to lead: decoded as often as something is left to decode, without parameters of segments, and with `..` resolved.
fn leads_to(path: &str) -> Vec<String> {
    let mut decoded = path.to_owned();
    loop {
        let once = percent_encoding::percent_decode_str(&decoded).decode_utf8_lossy();
        if once == decoded {
            break;
        }
        decoded = once.into_owned();
    }
    let mut place: Vec<String> = Vec::new();
    for segment in decoded.split(['/', '\\']) {
        match segment.split(';').next().unwrap_or_default() {
            ".." => drop(place.pop()),
            "" | "." => {}
            name => place.push(name.to_owned()),
        }
    }
    place
}

#[test]
fn no_url_gets_past_the_origin_and_path_of_its_grant() {
    let config = crate::config();
    let scene = Scene {
        config: &config,
        target: None,
    };
    let grant = Grant::parse("http=GET http://localhost:8800/v1/*").unwrap();
    check!()
        .with_type::<(bool, Vec<Piece>)>()
        .with_test_time(crate::BOUND)
        .for_each(|(begins_well, pieces)| {
            let start = if *begins_well {
                "http://localhost:8800/v1/"
            } else {
                ""
            };
            let Ok(url) = Url::parse(&format!("{start}{}", text(&PARTS, pieces))) else {
                return;
            };
            if !grant.allows(&Access::Http("GET", &url), scene) {
                return;
            }
            assert_eq!(url.scheme(), "http", "{url}");
            assert_eq!(url.host_str(), Some("localhost"), "{url}");
            assert_eq!(url.port(), Some(8800), "{url}");
            assert!(
                url.username().is_empty() && url.password().is_none(),
                "{url}"
            );
            let place = leads_to(url.path());
            assert_eq!(place.first().map(String::as_str), Some("v1"), "{url}");
        });
}

#[test]
fn what_is_said_to_be_needed_would_do() {
    let config = crate::config();
    let scene = Scene {
        config: &config,
        target: None,
    };
    check!()
        .with_type::<Vec<Piece>>()
        .with_test_time(crate::BOUND)
        .for_each(|pieces| {
            let Ok(url) = Url::parse(&format!("http://localhost/{}", text(&PARTS, pieces))) else {
                return;
            };
            // A star in a path cannot be written in a grant, but at the end.
            if url.path().contains('*') {
                return;
            }
            let access = Access::Http("GET", &url);
            let needed = access.grant_needed();
            let grant = Grant::parse(&needed);
            assert!(
                grant.is_ok_and(|grant| grant.allows(&access, scene)),
                "{needed} for {url}"
            );
        });
}
