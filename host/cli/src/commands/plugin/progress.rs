//! What takes its time while a component is looked at: a line that is redrawn on a terminal, one line for each thing elsewhere. On standard error, so that it is never part of what is shown.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use chora_bootstrap::{Cancel, Doing, Urgency};
use chora_model::failure::{Code, Failure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::app::App;
use crate::failure::Ended;
use crate::output::{human_bytes, one_line};

/// How often the line is redrawn.
const TICK: Duration = Duration::from_millis(100);

/// Shows it; taken away when it is dropped.
pub(super) struct Progress<'a> {
    app: &'a App,
    line: Option<ProgressBar>,
    /// What was told last, where nothing is redrawn: 0 nothing, 1 fetching, 2 compiling.
    told: AtomicU8,
}

impl<'a> Progress<'a> {
    pub(super) fn new(app: &'a App) -> Self {
        let line = (app.output.is_error_live() && !app.logs).then(|| {
            let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            // The template is a constant; were it wrong, the default spinner would be shown.
            let style = ProgressStyle::with_template("  ⏳ {wide_msg}");
            line.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            line.enable_steady_tick(TICK);
            line
        });
        Self {
            app,
            line,
            told: AtomicU8::new(0),
        }
    }

    /// Shows what is being done now.
    pub(super) fn hear(&self, doing: Doing) {
        let (stage, text) = match doing {
            Doing::Fetching {
                from,
                received,
                total,
            } => {
                let of =
                    total.map_or_else(String::new, |total| format!(" of {}", human_bytes(total)));
                let so_far = match self.line {
                    Some(_) => format!(": {}{of}", human_bytes(received)),
                    None => String::new(),
                };
                (1, format!("fetching {}{so_far}", one_line(&from)))
            }
            Doing::Compiling { size } => (2, format!("compiling {}", human_bytes(size))),
        };
        match &self.line {
            Some(line) => line.set_message(self.app.output.for_err(&text)),
            None if self.told.swap(stage, Ordering::Relaxed) != stage => {
                self.app.output.error(&text)
            }
            None => {}
        }
    }

    /// Waits for what is heard of here, and no longer than until the command is to stop: nothing was changed by then.
    pub(super) async fn until<T>(
        &self,
        cancel: &Cancel,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Ended> {
        let done = tokio::select! {
            done = work => done,
            () = requested(cancel) => {
                let message = format!("interrupted by {}; nothing was changed", cancel.reason());
                Err(Failure::new(Code::UserInterrupted, message).next("run the command again"))
            }
        };
        self.clear();
        Ok(done?)
    }

    fn clear(&self) {
        if let Some(line) = &self.line {
            line.finish_and_clear();
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

async fn requested(cancel: &Cancel) {
    cancel.beyond(Urgency::None).await;
}
