//! Shows a run while it goes on: a subscriber of events on a thread of its own, so that a slow terminal never slows the work.
//!
//! Nothing here asks the run for anything. What an event means in words is in [`story`]; this module and its neighbours only decide where the words go.

mod failure;
mod json;
mod live;
mod story;
mod summary;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use chora_model::event::{Event, EventKind, EventSink, Summary, millis};
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::output::Output;

pub(crate) use failure::report;
pub(crate) use story::{Line, Story};

use live::Live;

/// How often what runs is drawn anew.
const FRAME: Duration = Duration::from_millis(100);

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Lines, and what runs redrawn below them.
    Live,
    /// Lines.
    Plain,
    /// One JSON object per line.
    Json,
}

/// Where a run sends its events.
pub(crate) struct Sink {
    began: Instant,
    // HostCall events are many, and no reader but the JSON one and a curious person's wants them.
    wants_calls: bool,
    finished: AtomicBool,
    events: mpsc::Sender<Event>,
}

impl EventSink for Sink {
    fn emit(&self, kind: EventKind) {
        if matches!(kind, EventKind::HostCall(_)) && !self.wants_calls {
            return;
        }
        if matches!(kind, EventKind::RunFinished(_)) && self.finished.swap(true, Ordering::SeqCst) {
            return;
        }
        let event = Event {
            at: Timestamp::now(),
            elapsed_ms: millis(self.began.elapsed()),
            kind,
        };
        // The renderer ends with the run's last event; what comes later has nobody to hear it.
        let _late = self.events.send(event);
    }
}

impl Sink {
    /// Sees to it that the run ends with its summary, however it ended.
    pub(crate) fn finish(&self, summary: &Summary) {
        self.emit(EventKind::RunFinished(Box::new(summary.clone())));
    }
}

/// The thread that shows a run.
pub(crate) struct Renderer {
    ended: oneshot::Receiver<()>,
    live: Option<Live>,
    output: Arc<Output>,
}

impl Renderer {
    /// Starts to show a run.
    pub(crate) fn start(
        output: &Arc<Output>,
        style: Style,
        story: Story,
    ) -> std::io::Result<(Self, Arc<Sink>)> {
        let (sender, events) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        let live = (style == Style::Live).then(Live::new);
        let sink = Arc::new(Sink {
            began: Instant::now(),
            wants_calls: style == Style::Json || story.is_verbose(),
            finished: AtomicBool::new(false),
            events: sender,
        });
        let (shown, screen) = (Arc::clone(output), live.clone());
        std::thread::Builder::new()
            .name("renderer".to_owned())
            .spawn(move || {
                match (style, screen) {
                    (Style::Json, _) => json::show(&events, &shown),
                    (_, Some(live)) => live.show(&events, &shown, story),
                    (_, None) => plain(&events, &shown, story),
                }
                // Nobody waits any more when the run was cut off.
                let _unwaited = end.send(());
            })?;
        let renderer = Self {
            ended,
            live,
            output: Arc::clone(output),
        };
        Ok((renderer, sink))
    }

    /// Says something at once on standard error, whatever is being drawn.
    pub(crate) fn speaker(&self) -> impl Fn(&str) + Send + Sync + 'static {
        let (live, output) = (self.live.clone(), Arc::clone(&self.output));
        move |text: &str| match &live {
            Some(live) => live.pause(|| output.error(text)),
            None => output.error(text),
        }
    }

    /// Leaves the terminal in order when the run is cut off.
    pub(crate) fn leaver(&self) -> impl FnOnce() + 'static {
        let live = self.live.clone();
        move || {
            if let Some(live) = live {
                live.leave();
            }
        }
    }

    /// Resolves when everything up to the run's last event is shown.
    pub(crate) async fn ended(self) {
        // An error means that the thread is gone, which is an end too.
        let _gone = self.ended.await;
    }
}

fn plain(events: &mpsc::Receiver<Event>, output: &Output, mut story: Story) {
    for event in events {
        print(output, story.tell(&event));
        if matches!(event.kind, EventKind::RunFinished(_)) {
            return;
        }
    }
}

fn print(output: &Output, lines: Vec<Line>) {
    for line in lines {
        match line {
            Line::Out(text) => {
                output.line(&text);
            }
            Line::Err(text) => output.error(&text),
        }
    }
}
