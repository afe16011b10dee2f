//! Places that cannot be read or written: told by name, with nothing half-written and nothing left running. For root too.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Ecosystem, Output, as_ordinary_user, plain};

/// A file or directory with another mode, until this goes.
struct Closed(PathBuf, Permissions);

impl Closed {
    fn with_mode(path: PathBuf, mode: u32) -> Self {
        let before = fs::metadata(&path).expect("a file").permissions();
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        Self(path, before)
    }
}

impl Drop for Closed {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, self.1.clone());
    }
}

fn run(ecosystem: &Ecosystem, command: &[&str]) -> Output {
    as_ordinary_user(ecosystem.command(command))
}

/// Everything below a directory, with what the files hold.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.push((path.clone(), vec![]));
            found.extend(contents(&path));
        } else {
            // Root reads it; to others a closed file is as good as an empty one.
            found.push((path.clone(), fs::read(&path).unwrap_or_default()));
        }
    }
    found.sort();
    found
}

/// Bootstraps as text and as JSON with this variable, completes, and is told of this once each time.
fn told_once(ecosystem: &Ecosystem, variable: &str, value: &Path, parts: &[&str]) {
    let bootstrap = |format: &str| {
        let mut command = ecosystem.command(&["bootstrap", "--format", format]);
        command.env(variable, value);
        as_ordinary_user(command).exits(0)
    };
    let text = bootstrap("plain").stdout;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let events = bootstrap("json").events();
    let notices = events.iter().filter(|event| event["event"] == "notice");
    let notices = notices.map(|event| event["message"].as_str().expect("a text").to_owned());
    for told in [lines, notices.collect()] {
        let told: Vec<String> = told
            .into_iter()
            .filter(|line| line.contains("compiled plugins are not kept"))
            .collect();
        let [told] = told.as_slice() else {
            panic!("{told:?}");
        };
        for part in ["warning: ", "compile cache"].iter().chain(parts) {
            assert!(told.contains(part), "{part:?} in {told}");
        }
    }
}

/// The same places, in order: nothing is told.
fn not_told(ecosystem: &Ecosystem, variable: &str, value: &Path) {
    let mut command = ecosystem.command(&["bootstrap"]);
    command.env(variable, value);
    let said = as_ordinary_user(command).exits(0).stdout;
    assert!(!said.contains("compile cache"), "{said}");
}

#[test]
fn a_key_of_the_compile_cache_that_others_may_read_is_told_and_not_used() {
    let ecosystem = Ecosystem::with_config(plain);
    let state = tempfile::tempdir().expect("a directory");
    let key = state.path().join("chora/compile-cache.key");
    fs::create_dir(state.path().join("chora")).expect("a directory");
    fs::write(&key, [7; 32]).expect("a key");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).expect("a mode");
    let command = format!("run `rm {}`", key.display());
    told_once(&ecosystem, "XDG_STATE_HOME", state.path(), &[&command]);

    fs::remove_file(&key).expect("a key");
    not_told(&ecosystem, "XDG_STATE_HOME", state.path());
    assert!(key.exists());
}

#[test]
fn a_compile_cache_that_others_can_write_to_is_told_by_each_command_and_not_used() {
    let ecosystem = Ecosystem::with_config(plain);
    let caches = tempfile::tempdir().expect("a directory");
    let cache = caches.path().join("chora/components");
    fs::create_dir_all(&cache).expect("a directory");
    fs::set_permissions(&cache, Permissions::from_mode(0o777)).expect("a mode");
    let command = format!("run `chmod 700 {}`", cache.display());
    told_once(&ecosystem, "XDG_CACHE_HOME", caches.path(), &[&command]);
    assert_eq!(contents(&cache), []);

    let run = |arguments: &[&str]| {
        let mut status = ecosystem.command(arguments);
        status.env("XDG_CACHE_HOME", caches.path());
        as_ordinary_user(status).exits(0)
    };
    let shown = run(&["status"]).stdout;
    assert_eq!(shown.matches(&command).count(), 1, "{shown}");
    let status = run(&["status", "--format", "json"]).json();
    let warnings = status["warnings"].to_string();
    assert!(warnings.contains(&command), "{warnings}");
    let inspected = run(&["plugin", "inspect", "http-check", "--format", "json"]);
    assert_eq!(inspected.json()["name"], "http-check");
    let beside = inspected.stderr;
    assert_eq!(beside.matches(&command).count(), 1, "{beside}");

    fs::set_permissions(&cache, Permissions::from_mode(0o700)).expect("a mode");
    not_told(&ecosystem, "XDG_CACHE_HOME", caches.path());
    assert_ne!(contents(&cache), []);
}

#[test]
fn a_compile_cache_that_cannot_be_made_is_told_with_another_place_for_it() {
    let ecosystem = Ecosystem::with_config(plain);
    let caches = tempfile::tempdir().expect("a directory");
    let _closed = Closed::with_mode(caches.path().to_owned(), 0o500);
    let parts = ["Permission denied", "name another in `XDG_CACHE_HOME`"];
    told_once(&ecosystem, "XDG_CACHE_HOME", caches.path(), &parts);
}

