//! A secret that a plugin was granted to read and tells in every way that a plugin has, in runs of the whole program: it must be in nothing that the program prints or keeps.

use std::collections::BTreeMap;
use std::net::TcpListener;

use super::program::Play;
use super::{Ground, Tally, Tried, judged};
use crate::Server;

/// How each way of telling is called by the plugin, and what it is.
const WAYS: [(&str, &str); 13] = [
    ("log", "in log lines"),
    ("doing", "in a note of progress"),
    ("outcome", "in an outcome and its warning"),
    ("failure", "in a failure, its cause and what to do"),
    ("step", "as the id of a step"),
    ("other", "as an error of no kind"),
    ("panic", "in a panic"),
    ("output", "in its output"),
    ("target", "as a service's name, denied"),
    ("url", "in a URL, granted"),
    ("hanging", "in a URL that is not answered"),
    ("cut", "where a text is cut off"),
    ("cut-output", "where its output is cut off"),
];

/// So much of a secret is a part of it.
const PART: usize = 8;

const COMMANDS: [&str; 6] = [
    "bootstrap",
    "bootstrap --format json",
    "status",
    "runs show",
    "runs report",
    "plugin audit --format json",
];

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    for (way, what) in WAYS {
        tally.attack(what, told(ground, way)).await;
    }
}

async fn told(ground: &Ground, way: &str) -> Tried {
    let server = Server::start().await?;
    let open = server.url("/open/");
    // It accepts and never answers.
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let silent = format!("http://{}/", listener.local_addr()?);
    let entry = format!(
        "settings: {{steps: [echo-{way}], timeout: 1000, url: \"{open}\", silent: \"{silent}\"}}, \
         grants: [\"credentials=*:reveal\", \"http=GET {open}*\", \"http=GET {silent}*\"]"
    );
    let play = Play::new(ground, &entry)?;
    let mut texts = BTreeMap::new();
    for command in COMMANDS {
        let words: Vec<&str> = command.split(' ').collect();
        let ended = play.chora(&words).await?;
        texts.insert(format!("output of `{command}`"), ended.stdout.into_bytes());
        texts.insert(format!("errors of `{command}`"), ended.stderr.into_bytes());
    }
    let home = play.place.path().join(".chora");
    let mut files = play.place.files()?;
    let own = files.remove(&home.join("credentials.json"));
    let own = own.ok_or("no credentials were made")?;
    let credentials: BTreeMap<String, String> = serde_json::from_slice(&own)?;
    let secret = credentials.get("jwt_secret").ok_or("there is no secret")?;
    let part = secret.get(..PART).ok_or("the secret is short")?;
    for (path, bytes) in files {
        let name = path.strip_prefix(play.place.path()).unwrap_or(&path);
        texts.insert(format!("`{}`", name.display()), bytes);
    }

    // It did tell: the secret was read, and where it was said there is a mark.
    let mut journals = texts.iter().filter(|(place, _)| place.contains("/runs/"));
    let did_tell =
        journals.any(|(_, text)| holds(text, "credentials.reveal") && holds(text, "[redacted]"));
    if !did_tell {
        return Err("the plugin told nothing".into());
    }
    let found: Vec<&str> = texts
        .iter()
        .filter(|(_, text)| holds(text, part))
        .map(|(place, _)| place.as_str())
        .collect();
    judged(
        if found.is_empty() {
            format!(
                "in {} outputs and files there is a mark in its place",
                texts.len()
            )
        } else {
            found.join(", ")
        },
        &[(found.is_empty(), "it is in")],
    )
}

fn holds(bytes: &[u8], text: &str) -> bool {
    let mut parts = bytes.windows(text.len());
    parts.any(|part| part == text.as_bytes())
}
