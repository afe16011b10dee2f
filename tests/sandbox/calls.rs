//! Every host function: refused without its grant, allowed with exactly that one, never changing anything from `plan` or in a dry run.

mod cases;

use std::sync::Arc;

use chora_plugin_host::{Class, HostFunction, Intent, PluginError};
use tokio::sync::watch;

use cases::{Case, Stage};

pub(crate) const COMPONENT: &[u8] = chora_hostile_plugins::CALLS;

/// A stage for each function, in turn.
async fn each(mut check: impl AsyncFnMut(HostFunction, Stage)) {
    for function in HostFunction::ALL {
        let case = Case::of(*function);
        check(*function, Stage::set(case).await).await;
    }
}

fn touches(function: HostFunction) -> bool {
    match function.class {
        Class::Reads => false,
        Class::Changes | Class::Secret => true,
    }
}

#[tokio::test]
async fn without_its_grant_each_function_is_denied_and_the_grant_is_named() {
    each(async |function, stage| {
        let name = function.name;
        let before = stage.snapshot();
        let mut others = Case::all_grants(&stage);
        others.retain(|grant| *grant != stage.grant());
        let guest = stage.guest().await.granted(&others);

        let said = guest.apply(stage.step()).await.unwrap().summary;
        let needed = format!("this grant would allow it: `{}`", stage.grant());
        assert!(said.contains("Denied"), "{name}: {said}");
        assert!(said.contains(&needed), "{name}: {said}");

        let failed = guest.set("fails", true).apply(stage.step()).await;
        match failed.unwrap_err() {
            PluginError::Denied {
                plugin,
                call,
                denial,
                ..
            } => {
                assert_eq!(plugin, "guest");
                assert_eq!(call, format!("apply({})", stage.step()));
                assert_eq!(denial.function, name);
                assert_eq!(denial.needed, Some(stage.grant()));
            }
            other => panic!("{name}: {other}"),
        }

        let ledger = stage.sandbox.ledger();
        assert_eq!(ledger.len(), 2, "{name}");
        for line in ledger {
            assert_eq!((line.function.as_str(), line.grant), (name, None));
            assert_eq!(line.decision, "denied", "{name}");
        }
        assert!(stage.snapshot() == before, "{name} did something");
    })
    .await;
}

#[tokio::test]
async fn with_exactly_its_grant_each_function_is_allowed_and_the_ledger_says_by_which() {
    each(async |function, stage| {
        let name = function.name;
        let guest = stage.guest().await.granted(&[stage.grant()]);
        let said = guest.apply(stage.step()).await.unwrap().summary;
        assert!(said.starts_with("ok: "), "{name}: {said}");
        let answer = stage.filled(stage.case.answer);
        assert!(said.contains(&answer), "{name}: {said}");

        let [line] = stage.sandbox.ledger().try_into().expect("one line");
        assert_eq!(line.function, name);
        assert_eq!(line.decision, "allowed", "{name}");
        assert_eq!(line.grant, Some(stage.grant()), "{name}");
        assert_eq!(line.caller, format!("guest/{}", stage.step()));
        assert_eq!(line.digest, guest.plugin.digest);
        assert_eq!(line.arguments.len(), 16, "{name}: {}", line.arguments);
        assert!(line.bytes >= stage.case.bytes, "{name}: {}", line.bytes);
        let elsewhere = stage.grant().contains(&line.target);
        assert!(elsewhere, "{name}: {} is not the grant's", line.target);
    })
    .await;
}