#[test]
fn a_home_that_cannot_be_written_is_named_and_stays_as_it_was() {
    let ecosystem = Ecosystem::with_config(plain);
    let before = contents(ecosystem.path());
    let closed = Closed::with_mode(ecosystem.home(), 0o500);
    let lock = ecosystem.home().join("lock").display().to_string();

    run(&ecosystem, &["bootstrap"]).exits(1).complains(&[
        "error[IO_ERROR]",
        &lock,
        "Permission denied",
        "next actions",
    ]);
    run(&ecosystem, &["reset", "--force"]).exits(1).complains(&[
        "error[IO_ERROR]",
        &lock,
        "next actions",
    ]);
    run(&ecosystem, &["bootstrap", "--dry-run"]).exits(0);
    run(&ecosystem, &["status"]).exits(2);

    drop(closed);
    assert_eq!(contents(ecosystem.path()), before);
    assert!(ecosystem.ids().is_empty());
}

#[test]
fn a_project_that_cannot_be_written_is_named_and_stays_empty() {
    let ecosystem = Ecosystem::with_config(plain);
    fs::remove_dir_all(ecosystem.home()).expect("an empty directory");
    let closed = Closed::with_mode(ecosystem.path().to_owned(), 0o500);
    let home = ecosystem.home().display().to_string();

    run(&ecosystem, &["bootstrap"]).exits(1).complains(&[
        "error[IO_ERROR]",
        &home,
        "Permission denied",
        "next actions",
    ]);
    run(&ecosystem, &["bootstrap", "--init"])
        .exits(1)
        .complains(&[
            "error[IO_ERROR]",
            &home,
            "Permission denied",
            "next actions",
        ]);

    drop(closed);
    assert_eq!(contents(ecosystem.path()), []);
}

#[test]
fn a_configuration_that_cannot_be_read_is_7() {
    let ecosystem = Ecosystem::with_config(plain);
    let before = contents(ecosystem.path());
    let path = ecosystem.home().join("bootstrap-config.yml");
    let closed = Closed::with_mode(path.clone(), 0o000);
    let path = path.display().to_string();

    for command in ["bootstrap", "status", "validate"] {
        run(&ecosystem, &[command]).exits(7).complains(&[
            "error[CONFIG_ERROR]",
            &path,
            "Permission denied",
            "next actions",
        ]);
    }

    drop(closed);
    assert_eq!(contents(ecosystem.path()), before);
}

#[test]
fn a_state_that_cannot_be_read_is_8_and_is_left_alone_with_what_runs() {
    let ecosystem = Ecosystem::with_config(plain);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let (before, ids) = (contents(ecosystem.path()), ecosystem.ids());
    let path = ecosystem.home().join("bootstrap-state.json");
    let closed = Closed::with_mode(path.clone(), 0o000);
    let path = path.display().to_string();

    for command in [
        &["bootstrap"][..],
        &["rollback", "--force"],
        &["validate"],
        &["status"],
    ] {
        let mend = format!("`chmod u+rw {path}`");
        run(&ecosystem, command).exits(8).complains(&[
            "error[STATE_CORRUPTED]",
            &path,
            "Permission denied",
            &mend,
        ]);
    }

    drop(closed);
    assert_eq!(contents(ecosystem.path()), before);
    assert_eq!(ecosystem.ids(), ids);
    ecosystem.chora(&["bootstrap"]).exits(0);
}

#[test]
fn credentials_that_cannot_be_read_are_never_made_anew() {
    let ecosystem = Ecosystem::with_config(plain);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ecosystem.ids();
    let path = ecosystem.home().join("credentials.json");
    let credentials = fs::read(&path).expect("credentials");
    let closed = Closed::with_mode(path.clone(), 0o000);

    run(&ecosystem, &["bootstrap"]).exits(8).complains(&[
        "error[STATE_CORRUPTED]",
        &path.display().to_string(),
        "Permission denied",
        "chmod u+rw",
        "next actions",
    ]);

    drop(closed);
    assert_eq!(fs::read(&path).expect("credentials"), credentials);
    assert_eq!(ecosystem.ids(), ids);
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(ecosystem.ids(), ids);
}

#[test]
fn a_state_that_cannot_be_replaced_is_told_and_what_runs_goes_on() {
    let ecosystem = Ecosystem::with_config(plain);
    ecosystem.chora(&["bootstrap"]).exits(0);
    let ids = ecosystem.ids();
    let state = fs::read(ecosystem.home().join("bootstrap-state.json")).expect("a state");
    let closed = Closed::with_mode(ecosystem.home(), 0o500);

    run(&ecosystem, &["bootstrap"]).exits(1).complains(&[
        "error[IO_ERROR]",
        "bootstrap-state",
        "next actions",
    ]);

    drop(closed);
    let after = fs::read(ecosystem.home().join("bootstrap-state.json")).expect("a state");
    assert_eq!(after, state);
    assert_eq!(ecosystem.ids(), ids);
    ecosystem.chora(&["bootstrap"]).exits(0);
}
