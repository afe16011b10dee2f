//! The stage of one run: where its events come together. Each is cleaned of secrets, noted in the journal, taken into the state, and handed on.
//!
//! The dispatcher commits: only then are lines and state on the disk. It does so behind the run. Steps wait for their lines before they change anything; the state is the lines' digest, and a run
//! waits for it at its end.

mod redaction;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use chora_model::event::{Ending, Event, EventKind, EventSink, Summary, millis};
use chora_model::failure::{Code, Failure};
use chora_model::layout::Layout;
use chora_model::state::{self, State};
use chora_plugin_host::{CredentialVault, Intent};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::journal::{self, Lines};
use crate::record::{Facts, reduce};
use crate::report;
use redaction::{clean, clean_failure};

struct Inner {
    state: State,
    facts: Facts,
    lines: Lines,
    keeps: Keeps,
    /// A line that could not be encoded; told at the next commit.
    broken: Option<String>,
    /// How many commits were asked for.
    asked: u64,
    /// Which of them was the last that was to be durable.
    asked_durable: u64,
    /// How far to go with those that nobody has begun.
    wanted: Option<Commit>,
    /// The state that is to be saved: always the latest that was committed.
    unsaved: Option<State>,
}

/// How far a commit goes. Each does what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Commit {
    /// What was told is handed to the system: it outlives chora, though not a loss of power.
    Told,
    /// It is on the disk.
    Durable,
    /// The state is on the disk, too; what waits for the journal does not wait for that. With the first lines of a journal it does: without a state nobody would find them.
    Saving,
    /// The state is on the disk, too, and everything waits for it.
    Saved,
}

/// Puts the credential file into a state, or that there is none: what is there is looked at, not believed.
pub(crate) fn note_credentials(state: &mut State, vault: &CredentialVault, layout: &Layout) {
    let path = vault.path();
    state.credentials_generated = path.exists();
    let shown = path.strip_prefix(&layout.project).unwrap_or(path);
    state.credential_files = if state.credentials_generated {
        vec![shown.display().to_string()]
    } else {
        Vec::new()
    };
}

/// What a run keeps on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keeps {
    /// Its journal.
    pub(crate) journal: bool,
    /// The state.
    pub(crate) state: bool,
}

impl Keeps {
    /// A dry run, and one that ended before it began.
    pub(crate) const NOTHING: Self = Self {
        journal: false,
        state: false,
    };
    /// A run that only looks: the state is left to those that change something.
    pub(crate) const JOURNAL: Self = Self {
        journal: true,
        state: false,
    };
    /// A run that changes something.
    pub(crate) const ALL: Self = Self {
        journal: true,
        state: true,
    };
}

/// The stage of one run.
pub(crate) struct Stage {
    pub(crate) run: String,
    pub(crate) begun: Instant,
    outer: Arc<dyn EventSink>,
    /// Who else is told, once there is somebody.
    observers: OnceLock<Box<dyn EventSink>>,
    vault: Arc<CredentialVault>,
    layout: Layout,
    inner: Mutex<Inner>,
    /// Open from the first commit on. Locked before `inner` by whoever takes both.
    file: Mutex<Option<File>>,
    /// Held while the state is saved, so that an older one never replaces a newer. Locked before `inner`.
    saving: Mutex<()>,
    /// Up to which commit everything is durable.
    durable: watch::Sender<u64>,
    /// Why something could not be kept, until that is told.
    not_kept: watch::Sender<Option<Failure>>,
    /// How long things have waited for something to become durable, in microseconds: the price of durability.
    waited_us: Arc<AtomicU64>,
}

