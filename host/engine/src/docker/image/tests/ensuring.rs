//! Which way leads to an image.

use super::*;

#[tokio::test]
async fn an_image_that_is_there_is_left_alone() {
    with_images(docker().await, |docker, tag| async move {
        let image = Role::Manifest.image(&tag);
        let program = program();
        let made = build_own(&docker, &program, std::slice::from_ref(&image), &|_| {})
            .await
            .unwrap();
        let seen = Seen::default();
        let wanted = Wanted {
            pull: Pull::Missing,
            ..wanted(&image.reference, &program)
        };
        let found = ensure_image(&docker, wanted, &|progress| seen.add(progress))
            .await
            .unwrap();
        assert_eq!((found.came, &found.id), (Came::Present, &made[0].id));
        assert_eq!(seen.all(), []);
    })
    .await;
}

#[tokio::test]
async fn services_that_start_together_make_their_images_once() {
    with_images(docker().await, |docker, tag| async move {
        let program = program();
        let seen = Seen::default();
        let observer = |progress| seen.add(progress);
        let images = Role::ALL.map(|role| role.image(&tag));
        let all = images
            .iter()
            .map(|image| ensure_image(&docker, wanted(&image.reference, &program), &observer));
        for image in futures_util::future::try_join_all(all).await.unwrap() {
            assert_eq!(image.came, Came::Built);
        }
        let buildings: Vec<Progress> = seen
            .all()
            .into_iter()
            .filter(|progress| matches!(progress, Progress::Building { .. }))
            .collect();
        let [Progress::Building { why: Some(why), .. }] = buildings.as_slice() else {
            panic!("{buildings:?}");
        };
        assert!(why.contains("there is no image"), "{why}");
    })
    .await;
}

#[tokio::test]
async fn an_image_of_another_chora_is_made_anew() {
    with_images(docker().await, |docker, tag| async move {
        let image = Role::Manifest.image(&tag);
        let another = std::env::current_exe().unwrap();
        let made = build_own(&docker, &program(), std::slice::from_ref(&image), &|_| {})
            .await
            .unwrap();
        let before = labels(&docker, &image.reference).await;

        let found = ensure_image(&docker, wanted(&image.reference, &another), &|_| {})
            .await
            .unwrap();
        assert_eq!(found.came, Came::Built);
        let after = labels(&docker, &image.reference).await;
        assert_ne!(before["dev.chora.image"], after["dev.chora.image"]);
        let old = inspect(&docker, &made[0].id).await.unwrap();
        assert!(old.is_none(), "it is of no use any more");
    })
    .await;
}

#[tokio::test]
async fn an_image_that_nobody_can_make_is_an_error_that_names_it() {
    let docker = docker().await;
    let reference = format!("{}:1", unique());
    let error = ensure_image(&docker, wanted(&reference, &program()), &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Absent { .. }), "{error:?}");
    assert!(error.to_string().contains(&reference), "{error}");
}

#[tokio::test]
async fn a_program_that_is_none_is_refused_before_anything_is_sent() {
    let docker = docker().await;
    let path = tempfile::NamedTempFile::new().unwrap();
    let image = Role::Manifest.image(&unique());
    let error = build_own(&docker, path.path(), &[image], &|_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ImageError::Program { .. }), "{error:?}");
}
