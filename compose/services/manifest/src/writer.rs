//! The one thread that changes what is registered: many requests share one commit, memory follows the disk, and only then are they answered.
//!
//! It also sweeps out the instances that have been silent for too long.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use chora_service_kit::Metrics;
use jiff::Timestamp;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
};
use tokio::sync::oneshot;

use crate::{
    StorageError, StorageSettings,
    directory::{Directory, Presence, Status},
    record::Record,
    storage::{Change, Sqlite, Storage, Stored},
};

/// The most changes of one commit: it bounds how long the first of them waits.
const BATCH: usize = 512;

type Answer<T> = oneshot::Sender<Result<T, Arc<StorageError>>>;

/// How a registration went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registered {
    /// When the instance was first registered.
    pub(crate) at: Timestamp,
    /// Whether it was not there before.
    pub(crate) new: bool,
}

enum Command {
    Register(Record, Answer<Registered>),
    Deregister {
        name: String,
        id: String,
        answer: Answer<Presence>,
    },
    Check(Answer<()>),
    Stop(oneshot::Sender<()>),
}

/// The way to the thread; clones lead to the same one.
#[derive(Clone)]
pub(crate) struct Writer(mpsc::Sender<Command>);

impl Writer {
    /// Opens the storage on a thread of its own and fills the directory from it.
    pub(crate) async fn start(
        settings: StorageSettings,
        directory: Arc<Directory>,
        metrics: &Metrics,
    ) -> Result<Self, StorageError> {
        let (sender, commands) = mpsc::channel();
        let (opened, opening) = oneshot::channel();
        let gauges = Gauges::new(metrics);
        let body = move || {
            let ready = open(settings, &directory);
            let storage = match ready {
                Ok(storage) => storage,
                Err(error) => {
                    let _ = opened.send(Err(error));
                    return;
                }
            };
            let _ = opened.send(Ok(()));
            let sweep_every = directory.sweep_every();
            Thread {
                storage,
                directory,
                commands,
                waiting: VecDeque::new(),
                gauges,
                sweep_every,
                swept: Instant::now(),
            }
            .run();
        };
        thread::Builder::new()
            .name("manifest-storage".to_owned())
            .spawn(body)
            .map_err(StorageError::Thread)?;
        opening.await.map_err(|_| StorageError::Stopped)??;
        Ok(Self(sender))
    }

    /// Registers the instance, or updates the one with its name and id. Answers once it is on disk.
    pub(crate) async fn register(&self, record: Record) -> Result<Registered, Arc<StorageError>> {
        self.ask(|answer| Command::Register(record, answer)).await
    }

    /// Deregisters the instance; tells what it was before. Answers once it is on disk.
    pub(crate) async fn deregister(
        &self,
        name: String,
        id: String,
    ) -> Result<Presence, Arc<StorageError>> {
        self.ask(|answer| Command::Deregister { name, id, answer })
            .await
    }

    /// Whether registrations would be taken.
    pub(crate) async fn check(&self) -> Result<(), Arc<StorageError>> {
        self.ask(Command::Check).await
    }

    /// Ends the thread after what it was asked before, and closes the storage.
    pub(crate) async fn stop(&self) {
        let (answer, answered) = oneshot::channel();
        if self.0.send(Command::Stop(answer)).is_ok() {
            let _ = answered.await;
        }
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(Answer<T>) -> Command,
    ) -> Result<T, Arc<StorageError>> {
        let (answer, answered) = oneshot::channel();
        self.0
            .send(command(answer))
            .map_err(|_| Arc::new(StorageError::Stopped))?;
        answered
            .await
            .map_err(|_| Arc::new(StorageError::Stopped))?
    }
}

fn open(
    settings: StorageSettings,
    directory: &Directory,
) -> Result<Box<dyn Storage>, StorageError> {
    let mut storage: Box<dyn Storage> = match settings {
        StorageSettings::Sqlite { path } => Box::new(Sqlite::open(path)?),
    };
    for stored in storage.load()? {
        match stored {
            Stored::Live(record) => directory.restore(record),
            Stored::Deregistered { name, id } => directory.deregister(&name, &id),
        }
    }
    Ok(storage)
}

struct Thread {
    storage: Box<dyn Storage>,
    directory: Arc<Directory>,
    commands: mpsc::Receiver<Command>,
    /// Taken from the channel, but of a later batch.
    waiting: VecDeque<Command>,
    gauges: Gauges,
    sweep_every: Duration,
    swept: Instant,
}

/// What is answered when the batch is on disk.
enum Pending {
    Register(Answer<Registered>, Registered),
    Deregister(Answer<Presence>, Presence),
}

