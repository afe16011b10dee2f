//! Health plugins that misbehave.

use std::time::Duration;

use chora_plugin_host::{Limits, PluginError};

use crate::scene::{Guest, Sandbox};

pub(crate) const COMPONENT: &[u8] = chora_hostile_plugins::BAD_CHECK;

async fn bad<'a>(sandbox: &'a Sandbox, misdeed: &str) -> Guest<'a> {
    sandbox.guest(COMPONENT).await.set("misdeed", misdeed)
}

/// What a probe ends with. The same host probes well after it.
async fn ended(sandbox: &Sandbox, misdeed: &str) -> PluginError {
    let error = bad(sandbox, misdeed)
        .await
        .probe()
        .await
        .expect_err(misdeed);
    assert_eq!(error.plugin(), "guest");
    let verdict = sandbox.guest(COMPONENT).await.probe().await;
    assert_eq!(verdict.expect("a verdict").summary, "db is fine");
    error
}

#[tokio::test]
async fn a_probe_that_never_ends_is_ended_by_its_timeout() {
    let sandbox = Sandbox::new();
    let guest = bad(&sandbox, "loop").await;
    let guest = guest.within(Duration::from_millis(300));
    let error = guest.probe().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `guest` did not end `probe(db)` within 300ms"
    );
}

#[tokio::test]
async fn a_panic_in_a_probe_is_told() {
    let error = ended(&Sandbox::new(), "panic").await;
    assert!(
        matches!(&error, PluginError::Trapped { call, message, .. } if call == "probe(db)" && message.ends_with("the check burst")),
        "{error:?}"
    );
}

#[tokio::test]
async fn the_memory_of_a_probe_is_limited() {
    let sandbox = Sandbox::limited(Limits {
        memory: 16 << 20,
        ..Limits::default()
    });
    let error = ended(&sandbox, "memory").await;
    assert!(
        matches!(&error, PluginError::Limit { call, what, .. } if call == "probe(db)" && what == "memory"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_probe_that_cannot_be_made_is_the_plugin_s_own_failure() {
    let error = ended(&Sandbox::new(), "error").await;
    assert_eq!(error.to_string(), "the stethoscope broke");
    assert!(matches!(error, PluginError::Guest { .. }), "{error:?}");
}

#[tokio::test]
async fn a_probe_may_look_and_never_change_anything() {
    let sandbox = Sandbox::new();
    sandbox.start_db().await;
    let before = sandbox.snapshot();
    let guest = bad(&sandbox, "change").await.granted(&["services=*:stop"]);
    let verdict = guest.probe().await.unwrap();
    assert!(verdict.summary.contains("Denied"), "{}", verdict.summary);
    assert_eq!(sandbox.ledger()[0].decision, "denied");
    assert!(sandbox.snapshot() == before);
}

#[tokio::test]
async fn a_verdict_cannot_steer_a_terminal_or_fill_it() {
    let sandbox = Sandbox::new();
    let verdict = bad(&sandbox, "rude").await.probe().await.unwrap();
    crate::said::is_harmless(&verdict.summary);
}

#[tokio::test]
async fn a_health_plugin_is_no_phase_plugin() {
    let sandbox = Sandbox::new();
    let error = sandbox.guest(COMPONENT).await.apply("x").await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it is a health plugin, and a phase plugin is needed here"),
        "{error}"
    );
}
