//! `progress`: what a person may see while a step works.

use chora_model::event::EventKind;

use crate::bindings::imports::chora::bootstrap::progress::{Host, Level};
use crate::call::CallState;
use crate::output::clean_line;

/// The longest line that is passed on, in characters.
const LINE: usize = 500;

impl CallState {
    /// Whether one more line may be passed on.
    fn may_speak(&mut self) -> wasmtime::Result<bool> {
        self.count_host_call()?;
        self.log_lines = self.log_lines.saturating_add(1);
        Ok(self.log_lines <= self.limits.log_lines)
    }

    fn say(&self, event: EventKind) {
        if let Some(scene) = &self.scene {
            scene.events.emit(event);
        }
    }
}

impl Host for CallState {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        if self.may_speak()? {
            let level = match level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warning => "warning",
            };
            self.say(EventKind::StepLog {
                step: self.caller.clone(),
                level: level.to_owned(),
                message: clean_line(&message, LINE),
            });
        }
        Ok(())
    }

    fn doing(&mut self, what: String) -> wasmtime::Result<()> {
        if self.may_speak()? {
            self.say(EventKind::StepDoing {
                step: self.caller.clone(),
                what: clean_line(&what, LINE),
            });
        }
        Ok(())
    }
}
