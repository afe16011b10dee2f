//! Starting: whatever is there is made to be what is wanted, with as little disturbance as that takes.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder,
    StartContainerOptions,
};
use chora_compose::PullPolicy;

use super::body::Wanted as Definition;
use super::connection::{QUICK, SLOW};
use super::container::{Container, Found, bare};
use super::error::{DockerError, is_name_taken, status};
use super::image::{self, ImageError, Pull, Wanted};
use super::network::{is_ambiguous, short};
use super::project::Composed;
use super::said::Said;
use super::{DockerEngine, labels, prepare};
use crate::{EngineError, RunState, SecretEnv, ServiceSpec, Started};

/// How often a start looks again because somebody else changed the container meanwhile.
const ROUNDS: u32 = 10;
/// Between two such looks.
const PAUSE: Duration = Duration::from_millis(100);

impl DockerEngine {
    /// Sees to it that the service runs as specified. The caller holds its turn.
    pub(super) async fn start_turn(
        &self,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<Started, EngineError> {
        let name = spec.name.as_str();
        let told = |source| EngineError::docker(name, source);
        let composed = self.composed(spec).await?;
        let wanted = Definition::of(&self.0.owner, &composed, spec);
        self.remember_name(name, &wanted.name);
        let layout = self.0.layout.clone();
        let (given, composed) = {
            let spec = spec.clone();
            blocking(name, move || {
                let prepared = prepare::directories(&layout, &spec, &composed);
                Ok((prepared, composed))
            })
            .await?
        };
        given?;
        let image = self.ensure_image(&composed, say).await.map_err(told)?;
        self.ensure_networks(&composed).await.map_err(told)?;
        self.ensure_volumes(&composed).await.map_err(told)?;
        let made = Making {
            engine: self,
            spec,
            secrets,
            composed: &composed,
            wanted: &wanted,
            image: &image,
        };
        for _ in 0..ROUNDS {
            if let Some(started) = made.round().await.map_err(told)? {
                return Ok(started);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(told(DockerError::Contended {
            kind: "container",
            name: wanted.name.clone(),
        }))
    }

    /// Whether a start would change anything, secrets apart.
    pub(super) async fn would_change(&self, spec: &ServiceSpec) -> Result<bool, EngineError> {
        let told = |source| EngineError::docker(&spec.name, source);
        let composed = self.composed(spec).await?;
        let wanted = Definition::of(&self.0.owner, &composed, spec);
        self.remember_name(&spec.name, &wanted.name);
        let container = match self.find(&spec.name).await.map_err(told)? {
            Found::Absent => return Ok(true),
            Found::Foreign(foreign) => return Err(told(foreign)),
            Found::Ours(container) => container,
        };
        let client = self.0.connection.client().await.map_err(told)?;
        let logins = image::login_file();
        let image = image::present(client, self.image(&composed, logins.as_deref())).await;
        let image = image.map_err(|error| told(DockerError::Image(Box::new(error))))?;
        // A start would get it first.
        let Some(image) = image.map(|image| image.id) else {
            return Ok(true);
        };
        let same = container.run_state() == RunState::Running
            && container.name() == wanted.name
            && is_as_wanted(&container, &wanted, &composed, &image);
        Ok(!same)
    }

    fn image<'a>(&'a self, composed: &'a Composed, logins: Option<&'a Path>) -> Wanted<'a> {
        let service = &composed.service;
        let pull = match service.pull_policy {
            // What is built at every start is not looked for first either.
            Some(PullPolicy::Always | PullPolicy::Build) => Pull::Always,
            Some(PullPolicy::Never) => Pull::Never,
            Some(PullPolicy::Every(age)) => Pull::Older(age),
            Some(PullPolicy::Missing) | None => Pull::Missing,
        };
        Wanted {
            reference: composed.image(),
            build: service.build.as_ref(),
            pull,
            program: &self.0.program,
            logins,
        }
    }

    /// Sees to the service's image, and tells its id.
    async fn ensure_image(
        &self,
        composed: &Composed,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<String, DockerError> {
        let client = self.0.connection.client().await?;
        let logins = image::login_file();
        let wanted = self.image(composed, logins.as_deref());
        let said = Said::new(say, composed.image());
        self.fault("image.ensure", "before", wanted.reference)?;
        let image = image::ensure_image(client, wanted, &|progress| said.tell(progress)).await;
        let image = image.map_err(|error| match error {
            ImageError::Engine { source, .. } if super::error::lost(&source) => {
                self.0.connection.failed("get the image", source)
            }
            error => DockerError::Image(Box::new(error)),
        })?;
        self.fault("image.ensure", "after", wanted.reference)?;
        Ok(image.id)
    }

    /// The container that publishes a port.
    async fn holder(&self, port: &str) -> Option<String> {
        let port: u16 = port.rsplit(':').next()?.parse().ok()?;
        let listed = self.list_containers(false, &HashMap::new()).await;
        let holder = listed.ok()?.into_iter().find(|container| {
            let ports = container.ports.iter().flatten();
            ports.into_iter().any(|it| it.public_port == Some(port))
        })?;
        let name = holder.names?.into_iter().next()?;
        Some(name.trim_start_matches('/').to_owned())
    }
}

/// Whether a container is what is wanted, secrets apart.
fn is_as_wanted(
    container: &Container,
    wanted: &Definition,
    composed: &Composed,
    image: &str,
) -> bool {
    let joined = |name: &str| container.networks().any(|it| it == name);
    let updated = container
        .0
        .host_config
        .as_ref()
        .is_some_and(|it| wanted.updated(it));
    container.label(labels::DEFINITION) == Some(&wanted.definition)
        && container.image() == bare(image)
        && !container.is_dead()
        && !updated
        && composed
            .networks()
            .iter()
            .all(|(network, _)| joined(&network.name))
}

/// One start of one service.
struct Making<'a> {
    engine: &'a DockerEngine,
    spec: &'a ServiceSpec,
    secrets: &'a SecretEnv,
    composed: &'a Composed,
    wanted: &'a Definition,
    image: &'a str,
}

impl Making<'_> {
    /// Looks once and does what that asks for; absent when somebody else was quicker.
    async fn round(&self) -> Result<Option<Started>, DockerError> {
        let container = match self.engine.find(&self.spec.name).await? {
            Found::Absent => return self.create(Started::Started).await,
            Found::Foreign(foreign) => return Err(foreign),
            Found::Ours(container) => container,
        };
        let same = is_as_wanted(&container, self.wanted, self.composed, self.image)
            && container.has_secrets(self.secrets);
        if !same {
            let ran = container.is_up();
            self.replace(&container).await?;
            let done = if ran {
                Started::Replaced
            } else {
                Started::Started
            };
            return self.create(done).await;
        }
        let renamed = container.name() != self.wanted.name;
        if renamed {
            self.rename(&container).await?;
        }
        match container.run_state() {
            RunState::Running | RunState::Restarting(_) if renamed => Ok(Some(Started::Started)),
            RunState::Running | RunState::Restarting(_) => Ok(Some(Started::AlreadyRunning)),
            RunState::Paused => {
                let client = self.engine.0.connection.client().await?;
                let unpaused = client.unpause_container(container.id());
                let connection = &self.engine.0.connection;
                connection
                    .call("let the container go on", QUICK, unpaused)
                    .await?;
                Ok(Some(Started::Started))
            }
            RunState::Absent | RunState::Created | RunState::Exited(_) => {
                self.run(container.id(), Started::Started).await
            }
        }
    }