#[tokio::test]
async fn what_changes_something_waits_for_its_intent_and_nothing_else_does() {
    each(async |function, stage| {
        let name = function.name;
        let before = stage.snapshot();
        let (durable, waiting) = watch::channel(6);
        let guest = stage.guest().await.granted(&[stage.grant()]);
        let guest = guest.intending(Intent::new(waiting, 7, Arc::default()));
        let looking = async {
            if function.class == Class::Changes {
                while guest.outstanding.get().is_none() {
                    tokio::task::yield_now().await;
                }
                assert!(stage.snapshot() == before, "{name} did not wait");
                assert!(stage.sandbox.ledger().is_empty(), "{name} did not wait");
                durable.send_replace(7);
            }
        };
        let (outcome, ()) = tokio::join!(guest.apply(stage.step()), looking);
        let said = outcome.unwrap().summary;
        assert!(said.starts_with("ok: "), "{name}: {said}");
        assert_eq!(guest.outstanding.get(), None, "{name}");
    })
    .await;
}

#[tokio::test]
async fn the_ledger_tells_how_long_a_call_took() {
    let stage = Stage::set(Case::of(HostFunction::ALL[6])).await;
    let guest = stage.guest().await.granted(&[stage.grant()]);
    guest.apply("services.exec").await.unwrap();
    let [line] = stage.sandbox.ledger().try_into().expect("one line");
    // It starts a process and waits for its end.
    assert!(line.duration_us > 100, "{}", line.duration_us);
}

#[tokio::test]
async fn different_arguments_have_different_hashes() {
    let stage = Stage::set(Case::of(HostFunction::ALL[0])).await;
    for service in ["db", "web", "db"] {
        let guest = stage.guest().await.granted(&["services=*:inspect"]);
        let arguments = serde_json::json!({ "service": service });
        let guest = guest.set("arguments", arguments);
        guest.apply("services.definition-of").await.unwrap();
    }
    let ledger = stage.sandbox.ledger();
    assert_ne!(ledger[0].arguments, ledger[1].arguments);
    assert_eq!(ledger[0].arguments, ledger[2].arguments);
}

#[tokio::test]
async fn planning_may_look_and_never_changes_anything_whatever_is_granted() {
    each(async |function, stage| {
        let name = function.name;
        let before = stage.snapshot();
        let everything = Case::all_grants(&stage);
        let guest = stage.guest().await.granted(&everything);
        let guest = guest.set("plan", stage.step());
        let [step] = guest.plan().await.unwrap().try_into().expect("one step");
        let [line] = stage.sandbox.ledger().try_into().expect("one line");
        if touches(function) {
            let refused = step
                .title
                .contains("refused outside of `apply` and `revert`");
            assert!(refused, "{name}: {}", step.title);
            assert_eq!(line.decision, "denied", "{name}");
            assert!(stage.snapshot() == before, "{name} did something");
        } else {
            assert!(step.title.starts_with("ok: "), "{name}: {}", step.title);
            assert_eq!(line.decision, "allowed", "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_answers_planned_to_every_change_and_secret_and_changes_nothing() {
    each(async |function, stage| {
        let name = function.name;
        let before = stage.snapshot();
        let guest = stage.guest().await.granted(&[stage.grant()]).in_a_dry_run();
        let said = guest.apply(stage.step()).await.unwrap().summary;
        let [line] = stage.sandbox.ledger().try_into().expect("one line");
        if touches(function) {
            assert!(said.contains("Planned"), "{name}: {said}");
            assert_eq!(line.decision, "planned", "{name}");
            assert_eq!(line.grant, Some(stage.grant()), "{name}");
            assert!(stage.snapshot() == before, "{name} did something");
        } else {
            assert!(said.starts_with("ok: "), "{name}: {said}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_does_not_allow_what_was_not_granted() {
    each(async |function, stage| {
        let guest = stage.guest().await.in_a_dry_run();
        let said = guest.apply(stage.step()).await.unwrap().summary;
        assert!(said.contains("Denied"), "{}: {said}", function.name);
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_describes_itself_is_refused_everything() {
    let sandbox = crate::scene::Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await;
    let said = &guest.plugin.metadata.summary;
    assert!(
        said.contains("refused while a plugin describes itself"),
        "{said}"
    );
    assert!(sandbox.ledger().is_empty());
}
