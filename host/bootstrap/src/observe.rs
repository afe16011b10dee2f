//! Observers: plugins that are told what happens in a run, each in order and behind the run. They never hold it up; its end alone waits for them, and not for long.

use std::sync::Arc;
use std::time::Duration;

use chora_model::event::{EventKind, EventSink, PluginFunction, RunKind};
use chora_model::failure::{Code, Failure};
use chora_model::plan::StepKey;
use chora_plugin_host::{
    Call, ObservedEvent, ObservedFailure, ObservedRun, Outstanding, PluginError, PluginHost, Scene,
};
use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::asked::Asked;
use crate::cancel::{Cancel, Urgency};
use crate::plugins::Ready;
use crate::report;
use crate::stage::Stage;

/// How long the end of a run waits for observers to take everything in.
const TAKING_IN: Duration = Duration::from_secs(30);
/// The same once the user wants to stop.
const STOPPING: Duration = Duration::from_secs(3);

/// Who observes a run.
pub(crate) struct Observers {
    watchers: Vec<Watcher>,
}

/// One observer: its queue, and the task that empties it.
struct Watcher {
    name: String,
    required: bool,
    events: mpsc::UnboundedSender<ObservedEvent>,
    /// Answers with what a required observer failed at.
    task: JoinHandle<Vec<Failure>>,
}

/// The queues of all observers, for as long as the run has not ended.
struct Queues(Vec<mpsc::WeakUnboundedSender<ObservedEvent>>);

impl EventSink for Queues {
    fn emit(&self, kind: EventKind) {
        let Some(event) = observed_in(kind) else {
            return;
        };
        let open = self.0.iter().filter_map(mpsc::WeakUnboundedSender::upgrade);
        for queue in open {
            // An observer whose task broke off is told of at the run's end.
            let _ = queue.send(event.clone());
        }
    }
}

/// What an observer's calls are made with.
struct Calls {
    host: PluginHost,
    ready: Ready,
    scene: Arc<Scene>,
    stage: Arc<Stage>,
    run: ObservedRun,
}

/// The run that is observed.
pub(crate) struct Observed<'a> {
    pub(crate) host: &'a PluginHost,
    pub(crate) scene: &'a Arc<Scene>,
    pub(crate) stage: &'a Arc<Stage>,
    pub(crate) kind: RunKind,
    pub(crate) environment: &'a str,
    pub(crate) dry_run: bool,
}

impl Observers {
    /// Tells these observers that the run begins, and from now on what happens in it.
    pub(crate) fn start(observers: &[Ready], observed: &Observed<'_>) -> Self {
        let watchers = observers.iter().map(|ready| {
            let calls = Calls {
                host: observed.host.clone(),
                ready: ready.clone(),
                scene: Arc::clone(observed.scene),
                stage: Arc::clone(observed.stage),
                run: ObservedRun {
                    id: observed.stage.run.clone(),
                    kind: observed.kind,
                    environment: observed.environment.to_owned(),
                    dry_run: observed.dry_run,
                },
            };
            let (events, queue) = mpsc::unbounded_channel();
            Watcher {
                name: ready.plugin.name.clone(),
                required: ready.required,
                events,
                task: tokio::spawn(calls.tell_all(queue)),
            }
        });
        let observers = Self {
            watchers: watchers.collect(),
        };
        observers.tell(&ObservedEvent::RunStarted);
        if !observers.watchers.is_empty() {
            let queues = observers
                .watchers
                .iter()
                .map(|watcher| watcher.events.downgrade());
            observed
                .stage
                .observed_by(Box::new(Queues(queues.collect())));
        }
        observers
    }

    fn tell(&self, event: &ObservedEvent) {
        for watcher in &self.watchers {
            let _ = watcher.events.send(event.clone());
        }
    }

    /// Tells how the run ended, and waits until all of it was taken in. Answers what required observers failed at.
    pub(crate) async fn end(
        self,
        last: &ObservedEvent,
        stage: &Stage,
        cancel: &Cancel,
    ) -> Vec<Failure> {
        self.tell(last);
        let watchers = self.watchers.into_iter();
        let ended = join_all(watchers.map(|watcher| watcher.end(stage, cancel))).await;
        ended.into_iter().flatten().collect()
    }
}

