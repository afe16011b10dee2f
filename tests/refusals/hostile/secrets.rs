//! A plugin that may read a secret tells it in every way that a plugin has: it is in nothing that chora prints or keeps.

use std::collections::BTreeMap;
use std::net::TcpListener;

use super::{mine, with_guest};
use crate::secrets::files;

fn holds(bytes: &[u8], text: &str) -> bool {
    let mut parts = bytes.windows(text.len());
    parts.any(|part| part == text.as_bytes())
}

#[test]
fn a_secret_that_a_plugin_may_read_is_told_in_no_way() {
    // It accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address");
    for way in [
        "log",
        "doing",
        "outcome",
        "failure",
        "step",
        "other",
        "panic",
        "output",
        "target",
        "url",
        "hanging",
        "cut",
        "cut-output",
    ] {
        let ecosystem = with_guest(mine(&format!(
            "settings: {{steps: [echo-{way}], timeout: 2000, url: \"http://127.0.0.1:9/\", silent: \"http://{address}/\"}}, \
             grants: [\"credentials=jwt_secret:reveal\", \"http=GET http://127.0.0.1:9/*\", \"http=GET http://{address}/*\"]"
        )));
        let mut places = BTreeMap::new();
        for command in [
            "bootstrap --verbose",
            "bootstrap --format json",
            "status",
            "runs show",
            "runs report",
            "plugin audit",
            "plugin audit --format json",
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            let said = ecosystem.chora(&words);
            places.insert(format!("stdout of {command}"), said.stdout.into_bytes());
            places.insert(format!("stderr of {command}"), said.stderr.into_bytes());
        }
        files(&ecosystem.home(), &mut places);
        let own = ecosystem.home().join("credentials.json");
        let own = places.remove(&own.display().to_string());
        let credentials: BTreeMap<String, String> =
            serde_json::from_slice(&own.expect("credentials")).expect("a map of texts");
        // Also not the beginning of it, as it is left where a text is cut off.
        let secret = credentials["jwt_secret"].get(..8).expect("a long secret");

        // It did tell: the step ran, and where its words are there is a mark in the secret's place.
        let journals = || places.iter().filter(|(place, _)| place.contains("/runs/"));
        assert!(
            journals().any(|(_, text)| holds(text, "credentials.reveal")),
            "{way}"
        );
        assert!(
            journals().any(|(_, text)| holds(text, "[redacted]")),
            "{way}"
        );
        let found: Vec<&String> = places
            .iter()
            .filter(|(_, text)| holds(text, secret))
            .map(|(place, _)| place)
            .collect();
        assert!(found.is_empty(), "{way}: the secret is in {found:?}");
    }
}