    /// Gives a container of ours its name back, unless somebody else has it now.
    async fn rename(&self, container: &Container) -> Result<(), DockerError> {
        let engine = self.engine;
        if let Some(foreign) = engine.inspect_container(&self.wanted.name).await? {
            return Err(DockerError::Foreign {
                kind: "container",
                name: self.wanted.name.clone(),
                id: short(foreign.id()),
            });
        }
        let options = RenameContainerOptionsBuilder::default()
            .name(&self.wanted.name)
            .build();
        let client = engine.0.connection.client().await?;
        let renamed = client.rename_container(container.id(), options);
        engine
            .0
            .connection
            .call("rename the container", QUICK, renamed)
            .await
    }

    /// Makes room for another container.
    async fn replace(&self, container: &Container) -> Result<(), DockerError> {
        let engine = self.engine;
        if container.is_up() {
            engine.end(container, self.spec.stop_grace).await?;
        }
        engine.discard(container.id()).await.map(|_| ())
    }

    async fn create(&self, done: Started) -> Result<Option<Started>, DockerError> {
        let engine = self.engine;
        let name = &self.wanted.name;
        let client = engine.0.connection.client().await?;
        let mut options = CreateContainerOptionsBuilder::default().name(name);
        if let Some(platform) = &self.composed.service.platform {
            options = options.platform(platform);
        }
        let body = self.wanted.request(
            &engine.0.owner,
            self.composed,
            self.spec,
            self.secrets,
            self.image,
        );
        engine.fault("container.create", "before", name)?;
        let created = client.create_container(Some(options.build()), body);
        let created = match tokio::time::timeout(SLOW, created).await {
            Ok(Ok(created)) => created,
            // The name was taken between the look and this.
            Ok(Err(error)) if is_name_taken(&error) || is_ambiguous(&error) => {
                return Ok(None);
            }
            Ok(Err(error)) => return Err(self.failed("make the container", error).await),
            Err(_) => {
                return Err(DockerError::TimedOut {
                    action: "make the container",
                    limit: SLOW,
                });
            }
        };
        engine.fault("container.create", "after", name)?;
        if let Err(error) = engine.join_networks(&created.id, self.composed).await {
            // What cannot be finished must not look finished to the next start.
            let options = RemoveContainerOptionsBuilder::default().force(true).build();
            let _ = client.remove_container(&created.id, Some(options)).await;
            return Err(error);
        }
        self.run(&created.id, done).await
    }

