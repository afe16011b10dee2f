//! The compile cache: nobody else's code is ever run from it.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use chora_plugin_host::{CompileCache, HostOptions, PluginHost};
use tempfile::TempDir;

use crate::bad_check::COMPONENT;
use crate::pulse;

/// A cache and its key, in a directory of a test's own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn cache(&self) -> PathBuf {
        self.0.path().join("made/for it")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("state/key")
    }

    /// A host with this cache, or what a refusal says.
    fn host(&self) -> Result<PluginHost, String> {
        host(&self.cache(), &self.key())
    }

    /// How many of so many loads come from the cache, each in a host of its own.
    async fn hits(&self, loads: usize) -> usize {
        let mut hits = 0;
        for _ in 0..loads {
            let host = self.host().unwrap();
            let plugin = host.load("mine", COMPONENT).await.unwrap();
            assert_eq!(plugin.metadata.name, "bad-check");
            hits += host.cache_hits();
        }
        hits
    }

    /// The only entry.
    fn entry(&self) -> PathBuf {
        let mut entries = entries(&self.cache());
        let entry = entries.pop().expect("an entry");
        assert!(entries.is_empty(), "{entries:?}");
        entry
    }
}

fn host(cache: &Path, key: &Path) -> Result<PluginHost, String> {
    let options = HostOptions {
        cache: Some(CompileCache {
            directory: cache.to_owned(),
            key: key.to_owned(),
        }),
        ..HostOptions::default()
    };
    PluginHost::new(options).map_err(|refused| refused.to_string())
}

