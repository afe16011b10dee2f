//! Plans that never come, or break a limit. What a plan says is checked where it is used, by the planner.

use std::time::Duration;

use chora_plugin_host::{Limits, PluginError};

use crate::misdeeds::COMPONENT;
use crate::scene::Sandbox;

/// What planning ends with. The same host plans well after it.
async fn ended(sandbox: &Sandbox, misdeed: &str) -> PluginError {
    let guest = sandbox.guest(COMPONENT).await.set("plan", misdeed);
    let error = guest.plan().await.expect_err(misdeed);
    let good = sandbox.guest(COMPONENT).await.set("steps", vec!["good"]);
    assert_eq!(good.plan().await.expect("a plan").len(), 1);
    error
}

#[tokio::test]
async fn a_plan_that_never_comes_is_ended_by_the_limit_of_calls() {
    let sandbox = Sandbox::limited(Limits {
        // Describing itself has the same limit, and is done in a fraction of it.
        call: Duration::from_secs(2),
        ..Limits::default()
    });
    let error = ended(&sandbox, "loop").await;
    assert_eq!(
        error.to_string(),
        "plugin `guest` did not end `plan` within 2s"
    );
}

#[tokio::test]
async fn a_panic_while_planning_is_told() {
    let error = ended(&Sandbox::new(), "panic").await;
    assert!(
        matches!(&error, PluginError::Trapped { call, message, .. } if call == "plan" && message.ends_with("the plan burst")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_plan_has_a_limited_number_of_steps() {
    let error = ended(&Sandbox::new(), "too-many").await;
    assert_eq!(
        error.to_string(),
        "plugin `guest` was stopped in `plan`: the number of steps is limited to 1000"
    );
}

#[tokio::test]
async fn a_plan_that_needs_a_change_or_a_secret_is_denied() {
    for (misdeed, name, grant) in [
        ("change", "services.start", "services=db:start"),
        (
            "secret",
            "credentials.reveal",
            "credentials=jwt_secret:reveal",
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.make_credentials();
        let before = sandbox.snapshot();
        let guest = sandbox.guest(COMPONENT).await.granted(&[grant]);
        let error = guest.set("plan", misdeed).plan().await.unwrap_err();
        assert!(
            matches!(&error, PluginError::Denied { call, denial, .. } if call == "plan" && denial.function == name),
            "{error:?}"
        );
        assert!(
            error
                .to_string()
                .contains("outside of `apply` and `revert`"),
            "{error}"
        );
        assert!(sandbox.snapshot() == before);
    }
}