impl Watcher {
    /// Waits until the queue is empty, as long as that may take.
    async fn end(self, stage: &Stage, cancel: &Cancel) -> Vec<Failure> {
        let Self {
            name,
            required,
            events,
            mut task,
        } = self;
        drop(events);
        let ended = tokio::select! {
            ended = &mut task => ended.map_err(|error| format!("it broke off: {error}")),
            () = sleep(TAKING_IN) => Err("it took too long over the run's events".to_owned()),
            () = stopped(cancel) => Err("it was cut off".to_owned()),
        };
        let what = match ended {
            Ok(failures) => return failures,
            Err(what) => what,
        };
        task.abort();
        // What it was cut off in is told before the run's end is.
        let _cut_off = task.await;
        if required {
            return vec![failed(&name, what)];
        }
        let message = format!("warning: observer `{name}`: {what}");
        stage.emit(EventKind::Notice { message });
        Vec::new()
    }
}

/// Resolves when the user has waited long enough after asking to stop.
async fn stopped(cancel: &Cancel) {
    cancel.beyond(Urgency::None).await;
    tokio::select! {
        () = sleep(STOPPING) => {}
        _ = cancel.beyond(Urgency::Graceful) => {}
    }
}

impl Calls {
    /// Tells event after event until the run's last. After a trap or a time-out there is no use in more than that one.
    async fn tell_all(self, mut queue: mpsc::UnboundedReceiver<ObservedEvent>) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut is_broken = false;
        while let Some(event) = queue.recv().await {
            let is_last = matches!(
                event,
                ObservedEvent::RunFailed { .. } | ObservedEvent::RunCompleted { .. }
            );
            if is_broken && !is_last {
                continue;
            }
            let name = &self.ready.plugin.name;
            let about = event.name().to_owned();
            let mut asked = Asked::new(&*self.stage, name, PluginFunction::Observe, about);
            let told = asked.answer(self.tell(&event), Result::is_ok).await;
            drop(asked);
            let Err(error) = told else {
                continue;
            };
            is_broken |= !matches!(
                error,
                PluginError::Guest { .. } | PluginError::Denied { .. }
            );
            if self.ready.required {
                let mut failure = failed(name, format!("{}: {error}", event.name()));
                failure.details = report::causes(&error);
                failures.push(failure);
            } else {
                let message = format!(
                    "warning: observer `{name}` did not take in `{}`: {error}",
                    event.name()
                );
                self.stage.emit(EventKind::Notice { message });
            }
        }
        failures
    }

    async fn tell(&self, event: &ObservedEvent) -> Result<(), PluginError> {
        let call = Call {
            plugin: Arc::clone(&self.ready.plugin),
            grants: Arc::clone(&self.ready.grants),
            settings: Arc::clone(&self.ready.settings),
            caller: StepKey(self.ready.plugin.name.clone()),
            timeout: self.host.limits().call,
            dry_run: self.run.dry_run,
            intent: self.stage.intent(),
            outstanding: Outstanding::default(),
        };
        self.host.observe(&self.scene, call, &self.run, event).await
    }
}

fn failed(name: &str, what: String) -> Failure {
    let mut failure = Failure::new(
        Code::ObserverFailed,
        format!("the required observer `{name}` did not do its part: {what}"),
    )
    .next(format!(
        "see what it did with `chora plugin inspect {name}`, then run the command again"
    ))
    .next(format!(
        "or take `required: true` from plugin `{name}`, and its failures are warnings"
    ));
    failure.plugin = Some(name.to_owned());
    failure
}

/// What observers are told of an event, where it is one of theirs.
fn observed_in(kind: EventKind) -> Option<ObservedEvent> {
    match kind {
        EventKind::PhaseStarted {
            phase,
            name,
            steps,
            undo,
        } => Some(ObservedEvent::PhaseStarted {
            phase,
            name,
            steps,
            undo,
        }),
        EventKind::ServiceHealthy {
            service, waited_ms, ..
        } => Some(ObservedEvent::ServiceHealthy {
            service,
            waited: Duration::from_millis(waited_ms),
        }),
        _ => None,
    }
}

/// A failure as observers are told of it.
pub(crate) fn observed_failure(failure: &Failure) -> ObservedFailure {
    ObservedFailure {
        code: failure.code.to_string(),
        message: failure.message.clone(),
        phase: failure.phase,
        service: failure.service.clone(),
    }
}
