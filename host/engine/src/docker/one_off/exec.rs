//! A command in a running container of the environment, a plugin's or a service's.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::docker::error::DockerError;

use super::OneOffs;
use super::error::OneOffError;
use super::run::{Command, Ran};

impl OneOffs {
    /// Runs a command and captures what it prints. It is killed when it does not end in time, and when it is waited for no longer.
    ///
    /// # Errors
    /// When the container is somebody else's, is not there or does not run, or the command cannot be run or does not end in time.
    pub async fn exec(
        &self,
        name: &str,
        command: Command,
        limit: Duration,
    ) -> Result<Ran, OneOffError> {
        let seen = self.seen(name).await?.ok_or_else(|| OneOffError::Missing {
            kind: "container",
            name: name.to_owned(),
        })?;
        let (_waiting, cut) = oneshot::channel::<()>();
        let (this, name) = (self.clone(), name.to_owned());
        let container = seen.container.id().to_owned();
        let work = async move {
            let engine = &this.engine;
            let told = |error| match error {
                DockerError::NotRunningHere => OneOffError::NotRunning { name: name.clone() },
                other => OneOffError::of_start(&name, other),
            };
            let made = engine.make_exec(&container, &command.words, command.stdin.is_some());
            let id = made.await.map_err(told)?;
            let captured = engine.captured(&id, command.stdin);
            let answer = tokio::select! {
                captured = tokio::time::timeout(limit, captured) => match captured {
                    Ok(captured) => return captured.map_err(told),
                    Err(_) => Err(OneOffError::TimedOut { limit }),
                },
                _ = cut => Err(OneOffError::Interrupted),
            };
            engine.end_exec(&id, &container).await;
            answer
        };
        match self.tasks.spawn(work).await {
            Ok(answer) => answer,
            Err(_) => Err(OneOffError::Interrupted),
        }
    }

    /// Whether a command could be run.
    ///
    /// # Errors
    /// When the container is somebody else's.
    pub async fn could_exec(&self, name: &str) -> Result<(), OneOffError> {
        self.seen(name).await.map(|_| ())
    }
}
