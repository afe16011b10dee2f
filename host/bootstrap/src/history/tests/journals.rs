//! From journals on the disk to records, whatever became of them.

use std::fs;

use chora_model::lock::EnvironmentLock;

use super::*;
use crate::journal::Lines;

struct Place {
    history: History,
    layout: Layout,
    _directory: tempfile::TempDir,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let layout = Layout::new(directory.path(), "dev", true);
    fs::create_dir_all(layout.runs()).unwrap();
    Place {
        history: History::of(layout.clone()),
        layout,
        _directory: directory,
    }
}

fn bytes(events: &[Event]) -> Vec<u8> {
    let mut lines = Lines::default();
    for event in events {
        lines.push(event).unwrap();
    }
    lines.take()
}

impl Place {
    fn write(&self, run: &str, bytes: &[u8]) {
        fs::write(self.layout.journal(run), bytes).unwrap();
    }

    fn read(&self, run: &str) -> Record {
        self.history.read(run).unwrap()
    }
}

#[test]
fn a_run_without_an_end_was_killed_unless_its_lock_is_held() {
    let place = place();
    let begun = Timestamp::now();
    let events = [
        at_after(begun, 0, run_started(RunKind::Bootstrap)),
        at_after(begun, 1, phase_started(0, false)),
    ];
    place.write("old", &bytes(&events));
    assert_eq!(place.read("old").standing, Standing::Killed);

    let lock = EnvironmentLock::acquire(&place.layout.lock(), "chora bootstrap").unwrap();
    assert_eq!(
        place.read("old").standing,
        Standing::Killed,
        "the lock was taken after it had begun"
    );
    let begun = Timestamp::now();
    let events = [at_after(begun, 0, run_started(RunKind::Bootstrap))];
    place.write("new", &bytes(&events));
    let Standing::Running { holder } = place.read("new").standing else {
        panic!("{:?}", place.read("new"));
    };
    assert!(holder.contains("chora bootstrap"), "{holder}");
    drop(lock);
    assert_eq!(place.read("new").standing, Standing::Killed);
}

#[test]
fn a_lock_that_cannot_be_asked_is_said_and_no_guess_is_made() {
    let place = place();
    place.write("r", &bytes(&whole()[..3]));
    place.write("ended", &bytes(&whole()));
    // Locking a directory works; opening a link to itself does not.
    std::os::unix::fs::symlink(place.layout.lock(), place.layout.lock()).unwrap();
    let record = place.read("r");
    assert!(
        matches!(record.standing, Standing::Unknown { .. }),
        "{record:?}"
    );
    assert_eq!(place.read("ended").standing, Standing::Ended);
}

#[test]
fn a_journal_cut_anywhere_is_told_as_far_as_it_goes() {
    let place = place();
    // Few lines are enough: what is behind a cut is not looked at.
    let mut events = whole();
    events.drain(4..events.len() - 1);
    let bytes = bytes(&events);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    place.write("r", &bytes);
    let journal = fs::OpenOptions::new()
        .write(true)
        .open(place.layout.journal("r"))
        .unwrap();
    for length in (0..bytes.len()).rev() {
        journal.set_len(length as u64).unwrap();
        let record = place.read("r");
        if length < first {
            assert!(matches!(record.standing, Standing::Unreadable { .. }));
            continue;
        }
        assert_eq!(record.standing, Standing::Killed, "cut at {length}");
        let torn = bytes[length - 1] != b'\n';
        assert_eq!(record.damage.is_some(), torn, "cut at {length}");
        assert!(place.history.report(&record).unwrap().is_some());
    }
}

#[test]
fn a_flipped_bit_costs_one_line_and_not_the_end() {
    let place = place();
    let sound = bytes(&whole());
    let last = sound[..sound.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    for at in (0..last).step_by(23).filter(|at| sound[*at] != b'\n') {
        let mut bytes = sound.clone();
        bytes[at] ^= 4;
        place.write("r", &bytes);
        let record = place.read("r");
        assert_eq!(record.standing, Standing::Ended, "flipped at {at}");
        assert_eq!(record.damage.unwrap().altered.len(), 1, "flipped at {at}");
        let digest = record.digest.unwrap();
        assert_eq!(digest.kind, Some(RunKind::Bootstrap));
        assert_eq!(digest.environment.as_deref(), Some("dev"));
    }
}

#[test]
fn what_cannot_be_read_is_listed_among_the_others_and_what_is_gone_is_not() {
    let place = place();
    place.write("a", &bytes(&whole()));
    place.write("b", b"nonsense\n");
    place.write("c", b"");
    fs::create_dir(place.layout.journal("d")).unwrap();
    fs::write(place.layout.runs().join("notes.txt"), "x").unwrap();

    let runs = place.history.runs().unwrap();
    assert_eq!(runs, ["d", "c", "b", "a"]);
    for run in ["b", "c", "d"] {
        let record = place.read(run);
        assert!(
            matches!(record.standing, Standing::Unreadable { .. }),
            "{record:?}"
        );
        assert_eq!(place.history.report(&record).unwrap(), None);
    }
    let lock = EnvironmentLock::acquire(&place.layout.lock(), "chora bootstrap").unwrap();
    assert!(matches!(
        place.read("b").standing,
        Standing::Unreadable { .. }
    ));
    drop(lock);
    assert_eq!(place.read("a").standing, Standing::Ended);
    assert_eq!(place.history.read("gone"), None);
}

#[test]
fn the_latest_run_is_meant_unless_another_is_named_and_without_runs_none_is() {
    let place = place();
    assert_eq!(place.history.find(None).unwrap(), None);
    assert_eq!(
        place.history.find(Some("latest")).unwrap_err().code,
        Code::ConfigError
    );
    place.write("a1", &bytes(&whole()));
    place.write("a2", &bytes(&whole()));
    let found = |wanted| place.history.find(wanted).unwrap().unwrap().run;
    assert_eq!(found(None), "a2");
    assert_eq!(found(Some("a1")), "a1");
    assert_eq!(found(Some("latest~1")), "a1");
    assert!(place.history.find(Some("a")).is_err());
}

#[test]
fn a_report_compares_with_the_runs_before_and_not_with_those_after() {
    let place = place();
    for run in ["1", "2", "3"] {
        place.write(run, &bytes(&whole()));
    }
    let runs = |run: &str| {
        let report = place.history.report(&place.read(run)).unwrap().unwrap();
        report.slowest[0].usual.map(|usual| usual.runs)
    };
    assert_eq!(runs("1"), None);
    assert_eq!(runs("2"), Some(1));
    assert_eq!(runs("3"), Some(2));
}
