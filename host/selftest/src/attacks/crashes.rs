//! Calls that crash.

use std::sync::Arc;

use chora_plugin_host::PluginError;

use super::{Ground, HOSTILE, Tally, ended};

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    for (what, step, said) in [
        ("a panic in `apply`", "panic", ": the boiler burst"),
        ("a trap in `apply`", "unreachable", "unreachable"),
        ("an exit with 0 in `apply`", "exit", "exit"),
        (
            "a stack that runs over in `apply`",
            "wide-recursion",
            "out of bounds",
        ),
    ] {
        tally
            .attack(what, async {
                let arena = ground.arena()?;
                let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
                ended(guest.apply(step).await, |error| is_crash(error, said))
            })
            .await;
    }
    tally
        .attack("a panic in `plan`", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            let planned = guest.set("plan", "panic").plan().await;
            ended(planned, |error| is_crash(error, ": the plan burst"))
        })
        .await;
    tally
        .attack("a panic in `probe`", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.bad_check));
            let probed = guest.set("misdeed", "panic").probe().await;
            ended(probed, |error| is_crash(error, ": the check burst"))
        })
        .await;
    tally
        .attack("a panic in `describe`", async {
            let component = super::that_describes("panic")?;
            let loaded = ground.host.load(HOSTILE, &component).await;
            ended(loaded, |error| is_crash(error, ": the label burst"))
        })
        .await;
}

fn is_crash(error: &PluginError, said: &str) -> bool {
    matches!(error, PluginError::Trapped { message, .. } if message.contains(said))
}