impl Thread {
    fn run(mut self) {
        loop {
            let idle = self.sweep_every.saturating_sub(self.swept.elapsed());
            let first = match self.waiting.pop_front() {
                Some(command) => Ok(command),
                None => self.commands.recv_timeout(idle),
            };
            match first {
                Ok(Command::Stop(answer)) => {
                    // What readers no longer see must not come back as `unknown` with the next start.
                    self.sweep();
                    // Dropped first: whoever waits for the answer may open the file again.
                    drop(self.storage);
                    let _ = answer.send(());
                    return;
                }
                Ok(Command::Check(answer)) => {
                    let _ = answer.send(self.storage.check().map_err(Arc::new));
                }
                Ok(command) => self.batch(command),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            if self.swept.elapsed() >= self.sweep_every {
                self.sweep();
            }
        }
    }

    /// Takes what else has come in, commits it together and answers.
    fn batch(&mut self, first: Command) {
        let mut keys = HashSet::new();
        let mut changes = Vec::new();
        let mut pending = Vec::new();
        let mut next = Some(first);
        while let Some(command) = next {
            let key = match &command {
                Command::Register(record, _) => (record.name.clone(), record.id.clone()),
                Command::Deregister { name, id, .. } => (name.clone(), id.clone()),
                Command::Check(_) | Command::Stop(_) => {
                    self.waiting.push_front(command);
                    break;
                }
            };
            // What an instance was before is looked up in memory, which a batch changes at its end: one change of an instance a batch.
            if !keys.insert(key) {
                self.waiting.push_front(command);
                break;
            }
            match command {
                Command::Register(mut record, answer) => {
                    let before = self.directory.registered_at(&record.name, &record.id);
                    record.registered_at = before.unwrap_or(record.registered_at);
                    pending.push(Pending::Register(
                        answer,
                        Registered {
                            at: record.registered_at,
                            new: before.is_none(),
                        },
                    ));
                    changes.push(Change::Put(record));
                }
                Command::Deregister { name, id, answer } => {
                    let before = self.directory.presence(&name, &id);
                    if before == Presence::Live {
                        changes.push(Change::Deregister {
                            name,
                            id,
                            at: Timestamp::now(),
                        });
                    }
                    pending.push(Pending::Deregister(answer, before));
                }
                Command::Check(_) | Command::Stop(_) => {}
            }
            next = if pending.len() < BATCH {
                self.waiting
                    .pop_front()
                    .or_else(|| self.commands.try_recv().ok())
            } else {
                None
            };
        }
        let result = if changes.is_empty() {
            Ok(())
        } else {
            self.storage.commit(&changes).map_err(Arc::new)
        };
        match &result {
            Ok(()) => self.apply(changes),
            Err(error) => tracing::error!(
                error = error.chain(),
                changes = changes.len(),
                "a commit failed"
            ),
        }
        for pending in pending {
            // Whoever has gone away meanwhile needs no answer.
            match pending {
                Pending::Register(answer, registered) => {
                    drop(answer.send(result.clone().map(|()| registered)))
                }
                Pending::Deregister(answer, before) => {
                    drop(answer.send(result.clone().map(|()| before)))
                }
            }
        }
    }

    fn apply(&self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Put(record) => self.directory.register(record),
                Change::Deregister { name, id, .. } => self.directory.deregister(&name, &id),
                Change::Forget { name, id } => self.directory.forget(&[(name, id)]),
            }
        }
    }

    fn sweep(&mut self) {
        self.swept = Instant::now();
        let (silent, old) = self.directory.expired();
        if !(silent.is_empty() && old.is_empty()) {
            let changes: Vec<Change> = silent
                .iter()
                .chain(&old)
                .map(|(name, id)| Change::Forget {
                    name: name.clone(),
                    id: id.clone(),
                })
                .collect();
            match self.storage.commit(&changes) {
                Ok(()) => {
                    for (name, id) in &silent {
                        tracing::info!(name, id, "removed: no heartbeats");
                    }
                    self.gauges.removed.inc_by(silent.len() as u64);
                    self.apply(changes);
                }
                // They stay hidden, and the next sweep tries again.
                Err(error) => {
                    tracing::error!(error = error.chain(), "could not remove silent instances")
                }
            }
        }
        self.gauges.set(&self.directory);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

struct Gauges {
    instances: Family<StatusLabel, Gauge>,
    removed: Counter,
}

impl Gauges {
    fn new(metrics: &Metrics) -> Self {
        let gauges = Self {
            instances: Family::default(),
            removed: Counter::default(),
        };
        metrics.register(
            "manifest_instances",
            "Registered instances by status",
            gauges.instances.clone(),
        );
        metrics.register(
            "manifest_removed",
            "Instances removed for their silence",
            gauges.removed.clone(),
        );
        gauges
    }

    fn set(&self, directory: &Directory) {
        for (status, count) in directory.counts() {
            let status = match status {
                Status::Up => "up",
                Status::Unhealthy => "unhealthy",
                Status::Unknown => "unknown",
            };
            self.instances
                .get_or_create(&StatusLabel { status })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
