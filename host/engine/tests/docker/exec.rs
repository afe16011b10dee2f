//! Commands in containers that run.

use std::time::Duration;

use chora_engine::{Engine as _, EngineError, SecretEnv};

use crate::world::{NO_GRACE, World};

const LIMIT: Duration = Duration::from_secs(60);

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn a_command_answers_with_its_code_and_both_streams() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let none = SecretEnv::default();
    let command = [
        "/container",
        "print",
        "out",
        "then",
        "complain",
        "err",
        "then",
        "exit",
        "5",
    ];
    let output = world
        .engine
        .exec(&spec, &none, &words(&command), LIMIT)
        .await
        .unwrap();
    assert_eq!(output.exit.code, Some(5));
    assert_eq!(output.stdout, b"out\n");
    assert_eq!(output.stderr, b"err\n");
    let much = ["/container", "fill", "1000000"];
    let output = world
        .engine
        .exec(&spec, &none, &words(&much), LIMIT)
        .await
        .unwrap();
    assert_eq!(output.stdout.len(), 64 << 10);
    assert_eq!(output.exit.code, Some(0));
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_ended() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    world.start(&spec).await;
    let command = words(&["/container", "sleep"]);
    let limit = Duration::from_millis(500);
    let error = world
        .engine
        .exec(&spec, &SecretEnv::default(), &command, limit)
        .await
        .unwrap_err();
    assert!(
        matches!(error, EngineError::ExecTimedOut { .. }),
        "{error:?}"
    );
    let container = world
        .client
        .inspect_container(&world.named("-web-1"), None)
        .await
        .unwrap();
    for id in container.exec_ids.unwrap_or_default() {
        // The engine notices a moment after the kill.
        while world
            .client
            .inspect_exec(&id)
            .await
            .is_ok_and(|exec| exec.running == Some(true))
        {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_command_that_cannot_be_run_is_told_from_one_that_failed() {
    let world = World::new().await;
    let spec = world.service("web", &["sleep"]);
    let none = SecretEnv::default();
    let run = async |command: &[&str]| {
        let answer = world
            .engine
            .exec(&spec, &none, &words(command), LIMIT)
            .await;
        crate::world::chain(&answer.unwrap_err())
    };
    assert!(run(&["/container"]).await.contains("does not run"));
    world.start(&spec).await;
    let told = run(&["/no/such/program"]).await;
    assert!(told.contains("/no/such/program"), "{told}");
    world.engine.stop("web", NO_GRACE).await.unwrap();
    assert!(run(&["/container"]).await.contains("does not run"));
}
