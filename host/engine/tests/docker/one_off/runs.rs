//! Containers for one run.

use std::time::Duration;

use chora_engine::Exit;
use chora_engine::docker::one_off::OneOffError;

use super::{PATIENCE, is_there, left, one, one_offs, printed, refused, run, started};
use crate::world::World;

#[tokio::test]
async fn a_run_is_captured_and_leaves_nothing() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let words = [
        "print", "one", "then", "complain", "two", "then", "exit", "7",
    ];
    let job = one(&world, "-job", &words);
    let ran = run(&one_offs, job.clone()).await;
    assert_eq!(printed(&ran), "one\n");
    assert_eq!(ran.stderr, b"two\n");
    assert_eq!(ran.exit, Exit::of_code(7));
    assert!(!is_there(&world, &job.name).await);
    // Once more is as good.
    assert_eq!(run(&one_offs, job).await.exit, Exit::of_code(7));
}

#[tokio::test]
async fn a_run_reads_what_it_is_given_and_the_end_of_it() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let bytes = b"a line\n\xff".repeat(4_000);
    let ran = one_offs
        .run(
            one(&world, "-job", &["echo"]),
            Some(bytes.clone()),
            PATIENCE,
        )
        .await
        .unwrap();
    assert_eq!(ran.stdout, bytes);
    assert_eq!(ran.exit, Exit::of_code(0));
    // Who does not read is not waited for.
    let deaf = one(&world, "-deaf", &["print", "no"]);
    let ran = one_offs
        .run(deaf, Some(vec![b'x'; 1 << 20]), PATIENCE)
        .await;
    assert_eq!(printed(&ran.unwrap()), "no\n");
}

#[tokio::test]
async fn what_a_run_is_given_is_what_it_has() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let mut job = one(&world, "-job", &["variable", "GREETING"]);
    job.environment.insert("GREETING".into(), "good day".into());
    assert_eq!(printed(&run(&one_offs, job).await), "good day\n");

    let mut job = one(&world, "-job", &["nowhere"]);
    job.entrypoint = Some(vec!["/container".to_owned(), "show".to_owned()]);
    job.command = vec!["/proc/self/status".to_owned()];
    job.user = Some("1234:4321".to_owned());
    let shown = run(&one_offs, job).await;
    let shown = printed(&shown);
    assert!(shown.contains("Uid:\t1234\t"), "{shown}");
    assert!(shown.contains("Gid:\t4321\t"), "{shown}");
}

#[tokio::test]
async fn output_is_cut_and_the_rest_does_not_hold_the_run_up() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let ran = run(&one_offs, one(&world, "-job", &["fill", "300000"])).await;
    assert_eq!(ran.stdout.len(), 64 << 10);
    assert_eq!(ran.exit, Exit::of_code(0));
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_killed_and_removed() {
    let world = World::new().await;
    let job = one(&world, "-job", &["sleep"]);
    let limit = Duration::from_millis(500);
    let error = refused(one_offs(&world).run(job.clone(), None, limit).await);
    assert!(matches!(error, OneOffError::TimedOut { .. }), "{error}");
    assert!(!is_there(&world, &job.name).await);
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_any_more_is_removed() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let job = one(&world, "-job", &["sleep"]);
    tokio::select! {
        ran = one_offs.run(job.clone(), None, PATIENCE) => panic!("{ran:?}"),
        () = started(&world, &job.name) => {}
    }
    assert!(one_offs.settled(PATIENCE).await);
    assert!(!is_there(&world, &job.name).await);
    // What comes after it is not held up by it.
    let next = one(&world, "-job", &["print", "next"]);
    assert_eq!(printed(&run(&one_offs, next).await), "next\n");
}

#[tokio::test]
async fn a_run_that_is_cut_off_before_anything_is_made_makes_nothing() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let job = one(&world, "-job", &["sleep"]);
    // Polled once, and never again.
    let begun = one_offs.run(job.clone(), None, PATIENCE);
    assert!(futures_util::FutureExt::now_or_never(begun).is_none());
    assert!(one_offs.settled(PATIENCE).await);
    assert!(!is_there(&world, &job.name).await);
}

#[tokio::test]
async fn what_a_killed_run_left_is_removed_by_the_next_of_that_name() {
    let world = World::new().await;
    let job = one(&world, "-job", &["print", "anew"]);
    let marks = [("dev.chora.plugin", "tester"), ("dev.chora.one-off", "run")];
    left(&world, &job.name, &marks).await;
    let ran = run(&one_offs(&world), job.clone()).await;
    assert_eq!(printed(&ran), "anew\n");
    assert!(!is_there(&world, &job.name).await);
}

#[tokio::test]
async fn a_container_that_was_started_to_stay_is_not_taken_by_a_run() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let stays = one(&world, "-job", &["sleep"]);
    assert!(one_offs.start(&stays).await.unwrap());
    let error = refused(one_offs.run(stays.clone(), None, PATIENCE).await);
    assert!(matches!(error, OneOffError::InUse { .. }), "{error}");
    let error = refused(one_offs.could_run(&stays).await);
    assert!(matches!(error, OneOffError::InUse { .. }), "{error}");
    assert!(!one_offs.start(&stays).await.unwrap());
}

#[tokio::test]
async fn two_runs_of_one_name_take_turns() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let job = |word: &'static str| one(&world, "-job", &["print", word]);
    let (a, b) = tokio::join!(run(&one_offs, job("a")), run(&one_offs, job("b")));
    assert_eq!((printed(&a), printed(&b)), ("a\n", "b\n"));
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_and_nothing_is_left() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let mut job = one(&world, "-job", &[]);
    job.entrypoint = Some(vec!["/no/such/program".to_owned()]);
    let error = refused(one_offs.run(job.clone(), None, PATIENCE).await);
    assert!(matches!(error, OneOffError::CannotRun { .. }), "{error}");
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    assert!(!is_there(&world, &job.name).await);
    let error = refused(one_offs.start(&job).await);
    assert!(matches!(error, OneOffError::CannotRun { .. }), "{error}");
    assert!(!is_there(&world, &job.name).await);
}

#[tokio::test]
async fn a_run_that_eats_its_memory_says_so() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    // An engine does not hear of each; see docs/compose.md.
    let mut told = false;
    for _ in 0..10 {
        let ran = run(&one_offs, one(&world, "-job", &["eat"])).await;
        assert_eq!(ran.exit.code, Some(137));
        told = ran.exit.oom;
        if told {
            break;
        }
    }
    assert!(told);
}
