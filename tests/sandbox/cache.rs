//! The compile cache: nobody else's code is ever run from it.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use chora_plugin_host::{HostOptions, PluginHost};

use crate::bad_check::COMPONENT;

/// A host with this cache, or what a refusal says.
fn host(cache: &Path) -> Result<PluginHost, String> {
    let options = HostOptions {
        cache: Some(cache.to_owned()),
        ..HostOptions::default()
    };
    PluginHost::new(options).map_err(|refused| refused.to_string())
}

fn mode(path: &Path) -> u32 {
    let metadata = std::fs::metadata(path).expect("a directory");
    metadata.permissions().mode() & 0o777
}

#[tokio::test]
async fn a_second_load_comes_from_the_cache_also_in_another_host() {
    let directory = tempfile::tempdir().unwrap();
    let cache = directory.path().join("made/for it");
    let first = host(&cache).unwrap();
    first.load("mine", COMPONENT).await.unwrap();
    assert_eq!(first.cache_hits(), 0);
    first.load("mine", COMPONENT).await.unwrap();
    assert_eq!(first.cache_hits(), 1);
    let second = host(&cache).unwrap();
    second.load("mine", COMPONENT).await.unwrap();
    assert_eq!(second.cache_hits(), 1);
    assert_eq!(mode(&cache), 0o700);
}

#[test]
fn a_cache_that_others_can_write_to_is_refused_with_the_command_that_mends_it() {
    for others in [0o770, 0o702, 0o777] {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path();
        std::fs::set_permissions(cache, Permissions::from_mode(others)).unwrap();
        let refused = host(cache).err().expect("a refusal");
        let command = format!("run `chmod 700 {}`", cache.display());
        assert!(refused.contains(&command), "{others:o}: {refused}");
        std::fs::set_permissions(cache, Permissions::from_mode(0o700)).unwrap();
        assert!(host(cache).is_ok());
    }
}

#[test]
fn a_cache_that_is_no_directory_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = host(file.path()).err().expect("a refusal");
    assert!(
        refused.contains(&file.path().display().to_string()),
        "{refused}"
    );
}
