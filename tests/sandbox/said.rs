//! What a guest says cannot harm who reads it, and what it sees of the world is nothing.

use chora_model::event::EventKind;
use chora_plugin_host::PluginError;

use crate::misdeeds::COMPONENT;
use crate::scene::Sandbox;

/// More than any text of a guest may have left, escapes written out.
const MOST: usize = 64 << 10;

/// Fails unless the text is short, and free of escapes and direction marks.
#[track_caller]
pub(crate) fn is_harmless(text: &str) {
    assert!(text.contains("owned"), "nothing is left of it: {text}");
    is_clean(text);
}

#[track_caller]
fn is_clean(text: &str) {
    assert!(text.len() <= MOST, "{} bytes are left", text.len());
    let harmful = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!text.contains(harmful), "{text:?}");
}

#[tokio::test]
async fn the_title_of_a_step_is_cleaned() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await.set("plan", "rude-title");
    let [step] = guest.plan().await.unwrap().try_into().expect("one step");
    is_harmless(&step.title);
}

#[tokio::test]
async fn an_outcome_is_cleaned_and_cut() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.guest(COMPONENT).await.apply("rude-outcome").await;
    let outcome = outcome.unwrap();
    is_harmless(&outcome.summary);
    assert_eq!(outcome.warnings.len(), 2);
    outcome.warnings.iter().for_each(|text| is_harmless(text));
}

#[tokio::test]
async fn a_failure_is_cleaned_and_cut_in_every_part() {
    let sandbox = Sandbox::new();
    let error = sandbox.guest(COMPONENT).await.apply("rude-failure").await;
    let error = error.unwrap_err();
    is_harmless(&error.to_string());
    let PluginError::Guest { failure, .. } = error else {
        panic!("another error");
    };
    is_harmless(&failure.message);
    is_harmless(&failure.service.expect("a service"));
    assert_eq!((failure.causes.len(), failure.next_actions.len()), (10, 10));
    let texts = failure.causes.iter().chain(&failure.next_actions);
    texts.for_each(|text| is_harmless(text));
}

#[tokio::test]
async fn a_log_line_is_cleaned_and_cut() {
    let sandbox = Sandbox::new();
    sandbox
        .guest(COMPONENT)
        .await
        .apply("rude-log")
        .await
        .unwrap();
    let events = sandbox.events();
    assert_eq!(events.len(), 2);
    for event in events {
        match event {
            EventKind::StepLog { message: text, .. } | EventKind::StepDoing { what: text, .. } => {
                is_harmless(&text);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_denial_and_its_line_in_the_ledger_are_cleaned_and_cut() {
    let sandbox = Sandbox::new();
    let error = sandbox.guest(COMPONENT).await.apply("rude-name").await;
    let error = error.unwrap_err();
    is_harmless(&error.to_string());
    let PluginError::Denied { denial, guest, .. } = error else {
        panic!("another error");
    };
    is_harmless(&denial.needed.expect("a grant"));
    is_clean(&guest.message);
    let [line] = sandbox.ledger().try_into().expect("one line");
    is_harmless(&line.target);
}

#[tokio::test]
async fn a_panic_is_cleaned_and_cut() {
    let sandbox = Sandbox::new();
    let error = sandbox.guest(COMPONENT).await.apply("rude-panic").await;
    let PluginError::Trapped {
        message, stderr, ..
    } = error.unwrap_err()
    else {
        panic!("another error");
    };
    is_clean(&message);
    // Its lines stay lines; each character may have become six.
    let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!stderr.contains(harmful));
    assert!(stderr.len() <= 6 * MOST, "{} bytes are left", stderr.len());
}

#[tokio::test]
async fn environment_arguments_files_and_input_are_empty() {
    let sandbox = Sandbox::new();
    let before = sandbox.snapshot();
    let guest = sandbox.guest(crate::calls::COMPONENT).await;
    let seen = guest.apply("surroundings").await.unwrap().summary;
    assert_eq!(
        seen,
        "ok: 0 variables, 0 arguments, 0 readable, 0 written, 0 read"
    );
    assert!(sandbox.snapshot() == before);
}
