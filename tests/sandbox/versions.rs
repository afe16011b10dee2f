//! The versions of the WIT package: what was released stays as it is, and is what is served.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chora_plugin_host::{VERSIONS, hex_sha256};

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// SHA-256 of each file of a version, by its path below `released`.
fn files(version: &str) -> BTreeMap<String, String> {
    let folder = wit().join("released").join(version);
    let entries = std::fs::read_dir(folder).expect("a released version");
    entries
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            let name = path.file_name().and_then(|name| name.to_str());
            (
                format!("{version}/{}", name.expect("a name")),
                hex_sha256(&bytes),
            )
        })
        .collect()
}

#[test]
fn the_files_of_released_versions_are_those_that_were_released() {
    let released = wit().join("released");
    let recorded = std::fs::read_to_string(released.join("SHA256SUMS")).expect("the record");
    let recorded: BTreeMap<String, String> = recorded
        .lines()
        .map(|line| {
            let (digest, name) = line.split_once("  ").expect("a line of sha256sum");
            (name.to_owned(), digest.to_owned())
        })
        .collect();
    let folders = std::fs::read_dir(&released).expect("a folder").flatten();
    let versions = folders.filter(|entry| entry.path().is_dir());
    let found: BTreeMap<String, String> = versions
        .flat_map(|entry| files(entry.file_name().to_str().expect("a version")))
        .collect();
    assert!(!found.is_empty());
    assert_eq!(
        found, recorded,
        "a released version is never changed: make a new one"
    );
}

/// The version that the files in `wit` have.
fn current() -> String {
    let text = std::fs::read_to_string(wit().join("worlds.wit")).expect("the worlds");
    let rest = text.split("package chora:bootstrap@").nth(1);
    let version = rest.and_then(|rest| rest.split(';').next());
    version.expect("a version").to_owned()
}

#[test]
fn every_released_version_and_the_current_one_are_served() {
    let released = std::fs::read_dir(wit().join("released")).expect("a folder");
    let mut served: Vec<String> = released
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a version"))
        .collect();
    served.push(current());
    served.sort();
    served.dedup();
    assert_eq!(served, VERSIONS);
}

/// One implementation serves all versions of a track, so a newer one may only add: each line of an older one's interfaces stands in the current one's, in the same order.
#[test]
fn the_current_version_only_adds_to_the_released_ones_of_its_track() {
    let lines = |path: PathBuf| -> Vec<String> {
        let text = std::fs::read_to_string(path).expect("a file");
        let code = text.lines().map(str::trim);
        code.filter(|line| !line.is_empty() && !line.starts_with("//"))
            .filter(|line| !line.starts_with("package "))
            .map(str::to_owned)
            .collect()
    };
    let mut compared = 0;
    for name in files("0.1.0").into_keys() {
        let (_, file) = name.split_once('/').expect("a folder");
        let now = lines(wit().join(file));
        let mut rest = now.iter();
        for line in lines(wit().join("released").join(&name)) {
            assert!(
                rest.any(|other| *other == line),
                "`{line}` of {name} is not in {file} any more, or not in its place"
            );
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared}");
}
