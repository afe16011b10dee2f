//! `logs --follow`: new lines as they come, through a restart of the service, until somebody has enough.

use std::fs;
use std::path::PathBuf;

use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::Signal;

use crate::support::Ecosystem;

/// A service that logs every line that it is told through a pipe.
struct Parrot {
    ecosystem: Ecosystem,
    pipe: PathBuf,
}

impl Parrot {
    fn up() -> Self {
        let ecosystem = Ecosystem::with_config(|_| {
            let script =
                "exec 3<> words; echo hello; while read -r line <&3; do echo \\\"$line\\\"; done";
            format!(
                "services:\n  - {{name: parrot, phase: 1, command: [sh, -c, \"{script}\"], health: none}}\nengine: process\n"
            )
        });
        let pipe = ecosystem.path().join("words");
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("a pipe");
        ecosystem.chora(&["bootstrap"]).exits(0);
        Self { ecosystem, pipe }
    }

    fn tell(&self, line: &str) {
        fs::write(&self.pipe, format!("{line}\n")).expect("a service that reads");
    }
}

#[test]
fn new_lines_come_through_a_restart_of_the_service() {
    let parrot = Parrot::up();
    let mut log = parrot.ecosystem.told(&["logs", "parrot", "--follow"]);
    assert_eq!(log.line(), "hello\n");

    parrot.tell("one");
    assert_eq!(log.line(), "one\n");

    parrot.ecosystem.kill("parrot");
    parrot.ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(log.line(), "hello\n");
    parrot.tell("two");
    assert_eq!(log.line(), "two\n");

    log.signal(Signal::INT);
    let ended = log.end().exits(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn with_a_tail_of_0_only_what_is_new_is_shown() {
    let parrot = Parrot::up();
    parrot.tell("old");
    let told = parrot.ecosystem.chora(&["logs", "parrot"]).exits(0);
    assert!(told.stdout.starts_with("hello\n"), "{}", told.stdout);
    let mut log = parrot
        .ecosystem
        .told(&["logs", "parrot", "--tail", "0", "--follow"]);

    // It says nothing of having begun, so it is told until it repeats something.
    let repeats = std::sync::atomic::AtomicBool::new(true);
    let first = std::thread::scope(|scope| {
        scope.spawn(|| {
            while repeats.load(std::sync::atomic::Ordering::Relaxed) {
                parrot.tell("new");
            }
        });
        let line = log.line();
        repeats.store(false, std::sync::atomic::Ordering::Relaxed);
        line
    });

    assert_eq!(first, "new\n");
    log.signal(Signal::TERM);
    log.end().exits(0);
}

#[test]
fn it_ends_when_nobody_reads_it_any_more_although_nothing_is_logged() {
    let parrot = Parrot::up();
    let mut log = parrot.ecosystem.told(&["logs", "parrot", "--follow"]);
    assert_eq!(log.line(), "hello\n");

    log.hang_up();

    assert_eq!(log.end().exits(0).stderr, "");
}
