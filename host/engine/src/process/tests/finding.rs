//! Finding a process again, and never the wrong one.

use serde_json::json;

use super::*;

#[test]
fn a_service_outlives_its_engine_and_another_one_finds_it() {
    let world = World::new();
    let spec = world.spec("web", &["sleep", "1000"]);
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let first = runtime();
    let begun = first.block_on(async {
        let engine = world.another_engine();
        engine.start(&spec, &SecretEnv::default()).await.unwrap();
        pid(&engine, "web").await
    });
    drop(first);
    runtime().block_on(async {
        let engine = world.another_engine();
        assert_eq!(pid(&engine, "web").await, begun);
        let again = engine.start(&spec, &SecretEnv::default()).await.unwrap();
        assert_eq!(again, Started::AlreadyRunning);
        let waiting = {
            let engine = Arc::clone(&engine);
            tokio::spawn(async move { engine.wait_exit("web").await.unwrap() })
        };
        kill(begun);
        // Only its parent learned how it ended.
        assert_eq!(waiting.await.unwrap(), Exit::UNKNOWN);
        assert!(!engine.stop("web", GRACE).await.unwrap());
    });
}

#[tokio::test]
async fn an_exit_is_remembered_for_later_commands() {
    let world = World::new();
    world.start(&world.script("web", "exit 4")).await;
    world.engine.wait_exit("web").await.unwrap();
    let later = world.another_engine();
    loop {
        // It is written down a moment after who waits has been told.
        match later.inspect("web").await.unwrap().state {
            RunState::Exited(exit) if exit == exited(4) => break,
            RunState::Exited(_) => tokio::task::yield_now().await,
            state => panic!("{state:?}"),
        }
    }
}

#[tokio::test]
async fn a_reused_process_id_is_not_the_service() {
    let world = World::new();
    let spec = world.script("web", "exit 0");
    world.start(&spec).await;
    world.engine.wait_exit("web").await.unwrap();
    // The engine writes the end down a moment after it tells it, and would do so over what follows.
    while world.record("web")["exit"].is_null() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // This very process, and a start time that is not its own.
    let mut own = serde_json::to_value(Identity::of(std::process::id()).unwrap()).unwrap();
    own["start"] = json!(own["start"].as_u64().unwrap() - 1);
    world.rewrite("web", "identity", own);
    world.rewrite("web", "exit", json!(null));
    let later = world.another_engine();
    let status = later.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Exited(Exit::UNKNOWN));
    assert!(!later.stop("web", NO_GRACE).await.unwrap());
    let own = later.service_of_pid(std::process::id()).await.unwrap();
    assert_eq!(own, None);
}

#[tokio::test]
async fn a_process_of_another_boot_is_not_the_service() {
    let world = World::new();
    world.start(&world.spec("web", &["sleep", "1000"])).await;
    let mut identity = world.record("web")["identity"].clone();
    identity["boot"] = json!("another");
    world.rewrite("web", "identity", identity);
    let status = world.another_engine().inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Exited(Exit::UNKNOWN));
}

#[tokio::test]
async fn a_start_that_was_cut_off_is_taken_up_by_its_token() {
    let world = World::new();
    let spec = world.spec("web", &["sleep", "1000"]);
    world.start(&spec).await;
    let begun = world.pid("web").await;
    // As the record was between the fork and the knowledge of it.
    world.rewrite("web", "identity", json!(null));
    let later = world.another_engine();
    assert_eq!(pid(&later, "web").await, begun);
    let again = later.start(&spec, &SecretEnv::default()).await.unwrap();
    assert_eq!(again, Started::AlreadyRunning);
    assert_eq!(world.record("web")["identity"]["pid"], json!(begun));
}

#[tokio::test]
async fn a_start_that_was_cut_off_before_the_fork_is_made_up_for() {
    let world = World::new();
    let spec = world.spec("web", &["sleep", "1000"]);
    let record = Record::intent(&spec, &SecretEnv::default());
    std::fs::create_dir_all(world.layout.processes()).unwrap();
    record.write(&world.layout).unwrap();
    let status = world.engine.inspect("web").await.unwrap();
    assert_eq!(status.state, RunState::Exited(Exit::UNKNOWN));
    assert_eq!(world.start(&spec).await, Started::Started);
    assert!(runs(world.pid("web").await));
}

#[tokio::test]
async fn a_damaged_record_is_an_error_that_names_it() {
    let world = World::new();
    std::fs::create_dir_all(world.layout.processes()).unwrap();
    let path = world.layout.processes().join("web.json");
    std::fs::write(&path, "{").unwrap();
    let error = world.engine.inspect("web").await.unwrap_err();
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    let spec = world.spec("web", &["sleep", "1000"]);
    let started = world.engine.start(&spec, &SecretEnv::default()).await;
    assert!(matches!(started, Err(EngineError::DamagedRecord { .. })));
}

#[tokio::test]
async fn a_process_is_told_to_belong_to_the_service_whose_descendant_it_is() {
    let world = World::new();
    let script = "setsid sleep 1000 & echo $!; env -i sleep 1000 & echo $!; wait";
    let lines = world.started("web", script, 2).await;
    let leader = world.pid("web").await;
    let children: Vec<u32> = lines.iter().map(|line| line.parse().unwrap()).collect();
    let later = world.another_engine();
    for pid in std::iter::once(leader).chain(children.iter().copied()) {
        let service = later.service_of_pid(pid).await.unwrap();
        assert_eq!(service.as_deref(), Some("web"), "{pid}");
    }
    let of_no_service = later.service_of_pid(std::process::id()).await.unwrap();
    assert_eq!(of_no_service, None);
    let of_another = World::new().engine.service_of_pid(leader).await.unwrap();
    assert_eq!(of_another, None, "another project's");
    // The one without a mark cannot be told from a stranger's when the world ends.
    children.into_iter().for_each(kill);
}

#[tokio::test]
async fn how_long_a_service_runs_is_told_by_a_clock_that_only_goes_forward() {
    let world = World::new();
    assert_eq!(world.engine.running_for("web").await.unwrap(), None);
    world.start(&world.spec("web", &["sleep", "1000"])).await;
    let first = world.engine.running_for("web").await.unwrap().unwrap();
    assert!(first < GRACE, "{first:?}");
    // The kernel counts in hundredths of a second.
    while world.engine.running_for("web").await.unwrap() <= Some(first) {
        tokio::task::yield_now().await;
    }
    world.engine.stop("web", NO_GRACE).await.unwrap();
    assert_eq!(world.engine.running_for("web").await.unwrap(), None);
}

#[tokio::test]
async fn an_end_that_is_written_down_brings_nothing_back_where_all_was_removed() {
    let world = World::new();
    let refused = record::lock_where_kept(&world.layout, "web").await;
    assert!(matches!(refused, Err(EngineError::Io { .. })));
    assert!(!world.layout.processes().exists());
    record::lock(&world.layout, "web").await.unwrap();
    record::lock_where_kept(&world.layout, "web").await.unwrap();
}
