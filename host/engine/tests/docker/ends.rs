//! How containers end.

use bollard::query_parameters::KillContainerOptions;
use chora_compose::Restart;
use chora_engine::{Engine as _, Exit, RunState};

use crate::world::{GRACE, NO_GRACE, World};

#[tokio::test]
async fn an_exit_is_told_with_its_code() {
    let world = World::new().await;
    world
        .start(&world.service("web", &["wait", "300", "then", "exit", "7"]))
        .await;
    assert_eq!(
        world.engine.wait_exit("web").await.unwrap(),
        Exit::of_code(7)
    );
    assert_eq!(world.state("web").await, RunState::Exited(Exit::of_code(7)));
    // Waiting for what has ended is answered at once.
    assert_eq!(
        world.engine.wait_exit("web").await.unwrap(),
        Exit::of_code(7)
    );
    assert_eq!(world.engine.wait_exit("none").await.unwrap(), Exit::UNKNOWN);
}

#[tokio::test]
async fn a_kill_and_a_removal_end_a_wait() {
    let world = World::new().await;
    let spec = world.service_with("web", &["sleep"], |service| service.init = None);
    world.start(&spec).await;
    let engine = world.another_engine();
    let waiting = tokio::spawn(async move { engine.wait_exit("web").await.unwrap() });
    let name = world.named("-web-1");
    world
        .client
        .kill_container(&name, None::<KillContainerOptions>)
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap(), Exit::of_code(137));
    world.start(&spec).await;
    let engine = world.another_engine();
    let waiting = tokio::spawn(async move { engine.wait_exit("web").await.unwrap() });
    world.engine.remove("web", NO_GRACE).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_container_that_does_not_heed_is_killed_after_its_grace() {
    let world = World::new().await;
    // The first process of a container heeds no signal that it does not handle.
    let spec = world.service_with("web", &["sleep"], |service| service.init = None);
    world.start(&spec).await;
    assert!(world.engine.stop("web", NO_GRACE).await.unwrap());
    assert_eq!(
        world.state("web").await,
        RunState::Exited(Exit::of_code(137))
    );
}

#[tokio::test]
async fn a_crash_loop_is_told_from_a_service_that_comes_up_at_last() {
    let world = World::new().await;
    let always = |service: &mut chora_compose::Service| service.restart = Some(Restart::Always);
    world
        .start(&world.service_with("web", &["exit", "3"], always))
        .await;
    let exit = world.engine.wait_exit("web").await.unwrap();
    assert_eq!(exit.code, Some(3));
    assert!(exit.restarts >= 3, "{exit:?}");
    assert!(exit.to_string().contains("started it again"));
    assert!(world.engine.stop("web", GRACE).await.unwrap());
    let once = |service: &mut chora_compose::Service| service.restart = Some(Restart::OnFailure(1));
    world
        .start(&world.service_with("db", &["exit", "4"], once))
        .await;
    let exit = world.engine.wait_exit("db").await.unwrap();
    assert_eq!((exit.code, exit.restarts), (Some(4), 1));
}
