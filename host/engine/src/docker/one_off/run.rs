//! A container for one run: made, started, waited for, removed. Its output is captured as it comes.

use std::time::Duration;

use bollard::container::AttachContainerResults;
use bollard::query_parameters::AttachContainerOptionsBuilder;
use tokio::sync::oneshot;

use crate::docker::connection::QUICK;
use crate::docker::exec::{beside, feed, take};
use crate::{ExecOutput, Exit};

use super::OneOffs;
use super::error::OneOffError;
use super::find::Purpose;
use super::life::turn_of;
use super::request::OneOff;

/// A command in a container that runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Program and arguments.
    pub words: Vec<String>,
    /// What it reads from its standard input; nothing where absent.
    pub stdin: Option<Vec<u8>>,
}

/// What a run or a command answered; each stream is cut at 64 KiB.
pub type Ran = ExecOutput;

impl OneOffs {
    /// Makes the container, waits for its end, and removes it, also when it is waited for no longer. A container of the same name that an earlier run left is removed first.
    ///
    /// # Errors
    /// When the name is somebody else's or kept for services, what it needs is not there, its program cannot be run, or it does not end in time.
    pub async fn run(
        &self,
        one: OneOff,
        stdin: Option<Vec<u8>>,
        limit: Duration,
    ) -> Result<Ran, OneOffError> {
        // Dropped with this future: that is how the task learns that nobody waits any more.
        let (_waiting, cut) = oneshot::channel::<()>();
        let this = self.clone();
        let work = async move { this.run_turn(one, stdin, limit, cut).await };
        match self.tasks.spawn(work).await {
            Ok(answer) => answer,
            Err(_) => Err(OneOffError::Interrupted),
        }
    }

    async fn run_turn(
        &self,
        one: OneOff,
        stdin: Option<Vec<u8>>,
        limit: Duration,
        mut cut: oneshot::Receiver<()>,
    ) -> Result<Ran, OneOffError> {
        let turn = self.engine.turn(&turn_of(&one.name));
        let _turn = tokio::select! {
            turn = turn.lock() => turn,
            _ = &mut cut => return Err(OneOffError::Interrupted),
        };
        self.cleared(&one).await?;
        if cut.try_recv() == Err(oneshot::error::TryRecvError::Closed) {
            return Err(OneOffError::Interrupted);
        }
        // From here on the removal is owed, so that nothing in between may be cut off.
        let id = self.make(&one, Purpose::Run, stdin.is_some()).await?;
        let played = tokio::select! {
            played = tokio::time::timeout(limit, self.played(&one.name, &id, stdin)) => {
                played.unwrap_or(Err(OneOffError::TimedOut { limit }))
            }
            _ = cut => Err(OneOffError::Interrupted),
        };
        self.engine.discard(&id).await?;
        played
    }

    /// Whether a run could begin.
    ///
    /// # Errors
    /// Those that the run would have, as far as that can be told before.
    pub async fn could_run(&self, one: &OneOff) -> Result<(), OneOffError> {
        self.needed(one).await?;
        if let Some(seen) = self.seen(&one.name).await? {
            seen.belongs.plugins("container", &one.name)?;
            if !seen.is_of_a_run() {
                return Err(stays(&one.name));
            }
        }
        Ok(())
    }

    /// Removes what an earlier run of the name left.
    async fn cleared(&self, one: &OneOff) -> Result<(), OneOffError> {
        self.could_run(one).await?;
        if let Some(left) = self.seen(&one.name).await? {
            self.engine.discard(left.container.id()).await?;
        }
        Ok(())
    }

    /// Starts the container and takes in what it prints until it ends.
    async fn played(
        &self,
        name: &str,
        id: &str,
        stdin: Option<Vec<u8>>,
    ) -> Result<Ran, OneOffError> {
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        let options = AttachContainerOptionsBuilder::default()
            .stream(true)
            .stdin(stdin.is_some())
            .stdout(true)
            .stderr(true)
            .build();
        // Before the start, so that nothing is missed.
        let attached = client.attach_container(id, Some(options));
        let AttachContainerResults { output, input } = connection
            .call("listen to the container", QUICK, attached)
            .await?;
        self.set_going(name, id).await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let taken = beside(feed(input, stdin), take(output, &mut stdout, &mut stderr)).await;
        taken.map_err(|error| connection.failed("listen to the container", error))?;
        // A program may close its output and go on.
        let exit = self.ended(id).await?.unwrap_or(Exit::UNKNOWN);
        Ok(Ran {
            exit,
            stdout,
            stderr,
        })
    }
}

fn stays(name: &str) -> OneOffError {
    OneOffError::InUse {
        kind: "container",
        name: name.to_owned(),
        why: "it was started to stay; remove it first, or run under another name".to_owned(),
    }
}
