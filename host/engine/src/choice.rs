//! Which engine runs an environment.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chora_model::config::{Config, EngineChoice, Service};
use chora_model::layout::Layout;

use crate::docker::{DockerEngine, DockerSettings, Endpoint, project_name};
use crate::process::ProcessEngine;
use crate::{Engine, EngineError};

/// How long a Docker Engine may take to answer before it is done without. One that is there answers within milliseconds.
const ANSWER: Duration = Duration::from_secs(2);

/// What the choice depends on.
#[derive(Debug, Clone)]
pub struct Choice<'a> {
    /// What was asked for.
    pub choice: EngineChoice,
    /// What is to run.
    pub config: &'a Config,
    /// The environment's files.
    pub layout: &'a Layout,
    /// This very program, which services name as `chora`.
    pub exe: PathBuf,
    /// The engine that runs services of the environment already.
    pub running_on: Option<&'a str>,
}

/// An engine, and why it is that one.
pub struct Chosen {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// One sentence where it was chosen freely; absent where it was asked for, or runs the environment already.
    pub reason: Option<String>,
}

/// The engine for an environment. One that was asked for and cannot be used says so when it is needed.
pub async fn engine_for(choice: Choice<'_>) -> Chosen {
    let decided = match (choice.choice, choice.running_on) {
        (EngineChoice::Docker, _) | (EngineChoice::Auto, Some("docker")) => {
            Arc::new(docker(&choice))
        }
        (EngineChoice::Process, _) | (EngineChoice::Auto, Some(_)) => process(&choice),
        (EngineChoice::Auto, None) => return free(&choice).await,
    };
    Chosen {
        engine: decided,
        reason: None,
    }
}

/// Docker where it answers and everything can be a container, and else the process engine, which needs nothing but this machine.
async fn free(choice: &Choice<'_>) -> Chosen {
    let as_processes = |because: String| Chosen {
        engine: process(choice),
        reason: Some(format!(
            "`auto` is the process engine here, because {because}"
        )),
    };
    let mut services = choice.config.services.iter();
    if let Some(service) = services.find(|service| !can_be_a_container(service)) {
        return as_processes(format!(
            "service `{}` has neither `docker_compose` nor `image`",
            service.name
        ));
    }
    let docker = docker(choice);
    match tokio::time::timeout(ANSWER, docker.version()).await {
        Ok(Ok(_)) => Chosen {
            engine: Arc::new(docker),
            reason: Some(
                "`auto` is the Docker engine here, because one answers; `--engine process` does without"
                    .to_owned(),
            ),
        },
        Ok(Err(error)) => as_processes(said(&error)),
        Err(_) => as_processes(format!(
            "the Docker Engine gave no answer within {} s",
            ANSWER.as_secs()
        )),
    }
}

fn can_be_a_container(service: &Service) -> bool {
    service.docker_compose.is_some() || service.image.is_some()
}

/// What is wrong, without what to do about it: nobody has asked for that engine.
fn said(error: &EngineError) -> String {
    let cause = std::error::Error::source(error);
    let text = cause.map_or_else(|| error.to_string(), ToString::to_string);
    let first = text.split("; ").next().unwrap_or_default();
    first.to_owned()
}

fn process(choice: &Choice<'_>) -> Arc<dyn Engine> {
    Arc::new(ProcessEngine::open(choice.layout, choice.exe.clone()))
}

fn docker(choice: &Choice<'_>) -> DockerEngine {
    let endpoint = Endpoint::from_env();
    let settings = DockerSettings {
        project: Some(project_name(choice.layout, &endpoint, choice.config)),
        endpoint,
        program: choice.exe.clone(),
        reader: None,
    };
    DockerEngine::open(choice.layout, settings)
}
