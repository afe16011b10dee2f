//! What the Compose files of an environment say that is no error and yet not as it may have been meant: keys without effect, variables that are not set.
//!
//! All files of an environment are one project, so one service's answer is about all of them: it is asked for once, and told once a run. What is wrong with a file is told where its service is started.

use std::path::PathBuf;

use chora_engine::{Choice, Engine, EngineError, ServiceSpec, engine_for};
use chora_model::config::{Config, EngineChoice, Loaded, Service};
use chora_model::failure::{Code, Failure};
use chora_model::layout::Layout;

use crate::report;

fn composed(config: &Config) -> impl Iterator<Item = &Service> {
    let services = config.services.iter();
    services.filter(|service| service.docker_compose.is_some())
}

/// What the files say, as far as they can be read.
pub(crate) async fn warnings(engine: &dyn Engine, config: &Config, layout: &Layout) -> Vec<String> {
    for service in composed(config) {
        let spec = ServiceSpec::of(config, service, layout);
        if let Ok(warnings) = engine.warnings(&spec).await {
            return warnings;
        }
    }
    Vec::new()
}

/// Reads the Compose files of a configuration whose services could run as containers, and answers what is to be warned of. No engine is asked.
///
/// # Errors
/// `CONFIG_ERROR` with everything that is wrong in the files, where containers are what runs the services. Where `auto` may choose processes, that is a warning.
pub async fn check_compose(
    loaded: &Loaded,
    engine: Option<EngineChoice>,
    exe: PathBuf,
) -> Result<Vec<String>, Failure> {
    let config = &loaded.config;
    let chosen = engine.unwrap_or(config.engine);
    if chosen == EngineChoice::Process {
        return Ok(Vec::new());
    }
    let docker = engine_for(Choice {
        choice: EngineChoice::Docker,
        config,
        layout: &loaded.layout,
        exe,
        running_on: None,
    });
    match read_all(docker.await.engine.as_ref(), config, &loaded.layout).await {
        Ok(warnings) => Ok(warnings),
        Err(error) if chosen == EngineChoice::Auto => {
            let causes = report::causes(&error).join(": ");
            Ok(vec![format!("the services cannot be containers: {causes}")])
        }
        Err(error) => Err(report::of(Code::ConfigError, &error)
            .next("correct the Compose files, or choose another engine with `--engine`")),
    }
}

/// Each service in turn: one may be missing from the files.
async fn read_all(
    engine: &dyn Engine,
    config: &Config,
    layout: &Layout,
) -> Result<Vec<String>, EngineError> {
    let mut warnings = Vec::new();
    for service in composed(config) {
        let spec = ServiceSpec::of(config, service, layout);
        warnings = engine.warnings(&spec).await?;
    }
    Ok(warnings)
}
