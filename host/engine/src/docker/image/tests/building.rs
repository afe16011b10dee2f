//! Images built from a `build:` section.

use std::collections::BTreeMap;

use bollard::query_parameters::CreateContainerOptions;

use super::*;

fn context(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    directory
}

fn section(directory: &tempfile::TempDir) -> Build {
    Build {
        context: directory.path().to_owned(),
        ..Build::default()
    }
}

/// The paths of the files in an image, without those that the engine puts into every container.
async fn files(docker: &Docker, reference: &str) -> Vec<String> {
    let body = ContainerCreateBody {
        image: Some(reference.to_owned()),
        cmd: Some(vec!["none".to_owned()]),
        ..ContainerCreateBody::default()
    };
    let container = docker
        .create_container(None::<CreateContainerOptions>, body)
        .await
        .unwrap();
    let bytes: Result<Vec<_>, _> = docker.export_container(&container.id).try_collect().await;
    docker
        .remove_container(&container.id, None::<RemoveContainerOptions>)
        .await
        .unwrap();
    let bytes = bytes.unwrap().concat();
    let mut archive = tar::Archive::new(bytes.as_slice());
    let paths = archive.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        entry.path().unwrap().display().to_string()
    });
    let own = ["dev/", "etc/", "proc/", "sys/", ".dockerenv"];
    paths
        .filter(|path| !path.ends_with('/') && !own.iter().any(|own| path.starts_with(own)))
        .collect()
}

#[tokio::test]
async fn what_dockerignore_names_stays_behind() {
    with_images(docker().await, |docker, word| async move {
        let directory = context(&[
            ("Dockerfile", "FROM scratch\nCOPY . /\n"),
            (
                ".dockerignore",
                "**/*.log\nsecret\n!secret/public\nDockerfile\n.dockerignore\n",
            ),
            ("a.txt", "a"),
            ("sub/b.log", "b"),
            ("secret/key", "k"),
            ("secret/public", "p"),
        ]);
        let reference = format!("chora-test/{word}:1");
        let wanted_build = section(&directory);
        let program = program();
        let wanted = Wanted {
            build: Some(&wanted_build),
            ..wanted(&reference, &program)
        };
        let image = ensure_image(&docker, wanted, &|_| {}).await.unwrap();
        assert_eq!(image.came, Came::Built);
        let found = inspect(&docker, &reference).await.unwrap().unwrap();
        assert_eq!(found.id, Some(image.id));
        // The engine's builder takes the Dockerfile away again, because it is ignored.
        assert_eq!(files(&docker, &reference).await, ["a.txt", "secret/public"]);
    })
    .await;
}

#[tokio::test]
async fn arguments_stage_labels_and_an_inline_dockerfile_reach_the_builder() {
    with_images(docker().await, |docker, word| async move {
        let directory = context(&[("a.txt", "a"), ("b.txt", "b")]);
        let text = "FROM scratch AS first\nARG WHO\nLABEL who=$WHO\nCOPY . /\n\
                    FROM scratch AS second\nCOPY b.txt /\n";
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let also = format!("chora-test/{word}:also");
        let section = Build {
            dockerfile_inline: Some(text.to_owned()),
            args: one("WHO", "me"),
            labels: one("dev.example", "yes"),
            target: Some("first".to_owned()),
            tags: vec![also.clone()],
            ..section(&directory)
        };
        let reference = format!("chora-test/{word}:1");
        let seen = Seen::default();
        build(&docker, &reference, &section, &|progress| {
            seen.add(progress)
        })
        .await
        .unwrap();
        assert_eq!(files(&docker, &reference).await, ["a.txt", "b.txt"]);
        let labels = labels(&docker, &also).await;
        assert_eq!(
            (labels["who"].as_str(), labels["dev.example"].as_str()),
            ("me", "yes")
        );
        let said = |text: &str| {
            seen.all()
                .iter()
                .any(|progress| matches!(progress, Progress::Output(line) if line.contains(text)))
        };
        assert!(said("COPY . /"), "{:?}", seen.all());
    })
    .await;
}

#[tokio::test]
async fn a_failed_build_shows_the_end_of_its_output() {
    with_images(docker().await, |docker, word| async move {
        let directory = context(&[("Dockerfile", "FROM scratch\nCOPY missing /\n")]);
        let reference = format!("chora-test/{word}:1");
        let error = build(&docker, &reference, &section(&directory), &|_| {})
            .await
            .unwrap_err();
        let ImageError::BuildFailed {
            message, output, ..
        } = &error
        else {
            panic!("{error:?}");
        };
        assert!(message.contains("missing"), "{message}");
        assert!(
            output.iter().any(|line| line.contains("COPY missing /")),
            "{output:?}"
        );
        assert!(error.to_string().contains("\n  Step 2/2"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_context_without_a_dockerfile_is_named() {
    let docker = docker().await;
    let directory = context(&[]);
    let error = build(&docker, "never", &section(&directory), &|_| {})
        .await
        .unwrap_err();
    let expected = directory.path().join("Dockerfile").display().to_string();
    assert!(error.to_string().contains(&expected), "{error}");
}
