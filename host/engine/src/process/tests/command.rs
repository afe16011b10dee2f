//! Commands in a service's environment.

use super::*;

async fn exec(world: &World, script: &str, limit: Duration) -> Result<ExecOutput, EngineError> {
    let mut spec = world.spec("web", &["sleep", "1000"]);
    spec.environment
        .insert("COLOUR".to_owned(), "blue".to_owned());
    let secrets = SecretEnv([("API_KEY_WEB".to_owned(), "k3y".to_owned())].into());
    let command = ["sh", "-c", script].map(str::to_owned);
    world.engine.exec(&spec, &secrets, &command, limit).await
}

#[tokio::test]
async fn a_command_sees_what_the_service_sees() {
    let world = World::new();
    let script = "echo $COLOUR $API_KEY_WEB; echo trouble >&2; exit 5";
    let output = exec(&world, script, GRACE).await.unwrap();
    assert_eq!(output.exit, exited(5));
    assert_eq!(output.stdout, b"blue k3y\n");
    assert_eq!(output.stderr, b"trouble\n");
}

#[tokio::test]
async fn what_a_command_prints_is_cut_and_does_not_hold_it_up() {
    let world = World::new();
    let script = "head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2";
    let output = exec(&world, script, GRACE).await.unwrap();
    assert_eq!(output.exit, exited(0));
    assert_eq!(output.stdout.len(), 64 << 10);
    assert_eq!(output.stderr.len(), 64 << 10);
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_what_it_started() {
    let world = World::new();
    let file = world.folder.path().join("child");
    let script = format!(
        "sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait",
        file.display()
    );
    let error = exec(&world, &script, Duration::from_secs(1))
        .await
        .unwrap_err();
    assert!(matches!(error, EngineError::ExecTimedOut { .. }), "{error}");
    // On a machine so slow that the command had not come that far, there is no child to ask about.
    if let Ok(child) = std::fs::read_to_string(file) {
        ended(child.trim().parse().unwrap()).await;
    }
}

#[tokio::test]
async fn a_command_that_is_not_there_is_named() {
    let world = World::new();
    let spec = world.spec("web", &["sleep", "1000"]);
    let command = ["no-such-program".to_owned()];
    let done = world
        .engine
        .exec(&spec, &SecretEnv::default(), &command, GRACE)
        .await;
    assert!(done.unwrap_err().to_string().contains("`no-such-program`"));
}
