//! The life of a container that stays: started, looked at, waited for, stopped, removed.

use std::time::Duration;

use bollard::models::{EndpointSettings, NetworkConnectRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder, StartContainerOptions,
};

use crate::docker::connection::{QUICK, SLOW};
use crate::docker::container::bare;
use crate::docker::error::{DockerError, is_name_taken, lost};
use crate::docker::image;
use crate::{Exit, RunState};

use super::OneOffs;
use super::body::{self, Joined};
use super::error::OneOffError;
use super::find::{Looked, Purpose, Seen};
use super::request::OneOff;

/// How long a container may take to end before another takes its place.
const GRACE: Duration = Duration::from_secs(10);
/// Before an engine is asked again that said that a container has ended, and of the container that it runs.
const PAUSE: Duration = Duration::from_millis(20);

impl OneOffs {
    /// What the container of this name is and does; absent where there is none.
    ///
    /// # Errors
    /// When it is somebody else's, or the engine does not answer.
    pub async fn inspect(&self, name: &str) -> Result<Option<Looked>, OneOffError> {
        Ok(self.seen(name).await?.map(|seen| seen.looked()))
    }

    /// The last lines of what it printed, at most so many; absent where there is no such container.
    ///
    /// # Errors
    /// When it is somebody else's, or the engine does not hand them out.
    pub async fn logs(&self, name: &str, tail: usize) -> Result<Option<Vec<String>>, OneOffError> {
        let Some(seen) = self.seen(name).await? else {
            return Ok(None);
        };
        let lines = self.engine.tail_of(&seen.container, tail);
        let lines = tokio::time::timeout(QUICK, lines).await;
        let lines = lines.unwrap_or(Err(DockerError::TimedOut {
            action: "read the log",
            limit: QUICK,
        }));
        Ok(Some(lines?))
    }

    /// Resolves when the container ends, and at once when it does not run; absent where there is none.
    ///
    /// # Errors
    /// When it is somebody else's, it does not end in time, or the engine does not answer.
    pub async fn wait(&self, name: &str, limit: Duration) -> Result<Option<Exit>, OneOffError> {
        let Some(seen) = self.seen(name).await? else {
            return Ok(None);
        };
        let ended = self.ended(seen.container.id());
        match tokio::time::timeout(limit, ended).await {
            Ok(ended) => ended,
            Err(_) => Err(OneOffError::TimedOut { limit }),
        }
    }

