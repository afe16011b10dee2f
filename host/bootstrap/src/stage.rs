//! The stage of one run: where its events come together. Each is cleaned of secrets, noted in the journal, taken into the state, and handed on.
//!
//! The dispatcher commits: only then are lines and state on the disk. The lines are what it waits for; the state is their digest and is saved behind the run, which waits for it
//! at its beginning and at its end.

use std::borrow::Cow;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chora_model::credentials::Redactor;
use chora_model::event::{Ending, Event, EventKind, EventSink, Summary};
use chora_model::failure::{Code, Failure};
use chora_model::layout::Layout;
use chora_model::state::{self, State};
use chora_plugin_host::CredentialVault;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::journal::{self, Lines};
use crate::record::{Facts, reduce};
use crate::report;

struct Inner {
    state: State,
    facts: Facts,
    lines: Lines,
    keeps: Keeps,
    /// A line that could not be encoded; told at the next commit.
    broken: Option<String>,
    /// The state that is to be saved: always the latest that was committed.
    unsaved: Option<State>,
    /// Why the state could not be saved behind the run; told at the next commit.
    not_saved: Option<Failure>,
}

/// How far a commit goes before it answers. Each does what those before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Commit {
    /// What was told is handed to the system: it outlives chora, though not a loss of power.
    Told,
    /// It is on the disk.
    Durable,
    /// The state is saved as well, without waiting for it. The first commit of a run waits nevertheless: without it nobody would find the run's journal.
    Saving,
    /// The state is on the disk, too.
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
    vault: Arc<CredentialVault>,
    layout: Layout,
    inner: Mutex<Inner>,
    /// Open from the first commit on. Locked before `inner` by whoever takes both.
    file: Mutex<Option<File>>,
    /// What making things durable has cost so far, in microseconds.
    spent_us: AtomicU64,
    /// Held while the state is saved, so that an older one never replaces a newer. Locked before `inner`.
    saving: Mutex<()>,
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
            vault,
            layout,
            inner: Mutex::new(Inner {
                state,
                facts: Facts::default(),
                lines: Lines::default(),
                keeps,
                broken: None,
                unsaved: None,
                not_saved: None,
            }),
            file: Mutex::new(None),
            spent_us: AtomicU64::new(0),
            saving: Mutex::new(()),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Keeps everything that was told so far.
    pub(crate) async fn commit(self: &Arc<Self>, commit: Commit) -> Result<(), Failure> {
        if self.inner().keeps == Keeps::NOTHING {
            return Ok(());
        }
        let begun = Instant::now();
        let stage = Arc::clone(self);
        let written = tokio::task::spawn_blocking(move || stage.write(commit)).await;
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.spent_us.fetch_add(took, Ordering::Relaxed);
        // The benchmarks read this: what a run waits for here is the price of its durability.
        tracing::debug!(waited_us = took, ?commit, "committed");
        written.unwrap_or_else(|error| {
            let message = format!("writing the journal did not end: {error}");
            Err(Failure::new(Code::IoError, message))
        })?;
        if commit == Commit::Saving && self.inner().unsaved.is_some() {
            let stage = Arc::clone(self);
            tokio::task::spawn_blocking(move || {
                if let Err(failure) = stage.save() {
                    stage.inner().not_saved.get_or_insert(failure);
                }
            });
        }
        Ok(())
    }

    fn write(&self, commit: Commit) -> Result<(), Failure> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let (lines, keeps, not_saved) = {
            let mut inner = self.inner();
            if let Some(reason) = inner.broken.take() {
                let message = format!("an event could not be noted in the journal: {reason}");
                return Err(Failure::new(Code::IoError, message));
            }
            if commit >= Commit::Saving && inner.keeps.state {
                inner.unsaved = Some(inner.state.clone());
            }
            let not_saved = inner.not_saved.take();
            (inner.lines.take(), inner.keeps, not_saved)
        };
        let noted = if keeps.journal {
            self.append(&mut file, &lines, commit)
        } else {
            Ok(false)
        };
        drop(file);
        match (noted, not_saved) {
            (Err(failure), _) => {
                // The state is written even where the journal cannot be: what runs must be on record somewhere. Of both failures the first is told.
                let _ = self.save();
                Err(failure)
            }
            (Ok(first), _) if first || commit == Commit::Saved => self.save(),
            (Ok(_), Some(failure)) => Err(failure),
            (Ok(_), None) => Ok(()),
        }
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
        inner.unsaved = None;
    }

    /// The state is no longer written: there is none any more. To be called when nothing is being saved, as after a dispatch backward.
    pub(crate) fn keep_no_state(&self) {
        self.inner().keeps.state = false;
    }

    /// Tells the end of the run and hands its summary back, with what could not be written added to it.
    pub(crate) async fn finish(self: &Arc<Self>, mut summary: Summary) -> Summary {
        summary.journal_us = self.spent_us.load(Ordering::Relaxed);
        summary.journal = self.journal().map(|path| path.display().to_string());
        if let Some(redactor) = self.vault.redactor() {
            for failure in &mut summary.failures {
                clean_failure(failure, &redactor);
            }
        }
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
            elapsed_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            kind: kind.clone(),
        };
        let mut inner = self.inner();
        let Inner {
            state,
            facts,
            lines,
            keeps,
            broken,
            unsaved: _,
            not_saved: _,
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
            EventKind::HostCall(_)
                | EventKind::ServiceHealthy { .. }
                | EventKind::PhaseStarted { .. }
        );
        let redactor = if has_text {
            self.vault.redactor()
        } else {
            None
        };
        let kind = clean(kind, redactor.as_ref());
        self.note(&kind);
        self.outer.emit(kind);
    }
}

/// Takes secrets out of everything that a plugin or a service had a say in.
fn clean(mut kind: EventKind, redactor: Option<&Redactor>) -> EventKind {
    let Some(redactor) = redactor else {
        return kind;
    };
    match &mut kind {
        EventKind::Notice { message } | EventKind::StepLog { message, .. } => {
            line(message, redactor)
        }
        EventKind::StepDoing { what, .. } => line(what, redactor),
        EventKind::ServiceNotHealthy { reason, .. } => line(reason, redactor),
        EventKind::StepFinished {
            summary,
            warnings,
            failure,
            ..
        } => {
            line(summary, redactor);
            warnings.iter_mut().for_each(|text| line(text, redactor));
            if let Some(failure) = failure {
                clean_failure(failure, redactor);
            }
        }
        // The summary is cleaned where it is finished.
        EventKind::RunFinished(_)
        | EventKind::RunStarted { .. }
        | EventKind::PhaseStarted { .. }
        | EventKind::PhaseFinished { .. }
        | EventKind::StepStarted { .. }
        | EventKind::ServiceHealthy { .. }
        | EventKind::HostCall(_) => {}
    }
    kind
}

fn line(text: &mut String, redactor: &Redactor) {
    if let Cow::Owned(clean) = redactor.redact(text) {
        *text = clean;
    }
}

fn clean_failure(failure: &mut Failure, redactor: &Redactor) {
    line(&mut failure.message, redactor);
    let lines = failure
        .causes
        .iter_mut()
        .chain(&mut failure.next_actions)
        .chain(&mut failure.log_tail)
        .chain(&mut failure.details)
        .chain(&mut failure.last_probe);
    lines.for_each(|text| line(text, redactor));
}
