//! Calls that take more than their share, against the ceilings that chora has.

use std::sync::Arc;

use chora_plugin_host::PluginError;
use futures_util::future::join_all;

use super::{Ground, HOSTILE, Tally, Tried, ended, judged};
use crate::{Outcome, Server};

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    for (what, step, ceiling) in [
        ("unbounded memory in `apply`", "memory", "memory"),
        ("unbounded recursion", "recursion", "the call stack"),
        ("output without end", "stdout", "output"),
        ("errors without end", "stderr", "output"),
        ("log lines without end", "log", "the number of host calls"),
        (
            "cheap host calls without end",
            "host-calls",
            "the number of host calls",
        ),
        (
            "an argument of 64 MiB",
            "argument",
            "the bytes of one host call",
        ),
    ] {
        tally
            .attack(what, async {
                let arena = ground.arena()?;
                let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
                ended(guest.apply(step).await, |error| is_limit(error, ceiling))
            })
            .await;
    }
    tally
        .attack("resources of the host that are never given back", async {
            let arena = ground.arena()?;
            arena.make_credentials()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            let guest = guest.granted(&["credentials=jwt_secret:use"]);
            ended(guest.apply("resources").await, |error| {
                is_limit(error, "the number of open resources")
            })
        })
        .await;
    tally
        .attack("unbounded memory in `probe`", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.bad_check));
            let probed = guest.set("misdeed", "memory").probe().await;
            ended(probed, |error| is_limit(error, "memory"))
        })
        .await;
    for (what, word, ceiling) in [
        ("unbounded memory in `describe`", "memory", "memory"),
        ("output without end in `describe`", "stderr", "output"),
    ] {
        tally
            .attack(what, async {
                let component = super::that_describes(word)?;
                let loaded = ground.host.load(HOSTILE, &component).await;
                ended(loaded, |error| is_limit(error, ceiling))
            })
            .await;
    }
    for (what, step, path, method, said, arrive) in [
        (
            "a request's body past the limit",
            "request-body",
            "/a",
            "POST",
            "more than 1048576 bytes",
            0,
        ),
        (
            "a request with 101 headers",
            "headers",
            "/a",
            "GET",
            "more than 100 headers",
            0,
        ),
        (
            "an answer past the limit",
            "get",
            "/large",
            "GET",
            "larger than allowed",
            1,
        ),
        (
            "an answer without end",
            "get",
            "/endless",
            "GET",
            "larger than allowed",
            1,
        ),
        (
            "an answer with headers without end",
            "get",
            "/endless-headers",
            "GET",
            "error",
            1,
        ),
    ] {
        tally
            .attack(what, unanswered(ground, step, path, method, said, arrive))
            .await;
    }
    tally
        .attack("10000 host calls at once", at_once(ground))
        .await;
}

fn is_limit(error: &PluginError, ceiling: &str) -> bool {
    matches!(error, PluginError::Limit { what, .. } if what == ceiling)
}

/// A request that the guest does not get an answer to.
async fn unanswered(
    ground: &Ground,
    step: &str,
    path: &str,
    method: &str,
    said: &str,
    arrive: usize,
) -> Tried {
    let arena = ground.arena()?;
    let server = Server::start().await?;
    let url = server.url(path);
    let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
    let guest = guest.granted(&[format!("http={method} {url}")]);
    let applied = guest.set("url", url).apply(step).await;
    let outcome = ended(
        applied,
        |error| matches!(error, PluginError::Guest { failure, .. } if failure.message.contains(said)),
    )?;
    let Outcome::Stopped(how) = outcome else {
        return Ok(outcome);
    };
    let arrived = server.heads().len();
    judged(how, &[(arrived == arrive, "a request too many was sent")])
}

async fn at_once(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    // A guest makes one call at a time, so there have to be many guests.
    let guests = (0..100).map(|_| {
        let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
        guest.set("calls", 100)
    });
    let guests: Vec<_> = guests.collect();
    let ended = join_all(guests.iter().map(|guest| guest.apply("many-calls"))).await;
    for outcome in ended {
        let said = outcome?.summary;
        if said != "100 refused" {
            return Ok(Outcome::GotThrough(format!("a plugin said `{said}`")));
        }
    }
    let ledger = arena.ledger();
    let denied = ledger.iter().filter(|line| line.decision == "denied");
    let (lines, denied) = (ledger.len(), denied.count());
    judged(
        format!("{denied} were denied, each with a line in the ledger"),
        &[(
            lines == 10_000 && denied == lines,
            "not all are on record as denied",
        )],
    )
}