    /// The end of a container, by its id.
    pub(super) async fn ended(&self, id: &str) -> Result<Option<Exit>, OneOffError> {
        loop {
            let look = self
                .engine
                .through_restarts(|| self.engine.inspect_container(id));
            let Some(container) = look.await? else {
                return Ok(None);
            };
            match container.run_state() {
                RunState::Exited(exit) => {
                    return Ok(Some(self.engine.told_whole(&container, exit).await?));
                }
                RunState::Absent | RunState::Created => return Ok(Some(Exit::UNKNOWN)),
                RunState::Running | RunState::Paused | RunState::Restarting(_) => {}
            }
            if self.engine.next_end(&container).await?.is_some() {
                // The next look may come a moment too early.
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Sees to it that the container runs as it is asked for: one that is different, or does not run, is replaced. True unless it ran already.
    ///
    /// # Errors
    /// When the name is somebody else's or kept for services, or what it needs is not there.
    pub async fn start(&self, one: &OneOff) -> Result<bool, OneOffError> {
        let turn = self.engine.turn(&turn_of(&one.name));
        let _turn = turn.lock().await;
        match self.standing(one).await? {
            Standing::Same => return Ok(false),
            Standing::Free => {}
            Standing::Other(seen) => {
                if seen.container.is_up() {
                    self.engine.end(&seen.container, GRACE).await?;
                }
                self.engine.discard(seen.container.id()).await?;
            }
        }
        let id = self.make(one, Purpose::Stay, false).await?;
        if let Err(error) = self.set_going(&one.name, &id).await {
            // What cannot be started is of no use to anybody.
            let _ = self.engine.discard(&id).await;
            return Err(error);
        }
        Ok(true)
    }

    /// Whether a start would do anything.
    ///
    /// # Errors
    /// Those that the start would have, as far as that can be told before.
    pub async fn would_start(&self, one: &OneOff) -> Result<bool, OneOffError> {
        Ok(!matches!(self.standing(one).await?, Standing::Same))
    }

    /// What stands where a container is to stand.
    async fn standing(&self, one: &OneOff) -> Result<Standing, OneOffError> {
        let image = self.needed(one).await?;
        let Some(seen) = self.seen(&one.name).await? else {
            return Ok(Standing::Free);
        };
        seen.belongs.plugins("container", &one.name)?;
        let same = !seen.is_of_a_run()
            && seen.container.label(crate::docker::labels::DEFINITION) == Some(&one.digest())
            && seen.container.image() == bare(&image)
            && seen.container.run_state() == RunState::Running;
        Ok(if same {
            Standing::Same
        } else {
            Standing::Other(Box::new(seen))
        })
    }

    /// Looks for all that a container needs before one is made; answers the id of its image.
    pub(super) async fn needed(&self, one: &OneOff) -> Result<String, OneOffError> {
        self.not_reserved("container", &one.name)?;
        let client = self.engine.0.connection.client().await?;
        let image = image::inspect(client, &one.image).await?;
        let Some(image) = image.and_then(|image| image.id) else {
            return Err(OneOffError::NoImage {
                reference: one.image.clone(),
            });
        };
        self.joined(one).await?;
        for mounted in &one.volumes {
            self.mountable(&mounted.volume).await?;
        }
        Ok(image)
    }

    /// Makes a container and joins it to its networks. Whatever needs it was looked for before.
    pub(super) async fn make(
        &self,
        one: &OneOff,
        purpose: Purpose,
        stdin: bool,
    ) -> Result<String, OneOffError> {
        let networks = self.joined(one).await?;
        self.note().await?;
        let client = self.engine.0.connection.client().await?;
        let owner = &self.engine.0.owner;
        let body = body::request(owner, one, networks.first(), purpose, stdin);
        let name = &one.name;
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        self.engine.fault("container.create", "before", name)?;
        let created = client.create_container(Some(options), body);
        let created = match tokio::time::timeout(SLOW, created).await {
            Ok(Ok(created)) => created,
            Ok(Err(error)) if is_name_taken(&error) => {
                return Err(OneOffError::InUse {
                    kind: "container",
                    name: name.clone(),
                    why: "somebody else has just made one of that name".to_owned(),
                });
            }
            Ok(Err(error)) => return Err(self.failed(name, "make the container", error)),
            Err(_) => {
                return Err(OneOffError::Docker(DockerError::TimedOut {
                    action: "make the container",
                    limit: SLOW,
                }));
            }
        };
        self.engine.fault("container.create", "after", name)?;
        if let Err(error) = self.join(&created.id, &networks).await {
            let options = RemoveContainerOptionsBuilder::default()
                .force(true)
                .v(true)
                .build();
            let _ = client.remove_container(&created.id, Some(options)).await;
            return Err(error.into());
        }
        Ok(created.id)
    }

    /// Joins the networks after the first.
    async fn join(&self, id: &str, networks: &[Joined]) -> Result<(), DockerError> {
        let client = self.engine.0.connection.client().await?;
        for network in networks.iter().skip(1) {
            let name = match network {
                Joined::Bridge => "bridge",
                Joined::Ours(id) => id,
            };
            let request = NetworkConnectRequest {
                container: id.to_owned(),
                endpoint_config: Some(EndpointSettings::default()),
            };
            let joined = client.connect_network(name, request);
            let connection = &self.engine.0.connection;
            connection.call("join a network", QUICK, joined).await?;
        }
        Ok(())
    }

    pub(super) async fn set_going(&self, name: &str, id: &str) -> Result<(), OneOffError> {
        let client = self.engine.0.connection.client().await?;
        self.engine.fault("container.start", "before", name)?;
        let started = client.start_container(id, None::<StartContainerOptions>);
        match tokio::time::timeout(SLOW, started).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(self.failed(name, "start the container", error)),
            Err(_) => {
                return Err(OneOffError::Docker(DockerError::TimedOut {
                    action: "start the container",
                    limit: SLOW,
                }));
            }
        }
        Ok(self.engine.fault("container.start", "after", name)?)
    }

    fn failed(
        &self,
        name: &str,
        action: &'static str,
        error: bollard::errors::Error,
    ) -> OneOffError {
        if lost(&error) {
            return OneOffError::Docker(self.engine.0.connection.failed(action, error));
        }
        OneOffError::of_start(name, DockerError::of_start(action, error))
    }

    /// Asks a plugin's container to end, and makes it end after the grace. True if it ran.
    ///
    /// # Errors
    /// When it is somebody else's or a service's, or the engine does not answer.
    pub async fn stop(&self, name: &str, grace: Duration) -> Result<bool, OneOffError> {
        let turn = self.engine.turn(&turn_of(name));
        let _turn = turn.lock().await;
        match self.plugins_own(name).await? {
            Some(seen) if seen.container.is_up() => {
                self.engine.end(&seen.container, grace).await?;
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }

    /// Whether a stop would do anything.
    ///
    /// # Errors
    /// As [`Self::stop`].
    pub async fn would_stop(&self, name: &str) -> Result<bool, OneOffError> {
        let seen = self.plugins_own(name).await?;
        Ok(seen.is_some_and(|seen| seen.container.is_up()))
    }

    /// Removes a plugin's container with its anonymous volumes, killing it if need be. True if there was one.
    ///
    /// # Errors
    /// When it is somebody else's or a service's, or the engine does not answer.
    pub async fn remove(&self, name: &str) -> Result<bool, OneOffError> {
        let turn = self.engine.turn(&turn_of(name));
        let _turn = turn.lock().await;
        match self.plugins_own(name).await? {
            Some(seen) => Ok(self.engine.discard(seen.container.id()).await?),
            None => Ok(false),
        }
    }

    /// Whether a removal would do anything.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub async fn would_remove(&self, name: &str) -> Result<bool, OneOffError> {
        Ok(self.plugins_own(name).await?.is_some())
    }

    async fn plugins_own(&self, name: &str) -> Result<Option<Seen>, OneOffError> {
        let seen = self.seen(name).await?;
        if let Some(seen) = &seen {
            seen.belongs.plugins("container", name)?;
        }
        Ok(seen)
    }
}

/// What stands where a container is to stand.
enum Standing {
    Free,
    Same,
    Other(Box<Seen>),
}

/// The name of a container's turn. No service is called so.
pub(super) fn turn_of(name: &str) -> String {
    format!("one-off/{name}")
}
