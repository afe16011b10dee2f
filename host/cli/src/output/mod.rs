//! The two streams that chora prints to. Everything goes through here: secrets are covered, colours are taken out where they are not wanted, and a reader who has gone away is no
//! error and no end of a run.

mod columns;
mod duration;
mod escape;
mod json;
mod reader;
mod redaction;
mod size;
mod style;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anstream::{AutoStream, ColorChoice};

use crate::args::ColorArg;

pub(crate) use columns::{Cell, Column, columns, left, right};
pub(crate) use duration::{human, human_ms, human_us};
pub(crate) use escape::{escape, one_line};
pub(crate) use json::{document, harmless};
pub(crate) use reader::reader_gone;
pub(crate) use redaction::Redaction;
pub(crate) use size::human_bytes;
pub(crate) use style::{BAD, BOLD, CODE, DIM, GOOD, WARN, paint};

/// Standard output and standard error, as all of chora prints to them.
pub(crate) struct Output {
    redaction: Arc<Redaction>,
    out_colored: bool,
    err_colored: bool,
    // Invariant: once true, nothing is written to standard output any more.
    out_closed: AtomicBool,
}

impl Output {
    /// Looks at the streams and at what the user wants.
    pub(crate) fn new(color: ColorArg) -> Self {
        let choice = match color {
            ColorArg::Auto => ColorChoice::Auto,
            ColorArg::Always => ColorChoice::Always,
            ColorArg::Never => ColorChoice::Never,
        };
        choice.write_global();
        Self {
            redaction: Arc::default(),
            out_colored: AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
            err_colored: AutoStream::choice(&std::io::stderr()) != ColorChoice::Never,
            out_closed: AtomicBool::new(false),
        }
    }

    /// What covers the secrets.
    pub(crate) fn redaction(&self) -> &Arc<Redaction> {
        &self.redaction
    }

    /// Whether standard output is a terminal on which lines can be redrawn.
    pub(crate) fn is_live(&self) -> bool {
        std::io::stdout().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Whether standard error is one.
    pub(crate) fn is_error_live(&self) -> bool {
        std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Prints a line, or several, to standard output. False when nobody reads any more.
    pub(crate) fn line(&self, text: &str) -> bool {
        let text = self.for_out(text);
        self.write_out(format!("{text}\n").as_bytes())
    }

    /// Prints text that brings its own line ends to standard output. False when nobody reads any more.
    pub(crate) fn text(&self, text: &str) -> bool {
        let text = self.for_out(text);
        self.write_out(text.as_bytes())
    }

    /// Prints text that [`Self::for_out`] made, with what moves the cursor around it. False when nobody reads any more.
    pub(crate) fn raw(&self, text: &str) -> bool {
        self.write_out(text.as_bytes())
    }

    /// Prints a line, or several, to standard error. There is nobody to tell when that fails.
    pub(crate) fn error(&self, text: &str) {
        let text = self.for_err(text);
        let _gone = std::io::stderr()
            .lock()
            .write_all(format!("{text}\n").as_bytes());
    }

    /// The text as standard output shows it.
    pub(crate) fn for_out(&self, text: &str) -> String {
        shown(&self.redaction, self.out_colored, text)
    }

    /// The text as standard error shows it.
    pub(crate) fn for_err(&self, text: &str) -> String {
        shown(&self.redaction, self.err_colored, text)
    }

    fn write_out(&self, bytes: &[u8]) -> bool {
        if self.out_closed.load(Ordering::Relaxed) {
            return false;
        }
        let mut out = std::io::stdout().lock();
        let open = out.write_all(bytes).and_then(|()| out.flush()).is_ok();
        if !open {
            self.out_closed.store(true, Ordering::Relaxed);
        }
        open
    }
}

fn shown(redaction: &Redaction, colored: bool, text: &str) -> String {
    let text = redaction.redact(text);
    if colored {
        text
    } else {
        anstream::adapter::strip_str(&text).to_string()
    }
}
