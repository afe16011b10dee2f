//! Calls that do not end. The two that have no time of their own from a configuration get less of it than chora gives, so that nobody waits.

use std::sync::Arc;
use std::time::Duration;

use chora_plugin_host::{Intent, Limits, PluginError};

use super::{Ground, HOSTILE, Tally, Tried, ended, judged};
use crate::{Arena, Outcome, Server};

/// Short, and long for a call that ends by itself.
const SHORT: Duration = Duration::from_millis(300);
/// In which a request is sent, on a machine that has much to do.
const TO_SEND: Duration = Duration::from_secs(1);
/// Of `describe` and `plan`.
const OF_CALLS: Duration = Duration::from_secs(2);

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    for (what, step) in [
        ("an endless loop in `apply`", "loop"),
        ("a sleep of days in `apply`", "wait"),
    ] {
        tally
            .attack(what, async {
                let arena = ground.arena()?;
                let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
                ended(guest.within(SHORT).apply(step).await, is_timeout)
            })
            .await;
    }
    tally
        .attack("an endless loop in `probe`", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.bad_check));
            let guest = guest.set("misdeed", "loop").within(SHORT);
            ended(guest.probe().await, is_timeout)
        })
        .await;
    tally
        .attack("an endless loop in `plan`", async {
            let arena = Arena::new(ground.host_with(less_time(ground))?)?;
            let guest = arena.guest_of(arena.host.load(HOSTILE, super::MISDEEDS).await?);
            ended(guest.set("plan", "loop").plan().await, is_timeout)
        })
        .await;
    tally
        .attack("an endless loop in `describe`", async {
            let host = ground.host_with(less_time(ground))?;
            let loaded = host.load(HOSTILE, &super::that_describes("loop")?).await;
            ended(loaded, is_timeout)
        })
        .await;
    tally
        .attack("a host call that is never answered", never_answered(ground))
        .await;
    tally
        .attack("a loop that lets no other plugin work", alone(ground))
        .await;
    tally
        .attack(
            "a change that goes on when its call was ended",
            late(ground),
        )
        .await;
}

fn less_time(ground: &Ground) -> Limits {
    Limits {
        call: OF_CALLS,
        ..ground.host.limits().clone()
    }
}

fn is_timeout(error: &PluginError) -> bool {
    matches!(error, PluginError::TimedOut { .. })
}

async fn never_answered(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    let server = Server::start().await?;
    let url = server.url("/silent");
    let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
    let guest = guest.granted(&[format!("http=GET {url}")]);
    let guest = guest.set("url", url).within(TO_SEND);
    ended(
        guest.apply("get").await,
        |error| matches!(error, PluginError::TimedOut { outstanding: Some(call), .. } if call.starts_with("http.send(")),
    )
}

async fn alone(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    let busy = arena.guest_of(Arc::clone(&ground.misdeeds));
    let good = arena.guest_of(Arc::clone(&ground.misdeeds));
    // One task, and the busy guest first: the good one gets its turn only because the busy one yields.
    tokio::select! {
        biased;
        busy = busy.apply("loop") => Ok(Outcome::GotThrough(format!("it ended: {busy:?}"))),
        good = good.apply("good") => judged(format!("meanwhile another said `{}`", good?.summary), &[]),
    }
}

async fn late(ground: &Ground) -> Tried {
    let arena = ground.arena()?;
    arena.make_credentials()?;
    let before = arena.snapshot()?;
    let (durable, waiting) = tokio::sync::watch::channel(0);
    let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
    let guest = guest.granted(&["services=db:start"]).within(SHORT);
    let guest = guest.intending(Intent::new(waiting, 1, Arc::default()));
    let ended = ended(guest.apply("start").await, is_timeout)?;
    // What it waited for comes, and nobody is left to go on.
    durable.send_replace(1);
    let is_settled = arena.scene.settled(crate::PATIENCE).await;
    let Outcome::Stopped(how) = ended else {
        return Ok(ended);
    };
    judged(
        how,
        &[
            (is_settled, "something goes on"),
            (arena.snapshot()? == before, "something is different"),
        ],
    )
}
