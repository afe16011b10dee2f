//! Which engine runs an environment.

use std::path::PathBuf;
use std::sync::Arc;

use chora_model::config::EngineChoice;
use chora_model::layout::Layout;

use crate::Engine;
use crate::docker::{DockerEngine, DockerSettings, Endpoint};
use crate::process::ProcessEngine;

/// What the choice depends on.
#[derive(Debug, Clone)]
pub struct Choice<'a> {
    /// What was asked for.
    pub choice: EngineChoice,
    /// The environment's files.
    pub layout: &'a Layout,
    /// This very program, which services name as `chora`.
    pub exe: PathBuf,
    /// The engine that runs services of the environment already.
    pub running_on: Option<&'a str>,
}

/// The engine for an environment, and a sentence that says which it is and why. An engine that cannot be used says so when it is needed.
pub fn engine_for(choice: Choice<'_>) -> (Arc<dyn Engine>, String) {
    match choice.choice {
        EngineChoice::Process => (
            process(&choice),
            "the process engine, as asked for".to_owned(),
        ),
        EngineChoice::Docker => (
            Arc::new(docker(&choice)),
            "the Docker engine, as asked for".to_owned(),
        ),
        EngineChoice::Auto => free(&choice),
    }
}

/// What runs already decides; otherwise it is the process engine, which needs nothing but this machine.
fn free(choice: &Choice<'_>) -> (Arc<dyn Engine>, String) {
    match choice.running_on {
        Some("docker") => {
            let reason = "the Docker engine, which runs this environment's services";
            (Arc::new(docker(choice)), reason.to_owned())
        }
        Some(_) | None => {
            let reason = "the process engine; `--engine docker` runs the services as containers";
            (process(choice), reason.to_owned())
        }
    }
}

fn process(choice: &Choice<'_>) -> Arc<dyn Engine> {
    Arc::new(ProcessEngine::open(choice.layout, choice.exe.clone()))
}

fn docker(choice: &Choice<'_>) -> DockerEngine {
    let settings = DockerSettings {
        endpoint: Endpoint::from_env(),
        program: choice.exe.clone(),
        project: None,
        reader: None,
    };
    DockerEngine::open(choice.layout, settings)
}
