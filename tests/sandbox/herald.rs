//! An observer: what it is told, and what it may do.

use std::time::Duration;

use chora_model::event::EventKind;
use chora_plugin_host::{Limits, ObservedEvent, ObservedFailure, PluginError, PluginKind};

use crate::scene::Sandbox;

pub(crate) const COMPONENT: &[u8] = chora_test_guests::HERALD;

/// What it logged.
fn said(sandbox: &Sandbox) -> Vec<String> {
    let events = sandbox.events().into_iter();
    events
        .filter_map(|event| match event {
            EventKind::StepLog { message, .. } => Some(message),
            _ => None,
        })
        .collect()
}

fn completed() -> ObservedEvent {
    ObservedEvent::RunCompleted {
        changed: 3,
        unchanged: 2,
        skipped: 1,
        duration: Duration::from_secs(4),
    }
}

#[tokio::test]
async fn every_event_reaches_an_observer_as_it_was() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await;
    assert_eq!(guest.plugin.kind, PluginKind::Observer);
    assert_eq!(guest.plugin.wit, "chora:bootstrap@0.1.1");
    for event in [
        ObservedEvent::RunStarted,
        ObservedEvent::PhaseStarted {
            phase: 1,
            name: "Core Services".to_owned(),
            steps: 7,
            undo: true,
        },
        ObservedEvent::ServiceHealthy {
            service: "db".to_owned(),
            waited: Duration::from_millis(80),
        },
        ObservedEvent::RunFailed {
            interrupted: false,
            failures: vec![ObservedFailure {
                code: "CORE_FAILED".to_owned(),
                message: "db fell over".to_owned(),
                phase: Some(1),
                service: Some("db".to_owned()),
            }],
            duration: Duration::from_secs(4),
        },
        completed(),
    ] {
        guest.observe(&event).await.unwrap();
    }
    assert_eq!(
        said(&sandbox),
        [
            "bootstrap of dev (real): begun",
            "bootstrap of dev (real): phase 1 Core Services with 7 steps, undone",
            "bootstrap of dev (real): db is healthy",
            "bootstrap of dev (real): failed, interrupted false: CORE_FAILED db: db fell over",
            "bootstrap of dev (real): completed, 3 changed, 2 unchanged, 1 skipped",
        ]
    );
}

#[tokio::test]
async fn an_observer_needs_grants_like_every_plugin() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await.set("look", "run-completed");
    let error = guest.observe(&completed()).await.unwrap_err();
    match &error {
        PluginError::Denied { call, denial, .. } => {
            assert_eq!(call, "observe(run-completed)");
            assert_eq!(denial.needed.as_deref(), Some("services=db:inspect"));
        }
        other => panic!("{other:?}"),
    }
    let granted = guest.granted(&["services=db:inspect"]);
    granted.observe(&completed()).await.unwrap();
}

#[tokio::test]
async fn an_observer_changes_nothing_in_a_dry_run() {
    let sandbox = Sandbox::new();
    sandbox.start_db().await;
    let before = sandbox.snapshot();
    let guest = sandbox.guest(COMPONENT).await.set("stop", "run-completed");
    let guest = guest.granted(&["services=db:stop"]).in_a_dry_run();
    guest.observe(&completed()).await.unwrap();
    assert_eq!(sandbox.snapshot(), before);
    assert_eq!(sandbox.ledger().pop().expect("a line").decision, "planned");
}

#[tokio::test]
async fn what_goes_wrong_in_an_observer_is_told_apart() {
    let sandbox = Sandbox::limited(Limits {
        call: Duration::from_millis(300),
        ..Limits::default()
    });
    let event = completed();
    let failing = sandbox.guest(COMPONENT).await.set("fail", "run-completed");
    let error = failing.observe(&event).await.unwrap_err();
    assert!(matches!(error, PluginError::Guest { .. }), "{error:?}");
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    let crashing = sandbox.guest(COMPONENT).await.set("crash", "run-completed");
    let error = crashing.observe(&event).await.unwrap_err();
    assert!(error.to_string().contains("the quill broke"), "{error}");
    assert!(matches!(error, PluginError::Trapped { .. }), "{error:?}");
    let hanging = sandbox.guest(COMPONENT).await.set("hang", "run-completed");
    let error = hanging.observe(&event).await.unwrap_err();
    assert!(matches!(error, PluginError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn an_observer_is_not_taken_for_another_kind() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await;
    let told = guest.plan().await.unwrap_err().to_string();
    assert!(
        told.contains("it is an observer, and a phase plugin is needed here"),
        "{told}"
    );
    let other = sandbox.guest(crate::pulse::COMPONENT).await;
    let told = other.observe(&completed()).await.unwrap_err().to_string();
    assert!(
        told.contains("it is a health plugin, and an observer is needed here"),
        "{told}"
    );
}
