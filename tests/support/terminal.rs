//! A terminal for `chora`: a pseudo-terminal at whose other end the test types and reads.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command};

use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::guard::Guard;
use super::{Screen, signal};

/// What is typed for the end of the input.
pub(crate) const END_OF_INPUT: &str = "\u{4}";

const ROWS: u16 = 24;
const COLUMNS: u16 = 160;

/// A `chora` on a terminal; killed when it is dropped.
pub(crate) struct Terminal {
    child: Child,
    master: File,
    printed: Vec<u8>,
    _guard: Guard,
}

impl Terminal {
    /// Starts a command with all three streams on a terminal of its own.
    pub(crate) fn start(mut command: Command) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a pseudo-terminal");
        grantpt(&master).expect("a pseudo-terminal");
        unlockpt(&master).expect("a pseudo-terminal");
        let size = Winsize {
            ws_row: ROWS,
            ws_col: COLUMNS,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&master, size).expect("a size");
        let other = ioctl_tiocgptpeer(&master, flags).expect("the other end");
        let again = || other.try_clone().expect("the other end");
        let child = command
            .env("TERM", "xterm")
            .stdin(again())
            .stdout(again())
            .stderr(again())
            .spawn()
            .expect("`chora` can be started");
        // The command holds the other end too, and while it is open the end of `chora` is not seen.
        drop((command, other));
        Self {
            _guard: Guard::over(child.id()),
            child,
            master: File::from(master),
            printed: vec![],
        }
    }

    /// Everything that was printed so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.printed).into_owned()
    }

    /// What a person sees now.
    pub(crate) fn screen(&self) -> Screen {
        Screen::of(&self.text(), ROWS.into(), COLUMNS.into())
    }

    /// Reads on until the screen fits; fails the test when the terminal is closed before.
    #[track_caller]
    pub(crate) fn until(&mut self, fits: impl Fn(&Screen) -> bool) {
        while !fits(&self.screen()) {
            assert!(
                self.read_on(),
                "the terminal was closed:\n{}",
                self.screen()
            );
        }
    }

    /// Reads on until this was printed so many times.
    #[track_caller]
    pub(crate) fn until_printed(&mut self, text: &str, times: usize) {
        while self.text().matches(text).count() < times {
            assert!(
                self.read_on(),
                "the terminal was closed:\n{}",
                self.screen()
            );
        }
    }

    /// Types.
    pub(crate) fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("a terminal");
    }

    /// Signals the process.
    pub(crate) fn signal(&self, kind: Signal) {
        signal(self.child.id(), kind);
    }

    /// Reads to the end, and answers the exit code; -1 when a signal ended it.
    pub(crate) fn end(&mut self) -> i32 {
        while self.read_on() {}
        let status = self.child.wait().expect("an ended process");
        status.code().unwrap_or(-1)
    }

    /// False when nobody has the other end open any more, which Linux tells as an error.
    fn read_on(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read = self.master.read(&mut bytes).unwrap_or(0);
        self.printed.extend_from_slice(&bytes[..read]);
        read > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
