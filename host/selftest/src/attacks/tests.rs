//! A host that is weaker than chora's is found out.

use chora_plugin_host::{CompileCache, Limits};

use super::Ground;
use crate::{Kind, Options, Outcome};

async fn ground(limits: Limits) -> Ground {
    let options = Options {
        program: "/bin/false".into(),
        // Nothing can be kept there, which costs compiling anew and nothing else.
        cache: Some(CompileCache {
            directory: "/proc/none".into(),
            key: "/proc/none.key".into(),
        }),
        limits,
        is_stopped: Box::new(|| false),
    };
    Ground::prepare(options).await.unwrap()
}

#[tokio::test]
async fn an_attack_that_is_not_stopped_is_told_as_such() {
    let weak = Limits {
        body: 4 << 20,
        ..Limits::default()
    };
    let attacks = ground(weak).await.attacked(Kind::Room).await;
    let through: Vec<&str> = attacks
        .iter()
        .filter(|attack| matches!(attack.outcome, Outcome::GotThrough(_)))
        .map(|attack| attack.what.as_str())
        .collect();
    assert_eq!(
        through,
        [
            "a request's body past the limit",
            "an answer past the limit"
        ]
    );
    let stopped = attacks.iter().filter(|it| it.outcome.is_stopped());
    assert_eq!(stopped.count(), attacks.len() - 2, "{attacks:?}");
}

#[tokio::test]
async fn a_program_that_does_not_run_plugins_is_found_out() {
    let ground = ground(Limits::default()).await;
    let attacks = ground.attacked(Kind::Plans).await;
    let through = |it: &&crate::Attack| matches!(it.outcome, Outcome::GotThrough(_));
    assert_eq!(attacks.iter().filter(through).count(), attacks.len());
    let attacks = ground.attacked(Kind::Secrets).await;
    let untried = |it: &&crate::Attack| matches!(it.outcome, Outcome::Untried(_));
    assert_eq!(attacks.iter().filter(untried).count(), attacks.len());
}
