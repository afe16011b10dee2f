//! A component that is pinned by its digest, and what is told of its interfaces.

use chora_plugin_host::{PluginError, hex_sha256};

use crate::scene::Sandbox;

pub(crate) const COMPONENT: &[u8] = chora_test_guests::COURIER;

#[tokio::test]
async fn the_bytes_that_were_pinned_are_loaded() {
    let sandbox = Sandbox::new();
    let digest = hex_sha256(COMPONENT);
    let loaded = sandbox.host.load_pinned("mine", COMPONENT, &digest).await;
    assert_eq!(loaded.unwrap().digest, digest);
}

#[tokio::test]
async fn other_bytes_are_not_even_compiled() {
    let sandbox = Sandbox::new();
    let digest = hex_sha256(COMPONENT);
    // They are no component, and that is not what is said of them.
    let error = sandbox.host.load_pinned("mine", b"hello", &digest).await;
    match error.unwrap_err() {
        PluginError::Changed {
            plugin,
            expected,
            found,
        } => {
            assert_eq!((plugin.as_str(), expected), ("mine", digest));
            assert_eq!(found, Some(hex_sha256(b"hello")));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn its_interfaces_and_their_version_are_told() {
    let sandbox = Sandbox::new();
    let plugin = sandbox.guest(COMPONENT).await.plugin;
    assert_eq!(plugin.wit, "chora:bootstrap@0.1.1");
    let imports = |name: &str| plugin.imports.iter().any(|import| import == name);
    assert!(imports("chora:bootstrap/services@0.1.1"));
    assert!(!imports("chora:bootstrap/http@0.1.1"));
    assert_eq!(plugin.exports, ["chora:bootstrap/phase@0.1.1"]);
}
