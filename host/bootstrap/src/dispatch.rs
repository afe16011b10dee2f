//! The dispatcher: owns the scheduler's machine, gives it every event in order, and carries its actions out. Executors do the work and tell nobody but the dispatcher.
//!
//! What a step is about to do is on the disk before it changes anything, and with it what was done before. Until then it may look and compute: nobody waits for the disk who need not.

mod crew;
mod tell;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chora_model::event::{Ending, EventKind, EventSink, millis};
use chora_model::failure::{Code, Failure};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::cancel::{Cancel, Urgency};
use crate::schedule::{Action, Ended, Event, Machine};
use crate::stage::{Commit, Stage};

pub(crate) use crew::Crew;
use crew::{Executor, Turn, Why};
pub(crate) use tell::{Ran, critical_path};
pub(crate) use work::{RUN, Work};

/// How long running steps may go on after a graceful request to stop.
const GRACE: Duration = Duration::from_secs(3);

type Finished = (usize, crew::StepEnd);

/// Everything that the loop looks at.
struct Dispatcher<'a, E> {
    stage: &'a Arc<Stage>,
    crew: &'a Arc<E>,
    work: &'a Work,
    machine: Machine,
    running: JoinSet<Finished>,
    /// Which step each task does.
    tasks: BTreeMap<Id, usize>,
    cuts: BTreeMap<usize, CancellationToken>,
    /// Why steps are being cut off: the first reason stays.
    why: Arc<OnceLock<Why>>,
    /// The phase that began last.
    phase: Option<u8>,
    phase_begun: Instant,
    phase_deadline: Option<(u8, Instant)>,
    run_deadline: Option<Instant>,
    grace: Option<Instant>,
    urgency: Urgency,
    ran: Ran,
}

/// Does the work, and answers how it went.
pub(crate) async fn dispatch<E: Executor>(
    stage: &Arc<Stage>,
    crew: &Arc<E>,
    work: &Work,
    cancel: &Cancel,
) -> Ran {
    let dispatcher = Dispatcher {
        stage,
        crew,
        work,
        machine: Machine::new(work.graph.clone(), work.parallel),
        running: JoinSet::new(),
        tasks: BTreeMap::new(),
        cuts: BTreeMap::new(),
        why: Arc::default(),
        phase: None,
        phase_begun: Instant::now(),
        phase_deadline: None,
        run_deadline: Some(work.deadline),
        grace: None,
        urgency: Urgency::None,
        ran: Ran::default(),
    };
    dispatcher.run(cancel).await
}

