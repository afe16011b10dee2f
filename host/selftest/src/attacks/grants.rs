//! Host functions that were not granted, or not for now.

use std::sync::Arc;

use chora_plugin_host::{Class, HostFunction, PluginError};
use serde_json::{Value, json};

use super::{Ground, Tally, Tried, ended, judged};
use crate::{Arena, Guest, Outcome, Server};

/// All that could be granted, with requests to a port that stands for `PORT`.
const EVERYTHING: [&str; 14] = [
    "services=*:inspect+start+stop+remove+logs+exec(touch)",
    "health=*",
    "credentials=*:ensure+use+reveal",
    "http=GET http://127.0.0.1:PORT/*",
    "http=POST http://127.0.0.1:PORT/*",
    "tcp=127.0.0.1:PORT",
    "machine=resources",
    "machine=ports",
    "machine=directories",
    "machine=engine",
    "docker=container/*:inspect+logs+run(*)+start(*)+stop+remove+exec(touch)",
    "docker=network/*:inspect+create+remove+join",
    "docker=volume/*:inspect+create+remove+mount",
    "docker=image/*:inspect+pull+remove",
];

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    let functions = HostFunction::ALL.iter();
    for function in functions.clone() {
        let what = format!("`{}` without its grant", named(function));
        tally.attack(what, ungranted(ground, function)).await;
    }
    let touching = functions.filter(|function| function.class != Class::Reads);
    for function in touching {
        let what = format!("`{}` in `plan`, granted", named(function));
        tally.attack(what, planning(ground, function)).await;
        let what = format!("`{}` in a dry run, granted", named(function));
        tally.attack(what, rehearsing(ground, function)).await;
    }
    tally
        .attack("a host function in `describe`", async {
            let said = &ground.calls.metadata.summary;
            let is_refused = said.contains("refused while a plugin describes itself");
            judged(said, &[(is_refused, "it was answered")])
        })
        .await;
    tally
        .attack("a change in `probe`, granted", probing(ground))
        .await;
    for (what, step, grants, arguments) in [
        (
            "a call for another service than was granted",
            "services.stop",
            ["services=web:inspect+start+stop+remove"],
            json!({ "service": "db" }),
        ),
        (
            "a program that was not granted, in a service",
            "services.exec",
            ["services=db:exec(ls)"],
            json!({ "service": "db", "command": ["touch", "here"] }),
        ),
        (
            "reading a credential that may be used",
            "credentials.reveal",
            ["credentials=*:ensure+use"],
            json!({ "credential": "api_key_db" }),
        ),
        (
            "a service's name that leads out of its directory",
            "services.logs",
            ["services=db:logs"],
            json!({ "service": "../db" }),
        ),
    ] {
        tally
            .attack(what, async {
                let arena = running(ground).await?;
                let guest = arena.guest_of(Arc::clone(&ground.calls));
                let guest = guest.granted(&grants).set("arguments", arguments);
                denied(&arena, guest, step).await
            })
            .await;
    }
    tally
        .attack(
            "files, environment, arguments and input",
            surroundings(ground),
        )
        .await;
    tally
        .attack("a bearer that another call was given", forged(ground))
        .await;
}

/// The function, and which of two it is where one name has two classes.
fn named(function: &HostFunction) -> String {
    match (function.name, function.class) {
        ("http.send", Class::Reads) => "http.send(GET)".to_owned(),
        ("http.send", _) => "http.send(POST)".to_owned(),
        (name, _) => name.to_owned(),
    }
}

/// The step of the guest that calls it.
fn step_of(function: &HostFunction) -> &'static str {
    match (function.name, function.class) {
        ("http.send", Class::Reads) => "http.send-reading",
        ("http.send", _) => "http.send-changing",
        (name, _) => name,
    }
}

/// A project with a service that runs and with credentials.
async fn running(ground: &Ground) -> Result<Arena, crate::Error> {
    let arena = ground.arena()?;
    arena.start_db().await?;
    Ok(arena)
}

/// Sensible arguments for every function.
fn arguments(port: u16) -> Value {
    json!({
        "service": "db",
        "command": ["touch", "here"],
        "credential": "api_key_db",
        "url": format!("http://127.0.0.1:{port}/a"),
        "host": "127.0.0.1",
        "port": port,
        "container": "chora-selftest",
        "network": "chora-selftest",
        "volume": "chora-selftest",
        "image": "chora-selftest:none",
    })
}

fn everything(port: u16) -> Vec<String> {
    let port = port.to_string();
    EVERYTHING
        .map(|grant| grant.replace("PORT", &port))
        .to_vec()
}