fn entries(cache: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(cache).expect("a directory").flatten();
    entries.map(|entry| entry.path()).collect()
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

#[tokio::test]
async fn a_second_load_comes_from_the_cache_also_in_another_host() {
    let place = Place::new();
    let first = place.host().unwrap();
    first.load("mine", COMPONENT).await.unwrap();
    assert_eq!(first.cache_hits(), 0);
    first.load("mine", COMPONENT).await.unwrap();
    assert_eq!(first.cache_hits(), 1);
    assert_eq!(place.hits(1).await, 1);
    assert_eq!(mode(&place.cache()), 0o700);
    assert_eq!(mode(&place.key()), 0o600);
    assert_eq!(mode(place.key().parent().unwrap()), 0o700);
    assert_eq!(mode(&place.entry()), 0o600);
}

#[tokio::test]
async fn an_entry_that_was_changed_anywhere_is_not_run_and_is_made_anew() {
    let place = Place::new();
    assert_eq!(place.hits(2).await, 1);
    let entry = place.entry();
    let sound = std::fs::read(&entry).unwrap();
    let changed = |at: usize| {
        let mut bytes = sound.clone();
        *bytes.get_mut(at).unwrap() ^= 1;
        bytes
    };
    let end = sound.len() - 1;
    for bytes in [
        changed(0),
        changed(31),
        changed(32),
        changed(end / 2),
        changed(end),
        Vec::new(),
        sound.get(..31).unwrap().to_vec(),
        sound.get(..32).unwrap().to_vec(),
        sound.get(..end).unwrap().to_vec(),
        sound.get(32..).unwrap().to_vec(),
        [sound.as_slice(), b"\0"].concat(),
    ] {
        std::fs::write(&entry, bytes).unwrap();
        assert_eq!(place.hits(1).await, 0);
        assert_eq!(std::fs::read(&entry).unwrap().len(), sound.len());
        assert_eq!(place.hits(1).await, 1);
    }
}

#[tokio::test]
async fn an_entry_of_another_component_does_not_pass_for_this_one() {
    let place = Place::new();
    let host = place.host().unwrap();
    host.load("mine", COMPONENT).await.unwrap();
    let mine = place.entry();
    host.load("pulse", pulse::COMPONENT).await.unwrap();
    let mut others = entries(&place.cache());
    others.retain(|entry| *entry != mine);
    std::fs::rename(others.pop().unwrap(), &mine).unwrap();
    assert_eq!(place.hits(2).await, 1);
}

#[tokio::test]
async fn a_cache_that_was_made_with_another_key_is_of_no_use() {
    let theirs = Place::new();
    assert_eq!(theirs.hits(2).await, 1);
    let mine = Place::new();
    mine.host().unwrap();
    let name = theirs.entry();
    let name = name.file_name().unwrap();
    std::fs::copy(theirs.entry(), mine.cache().join(name)).unwrap();
    assert_eq!(mine.hits(2).await, 1);
    // With the same key, the same bytes are.
    std::fs::copy(theirs.key(), mine.key()).unwrap();
    std::fs::copy(theirs.entry(), mine.cache().join(name)).unwrap();
    assert_eq!(mine.hits(1).await, 1);
}

#[tokio::test]
async fn an_entry_that_is_no_plain_file_is_not_followed_and_not_waited_for() {
    let place = Place::new();
    assert_eq!(place.hits(1).await, 0);
    let entry = place.entry();
    let elsewhere = place.0.path().join("elsewhere");
    std::fs::rename(&entry, &elsewhere).unwrap();
    symlink(&elsewhere, &entry).unwrap();
    assert_eq!(place.hits(1).await, 0);
    assert!(entry.symlink_metadata().unwrap().is_file());

    std::fs::remove_file(&entry).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(&entry).status();
    assert!(pipe.unwrap().success());
    assert_eq!(place.hits(2).await, 1);

    std::fs::remove_file(&entry).unwrap();
    std::fs::create_dir(&entry).unwrap();
    assert_eq!(place.hits(2).await, 0);
    assert_eq!(entries(&place.cache()), [entry]);
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_when_there_is_too_much() {
    let place = Place::new();
    assert_eq!(place.hits(1).await, 0);
    let entry = place.entry();
    let sparse = |name: &str, megabytes: u64, day: u64| {
        let path = place.cache().join(name);
        let file = std::fs::File::create(&path).unwrap();
        file.set_len(megabytes << 20).unwrap();
        let day = std::time::Duration::from_secs(day * 86_400);
        let used = std::time::SystemTime::UNIX_EPOCH + day;
        file.set_modified(used).unwrap();
        path
    };
    let older = sparse("older", 100, 1);
    let oldest = sparse("oldest", 100, 0);
    let newer = sparse("newer", 320, 2);
    let host = place.host().unwrap();
    host.load("pulse", pulse::COMPONENT).await.unwrap();
    for (path, stays) in [
        (oldest, false),
        (older, false),
        (newer, true),
        (entry, true),
    ] {
        assert_eq!(path.exists(), stays, "{}", path.display());
    }
    // Below the limit nothing goes.
    let small = sparse("small", 100, 0);
    host.load("other", crate::courier::COMPONENT).await.unwrap();
    assert!(small.exists());
}

#[tokio::test]
async fn hosts_that_begin_at_once_have_one_key() {
    let place = Place::new();
    let hosts = std::thread::scope(|scope| {
        let begun: Vec<_> = (0..8).map(|_| scope.spawn(|| place.host())).collect();
        let hosts = begun.into_iter().map(|host| host.join().unwrap());
        hosts.collect::<Result<Vec<_>, _>>().unwrap()
    });
    let mut hosts = hosts.into_iter();
    let first = hosts.next().unwrap();
    first.load("mine", COMPONENT).await.unwrap();
    for host in hosts {
        host.load("mine", COMPONENT).await.unwrap();
        assert_eq!(host.cache_hits(), 1);
    }
    let beside = entries(place.key().parent().unwrap());
    assert_eq!(beside, [place.key()]);
}

#[test]
fn a_key_that_others_may_know_or_that_is_damaged_is_refused_with_the_command_that_mends_it() {
    let place = Place::new();
    place.host().unwrap();
    let key = place.key();
    let command = format!("run `rm {}`", key.display());
    let mended = |refused: Result<PluginHost, String>| {
        let refused = refused.err().expect("a refusal");
        assert!(refused.contains(&command), "{refused}");
        std::fs::remove_file(&key).unwrap();
        assert!(place.host().is_ok());
    };
    for others in [0o640, 0o604, 0o620] {
        std::fs::set_permissions(&key, Permissions::from_mode(others)).unwrap();
        mended(place.host());
    }
    for length in [0, 31, 33] {
        std::fs::File::options()
            .write(true)
            .open(&key)
            .and_then(|file| file.set_len(length))
            .unwrap();
        mended(place.host());
    }
}

#[test]
fn a_key_that_cannot_be_read_or_made_is_refused_by_name() {
    let place = Place::new();
    std::fs::create_dir_all(place.key()).unwrap();
    let refused = place.host().err().expect("a refusal");
    assert!(refused.contains("cannot read the key"), "{refused}");
    assert!(refused.contains(&place.key().display().to_string()));

    let place = Place::new();
    std::fs::write(place.0.path().join("state"), "a file").unwrap();
    let refused = place.host().err().expect("a refusal");
    assert!(refused.contains("the key"), "{refused}");
    assert!(refused.contains(&place.key().display().to_string()));
}

#[test]
fn a_cache_that_others_can_write_to_is_refused_with_the_command_that_mends_it() {
    for others in [0o770, 0o702, 0o777] {
        let place = Place::new();
        place.host().unwrap();
        let cache = place.cache();
        std::fs::set_permissions(&cache, Permissions::from_mode(others)).unwrap();
        let refused = place.host().err().expect("a refusal");
        let command = format!("run `chmod 700 {}`", cache.display());
        assert!(refused.contains(&command), "{others:o}: {refused}");
        std::fs::set_permissions(&cache, Permissions::from_mode(0o700)).unwrap();
        assert!(place.host().is_ok());
    }
}

#[test]
fn a_cache_that_is_no_directory_is_refused_by_name() {
    let place = Place::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = host(file.path(), &place.key()).err().expect("a refusal");
    assert!(
        refused.contains(&file.path().display().to_string()),
        "{refused}"
    );
}
