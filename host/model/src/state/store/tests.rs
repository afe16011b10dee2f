//! What is read is what was written, or an error: never a fresh beginning.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::plan::StepKey;
use crate::state::{Progress, Status, StepRecord};

struct Place {
    folder: TempDir,
    layout: Layout,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), "dev", true);
        Self { folder, layout }
    }

    /// Saves a state that this run wrote.
    fn saved(&self, run: &str) -> State {
        let mut state = State::new("dev", "process", run);
        state.services_started = vec!["manifest".to_owned(), "wéb".to_owned()];
        state.completed_phases = vec![0, 1];
        save(&self.layout, &mut state).unwrap();
        state
    }

    fn text(&self) -> String {
        fs::read_to_string(self.layout.state()).unwrap()
    }

    fn put(&self, text: impl AsRef<[u8]>) {
        fs::create_dir_all(&self.layout.home).unwrap();
        fs::write(self.layout.state(), text).unwrap();
    }

    /// Changes one field of what is saved.
    fn change(&self, field: &str, to: Value) {
        let mut value: Value = serde_json::from_str(&self.text()).unwrap();
        value[field] = to;
        self.put(value.to_string());
    }

    fn error(&self) -> StateError {
        load(&self.layout).unwrap_err()
    }

    /// The run that wrote what is loaded.
    fn run(&self) -> String {
        load(&self.layout).unwrap().unwrap().run
    }
}

#[test]
fn no_file_is_no_state() {
    assert_eq!(load(&Place::new().layout).unwrap(), None);
}

#[test]
fn what_is_saved_is_loaded_again() {
    let place = Place::new();
    let mut state = State::new("dev", "process", "run-1");
    state.status = Status::RollingBack;
    state.current_phase = 3;
    state.completed_phases = vec![0, 1, 2];
    state.rollback_to = Some(1);
    state.last_error = Some("it broke".to_owned());
    let record = StepRecord {
        progress: Progress::Begun,
        run: "run-1".to_owned(),
        duration_ms: Some(12),
    };
    state
        .steps
        .insert(StepKey::new("lifecycle", "start:web"), record);
    let before = state.last_updated;
    save(&place.layout, &mut state).unwrap();
    assert!(state.last_updated >= before);
    assert_eq!(load(&place.layout).unwrap(), Some(state));
}

#[test]
fn a_state_cut_off_anywhere_is_an_error_that_names_the_last_good_copy() {
    let place = Place::new();
    place.saved("one");
    place.saved("two");
    let whole = fs::read(place.layout.state()).unwrap();
    // Without its line break at the end it is still whole.
    for length in 0..whole.len() - 1 {
        place.put(&whole[..length]);
        let error = place.error();
        assert!(
            matches!(error, StateError::Corrupt { .. }),
            "{length}: {error}"
        );
        let good = place.layout.last_good_state();
        assert_eq!(error.last_good(), Some(good.as_path()), "{length}");
    }
    place.put(&whole[..whole.len() - 1]);
    assert_eq!(place.run(), "two");
}

#[test]
fn the_hint_names_the_last_good_copy_and_that_puts_it_right() {
    let place = Place::new();
    place.saved("one");
    place.saved("two");
    place.put("{");
    let (state, good) = (place.layout.state(), place.layout.last_good_state());
    let hint = place.error().hint();
    let command = format!("`cp {} {}`", good.display(), state.display());
    assert!(hint.contains(&command), "{hint}");
    fs::copy(good, state).unwrap();
    assert_eq!(place.run(), "one");
}

#[test]
fn a_copy_that_is_not_good_is_not_offered() {
    let place = Place::new();
    place.put("{");
    assert_eq!(place.error().last_good(), None);
    fs::write(place.layout.last_good_state(), "{").unwrap();
    let error = place.error();
    assert_eq!(error.last_good(), None);
    assert!(error.hint().contains("there is no good copy"));
}

#[test]
fn a_corrupt_state_does_not_become_the_last_good_copy() {
    let place = Place::new();
    place.saved("one");
    place.saved("two");
    place.put("{");
    place.saved("three");
    assert_eq!(place.run(), "three");
    fs::copy(place.layout.last_good_state(), place.layout.state()).unwrap();
    assert_eq!(place.run(), "one");
}

#[test]
fn garbage_is_told_in_words() {
    let place = Place::new();
    for (bytes, reason) in [
        (b"".as_slice(), "it is empty"),
        (b"{\"a\"", "it ends too early"),
        (b"\xff\xfe", "it is not JSON"),
        (b"{} {}", "it is not JSON"),
        (&[0; 64], "it is not JSON"),
    ] {
        place.put(bytes);
        let message = place.error().to_string();
        assert!(message.contains(reason), "{message}");
        assert!(message.contains("bootstrap-state.json"), "{message}");
    }
}

#[test]
fn a_newer_schema_is_refused_whatever_else_it_holds() {
    let place = Place::new();
    place.saved("one");
    place.saved("two");
    place.put(json!({"schema_version": SCHEMA_VERSION + 1, "phases": {}}).to_string());
    let error = place.error();
    let message = error.to_string();
    assert!(matches!(error, StateError::NewerSchema { found: 2, .. }));
    assert!(message.contains("has schema 2"), "{message}");
    assert_eq!(
        error.last_good(),
        None,
        "an older copy would undo the newer"
    );
    assert!(error.hint().contains("newer"));
}

#[test]
fn json_that_is_no_state_is_refused() {
    for text in ["{}", "[]", "null", r#"{"schema_version": 0}"#] {
        let place = Place::new();
        place.put(text);
        let error = place.error();
        assert!(matches!(error, StateError::Foreign { .. }), "{text}");
        assert!(error.to_string().contains("`schema_version`"), "{error}");
    }
    for (field, value) in [
        ("current_phase", json!(PHASES)),
        ("completed_phases", json!([0, PHASES])),
        ("status", json!("dreaming")),
        ("started_at", json!("yesterday")),
    ] {
        let place = Place::new();
        place.saved("one");
        place.change(field, value);
        let error = place.error();
        assert!(matches!(error, StateError::Foreign { .. }), "{field}");
    }
}

#[test]
fn the_state_of_another_environment_is_refused() {
    let place = Place::new();
    place.saved("one");
    place.change("environment", json!("staging"));
    let error = place.error();
    assert!(error.to_string().contains("`staging`, not to `dev`"));
    assert!(error.hint().contains("--environment staging"));
}

#[test]
fn a_state_that_cannot_be_read_is_an_error() {
    let place = Place::new();
    fs::create_dir_all(place.layout.state()).unwrap();
    let error = place.error();
    assert!(matches!(error, StateError::Unreadable { .. }), "{error}");
}

#[test]
fn a_state_that_cannot_be_written_is_told_with_its_path() {
    let place = Place::new();
    fs::write(&place.layout.home, "a file where the directory should be").unwrap();
    let mut state = State::new("dev", "process", "one");
    let error = save(&place.layout, &mut state).unwrap_err();
    assert!(matches!(error, StateError::Write(_)));
    let folder = place.folder.path().display().to_string();
    assert!(error.hint().contains(&folder));
}

#[test]
fn removing_leaves_neither_state_nor_copy() {
    let place = Place::new();
    place.saved("one");
    place.saved("two");
    remove(&place.layout).unwrap();
    assert_eq!(fs::read_dir(&place.layout.home).unwrap().count(), 0);
    assert_eq!(load(&place.layout).unwrap(), None);
    remove(&place.layout).unwrap();
}
