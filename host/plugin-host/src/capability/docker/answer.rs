//! What the engine's side answers, in the words of the WIT. Text that comes from elsewhere is cleaned.

use chora_engine::RunState;
use chora_engine::docker::one_off::{self, Belongs, Looked, OneOffError, Ran, Version};
use chora_model::text::chain;

use crate::bindings::imports::chora::bootstrap::docker::{
    Container, EngineVersion, Error, Exit, Health, ImageFacts, NetworkFacts, Output, State,
    VolumeFacts,
};
use crate::output::clean_line;

/// The longest text of an error, in characters.
const TEXT: usize = 2_000;
/// The longest name, in characters.
const NAME: usize = 300;

fn clean(text: &str) -> String {
    clean_line(text, NAME)
}

impl From<OneOffError> for Error {
    fn from(error: OneOffError) -> Self {
        use chora_engine::docker::image::ImageError;
        let text = clean_line(&chain(&error), TEXT);
        match error {
            OneOffError::NotOurs { .. } => Self::NotOurs(text),
            OneOffError::OfService { .. } => Self::OfService(text),
            OneOffError::Reserved { .. } | OneOffError::Disguised { .. } => Self::Invalid(text),
            OneOffError::NoImage { .. }
            | OneOffError::Image(
                ImageError::Absent { .. }
                | ImageError::NotFound { .. }
                | ImageError::Unreachable { .. }
                | ImageError::Unauthorised { .. }
                | ImageError::Login { .. },
            ) => Self::NoImage(text),
            OneOffError::Missing { .. } => Self::Missing(text),
            OneOffError::NotRunning { .. } => Self::NotRunning(text),
            OneOffError::InUse { .. } => Self::InUse(text),
            OneOffError::TimedOut { .. } => Self::TimedOut,
            OneOffError::CannotRun { .. } => Self::NotRunnable(text),
            OneOffError::Docker(_)
            | OneOffError::Image(
                ImageError::DiskFull { .. }
                | ImageError::BuildFailed { .. }
                | ImageError::Context { .. }
                | ImageError::Pattern { .. }
                | ImageError::Program { .. }
                | ImageError::Engine { .. },
            ) => Self::Engine(text),
            OneOffError::Record(_) | OneOffError::Interrupted => Self::Other(text),
        }
    }
}

impl From<Version> for EngineVersion {
    fn from(version: Version) -> Self {
        Self {
            kind: version.kind.to_owned(),
            version: clean(&version.version),
        }
    }
}

impl From<one_off::ImageFacts> for ImageFacts {
    fn from(facts: one_off::ImageFacts) -> Self {
        Self {
            id: clean(&facts.id),
            size: facts.size,
            created: facts.created.as_deref().map(clean),
            architecture: clean(&facts.architecture),
        }
    }
}

impl From<chora_engine::Exit> for Exit {
    fn from(exit: chora_engine::Exit) -> Self {
        Self {
            code: exit.code,
            out_of_memory: exit.oom,
        }
    }
}

impl From<Ran> for Output {
    fn from(ran: Ran) -> Self {
        Self {
            exit: ran.exit.into(),
            stdout: ran.stdout,
            stderr: ran.stderr,
        }
    }
}

/// The plugin and the service that something belongs to.
fn owners(belongs: Belongs) -> (Option<String>, Option<String>) {
    match belongs {
        Belongs::Plugin(plugin) => (Some(clean(&plugin)), None),
        Belongs::Services(service) => (None, service.as_deref().map(clean)),
    }
}

impl From<Looked> for Container {
    fn from(looked: Looked) -> Self {
        let (plugin, service) = owners(looked.belongs);
        Self {
            name: clean(&looked.name),
            image: clean(&looked.image),
            state: match looked.state {
                RunState::Absent | RunState::Created => State::Created,
                RunState::Running => State::Running,
                RunState::Paused => State::Paused,
                RunState::Restarting(exit) => State::Restarting(exit.into()),
                RunState::Exited(exit) => State::Exited(exit.into()),
            },
            health: looked.health.map(|health| match health.state {
                chora_engine::HealthState::Starting => Health::Starting,
                chora_engine::HealthState::Healthy => Health::Healthy,
                chora_engine::HealthState::Unhealthy => Health::Unhealthy,
            }),
            started_at: looked.started_at.map(|at| at.to_string()),
            service,
            plugin,
        }
    }
}

impl From<one_off::NetworkFacts> for NetworkFacts {
    fn from(facts: one_off::NetworkFacts) -> Self {
        let (plugin, _) = owners(facts.belongs);
        Self {
            name: clean(&facts.name),
            internal: facts.internal,
            containers: facts.containers.iter().map(|name| clean(name)).collect(),
            plugin,
        }
    }
}

impl From<one_off::VolumeFacts> for VolumeFacts {
    fn from(facts: one_off::VolumeFacts) -> Self {
        let (plugin, _) = owners(facts.belongs);
        Self {
            name: clean(&facts.name),
            plugin,
        }
    }
}
