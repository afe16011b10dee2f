//! Containers that stay.

use std::time::Duration;

use chora_engine::docker::one_off::{Belongs, Command, OneOffError};
use chora_engine::{Exit, RunState};

use super::{PATIENCE, is_there, one, one_offs, printed, refused, started};
use crate::world::{GRACE, NO_GRACE, World};

fn command(words: &[&str]) -> Command {
    Command {
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        stdin: None,
    }
}

#[tokio::test]
async fn a_container_that_stays_is_started_once_and_anew_when_it_is_another() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let mut db = one(&world, "-db", &["print", "ready", "then", "sleep"]);
    assert!(one_offs.would_start(&db).await.unwrap());
    assert!(one_offs.start(&db).await.unwrap());
    assert!(!one_offs.would_start(&db).await.unwrap());
    assert!(!one_offs.start(&db).await.unwrap());
    let first = one_offs.inspect(&db.name).await.unwrap().unwrap();
    assert_eq!(first.name, db.name);
    assert_eq!(first.belongs, Belongs::Plugin("tester".to_owned()));
    assert_eq!(first.image, world.image);
    assert_eq!(first.state, RunState::Running);

    db.environment.insert("A".to_owned(), "b".to_owned());
    assert!(one_offs.would_start(&db).await.unwrap());
    assert!(one_offs.start(&db).await.unwrap());
    let second = one_offs.inspect(&db.name).await.unwrap().unwrap();
    assert!(second.started_at > first.started_at);

    // One that has ended is started anew.
    assert!(one_offs.stop(&db.name, NO_GRACE).await.unwrap());
    assert!(one_offs.would_start(&db).await.unwrap());
    assert!(one_offs.start(&db).await.unwrap());
}

#[tokio::test]
async fn its_log_is_read_and_a_command_run_in_it() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let db = one(&world, "-db", &["print", "a", "b", "c", "then", "sleep"]);
    one_offs.start(&db).await.unwrap();
    // What it prints at its beginning is there once it does what comes after.
    let echo = Command {
        stdin: Some(b"select 1".to_vec()),
        ..command(&["/container", "echo"])
    };
    let answer = one_offs.exec(&db.name, echo, PATIENCE).await.unwrap();
    assert_eq!(printed(&answer), "select 1");
    let failed = command(&["/container", "complain", "no", "then", "exit", "3"]);
    let answer = one_offs.exec(&db.name, failed, PATIENCE).await.unwrap();
    assert_eq!(
        (answer.exit, &answer.stderr[..]),
        (Exit::of_code(3), &b"no\n"[..])
    );
    let missing = command(&["/no/such/program"]);
    let error = refused(one_offs.exec(&db.name, missing, PATIENCE).await);
    assert!(matches!(error, OneOffError::CannotRun { .. }), "{error}");

    one_offs.stop(&db.name, NO_GRACE).await.unwrap();
    let lines = one_offs.logs(&db.name, 2).await.unwrap().unwrap();
    assert_eq!(lines, ["b", "c"]);
    let error = refused(
        one_offs
            .exec(&db.name, command(&["/container"]), PATIENCE)
            .await,
    );
    assert!(matches!(error, OneOffError::NotRunning { .. }), "{error}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_or_is_waited_for_no_longer_is_killed() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let db = one(&world, "-db", &["sleep"]);
    one_offs.start(&db).await.unwrap();
    let sleep = command(&["/container", "sleep"]);
    let limit = Duration::from_millis(500);
    let error = refused(one_offs.exec(&db.name, sleep.clone(), limit).await);
    assert!(matches!(error, OneOffError::TimedOut { .. }), "{error}");

    let name = db.name.as_str();
    let asked = async {
        // Until the other command is one of the container's processes.
        while processes(&world, name).await < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = one_offs.exec(name, sleep, PATIENCE) => panic!("{answer:?}"),
        () = asked => {}
    }
    assert!(one_offs.settled(PATIENCE).await);
    while processes(&world, name).await > 1 {
        tokio::task::yield_now().await;
    }
}

/// How many processes a container has.
async fn processes(world: &World, name: &str) -> usize {
    let top = world.client.top_processes(name, None).await.unwrap();
    top.processes.unwrap_or_default().len()
}

#[tokio::test]
async fn its_end_is_waited_for() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let job = one(&world, "-job", &["wait", "300", "then", "exit", "4"]);
    one_offs.start(&job).await.unwrap();
    let ended = one_offs.wait(&job.name, PATIENCE).await.unwrap();
    assert_eq!(ended, Some(Exit::of_code(4)));
    // At once when it has ended already.
    let ended = one_offs.wait(&job.name, PATIENCE).await.unwrap();
    assert_eq!(ended, Some(Exit::of_code(4)));

    let job = one(&world, "-long", &["sleep"]);
    one_offs.start(&job).await.unwrap();
    let error = refused(one_offs.wait(&job.name, Duration::from_millis(200)).await);
    assert!(matches!(error, OneOffError::TimedOut { .. }), "{error}");
    let (ended, ()) = tokio::join!(one_offs.wait(&job.name, PATIENCE), async {
        started(&world, &job.name).await;
        one_offs.remove(&job.name).await.unwrap();
    });
    // Killed, or gone before anybody could ask how it ended.
    assert!(ended.unwrap().is_none_or(|exit| exit.code != Some(0)));
}

#[tokio::test]
async fn it_is_stopped_and_removed_and_twice_is_fine() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let db = one(&world, "-db", &["sleep"]);
    one_offs.start(&db).await.unwrap();
    assert!(one_offs.would_stop(&db.name).await.unwrap());
    assert!(one_offs.stop(&db.name, NO_GRACE).await.unwrap());
    assert!(!one_offs.stop(&db.name, GRACE).await.unwrap());
    assert!(!one_offs.would_stop(&db.name).await.unwrap());
    assert!(one_offs.would_remove(&db.name).await.unwrap());
    assert!(one_offs.remove(&db.name).await.unwrap());
    assert!(!one_offs.remove(&db.name).await.unwrap());
    assert!(!one_offs.would_remove(&db.name).await.unwrap());
    assert!(!is_there(&world, &db.name).await);
}

#[tokio::test]
async fn what_is_not_there_is_absent() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let name = world.named("-nobody");
    assert_eq!(one_offs.inspect(&name).await.unwrap(), None);
    assert_eq!(one_offs.logs(&name, 10).await.unwrap(), None);
    assert_eq!(one_offs.wait(&name, PATIENCE).await.unwrap(), None);
    assert!(!one_offs.stop(&name, GRACE).await.unwrap());
    let error = refused(one_offs.exec(&name, command(&["a"]), PATIENCE).await);
    assert!(matches!(error, OneOffError::Missing { .. }), "{error}");
}
