//! Finding what has a name on the engine, and whose it is.

use std::collections::HashMap;

use bollard::models::PortSummaryTypeEnum;

use crate::docker::DockerEngine;
use crate::docker::container::Container;
use crate::docker::error::DockerError;
use crate::docker::labels::{self, ONE_OFF, PLUGIN};
use crate::{Health, RunState};

use super::OneOffs;
use super::error::OneOffError;

/// Whose something of this environment is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Belongs {
    /// A plugin made it.
    Plugin(String),
    /// A service's, where it is one service's; otherwise all of them have it together.
    Services(Option<String>),
}

impl Belongs {
    pub(super) fn of(labels: &HashMap<String, String>) -> Self {
        match labels.get(PLUGIN) {
            Some(plugin) => Self::Plugin(plugin.clone()),
            None => Self::Services(labels.get(labels::SERVICE).cloned()),
        }
    }

    /// Refuses what is not a plugin's.
    pub(super) fn plugins(&self, kind: &'static str, name: &str) -> Result<(), OneOffError> {
        match self {
            Self::Plugin(_) => Ok(()),
            Self::Services(service) => Err(OneOffError::OfService {
                kind,
                name: name.to_owned(),
                service: service.clone(),
            }),
        }
    }
}

/// What a container of this environment is and does.
#[derive(Debug, Clone, PartialEq)]
pub struct Looked {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub belongs: Belongs,
    /// The image that it was made of, by the name that was given.
    pub image: String,
    /// Whether it runs.
    pub state: RunState,
    /// What its own health check says, where it has one and runs.
    pub health: Option<Health>,
    /// When it was last started.
    pub started_at: Option<jiff::Timestamp>,
}

/// A container that a port of the machine is published for, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// Its name.
    pub name: String,
    /// What the engine is.
    pub kind: &'static str,
    /// The directory of the chora project that it belongs to, if to one.
    pub project: Option<String>,
}

/// A container of this environment.
pub(super) struct Seen {
    pub(super) container: Container,
    pub(super) belongs: Belongs,
}

impl Seen {
    /// Whether it was made for one run, which removes it again.
    pub(super) fn is_of_a_run(&self) -> bool {
        self.container.label(ONE_OFF) == Some(Purpose::Run.word())
    }

    pub(super) fn looked(&self) -> Looked {
        let container = &self.container;
        let config = container.0.config.as_ref();
        let image = config.and_then(|config| config.image.clone());
        Looked {
            name: container.name().to_owned(),
            belongs: self.belongs.clone(),
            image: image.unwrap_or_default(),
            state: container.run_state(),
            health: container.health().filter(|_| container.is_up()),
            started_at: container.started_at(),
        }
    }
}

/// What a container was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// One run, with which it ends.
    Run,
    /// To stay until it is removed.
    Stay,
}

impl Purpose {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Stay => "stay",
        }
    }
}

impl OneOffs {
    /// The container of this name. Somebody else's is an error.
    pub(super) async fn seen(&self, name: &str) -> Result<Option<Seen>, OneOffError> {
        let found = self.engine.inspect_container(name).await?;
        // The engine also takes the beginning of an id for a name.
        let Some(container) = found.filter(|found| found.name() == name) else {
            return Ok(None);
        };
        let ours = container.labels().filter(|it| self.engine.0.owner.owns(it));
        match ours.map(Belongs::of) {
            Some(belongs) => Ok(Some(Seen { container, belongs })),
            None => Err(OneOffError::NotOurs {
                kind: "container",
                name: name.to_owned(),
            }),
        }
    }

    /// The running container that is published on a TCP port of the machine.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn publisher(&self, port: u16) -> Result<Option<Publisher>, OneOffError> {
        let listed = self.engine.list_containers(false, &HashMap::new()).await?;
        let holder = listed.into_iter().find(|container| {
            let mut ports = container.ports.iter().flatten();
            ports.any(|it| {
                it.public_port == Some(port)
                    && it.typ.is_none_or(|typ| typ == PortSummaryTypeEnum::TCP)
            })
        });
        let Some(holder) = holder else {
            return Ok(None);
        };
        let name = holder.names.and_then(|names| names.into_iter().next());
        let id = holder.id.unwrap_or_default();
        Ok(Some(Publisher {
            name: name.map_or(id, |name| name.trim_start_matches('/').to_owned()),
            kind: self.engine.0.connection.maker().await?.name(),
            project: holder.labels.and_then(|mut all| all.remove(labels::OWNER)),
        }))
    }

    /// Refuses a name that a service's own container, network or volume could need.
    pub(super) fn not_reserved(&self, kind: &'static str, name: &str) -> Result<(), OneOffError> {
        if self.engine.0.owner.reserves(name) {
            return Err(OneOffError::Reserved {
                kind,
                name: name.to_owned(),
            });
        }
        Ok(())
    }
}

impl DockerEngine {
    /// The containers that plugins made for this environment.
    pub(in crate::docker) async fn one_offs(&self) -> Result<Vec<Container>, DockerError> {
        let mut filter = self.0.owner.filter();
        if let Some(labels) = filter.get_mut("label") {
            labels.push(PLUGIN.to_owned());
        }
        let mut found = Vec::new();
        for id in self.ids(&filter).await? {
            // One that is absent was removed meanwhile.
            found.extend(self.inspect_container(&id).await?);
        }
        Ok(found)
    }
}
