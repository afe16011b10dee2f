//! Starting, running and ending.

use super::*;

#[tokio::test]
async fn a_service_runs_until_it_is_stopped() {
    let world = World::new();
    let spec = world.spec("web", &["sleep", "1000"]);
    assert_eq!(world.start(&spec).await, Started::Started);
    let status = world.engine.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Running);
    assert_eq!(status.definition, Some(spec.digest()));
    assert_eq!(status.version.as_deref(), Some("1.0.0"));
    assert!(status.started_at.is_some());
    assert_eq!(world.start(&spec).await, Started::AlreadyRunning);
    let pid = world.pid("web").await;
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    assert!(!runs(pid));
    let by_term = Exit::of_signal(15);
    let status = world.engine.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Exited(by_term));
    assert!(!world.engine.stop("web", GRACE).await.unwrap());
    assert_eq!(world.start(&spec).await, Started::Started);
    assert_ne!(world.pid("web").await, pid);
}

#[tokio::test]
async fn a_service_that_never_ran_is_absent() {
    let world = World::new();
    let status = world.engine.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Absent);
    assert!(world.engine.list().await.unwrap().is_empty());
    assert!(!world.engine.stop("web", GRACE).await.unwrap());
    assert!(!world.engine.remove("web", GRACE).await.unwrap());
    assert_eq!(world.engine.wait_exit("web").await.unwrap(), Exit::UNKNOWN);
}

#[tokio::test]
async fn the_exit_code_is_known_as_soon_as_the_service_ended() {
    let world = World::new();
    for round in 0..20 {
        let name = format!("s{round}");
        let spec = world.script(&name, "echo no such database >&2; exit 3");
        world.start(&spec).await;
        assert_eq!(world.engine.wait_exit(&name).await.unwrap(), exited(3));
        let status = world.engine.inspect(&name).await.unwrap();
        assert_eq!(status.state, RunState::Exited(exited(3)));
        let tail = world.engine.log_tail(&name, 5).await.unwrap();
        assert_eq!(tail, ["no such database"]);
    }
}

#[tokio::test]
async fn the_end_by_a_signal_is_told() {
    let world = World::new();
    world.start(&world.script("web", "kill -KILL $$")).await;
    let exit = world.engine.wait_exit("web").await.unwrap();
    assert_eq!(exit.to_string(), "signal 9");
}

#[tokio::test]
async fn another_definition_replaces_what_runs() {
    let world = World::new();
    world.start(&world.spec("web", &["sleep", "1000"])).await;
    let first = world.pid("web").await;
    let next = world.spec("web", &["sleep", "1001"]);
    assert_eq!(world.start(&next).await, Started::Replaced);
    assert!(!runs(first));
    let status = world.engine.inspect("web").await.unwrap();
    assert_eq!(status.definition, Some(next.digest()));
}

#[tokio::test]
async fn a_rotated_credential_replaces_what_runs_and_is_not_kept() {
    let world = World::new();
    let spec = world.spec("web", &["sleep", "1000"]);
    let secret = |value: &str| SecretEnv([("JWT_SECRET".to_owned(), value.to_owned())].into());
    let start = async |value: &str| world.engine.start(&spec, &secret(value)).await.unwrap();
    assert_eq!(start("first-secret").await, Started::Started);
    assert_eq!(start("first-secret").await, Started::AlreadyRunning);
    assert_eq!(start("second-secret").await, Started::Replaced);
    let record = world.record("web").to_string();
    assert!(!record.contains("-secret"), "{record}");
}

#[tokio::test]
async fn starts_at_the_same_time_start_one_process() {
    let world = World::new();
    let spec = world.script("web", "echo up; exec sleep 1000");
    let starts = (0..12).map(|turn| {
        // As if two commands ran at once, and each more than once.
        let engine = match turn % 2 {
            0 => Arc::clone(&world.engine),
            _ => world.another_engine(),
        };
        let spec = spec.clone();
        tokio::spawn(async move { engine.start(&spec, &SecretEnv::default()).await.unwrap() })
    });
    let mut started = Vec::new();
    for start in starts.collect::<Vec<_>>() {
        started.push(start.await.unwrap());
    }
    let count = |wanted| started.iter().filter(|it| **it == wanted).count();
    assert_eq!(count(Started::Started), 1);
    assert_eq!(count(Started::AlreadyRunning), 11);
    world.lines("web", 1).await;
    assert_eq!(world.engine.log_tail("web", 9).await.unwrap(), ["up"]);
}

#[tokio::test]
async fn removing_forgets_the_service_and_keeps_its_log_and_data() {
    let world = World::new();
    let script = "echo kept; touch \"$DATA_DIR/kept\"; echo done; exec sleep 1000";
    world.started("web", script, 2).await;
    let pid = world.pid("web").await;
    assert!(world.engine.remove("web", GRACE).await.unwrap());
    assert!(!runs(pid));
    let status = world.engine.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Absent);
    assert!(!world.engine.remove("web", GRACE).await.unwrap());
    assert_eq!(
        world.engine.log_tail("web", 9).await.unwrap(),
        ["kept", "done"]
    );
    assert!(exists(&world.layout.service_data("web").join("kept")));
}

#[tokio::test]
async fn all_that_is_remembered_is_listed() {
    let world = World::new();
    world.start(&world.spec("b", &["sleep", "1000"])).await;
    world.start(&world.script("a", "exit 1")).await;
    world.engine.wait_exit("a").await.unwrap();
    let listed = world.engine.list().await.unwrap();
    let states: Vec<_> = listed
        .iter()
        .map(|(name, status)| (name.as_str(), &status.state))
        .collect();
    let wanted = [
        ("a", &RunState::Exited(exited(1))),
        ("b", &RunState::Running),
    ];
    assert_eq!(states, wanted);
}
