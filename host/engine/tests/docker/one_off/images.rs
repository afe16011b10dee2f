//! The engine's version, and images.

use chora_engine::docker::one_off::OneOffError;

use super::{PATIENCE, one, one_offs, refused};
use crate::world::{NO_GRACE, World};

#[tokio::test]
async fn the_engine_says_what_it_is() {
    let world = World::new().await;
    let version = one_offs(&world).version().await.unwrap();
    assert_eq!(version.kind, "docker");
    assert!(version.version.contains('.'), "{version:?}");
}

#[tokio::test]
async fn an_image_is_described_and_one_that_is_not_there_is_absent() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let facts = one_offs.image(&world.image).await.unwrap().unwrap();
    assert!(facts.id.starts_with("sha256:"), "{facts:?}");
    assert!(facts.size > 100_000, "{facts:?}");
    assert!(!facts.architecture.is_empty());
    let nobody = world
        .image
        .replace("chora-engine-test", "chora-engine-nobody");
    assert_eq!(one_offs.image(&nobody).await.unwrap(), None);
    // One that is there is not pulled.
    assert!(!one_offs.pull_image(&world.image, &|_| {}).await.unwrap());
}

#[tokio::test]
async fn a_container_of_an_image_that_is_not_there_is_refused() {
    let world = World::new().await;
    let mut job = one(&world, "-job", &["sleep"]);
    job.image = "chora-no-such-image:1".to_owned();
    for error in [
        refused(one_offs(&world).run(job.clone(), None, PATIENCE).await),
        refused(one_offs(&world).could_run(&job).await),
        refused(one_offs(&world).start(&job).await),
    ] {
        assert!(matches!(error, OneOffError::NoImage { .. }), "{error}");
        assert!(
            error.to_string().contains("chora-no-such-image:1"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_image_that_a_container_is_made_of_is_not_removed() {
    let world = World::new().await;
    let one_offs = one_offs(&world);
    let job = one(&world, "-job", &["sleep"]);
    one_offs.start(&job).await.unwrap();
    one_offs.stop(&job.name, NO_GRACE).await.unwrap();
    let error = refused(one_offs.remove_image(&world.image).await);
    assert!(matches!(error, OneOffError::InUse { .. }), "{error}");
    one_offs.remove(&job.name).await.unwrap();
    assert!(one_offs.remove_image(&world.image).await.unwrap());
    assert!(!one_offs.remove_image(&world.image).await.unwrap());
}
