//! What containers print. Podman 4.3 tells it otherwise: a long line in pieces, and lines of both streams as one.

use chora_engine::Engine as _;
use futures_util::StreamExt as _;

use crate::world::{NO_GRACE, World};

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
