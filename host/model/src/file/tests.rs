//! What a reader finds after a write that succeeded, and after one that did not.

use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use tempfile::TempDir;

use super::*;

/// Says to a run of this test program that it is the one whose files may not grow.
const WRITE_HERE: &str = "CHORA_TEST_WRITE_HERE";

/// A directory that nothing can be made in, until this goes.
struct ReadOnly(TempDir);

impl ReadOnly {
    fn of(folder: TempDir) -> Self {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o500)).unwrap();
        Self(folder)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = fs::set_permissions(self.0.path(), Permissions::from_mode(0o700));
    }
}

/// Does something as a user to whom permissions apply, which they do not to root.
fn as_ordinary_user<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // Capabilities belong to the thread, so they come back with its end.
    std::thread::scope(|scope| {
        let ordinary = scope.spawn(|| {
            let mut sets = capabilities(None).unwrap();
            sets.effective
                .remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
            set_capabilities(None, sets).unwrap();
            work()
        });
        ordinary.join().unwrap()
    })
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_file_is_made_and_then_replaced_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    write_atomic(&path, b"a long first text", 0o600).unwrap();
    write_atomic(&path, b"short", 0o600).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"short");
    assert_eq!(names(folder.path()), ["state.json"]);
}

#[test]
fn a_reader_has_the_old_bytes_while_the_new_ones_take_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    write_atomic(&path, b"old", 0o600).unwrap();
    let reader = File::open(&path).unwrap();
    write_atomic(&path, b"new", 0o600).unwrap();
    assert_eq!(read_open(&reader, &path, 100).unwrap(), b"old");
}

#[test]
fn a_read_only_directory_keeps_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    write_atomic(&path, b"old", 0o600).unwrap();
    let folder = ReadOnly::of(folder);
    let error = as_ordinary_user(|| write_atomic(&path, b"new", 0o600)).unwrap_err();
    assert_eq!(error.operation, FileOperation::Create);
    assert_eq!(error.source.kind(), io::ErrorKind::PermissionDenied);
    let message = format!("failed to create `{}`", path.display());
    assert_eq!(error.to_string(), message);
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.0.path()), ["state.json"]);
}

#[test]
fn a_write_that_fails_halfway_keeps_the_old_file_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    write_atomic(&path, b"old", 0o600).unwrap();
    // A limit on the size of files is a full disk that any user can have, but all of the process has it.
    let output = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 1; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "file::tests::writer_whose_files_may_not_grow"])
        .env(WRITE_HERE, &path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["state.json"]);
}

/// The other half of the test above; by itself it does nothing.
#[test]
fn writer_whose_files_may_not_grow() {
    let Some(path) = std::env::var_os(WRITE_HERE).map(PathBuf::from) else {
        return;
    };
    let error = write_atomic(&path, &vec![b'x'; 1 << 16], 0o600).unwrap_err();
    assert_eq!(error.operation, FileOperation::Write);
    assert_eq!(error.path, path);
}

#[test]
fn what_cannot_be_replaced_stays_and_nothing_is_left_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.json");
    fs::create_dir(&path).unwrap();
    let error = write_atomic(&path, b"new", 0o600).unwrap_err();
    assert_eq!(error.operation, FileOperation::Replace);
    assert!(path.is_dir());
    assert_eq!(names(folder.path()), ["state.json"]);
}

#[test]
fn a_missing_directory_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none/state.json");
    let error = write_atomic(&path, b"new", 0o600).unwrap_err();
    assert_eq!(error.operation, FileOperation::Create);
    assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
}

#[test]
fn the_mode_is_that_of_the_new_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    fs::write(&path, b"old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    write_atomic(&path, b"new", 0o600).unwrap();
    assert_eq!(mode(&path), 0o600);
}

#[test]
fn the_mode_holds_before_the_file_is_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let seen = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let observer = scope.spawn(|| {
            // Whatever is met of the temporary file, from its first byte on, is met with this mode.
            while !seen.load(Ordering::Relaxed) {
                for entry in fs::read_dir(folder.path()).unwrap() {
                    let temporary = entry.unwrap().path();
                    if temporary != path
                        && let Ok(metadata) = fs::metadata(&temporary)
                    {
                        assert_eq!(metadata.mode() & 0o7777, 0o600);
                        seen.store(true, Ordering::Relaxed);
                    }
                }
            }
        });
        while !observer.is_finished() {
            write_atomic(&path, &vec![b'x'; 1 << 20], 0o600).unwrap();
        }
    });
    assert!(seen.into_inner());
}

#[test]
fn a_symbolic_link_is_replaced_and_what_it_named_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, named) = (folder.path().join("link"), folder.path().join("named"));
    fs::write(&named, b"old").unwrap();
    symlink(&named, &path).unwrap();
    write_atomic(&path, b"new", 0o600).unwrap();
    assert_eq!(fs::read(&named).unwrap(), b"old");
    assert_eq!(fs::read(&path).unwrap(), b"new");
}

#[test]
fn a_linked_copy_keeps_the_bytes_when_the_original_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("state"), folder.path().join("good"));
    write_atomic(&path, b"one", 0o600).unwrap();
    link_atomic(&path, &copy).unwrap();
    // Once more, where both are the same file already.
    link_atomic(&path, &copy).unwrap();
    write_atomic(&path, b"two", 0o600).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), b"one");
    link_atomic(&path, &copy).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), b"two");
    assert_eq!(names(folder.path()), ["good", "state"]);
}

#[test]
fn a_file_is_read_up_to_its_cap_and_not_beyond() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert!(read_capped(&path, 4).unwrap().is_none());
    fs::write(&path, b"four").unwrap();
    assert_eq!(read_capped(&path, 4).unwrap().unwrap(), b"four");
    let error = read_capped(&path, 3).unwrap_err();
    assert_eq!(error.source.kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn removing_answers_whether_there_was_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    assert!(!remove(&path).unwrap());
    fs::write(&path, b"x").unwrap();
    assert!(remove(&path).unwrap());
    assert!(!path.exists());
}

#[test]
fn leftovers_are_removed_and_all_else_stays() {
    let folder = tempfile::tempdir().unwrap();
    for name in [".state.json.aB3.chora-tmp", "mine.chora-tmp", ".hidden"] {
        fs::write(folder.path().join(name), b"x").unwrap();
    }
    remove_leftovers(folder.path()).unwrap();
    assert_eq!(names(folder.path()), [".hidden", "mine.chora-tmp"]);
    remove_leftovers(&folder.path().join("none")).unwrap();
}
