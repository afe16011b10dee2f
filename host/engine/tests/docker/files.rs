//! Services that are described in Compose files.

use chora_engine::docker::{DockerEngine, DockerSettings};
use chora_engine::{Engine as _, SecretEnv, Started};

use crate::world::{World, chain};

fn engine(world: &World) -> DockerEngine {
    let settings = DockerSettings {
        endpoint: world.endpoint.clone(),
        project: Some(world.named("")),
        reader: None,
        program: "/bin/false".into(),
    };
    DockerEngine::open(&world.layout, settings)
}

#[tokio::test]
async fn a_service_is_started_as_its_file_says_and_replaced_when_the_file_changes() {
    let world = World::new().await;
    let engine = engine(&world);
    let file = world.folder.path().join("compose.yml");
    let text = format!(
        "services:\n  web:\n    image: ${{IMAGE:-{}}}\n    command: [variable, WORD, then, sleep]\n    init: true\n    environment:\n      WORD: ${{CHORA_ENVIRONMENT}}-${{FROM_DOTENV}}\n",
        world.image
    );
    std::fs::write(&file, &text).unwrap();
    std::fs::write(world.folder.path().join(".env"), "FROM_DOTENV=dot\n").unwrap();
    let spec = world.spec("web", Some("compose.yml"), None, None);
    let none = SecretEnv::default();
    assert_eq!(engine.start(&spec, &none).await.unwrap(), Started::Started);
    assert_eq!(
        engine.start(&spec, &none).await.unwrap(),
        Started::AlreadyRunning
    );
    assert_eq!(world.lines("web", 1).await, ["dev-dot"]);
    assert!(engine.warnings(&spec).await.unwrap().is_empty());
    let changed = text.replace("FROM_DOTENV", "NOBODY_SETS_THIS");
    std::fs::write(&file, changed).unwrap();
    let warnings = engine.warnings(&spec).await.unwrap();
    assert!(
        warnings.iter().any(|it| it.contains("NOBODY_SETS_THIS")),
        "{warnings:?}"
    );
    assert_eq!(engine.start(&spec, &none).await.unwrap(), Started::Replaced);
}

#[tokio::test]
async fn what_is_wrong_in_a_file_is_told_with_its_place() {
    let world = World::new().await;
    let engine = engine(&world);
    let file = world.folder.path().join("compose.yml");
    std::fs::write(&file, "services:\n  web:\n    image: a\n    comand: x\n").unwrap();
    let spec = world.spec("web", Some("compose.yml"), None, None);
    let error = engine
        .start(&spec, &SecretEnv::default())
        .await
        .unwrap_err();
    assert!(error.is_configuration());
    let told = chain(&error);
    assert!(told.contains("compose.yml:4"), "{told}");
    std::fs::remove_file(file).unwrap();
    let told = chain(
        &engine
            .start(&spec, &SecretEnv::default())
            .await
            .unwrap_err(),
    );
    assert!(told.contains("cannot be read"), "{told}");
}
