//! A run on a terminal: finished lines scroll by, what runs is redrawn below them.

use std::collections::HashMap;
use std::sync::mpsc::{self, RecvTimeoutError};

use chora_model::event::{Event, EventKind};
use chora_model::plan::StepKey;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::{FRAME, Line, Story};
use crate::output::{Output, human, one_line};

/// The part of the terminal that is redrawn. Clones are the same part.
#[derive(Clone)]
pub(super) struct Live {
    area: MultiProgress,
}

impl Live {
    pub(super) fn new() -> Self {
        Self {
            area: MultiProgress::with_draw_target(ProgressDrawTarget::stdout()),
        }
    }

    /// Takes the redrawn lines away, lets something else be printed, and draws them again.
    pub(super) fn pause(&self, print: impl FnOnce()) {
        self.area.suspend(print);
    }

    /// Takes the redrawn lines away for good.
    pub(super) fn leave(&self) {
        // A terminal that cannot be cleared shows a line too many.
        let _cosmetic = self.area.clear();
        self.area.set_draw_target(ProgressDrawTarget::hidden());
    }

    /// Shows the run until its last event.
    pub(super) fn show(&self, events: &mpsc::Receiver<Event>, output: &Output, mut story: Story) {
        let mut running: HashMap<StepKey, ProgressBar> = HashMap::new();
        loop {
            match events.recv_timeout(FRAME) {
                Ok(event) => {
                    self.follow(&event.kind, output, &mut running);
                    self.print(output, story.tell(&event));
                    if matches!(event.kind, EventKind::RunFinished(_)) {
                        return;
                    }
                }
                // Ticking here, and not in a thread per line, keeps a thousand steps as cheap as one.
                Err(RecvTimeoutError::Timeout) => running.values().for_each(ProgressBar::tick),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn follow(
        &self,
        event: &EventKind,
        output: &Output,
        running: &mut HashMap<StepKey, ProgressBar>,
    ) {
        match event {
            EventKind::StepStarted { step, title, .. } => {
                let line = self.area.add(ProgressBar::new_spinner());
                line.set_style(style());
                line.set_prefix(output.for_out(&one_line(title)));
                line.tick();
                running.insert(step.clone(), line);
            }
            EventKind::StepDoing { step, what } => {
                if let Some(line) = running.get(step) {
                    line.set_message(output.for_out(&one_line(what)));
                }
            }
            EventKind::StepFinished { step, .. } => {
                if let Some(line) = running.remove(step) {
                    line.finish_and_clear();
                    self.area.remove(&line);
                }
            }
            EventKind::RunFinished(_) => {
                for (_, line) in running.drain() {
                    line.finish_and_clear();
                    self.area.remove(&line);
                }
                // A terminal that cannot be cleared shows a line too many.
                let _cosmetic = self.area.clear();
            }
            EventKind::RunStarted { .. }
            | EventKind::Notice { .. }
            | EventKind::PhaseStarted { .. }
            | EventKind::PhaseFinished { .. }
            | EventKind::StepLog { .. }
            | EventKind::ServiceHealthy { .. }
            | EventKind::ServiceNotHealthy { .. }
            | EventKind::HostCall(_)
            | EventKind::PluginCalled(_) => {}
        }
    }

    fn print(&self, output: &Output, lines: Vec<Line>) {
        if lines.is_empty() {
            return;
        }
        self.pause(|| super::print(output, lines));
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("  ⏳ {prefix}  {took}  {wide_msg}")
        // The template is a constant; were it wrong, the default spinner would be shown.
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .with_key(
            "took",
            |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                let _infallible = text.write_str(&human(state.elapsed()));
            },
        )
}
