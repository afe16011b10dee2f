//! Logs.

use std::io::Write as _;

use super::*;

fn write(world: &World, bytes: &[u8]) {
    std::fs::create_dir_all(world.layout.logs()).unwrap();
    let path = world.layout.log("web");
    let mut file = std::fs::File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    file.write_all(bytes).unwrap();
}

async fn tail(world: &World, count: usize) -> Vec<String> {
    world.engine.log_tail("web", count).await.unwrap()
}

async fn next(lines: &mut LogLines) -> String {
    lines.next().await.unwrap().unwrap()
}

#[tokio::test]
async fn there_are_no_lines_where_there_is_no_log() {
    let world = World::new();
    assert!(tail(&world, 10).await.is_empty());
    write(&world, b"");
    assert!(tail(&world, 10).await.is_empty());
}

#[tokio::test]
async fn the_tail_has_the_last_lines_and_no_more() {
    let world = World::new();
    write(&world, b"one\ntwo\r\n\nthr\xffee\nunfinished");
    assert_eq!(tail(&world, 2).await, ["thr\u{fffd}ee", "unfinished"]);
    let all = ["one", "two", "", "thr\u{fffd}ee", "unfinished"];
    assert_eq!(tail(&world, 5).await, all);
    assert_eq!(tail(&world, usize::MAX).await, all);
    assert!(tail(&world, 0).await.is_empty());
}

#[tokio::test]
async fn the_tail_of_a_large_log_is_whole() {
    let world = World::new();
    let lines: Vec<String> = (0..40_000).map(|line| format!("line {line}")).collect();
    write(&world, (lines.join("\n") + "\n").as_bytes());
    for count in [1, 2, 5_000, 39_999, 40_000, 50_000] {
        let from = lines.len().saturating_sub(count);
        assert_eq!(tail(&world, count).await, &lines[from..], "{count}");
    }
}

#[tokio::test]
async fn a_log_is_followed_line_by_line() {
    let world = World::new();
    write(&world, b"old\nlast\nbeg");
    let mut lines = world.engine.log_follow("web", 1).await.unwrap();
    assert_eq!(next(&mut lines).await, "last");
    write(&world, b"un\nnext\n");
    assert_eq!(next(&mut lines).await, "begun");
    assert_eq!(next(&mut lines).await, "next");
}

#[tokio::test]
async fn a_log_that_is_yet_to_come_is_followed() {
    let world = World::new();
    let mut lines = world.engine.log_follow("web", 10).await.unwrap();
    world
        .start(&world.script("web", "echo hello; exec sleep 1000"))
        .await;
    assert_eq!(next(&mut lines).await, "hello");
}

#[tokio::test]
async fn a_log_that_is_cut_off_is_followed_from_its_new_beginning() {
    let world = World::new();
    write(&world, b"a long line before\n");
    let mut lines = world.engine.log_follow("web", 10).await.unwrap();
    assert_eq!(next(&mut lines).await, "a long line before");
    std::fs::write(world.layout.log("web"), b"new\n").unwrap();
    assert_eq!(next(&mut lines).await, "new");
}

#[tokio::test]
async fn a_line_without_an_end_is_handed_on_in_pieces() {
    let world = World::new();
    let mut lines = world.engine.log_follow("web", 10).await.unwrap();
    write(&world, &vec![b'x'; 3 << 20]);
    let piece = next(&mut lines).await;
    assert!(
        piece.len() > 1 << 20 && piece.len() < 2 << 20,
        "{}",
        piece.len()
    );
}

#[tokio::test]
async fn a_new_start_adds_to_the_log() {
    let world = World::new();
    for _ in 0..2 {
        world.start(&world.script("web", "echo again")).await;
        world.engine.wait_exit("web").await.unwrap();
    }
    assert_eq!(tail(&world, 9).await, ["again", "again"]);
}
