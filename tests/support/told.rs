//! A `chora` that is still running, heard line by line.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use super::guard::Guard;
use super::signal;

/// A `chora` that is still running; killed when it is dropped.
pub(crate) struct Told {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
    err: BufReader<ChildStderr>,
    _guard: Guard,
}

impl Told {
    /// Starts a command.
    pub(crate) fn by(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`chora` can be started");
        Self {
            out: child.stdout.take().map(BufReader::new),
            _guard: Guard::over(child.id()),
            err: BufReader::new(child.stderr.take().expect("a piped output")),
            child,
        }
    }

    /// The next line of its standard output, with its line end.
    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        let out = self.out.as_mut().expect("an output that is read");
        let read = out.read_line(&mut line).expect("a line");
        assert!(read > 0, "it ended before the awaited line");
        line
    }

    /// The next line of its standard output as a JSON document.
    #[track_caller]
    pub(crate) fn document(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// Reads on to the first document that fits.
    #[track_caller]
    pub(crate) fn until_document(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let document = self.document();
            if fits(&document) {
                return document;
            }
        }
    }

    /// Everything up to a line that holds this text.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut told = String::new();
        loop {
            let line = self.line();
            told.push_str(&line);
            if line.contains(text) {
                return told;
            }
        }
    }

    /// Reads its standard error up to a line that holds this text.
    #[track_caller]
    pub(crate) fn until_error(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.err.read_line(&mut line).expect("a line");
            assert!(read > 0, "it ended before it said {text:?}");
        }
    }

    /// Signals it.
    #[track_caller]
    pub(crate) fn signal(&self, kind: Signal) {
        signal(self.child.id(), kind);
    }

    /// Closes its standard output, as `head` does when it has enough.
    pub(crate) fn hang_up(&mut self) {
        self.out = None;
    }

    /// Its exit code, or -1 when a signal ended it, and what it still said on either stream.
    pub(crate) fn end(mut self) -> super::Output {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        if let Some(out) = &mut self.out {
            out.read_to_string(&mut stdout).expect("text");
        }
        self.err.read_to_string(&mut stderr).expect("text");
        let status = self.child.wait().expect("an ended process");
        let code = status.code().unwrap_or(-1);
        super::Output {
            code,
            stdout,
            stderr,
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