impl<E: Executor> Dispatcher<'_, E> {
    async fn run(mut self, cancel: &Cancel) -> Ran {
        let mut events = vec![Event::Begin];
        loop {
            let mut save = false;
            let mut starts = Vec::new();
            for event in events {
                for action in self.machine.handle(event) {
                    save |= self.carry_out(action, &mut starts);
                }
            }
            save |= std::mem::take(&mut self.ran.save);
            let commit = self.commit(save, !starts.is_empty());
            if self.ran.finished {
                if let Err(failure) = self.stage.commit(commit).await {
                    return self.give_up(failure).await;
                }
                self.explain();
                return self.ran;
            }
            self.stage.commit_behind(commit);
            for index in starts {
                self.spawn(index);
            }
            let stage = self.stage;
            events = tokio::select! {
                biased;
                failure = stage.not_kept() => return self.give_up(failure).await,
                events = self.next(cancel) => events,
            };
            if events.is_empty() {
                let message = "the scheduler waits for nothing; report this as a fault of chora";
                return self.give_up(Failure::new(Code::IoError, message)).await;
            }
        }
    }

    /// How far to keep what was told.
    fn commit(&self, save: bool, starts: bool) -> Commit {
        if self.ran.finished && self.work.backward {
            // What follows deletes what the state tells of, and the state at last.
            return Commit::Saved;
        }
        if self.ran.finished {
            // The run's own end follows at once, and keeps everything.
            return Commit::Told;
        }
        if save {
            Commit::Saving
        } else if starts {
            Commit::Durable
        } else {
            // Steps that held already and let nothing begin: their next look is as good as this record.
            Commit::Told
        }
    }

    /// Carries one action out, but for starting steps, whose intent is kept first. Answers whether the state is to be saved.
    fn carry_out(&mut self, action: Action, starts: &mut Vec<usize>) -> bool {
        match action {
            Action::BeginPhase(phase) => {
                self.phase = Some(phase);
                self.phase_begun = Instant::now();
                let limit = self.work.limit(phase);
                self.phase_deadline = Some((phase, self.phase_begun + limit));
                self.stage.emit(self.work.phase_started(phase));
                true
            }
            Action::Start(index) => {
                if let Some(step) = self.work.steps.get(index) {
                    self.stage.emit(tell::step_started(step));
                    starts.push(index);
                }
                false
            }
            Action::Skip(index) => {
                if let Some(step) = self.work.steps.get(index) {
                    self.stage.emit(tell::step_skipped(step));
                    self.ran.skipped(index);
                }
                false
            }
            Action::Cut(index) => {
                if let Some(token) = self.cuts.get(&index) {
                    token.cancel();
                }
                false
            }
            Action::EndPhase(phase, ending) => {
                self.phase_deadline = None;
                self.stage.emit(EventKind::PhaseFinished {
                    phase,
                    ending,
                    duration_ms: millis(self.phase_begun.elapsed()),
                });
                true
            }
            Action::Finish(ending) => {
                self.ran.ending = ending;
                self.ran.finished = true;
                false
            }
        }
    }

    fn spawn(&mut self, index: usize) {
        let Some(step) = self.work.steps.get(index).cloned() else {
            return;
        };
        let turn = Turn {
            backward: self.work.backward,
            cut: CancellationToken::new(),
            why: Arc::clone(&self.why),
            intent: self.stage.intent(),
        };
        self.cuts.insert(index, turn.cut.clone());
        let crew = Arc::clone(self.crew);
        let task = self
            .running
            .spawn(async move { (index, crew.perform(&step, &turn).await) });
        self.tasks.insert(task.id(), index);
    }

    /// Waits for whatever happens next. Steps that end together are taken together.
    async fn next(&mut self, cancel: &Cancel) -> Vec<Event> {
        let far = Instant::now() + Duration::from_secs(86_400 * 365);
        let phase_deadline = self.phase_deadline.map_or(far, |(_, at)| at);
        tokio::select! {
            ended = self.running.join_next_with_id(), if !self.running.is_empty() => {
                let mut events = Vec::new();
                let mut ended = ended;
                while let Some(one) = ended {
                    events.extend(self.ended(one));
                    ended = self.running.try_join_next_with_id();
                }
                events
            }
            () = sleep_until(phase_deadline) => {
                let phase = self.phase_deadline.take().map(|(phase, _)| phase);
                self.because(Why::PhaseOver(self.work.limit(phase.unwrap_or_default())));
                vec![Event::Deadline(phase)]
            }
            () = sleep_until(self.run_deadline.unwrap_or(far)) => {
                self.run_deadline = None;
                self.because(Why::RunOver(self.work.timeout));
                vec![Event::Deadline(None)]
            }
            () = sleep_until(self.grace.unwrap_or(far)) => {
                self.grace = None;
                self.because(Why::Stopped);
                vec![Event::Abort]
            }
            urgency = cancel.beyond(self.urgency) => {
                self.urgency = urgency;
                if urgency == Urgency::Now {
                    self.grace = None;
                    self.because(Why::Stopped);
                    vec![Event::Abort]
                } else {
                    self.grace = Some(Instant::now() + GRACE);
                    self.crew.stop();
                    vec![Event::Stop]
                }
            }
        }
    }

    /// A deadline that came just as the last running step succeeded has failed no step, and the run all the same.
    fn explain(&mut self) {
        if self.ran.ending != Ending::Failed || !self.ran.failures.is_empty() {
            return;
        }
        let (message, next) = match self.why.get() {
            Some(Why::RunOver(limit)) => (
                format!("the run did not end within {limit:.0?}"),
                "raise `--timeout` if it only needs longer",
            ),
            Some(Why::PhaseOver(limit)) => (
                format!("the phase did not end within {limit:.0?}"),
                "raise the phase's limit under `timeouts:` if it only needs longer",
            ),
            Some(Why::Stopped) | None => (
                "the run ended without a reason".to_owned(),
                "report this as a fault of chora",
            ),
        };
        let mut failure = Failure::new(Code::TimedOut, message).next(next);
        failure.phase = self.phase;
        self.ran.failures.push(failure);
    }

    fn because(&self, why: Why) {
        // Only the first reason is the reason.
        let _ = self.why.set(why);
    }

    /// Takes the end of a step in: tells it, and hands on what the machine needs to know.
    fn ended(&mut self, ended: Result<(Id, Finished), JoinError>) -> Option<Event> {
        let (index, end) = match ended {
            Ok((id, (index, end))) => {
                self.tasks.remove(&id);
                (index, end)
            }
            Err(error) => {
                let index = self.tasks.remove(&error.id())?;
                let step = self.work.steps.get(index)?;
                (index, self.crew.lost(step, &error, self.work.backward))
            }
        };
        self.cuts.remove(&index);
        let step = self.work.steps.get(index)?;
        let waiting = self.work.waiting(self.crew.config(), index);
        let (kind, done) = tell::step_finished(step, index, end, waiting);
        let event = match (done.ending, &done.failure) {
            (Ending::Succeeded | Ending::Skipped, _) => Ended::Succeeded {
                changed: done.has_changed(),
            },
            (Ending::Failed, _) => Ended::Failed,
            (Ending::Interrupted, _) => Ended::Cut,
        };
        self.stage.emit(kind);
        self.ran.push(done);
        Some(Event::Ended(index, event))
    }

    /// The journal cannot be written: nothing more may be done, and what runs is cut off.
    async fn give_up(mut self, failure: Failure) -> Ran {
        self.because(Why::Stopped);
        for token in self.cuts.values() {
            token.cancel();
        }
        while let Some(ended) = self.running.join_next_with_id().await {
            let _ = self.ended(ended);
        }
        let mut failure = failure;
        failure.phase = failure.phase.or(self.phase);
        self.ran.ending = Ending::Failed;
        self.ran.finished = true;
        self.ran.failures.insert(0, failure);
        self.ran
    }
}

#[cfg(test)]
mod tests;
