//! Health plugins that are called so often that they get their memory from the calls before: nothing else is different.

use std::sync::Arc;
use std::time::Duration;

use chora_plugin_host::{Limits, Plugin, PluginError};
use futures_util::future::join_all;

use crate::bad_check::COMPONENT;
use crate::scene::{Guest, Sandbox};

/// More calls than there are places in the pool.
const MANY: usize = 80;

/// The plugin that misbehaves, in the pool.
async fn pooled(sandbox: &Sandbox) -> Arc<Plugin> {
    let guest = sandbox.guest(COMPONENT).await;
    while !guest.plugin.is_pooled() {
        guest.probe().await.expect("a verdict");
    }
    guest.plugin
}

async fn guest<'a>(sandbox: &'a Sandbox, plugin: &Arc<Plugin>, misdeed: &str) -> Guest<'a> {
    let mut guest = sandbox.guest(COMPONENT).await.set("misdeed", misdeed);
    guest.plugin = Arc::clone(plugin);
    guest
}

#[tokio::test]
async fn a_plugin_that_is_seldom_called_is_not_pooled() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await;
    for _ in 0..20 {
        guest.probe().await.unwrap();
    }
    assert!(!guest.plugin.is_pooled());
}

#[tokio::test]
async fn a_pooled_probe_finds_nothing_of_those_before() {
    let sandbox = Sandbox::new();
    let plugin = pooled(&sandbox).await;
    let guest = guest(&sandbox, &plugin, "remember").await;
    for _ in 0..10 {
        let verdicts = join_all((0..3).map(|_| guest.probe())).await;
        for verdict in verdicts {
            assert_eq!(verdict.unwrap().summary, "0 probes and 0 bytes");
        }
    }
}

#[tokio::test]
async fn a_pooled_probe_fails_in_the_same_words() {
    let sandbox = Sandbox::limited(Limits {
        memory: 16 << 20,
        ..Limits::default()
    });
    let plugin = pooled(&sandbox).await;
    for misdeed in ["panic", "memory", "loop", "error", "no such"] {
        let within = Duration::from_millis(300);
        let usual = sandbox.guest(COMPONENT).await.set("misdeed", misdeed);
        let usual = usual.within(within).probe().await.unwrap_err();
        let ended = guest(&sandbox, &plugin, misdeed).await.within(within);
        let ended = ended.probe().await.unwrap_err();
        assert_eq!(ended.to_string(), usual.to_string());
        assert_eq!(format!("{ended:?}"), format!("{usual:?}"));
    }
}

#[tokio::test]
async fn a_pooled_probe_may_look_and_never_change_anything() {
    let sandbox = Sandbox::new();
    let plugin = pooled(&sandbox).await;
    let guest = guest(&sandbox, &plugin, "change").await;
    let verdict = guest.granted(&["services=*:stop"]).probe().await.unwrap();
    assert!(verdict.summary.contains("Denied"), "{}", verdict.summary);
    assert_eq!(sandbox.ledger()[0].decision, "denied");
}

#[tokio::test]
async fn more_probes_than_the_pool_has_places_for_go_on_without() {
    let sandbox = Sandbox::new();
    let plugin = pooled(&sandbox).await;
    let busy = guest(&sandbox, &plugin, "loop").await;
    let busy = busy.within(Duration::from_millis(300));
    let ended = join_all((0..MANY).map(|_| busy.probe())).await;
    for error in ended {
        assert!(matches!(error, Err(PluginError::TimedOut { .. })));
    }
    let mut fine = sandbox.guest(COMPONENT).await;
    fine.plugin = Arc::clone(&plugin);
    let verdicts = join_all((0..MANY).map(|_| fine.probe())).await;
    for verdict in verdicts {
        assert_eq!(verdict.unwrap().summary, "db is fine");
    }
}
