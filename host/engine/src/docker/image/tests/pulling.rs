//! Images from a registry.

use super::registry::{Gone, Manner, start};
use super::*;

fn missing<'a>(reference: &'a str, program: &'a Path) -> Wanted<'a> {
    Wanted {
        pull: Pull::Missing,
        ..wanted(reference, program)
    }
}

#[tokio::test]
async fn a_missing_image_is_pulled_layer_by_layer() {
    with_images(docker().await, |docker, word| async move {
        let (registry, _told) = start(Manner::Open).await;
        let reference = format!("{registry}/{word}:1");
        let seen = Seen::default();
        let program = program();
        let image = ensure_image(&docker, missing(&reference, &program), &|progress| {
            seen.add(progress)
        })
        .await
        .unwrap();
        assert_eq!(image.came, Came::Pulled);
        let seen = seen.all();
        assert_eq!(
            seen.first(),
            Some(&Progress::Pulling {
                reference: reference.clone()
            })
        );
        let layer = |wanted: &str| {
            seen.iter().any(
                |progress| matches!(progress, Progress::Layer { status, .. } if status == wanted),
            )
        };
        assert!(
            layer("Pull complete") || layer("Already exists"),
            "{seen:?}"
        );

        let again = ensure_image(&docker, missing(&reference, &program), &|_| {})
            .await
            .unwrap();
        assert_eq!((again.came, again.id), (Came::Present, image.id));
    })
    .await;
}

#[tokio::test]
async fn the_login_of_the_user_opens_a_registry() {
    with_images(docker().await, |docker, word| async move {
        let (registry, _told) = start(Manner::Login).await;
        let reference = format!("{registry}/{word}:1");
        let program = program();
        let error = ensure_image(&docker, missing(&reference, &program), &|_| {})
            .await
            .unwrap_err();
        assert!(
            matches!(error, ImageError::Unauthorised { .. }),
            "{error:?}"
        );
        let advice = format!("docker login {registry}");
        assert!(error.to_string().contains(&advice), "{error}");

        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(r#"{{"auths": {{"{registry}": {{"auth": "dXNlcjpzZWNyZXQ="}}}}}}"#);
        std::fs::write(file.path(), text).unwrap();
        let wanted = Wanted {
            logins: Some(file.path()),
            ..missing(&reference, &program)
        };
        let image = ensure_image(&docker, wanted, &|_| {}).await.unwrap();
        assert_eq!(image.came, Came::Pulled);
    })
    .await;
}

#[tokio::test]
async fn an_image_that_the_registry_does_not_have_is_not_found() {
    let (registry, _told) = start(Manner::Open).await;
    let reference = format!("{registry}/{}:2", unique());
    let docker = docker().await;
    let error = ensure_image(&docker, missing(&reference, &program()), &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::NotFound { .. }), "{error:?}");
}

#[tokio::test]
async fn a_registry_that_nobody_answers_for_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = listener.local_addr().unwrap();
    drop(listener);
    let reference = format!("{registry}/{}:1", unique());
    let docker = docker().await;
    let error = ensure_image(&docker, missing(&reference, &program()), &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Unreachable { .. }), "{error:?}");
}

/// What the engine does then is its own affair: 20.10 goes on waiting for a registry that hangs.
#[tokio::test]
async fn a_pull_that_is_dropped_ends_its_request() {
    let (engine, mut told) = start(Manner::Silent).await;
    let docker = Docker::connect_with_http(&engine, 120, bollard::API_DEFAULT_VERSION).unwrap();
    {
        let pulling = pull(&docker, "never:1", None, &|_| {});
        tokio::select! {
            told = told.recv() => assert_eq!(told, Some(Gone::No)),
            ended = pulling => panic!("{ended:?}"),
        }
    }
    assert_eq!(told.recv().await, Some(Gone::Yes));
}
