//! Images made of a program.

use super::*;

#[tokio::test]
async fn the_program_runs_in_its_image_and_may_write_where_it_should() {
    with_images(docker().await, |docker, tag| async move {
        let images = [Role::Manifest.image(&tag)];
        build_own(&docker, &program(), &images, &|_| {})
            .await
            .unwrap();
        let (code, output) = run(
            &docker,
            &images[0].reference,
            &["-c", "echo I am; cd /data; : >mine; cd /tmp; : >mine"],
        )
        .await;
        assert_eq!((code, output.as_str()), (0, "I am\n"));
    })
    .await;
}

#[tokio::test]
async fn all_images_share_their_only_layer_and_say_how_they_run() {
    with_images(docker().await, |docker, tag| async move {
        let images = Role::ALL.map(|role| role.image(&tag));
        let seen = Seen::default();
        let made = build_own(&docker, &program(), &images, &|progress| seen.add(progress))
            .await
            .unwrap();
        let mut layers = Vec::new();
        for (image, made) in images.iter().zip(&made) {
            let found = inspect(&docker, &image.reference).await.unwrap().unwrap();
            assert_eq!(found.id.as_deref(), Some(made.id.as_str()));
            let config = found.config.unwrap();
            assert_eq!(config.user.as_deref(), Some("65532:65532"));
            let name = image.role.name().to_owned();
            assert_eq!(config.cmd.unwrap(), ["serve".to_owned(), name.clone()]);
            let check = config.healthcheck.unwrap().test.unwrap();
            assert_eq!(check, ["CMD", "/chora", "serve", &name, "--check"]);
            layers.push(found.root_fs.unwrap().layers.unwrap());
        }
        assert_eq!(layers.len(), 4);
        assert!(layers.iter().all(|layer| layer.len() == 1 && *layer == layers[0]));
        assert!(
            matches!(seen.all().last(), Some(Progress::Sending { current, total }) if current == total),
            "{:?}",
            seen.all().last()
        );
    })
    .await;
}

#[tokio::test]
async fn an_image_that_is_made_again_has_the_same_id() {
    with_images(docker().await, |docker, tag| async move {
        let images = [Role::Gateway.image(&tag)];
        let first = build_own(&docker, &program(), &images, &|_| {})
            .await
            .unwrap();
        docker
            .remove_image(&images[0].reference, None::<RemoveImageOptions>, None)
            .await
            .unwrap();
        let second = build_own(&docker, &program(), &images, &|_| {})
            .await
            .unwrap();
        assert_eq!(first, second);
    })
    .await;
}

#[tokio::test]
async fn a_transfer_that_is_broken_off_leaves_no_image() {
    with_images(docker().await, |docker, tag| async move {
        let images = [Role::Analyzer.image(&tag)];
        let (began, begun) = tokio::sync::oneshot::channel();
        let began = Mutex::new(Some(began));
        let (path, observer) = (program(), move |progress| {
            if let (Progress::Sending { .. }, Some(began)) =
                (progress, began.lock().unwrap().take())
            {
                began.send(()).unwrap();
            }
        });
        let work = build_own(&docker, &path, &images, &observer);
        tokio::select! {
            biased;
            begun = begun => begun.unwrap(),
            ended = work => panic!("it was quicker: {ended:?}"),
        }
        let left = inspect(&docker, &images[0].reference).await.unwrap();
        assert!(left.is_none());
    })
    .await;
}
