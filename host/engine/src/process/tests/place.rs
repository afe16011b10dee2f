//! What a service finds around itself, and what keeps it from being started.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[tokio::test]
async fn a_service_gets_the_configured_environment_and_nothing_else_of_chora_s_own() {
    let world = World::new();
    let mut spec = world.script("web", "env; echo end; exec sleep 1000");
    spec.environment
        .insert("COLOUR".to_owned(), "blue".to_owned());
    let secrets = SecretEnv([("API_KEY_WEB".to_owned(), "k3y".to_owned())].into());
    world.engine.start(&spec, &secrets).await.unwrap();
    let mut found = BTreeMap::new();
    let mut lines = world.engine.log_follow("web", usize::MAX).await.unwrap();
    while let Some(Ok(line)) = lines.next().await {
        match line.split_once('=') {
            Some((name, value)) => found.insert(name.to_owned(), value.to_owned()),
            None => break,
        };
    }
    for (name, value) in spec.environment.iter().chain(&secrets.0) {
        assert_eq!(found.get(name), Some(value), "{name}");
    }
    assert!(found.contains_key("PATH"));
    // Set for every test, and no business of a service's.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    assert_eq!(found.get("CARGO_MANIFEST_DIR"), None);
    let pid = world.pid("web").await;
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&line).contains("k3y"));
    assert!(!format!("{secrets:?}").contains("k3y"));
}

#[tokio::test]
async fn a_service_runs_in_the_project_with_a_directory_of_its_own() {
    let world = World::new();
    let script = "pwd -P; cd \"$DATA_DIR\" && pwd -P; exec sleep 1000";
    let lines = world.started("web", script, 2).await;
    let data = world.layout.service_data("web");
    let real = |path: &Path| path.canonicalize().unwrap().display().to_string();
    assert_eq!(lines, [real(world.folder.path()), real(&data)]);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&world.layout.processes().join("web.json")), 0o600);
    assert_eq!(mode(&world.layout.log("web")) & 0o027, 0);
}

#[tokio::test]
async fn a_service_inherits_no_open_file() {
    let world = World::new();
    let _open = std::fs::File::open(world.folder.path()).unwrap();
    let lines = world
        .started("web", "for n in 3 4 5 6 7 8 9 10 20 251; do [ -e /proc/$$/fd/$n ] && echo open $n; done; echo looked; exec sleep 1000", 1)
        .await;
    assert!(
        !lines.iter().any(|line| line.starts_with("open ")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn chora_in_a_command_is_this_very_program() {
    let world = World::new();
    let program = world.folder.path().join("some name");
    std::fs::write(&program, "#!/bin/sh\necho \"$0 $*\"\nexec sleep 1000\n").unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let engine = ProcessEngine::open(&world.layout, program.clone());
    let spec = world.spec("web", &["chora", "serve", "web"]);
    engine.start(&spec, &SecretEnv::default()).await.unwrap();
    let wanted = format!("{} serve web", program.display());
    assert_eq!(world.lines("web", 1).await, [wanted]);
}

/// Starts what cannot be started; the whole message, with its causes.
async fn refused(world: &World, spec: &ServiceSpec) -> String {
    let started = world.engine.start(spec, &SecretEnv::default()).await;
    let error = started.unwrap_err();
    let status = world.engine.inspect(&spec.name).await.unwrap();
    assert_eq!(status.state, RunState::Absent, "nothing is remembered");
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_the_search_path() {
    let world = World::new();
    let mut spec = world.spec("web", &["no-such-program"]);
    spec.environment
        .insert("PATH".to_owned(), "/bin:/usr/bin".to_owned());
    assert_eq!(
        refused(&world, &spec).await,
        "service `web` cannot be started: there is no program `no-such-program` in PATH (/bin:/usr/bin)"
    );
    assert_eq!(
        refused(&world, &world.spec("web", &["./missing"])).await,
        "service `web` cannot be started: there is no program `./missing`"
    );
}

#[tokio::test]
async fn a_file_that_is_no_program_is_not_started() {
    let world = World::new();
    let file = world.folder.path().join("file");
    std::fs::write(&file, "text").unwrap();
    let spec = world.spec("web", &["./file"]);
    let message = refused(&world, &spec).await;
    assert!(message.ends_with("/./file` is not executable"), "{message}");
    // Executable, and yet nothing that the system can run.
    std::fs::write(&file, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o700)).unwrap();
    let message = refused(&world, &spec).await;
    assert!(message.contains("/./file` failed: "), "{message}");
}

#[tokio::test]
async fn a_service_without_a_command_is_not_started() {
    let world = World::new();
    let message = refused(&world, &world.spec("web", &[])).await;
    assert!(
        message.starts_with("service `web` has no `command`"),
        "{message}"
    );
}

#[tokio::test]
async fn a_program_that_is_not_there_leaves_alone_what_runs() {
    let world = World::new();
    world.start(&world.spec("web", &["sleep", "1000"])).await;
    let begun = world.pid("web").await;
    let spec = world.spec("web", &["no-such-program"]);
    let started = world.engine.start(&spec, &SecretEnv::default()).await;
    assert!(started.unwrap_err().is_configuration());
    assert_eq!(world.pid("web").await, begun);
}

#[tokio::test]
async fn a_missing_project_and_an_unusable_log_are_named() {
    let world = World::new();
    let mut spec = world.spec("web", &["sleep", "1000"]);
    spec.directory = world.folder.path().join("gone");
    let message = refused(&world, &spec).await;
    assert!(
        message.contains("/gone` of service `web` cannot be used: "),
        "{message}"
    );
    std::fs::create_dir_all(world.layout.log("web")).unwrap();
    let message = refused(&world, &world.spec("web", &["sleep", "1000"])).await;
    assert!(
        message.contains("/logs/web.log` of service `web` cannot be used: "),
        "{message}"
    );
}
