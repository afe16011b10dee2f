//! Images that are pulled again when they have got old.

use super::registry::{Manner, start};
use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn older<'a>(age: Duration, reference: &'a str, program: &'a Path) -> Wanted<'a> {
    Wanted {
        pull: Pull::Older(age),
        ..wanted(reference, program)
    }
}

async fn came(docker: &Docker, wanted: Wanted<'_>) -> Came {
    ensure_image(docker, wanted, &|_| {}).await.unwrap().came
}

#[tokio::test]
async fn an_image_is_pulled_again_when_the_last_pull_is_older_than_asked_for() {
    with_images(docker().await, |docker, word| async move {
        let (registry, _told) = start(Manner::Open).await;
        let reference = format!("{registry}/{word}:1");
        let program = program();
        let daily = older(DAY, &reference, &program);
        assert_eq!(came(&docker, daily).await, Came::Pulled);
        assert_eq!(came(&docker, daily).await, Came::Present);
        let at_once = older(Duration::ZERO, &reference, &program);
        assert_eq!(came(&docker, at_once).await, Came::Pulled);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_somebody_else_pulled_at_an_unknown_time_is_pulled_once() {
    with_images(docker().await, |docker, word| async move {
        let (registry, _told) = start(Manner::Open).await;
        let reference = format!("{registry}/{word}:1");
        let program = program();
        pull(&docker, &reference, None, &|_| {}).await.unwrap();
        let image = inspect(&docker, &reference).await.unwrap().unwrap();
        let tagged = image.metadata.and_then(|it| it.last_tag_time);
        // An engine that notes the time of a pull needs no second one.
        let knows = tagged.is_some_and(|at| !at.starts_with("0001-"));
        let expected = if knows { Came::Present } else { Came::Pulled };
        let daily = older(DAY, &reference, &program);
        assert_eq!(came(&docker, daily).await, expected);
        assert_eq!(came(&docker, daily).await, Came::Present);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_has_got_old_and_cannot_be_pulled_is_an_error() {
    with_images(docker().await, |docker, word| async move {
        let (registry, _told) = start(Manner::Open).await;
        let reference = format!("{registry}/{word}:1");
        let gone = format!("{registry}/{word}:gone");
        let program = program();
        assert_eq!(
            came(&docker, older(DAY, &reference, &program)).await,
            Came::Pulled
        );
        let options = TagImageOptionsBuilder::default()
            .repo(gone.strip_suffix(":gone").unwrap())
            .tag("gone")
            .build();
        docker.tag_image(&reference, Some(options)).await.unwrap();
        assert_eq!(
            came(&docker, older(DAY, &gone, &program)).await,
            Came::Present
        );
        let error = ensure_image(&docker, older(Duration::ZERO, &gone, &program), &|_| {})
            .await
            .unwrap_err();
        assert!(matches!(error, ImageError::NotFound { .. }), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn an_image_that_was_made_here_is_never_old() {
    with_images(docker().await, |docker, tag| async move {
        let image = Role::Manifest.image(&tag);
        let program = program();
        build_own(&docker, &program, std::slice::from_ref(&image), &|_| {})
            .await
            .unwrap();
        let at_once = older(Duration::ZERO, &image.reference, &program);
        assert_eq!(came(&docker, at_once).await, Came::Present);
    })
    .await;
}