    async fn run(&self, id: &str, done: Started) -> Result<Option<Started>, DockerError> {
        let engine = self.engine;
        let client = engine.0.connection.client().await?;
        engine.fault("container.start", "before", &self.wanted.name)?;
        let started = client.start_container(id, None::<StartContainerOptions>);
        match tokio::time::timeout(SLOW, started).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => match status(&error) {
                Some(404) if names_network(&error) => {
                    // A network that it was made for was removed and is another one now.
                    engine.discard(id).await?;
                    return Ok(None);
                }
                Some(404 | 409) if engine.inspect_container(id).await?.is_none() => {
                    return Ok(None);
                }
                _ if is_ambiguous(&error) => return Ok(None),
                _ => return Err(self.failed("start the container", error).await),
            },
            Err(_) => {
                return Err(DockerError::TimedOut {
                    action: "start the container",
                    limit: SLOW,
                });
            }
        }
        engine.fault("container.start", "after", &self.wanted.name)?;
        Ok(Some(done))
    }

    /// Says what a failed start is about.
    async fn failed(&self, action: &'static str, error: bollard::errors::Error) -> DockerError {
        if super::error::lost(&error) {
            return self.engine.0.connection.failed(action, error);
        }
        match DockerError::of_start(action, error) {
            DockerError::PortTaken { port, .. } => DockerError::PortTaken {
                holder: self.engine.holder(&port).await,
                port,
            },
            other => other,
        }
    }
}

fn names_network(error: &bollard::errors::Error) -> bool {
    error.to_string().contains("network")
}

/// Runs file work on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    service: &str,
    work: impl FnOnce() -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(_) => Err(EngineError::Interrupted {
            service: service.to_owned(),
        }),
    }
}