impl Stage {
    /// A stage on which nothing has happened yet. Nothing is on the disk before the first commit.
    pub(crate) fn new(
        layout: Layout,
        vault: Arc<CredentialVault>,
        outer: Arc<dyn EventSink>,
        state: State,
        run: String,
        keeps: Keeps,
    ) -> Self {
        Self {
            run,
            begun: Instant::now(),
            outer,
            observers: OnceLock::new(),
            vault,
            layout,
            inner: Mutex::new(Inner {
                state,
                facts: Facts::default(),
                lines: Lines::default(),
                keeps,
                broken: None,
                asked: 0,
                asked_durable: 0,
                wanted: None,
                unsaved: None,
            }),
            file: Mutex::new(None),
            saving: Mutex::new(()),
            durable: watch::Sender::new(0),
            not_kept: watch::Sender::new(None),
            waited_us: Arc::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on every event is told to these as well, without secrets. Only the first call counts.
    pub(crate) fn observed_by(&self, observers: Box<dyn EventSink>) {
        let _ = self.observers.set(observers);
    }

    /// Takes secrets out of failures.
    pub(crate) fn clean(&self, failures: &mut [Failure]) {
        if let Some(redactor) = self.vault.redactor() {
            for failure in failures {
                clean_failure(failure, &redactor);
            }
        }
    }

    /// Tells the stage what it needs to understand the events that follow.
    pub(crate) fn learn(&self, facts: Facts) {
        self.inner().facts = facts;
    }

    /// Changes the state besides what events tell.
    pub(crate) fn edit(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.inner().state);
    }

    /// The state as the events so far have made it.
    pub(crate) fn state(&self) -> State {
        self.inner().state.clone()
    }

    /// The file of the journal, where there is one.
    pub(crate) fn journal(&self) -> Option<PathBuf> {
        let open = self
            .file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some();
        open.then(|| self.layout.journal(&self.run))
    }

    /// Keeps everything that was told so far, and waits for it. Tells as well what could not be kept behind the run.
    pub(crate) async fn commit(self: &Arc<Self>, commit: Commit) -> Result<(), Failure> {
        if !self.ask(commit) {
            return Ok(());
        }
        let begun = Instant::now();
        let stage = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || stage.write()).await;
        let waited = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(waited, Ordering::Relaxed);
        // The benchmarks read this.
        tracing::debug!(waited_us = waited, ?commit, "committed");
        written.map_err(|error| {
            let message = format!("writing the journal did not end: {error}");
            Failure::new(Code::IoError, message)
        })?;
        match self.not_kept.send_replace(None) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// Keeps everything that was told so far, behind the run. What must not happen before waits for its [`intent`](Self::intent); a failure is told by [`not_kept`](Self::not_kept).
    pub(crate) fn commit_behind(self: &Arc<Self>, commit: Commit) {
        if self.ask(commit) {
            let stage = Arc::clone(self);
            tokio::task::spawn_blocking(move || stage.write());
        }
    }

    /// Resolves once something could not be kept.
    pub(crate) async fn not_kept(&self) -> Failure {
        let mut not_kept = self.not_kept.subscribe();
        loop {
            // The sender lives in `self`.
            let _ = not_kept.wait_for(Option::is_some).await;
            if let Some(failure) = self.not_kept.send_replace(None) {
                return failure;
            }
        }
    }

    /// What a call has to wait for that begins now, before it changes anything: that all that was to become durable so far is.
    pub(crate) fn intent(&self) -> Option<Intent> {
        let inner = self.inner();
        inner.keeps.journal.then(|| {
            let durable = self.durable.subscribe();
            Intent::new(durable, inner.asked_durable, Arc::clone(&self.waited_us))
        })
    }

    /// Asks for a commit; false when nothing is kept. Commits that nobody has begun become one.
    fn ask(&self, commit: Commit) -> bool {
        let mut inner = self.inner();
        if inner.keeps == Keeps::NOTHING {
            return false;
        }
        inner.asked += 1;
        if commit >= Commit::Durable {
            inner.asked_durable = inner.asked;
        }
        inner.wanted = inner.wanted.max(Some(commit));
        true
    }

    /// Does what was asked for, unless another thread has done it meanwhile.
    fn write(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (commit, number, lines, keeps, broken) = {
            let mut inner = self.inner();
            let Some(commit) = inner.wanted.take() else {
                return;
            };
            if commit >= Commit::Saving && inner.keeps.state {
                inner.unsaved = Some(inner.state.clone());
            }
            let lines = inner.lines.take();
            let broken = inner.broken.take();
            (commit, inner.asked, lines, inner.keeps, broken)
        };
        let noted = match broken {
            Some(reason) => {
                let message = format!("an event could not be noted in the journal: {reason}");
                Err(Failure::new(Code::IoError, message))
            }
            None if keeps.journal => self.append(&mut file, &lines, commit),
            None => Ok(false),
        };
        let is_first = match noted {
            Ok(is_first) => is_first,
            Err(failure) => {
                // The state is written even where the journal cannot be: what runs must be on record somewhere. Of both failures the first is told.
                let _ = self.save();
                return self.fail(failure);
            }
        };
        // Nobody would find the first lines of a journal that no state names.
        let at_once = is_first || commit == Commit::Saved;
        if at_once && let Err(failure) = self.save() {
            return self.fail(failure);
        }
        drop(file);
        if commit >= Commit::Durable {
            self.durable
                .send_modify(|durable| *durable = number.max(*durable));
        }
        if !at_once && let Err(failure) = self.save() {
            self.fail(failure);
        }
    }

    fn fail(&self, failure: Failure) {
        self.not_kept.send_modify(|not_kept| {
            not_kept.get_or_insert(failure);
        });
    }

    /// Adds lines to the journal, and answers whether they are its first.
    fn append(
        &self,
        file: &mut Option<File>,
        lines: &[u8],
        commit: Commit,
    ) -> Result<bool, Failure> {
        let path = self.layout.journal(&self.run);
        let failed = |error: std::io::Error| report::io_failure("write the journal", &path, &error);
        let first = file.is_none();
        if first {
            std::fs::create_dir_all(self.layout.runs()).map_err(failed)?;
            *file = Some(journal::create(&path).map_err(failed)?);
        }
        if let Some(file) = file.as_mut() {
            journal::append(file, lines).map_err(failed)?;
            if commit >= Commit::Durable {
                journal::sync(file).map_err(failed)?;
            }
        }
        Ok(first)
    }

    /// Saves the state that was committed last, unless that has been done.
    fn save(&self) -> Result<(), Failure> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut state) = self.inner().unsaved.take() else {
            return Ok(());
        };
        note_credentials(&mut state, &self.vault, &self.layout);
        state::save(&self.layout, &mut state).map_err(|error| report::state_failure(&error))
    }

    /// Nothing of this run is kept, not even what was told already: it ended before it began.
    pub(crate) fn keep_nothing(&self) {
        let mut inner = self.inner();
        inner.keeps = Keeps::NOTHING;
        inner.lines = Lines::default();
        inner.wanted = None;
        inner.unsaved = None;
    }

    /// The state is no longer written: there is none any more. To be called when nothing is being saved, as after a dispatch backward.
    pub(crate) fn keep_no_state(&self) {
        self.inner().keeps.state = false;
    }

    /// Tells the end of the run and hands its summary back, with what could not be written added to it.
    pub(crate) async fn finish(self: &Arc<Self>, mut summary: Summary) -> Summary {
        summary.journal_us = self.waited_us.load(Ordering::Relaxed);
        summary.journal = self.journal().map(|path| path.display().to_string());
        self.clean(&mut summary.failures);
        // Noted before it is handed on, so that whoever hears of the end finds it on the disk.
        self.note(&EventKind::RunFinished(Box::new(summary.clone())));
        if let Err(failure) = self.commit(Commit::Saved).await {
            if summary.failures.is_empty() {
                summary.ending = Ending::Failed;
                summary.exit_code = report::exit_code(summary.kind, summary.ending, Some(&failure));
            }
            summary.failures.push(failure);
        }
        self.outer
            .emit(EventKind::RunFinished(Box::new(summary.clone())));
        summary
    }

    fn note(&self, kind: &EventKind) {
        let event = Event {
            at: Timestamp::now(),
            elapsed_ms: millis(self.begun.elapsed()),
            kind: kind.clone(),
        };
        let mut inner = self.inner();
        let Inner {
            state,
            facts,
            lines,
            keeps,
            broken,
            asked: _,
            asked_durable: _,
            wanted: _,
            unsaved: _,
        } = &mut *inner;
        reduce(state, facts, &event.kind, event.at);
        if keeps.journal
            && let Err(error) = lines.push(&event)
        {
            *broken = Some(error.to_string());
        }
    }
}

impl EventSink for Stage {
    fn emit(&self, kind: EventKind) {
        let has_text = !matches!(
            kind,
            EventKind::ServiceHealthy { .. }
                | EventKind::PhaseStarted { .. }
                | EventKind::PluginCalled(_)
        );
        let redactor = if has_text {
            self.vault.redactor()
        } else {
            None
        };
        let kind = clean(kind, redactor.as_deref());
        self.note(&kind);
        if let Some(observers) = self.observers.get() {
            observers.emit(kind.clone());
        }
        self.outer.emit(kind);
    }
}
