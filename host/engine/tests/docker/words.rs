//! What containers print, and what commands in them do.

use std::time::Duration;

use chora_engine::{Engine as _, EngineError, SecretEnv};
use futures_util::StreamExt as _;

use crate::world::{NO_GRACE, World};

const LIMIT: Duration = Duration::from_secs(60);

fn words(command: &[&str]) -> Vec<String> {
    command.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn the_last_lines_of_both_streams_are_read() {
    let world = World::new().await;
    let command = [
        "print", "one", "two", "then", "complain", "three", "then", "bytes",
    ];
    world.start(&world.service("web", &command)).await;
    world.engine.wait_exit("web").await.unwrap();
    let mut all = world.engine.log_tail("web", 100).await.unwrap();
    all.sort_unstable();
    assert_eq!(all, ["a\u{fffd}b", "one", "three", "two"]);
    assert_eq!(world.engine.log_tail("web", 2).await.unwrap().len(), 2);
    assert!(world.engine.log_tail("web", 0).await.unwrap().is_empty());
    assert!(world.engine.log_tail("none", 5).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_long_line_is_one_line() {
    let world = World::new().await;
    let command = [
        "print", "before", "then", "fill", "200000", "then", "print", "after",
    ];
    world.start(&world.service("web", &command)).await;
    world.engine.wait_exit("web").await.unwrap();
    let last = world.engine.log_tail("web", 2).await.unwrap();
    let lengths: Vec<usize> = last.iter().map(String::len).collect();
    assert_eq!(lengths, [200_000, 5]);
    let all = world.lines("web", 3).await;
    assert_eq!(all[1].len(), 200_000);
}

#[tokio::test]
async fn a_terminals_lines_are_read() {
    let world = World::new().await;
    let spec = world.service_with("web", &["print", "one", "two"], |service| {
        service.tty = true
    });
    world.start(&spec).await;
    world.engine.wait_exit("web").await.unwrap();
    assert_eq!(
        world.engine.log_tail("web", 5).await.unwrap(),
        ["one", "two"]
    );
}

#[tokio::test]
async fn a_log_is_followed_into_the_container_that_takes_the_place() {
    let world = World::new().await;
    let mut spec = world.service("web", &["variable", "WORD", "then", "sleep"]);
    let mut say = |word: &str| {
        spec.environment.insert("WORD".to_owned(), word.to_owned());
        spec.clone()
    };
    world.start(&say("first")).await;
    let mut lines = world.engine.log_follow("web", 10).await.unwrap();
    assert_eq!(lines.next().await.unwrap().unwrap(), "first");
    world.start(&say("second")).await;
    assert_eq!(lines.next().await.unwrap().unwrap(), "second");
    world.engine.stop("web", NO_GRACE).await.unwrap();
    world.start(&say("second")).await;
    assert_eq!(lines.next().await.unwrap().unwrap(), "second");
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
