//! What plugins make on the engine beside the services.

mod bounds;
mod images;
mod life;
mod owners;
mod places;
mod runs;

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::*;
use chora_engine::docker::one_off::{OneOff, OneOffError, OneOffs, Ran};
use futures_util::StreamExt as _;

use crate::world::World;

/// Longer than anything takes that ends by itself.
const PATIENCE: Duration = Duration::from_secs(60);
const MEMORY: u64 = 64 << 20;

fn one_offs(world: &World) -> OneOffs {
    // Whoever holds the environment's lock has it already.
    std::fs::create_dir_all(&world.layout.home).unwrap();
    OneOffs::open(&world.layout, world.endpoint.clone(), Some(world.named("")))
}

/// A container of the world's image.
fn one(world: &World, rest: &str, words: &[&str]) -> OneOff {
    OneOff {
        name: world.named(rest),
        plugin: "tester".to_owned(),
        image: world.image.clone(),
        command: words.iter().map(|word| (*word).to_owned()).collect(),
        memory: MEMORY,
        ..OneOff::default()
    }
}

async fn run(one_offs: &OneOffs, one: OneOff) -> Ran {
    let ran = one_offs.run(one, None, PATIENCE).await;
    ran.unwrap_or_else(|error| panic!("{}", crate::world::chain(&error)))
}

fn printed(ran: &Ran) -> &str {
    std::str::from_utf8(&ran.stdout).unwrap()
}

/// Whether anything has the name, whosever it is.
async fn is_there(world: &World, name: &str) -> bool {
    world.client.inspect_container(name, None).await.is_ok()
}

/// A container that another chora of this environment left, made and not started.
async fn left(world: &World, name: &str, more: &[(&str, &str)]) {
    let mut labels = HashMap::from([
        (
            "dev.chora.project".to_owned(),
            world.layout.project.display().to_string(),
        ),
        ("dev.chora.environment".to_owned(), "dev".to_owned()),
    ]);
    labels.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let body = ContainerCreateBody {
        image: Some(world.image.clone()),
        labels: Some(labels),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::default().name(name).build();
    let made = world.client.create_container(Some(options), body);
    made.await.unwrap();
}

/// Resolves when a container of this name was started. Begin before it may be.
async fn started(world: &World, name: &str) {
    let filters = HashMap::from([("container", vec![name]), ("event", vec!["start"])]);
    let options = EventsOptionsBuilder::default()
        .filters(&filters)
        .since("1")
        .build();
    let mut events = Box::pin(world.client.events(Some(options)));
    events.next().await.unwrap().unwrap();
}

fn refused<T: std::fmt::Debug>(answer: Result<T, OneOffError>) -> OneOffError {
    answer.unwrap_err()
}