/// Makes the guest's call end in an error if it was denied, and looks whether anything is different.
async fn denied(arena: &Arena, guest: Guest<'_>, step: &str) -> Tried {
    let guest = guest.set("fails", true);
    let before = arena.snapshot()?;
    let lines = arena.ledger().len();
    let outcome = ended(
        guest.apply(step).await,
        |error| matches!(error, PluginError::Denied { denial, .. } if denial.needed.is_some()),
    )?;
    let Outcome::Stopped(how) = outcome else {
        return Ok(outcome);
    };
    let ledger = arena.ledger();
    let is_recorded =
        ledger.len() == lines + 1 && ledger.last().is_some_and(|line| line.decision == "denied");
    judged(
        how,
        &[
            (is_recorded, "it is not in the ledger as denied"),
            (arena.snapshot()? == before, "something is different"),
        ],
    )
}

async fn ungranted(ground: &Ground, function: &HostFunction) -> Tried {
    let arena = running(ground).await?;
    let server = Server::start().await?;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.set("arguments", arguments(server.port));
    let outcome = denied(&arena, guest, step_of(function)).await?;
    let Outcome::Stopped(how) = outcome else {
        return Ok(outcome);
    };
    judged(
        how,
        &[(server.heads().is_empty(), "a request was sent all the same")],
    )
}

async fn planning(ground: &Ground, function: &HostFunction) -> Tried {
    let arena = running(ground).await?;
    let server = Server::start().await?;
    let before = arena.snapshot()?;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&everything(server.port));
    let guest = guest.set("arguments", arguments(server.port));
    let steps = guest.set("plan", step_of(function)).plan().await?;
    let said = steps.first().map(|step| step.title.clone());
    let said = said.unwrap_or_default();
    let is_refused = said.contains("refused outside of `apply` and `revert`");
    judged(
        said,
        &[
            (is_refused, "it was answered"),
            (arena.snapshot()? == before, "something is different"),
            (server.heads().is_empty(), "a request was sent"),
        ],
    )
}

async fn rehearsing(ground: &Ground, function: &HostFunction) -> Tried {
    let arena = running(ground).await?;
    let server = Server::start().await?;
    let before = arena.snapshot()?;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&everything(server.port)).in_a_dry_run();
    let guest = guest.set("arguments", arguments(server.port));
    let said = guest.apply(step_of(function)).await?.summary;
    let ledger = arena.ledger();
    let is_planned = ledger.iter().all(|line| line.decision == "planned");
    judged(
        said,
        &[
            (
                is_planned && ledger.len() == 1,
                "it is not in the ledger as planned",
            ),
            (arena.snapshot()? == before, "something is different"),
            (server.heads().is_empty(), "a request was sent"),
        ],
    )
}

async fn probing(ground: &Ground) -> Tried {
    let arena = running(ground).await?;
    let before = arena.snapshot()?;
    let guest = arena.guest_of(Arc::clone(&ground.bad_check));
    let guest = guest.granted(&["services=*:stop"]);
    let said = guest.set("misdeed", "change").probe().await?.summary;
    let is_denied = said.contains("Denied");
    judged(
        said,
        &[
            (is_denied, "it was answered"),
            (arena.snapshot()? == before, "something is different"),
        ],
    )
}

async fn surroundings(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    let before = arena.snapshot()?;
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let said = guest.apply("surroundings").await?.summary;
    let is_empty = said == "ok: 0 variables, 0 arguments, 0 readable, 0 written, 0 read";
    judged(
        said,
        &[
            (is_empty, "it found something"),
            (arena.snapshot()? == before, "something is different"),
        ],
    )
}

async fn forged(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    arena.make_credentials()?;
    let server = Server::start().await?;
    let url = server.url("/a");
    let guest = arena.guest_of(Arc::clone(&ground.calls));
    let guest = guest.granted(&[
        "credentials=api_key_db:use".to_owned(),
        format!("http=GET {url}"),
    ]);
    let guest = guest.set(
        "arguments",
        json!({ "url": url, "credential": "api_key_db" }),
    );
    // The first call gets a handle; the second sends with the number that it had.
    guest.apply("credentials.bearer-of").await?;
    let outcome = ended(
        guest.apply("forged-bearer").await,
        |error| matches!(error, PluginError::Trapped { message, .. } if message.contains("handle")),
    )?;
    let Outcome::Stopped(how) = outcome else {
        return Ok(outcome);
    };
    judged(how, &[(server.heads().is_empty(), "a request was sent")])
}
