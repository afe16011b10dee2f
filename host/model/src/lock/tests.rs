//! Who has the lock, who is told so, and when it is free again.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use super::*;

/// Says to a run of this test program which lock it is to hold.
const HOLD: &str = "CHORA_TEST_HOLD";

/// Another process that holds a lock for as long as this lives.
struct Elsewhere(Child);

impl Elsewhere {
    fn holding(path: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "lock::tests::holder_elsewhere", "--nocapture"])
            .env(HOLD, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut elsewhere = Self(child);
        let output = BufReader::new(elsewhere.0.stdout.take().unwrap());
        let told = output.lines().any(|line| line.unwrap().contains("held"));
        assert!(told, "the other process did not get the lock");
        elsewhere
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The other process of the tests below; by itself it does nothing.
#[test]
fn holder_elsewhere() {
    let Some(path) = std::env::var_os(HOLD) else {
        return;
    };
    let _lock = EnvironmentLock::acquire(Path::new(&path), "chora elsewhere").unwrap();
    println!("held");
    // Ends with who started it, at the latest.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn held(result: Result<EnvironmentLock, LockError>) -> Holder {
    match result.unwrap_err() {
        LockError::Held(holder) => holder,
        error @ (LockError::File(_) | LockError::Lock { .. }) => panic!("{error}"),
    }
}

#[test]
fn the_second_to_ask_is_told_who_was_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let _first = EnvironmentLock::acquire(&path, "chora bootstrap").unwrap();
    let error = EnvironmentLock::acquire(&path, "chora reset").unwrap_err();
    let message = error.to_string();
    let wanted = format!("`chora bootstrap` (pid {} on ", std::process::id());
    assert!(message.contains(&wanted), "{message}");
    let told = held(Err(error));
    assert_eq!(told.pid, std::process::id());
    assert_eq!(told.command, "chora bootstrap");
}

#[test]
fn the_holder_can_be_read_and_stays_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    assert_eq!(holder(&path).unwrap(), None, "there is no file yet");
    assert!(!path.exists(), "asking makes none");
    let lock = EnvironmentLock::acquire(&path, "chora bootstrap").unwrap();
    for _ in 0..2 {
        let told = holder(&path).unwrap().unwrap();
        assert_eq!(told.pid, std::process::id());
        assert_eq!(told.command, "chora bootstrap");
    }
    held(EnvironmentLock::acquire(&path, "chora reset"));
    drop(lock);
    assert_eq!(holder(&path).unwrap(), None);
}

#[test]
fn a_dropped_lock_is_free_and_its_file_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/below/lock");
    drop(EnvironmentLock::acquire(&path, "chora bootstrap").unwrap());
    assert_eq!(fs::read(&path).unwrap(), b"");
    let _second = EnvironmentLock::acquire(&path, "chora reset").unwrap();
    assert_eq!(holder(&path).unwrap().unwrap().command, "chora reset");
}

#[test]
fn a_lock_of_a_killed_process_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let mut elsewhere = Elsewhere::holding(&path);
    let told = held(EnvironmentLock::acquire(&path, "chora reset"));
    assert_eq!(told.pid, elsewhere.0.id());
    assert_eq!(told.command, "chora elsewhere");
    elsewhere.kill();
    assert_eq!(holder(&path).unwrap(), None);
    let _lock = EnvironmentLock::acquire(&path, "chora reset").unwrap();
    assert_eq!(holder(&path).unwrap().unwrap().command, "chora reset");
}

#[test]
fn a_holder_that_has_not_described_itself_is_not_taken_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let before = Holder {
        pid: gone.id(),
        ..Holder::this_process("chora of yesterday")
    };
    for text in [serde_json::to_vec(&before).unwrap(), b"{".to_vec()] {
        fs::write(&path, text).unwrap();
        let file = File::open(&path).unwrap();
        file.lock().unwrap();
        let told = held(EnvironmentLock::acquire(&path, "chora reset"));
        assert_eq!(told.pid, 0);
        assert_eq!(told.to_string(), "a process that has not said which");
    }
}

#[test]
fn a_lock_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = EnvironmentLock::acquire(folder.path(), "chora reset").unwrap_err();
    let path = folder.path().display().to_string();
    assert!(error.to_string().contains(&path), "{error}");
}
