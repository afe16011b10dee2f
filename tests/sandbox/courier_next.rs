//! Components for packages and interfaces that this chora does not have: told by name.

use chora_plugin_host::PluginError;

use crate::scene::Sandbox;

pub(crate) const COMPONENT: &[u8] = chora_test_guests::COURIER_NEXT;

/// The component with one text in the place of another of the same length.
fn patched(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = COMPONENT.to_vec();
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
        }
        at += 1;
    }
    assert_ne!(bytes, COMPONENT);
    bytes
}

async fn refused(bytes: &[u8]) -> String {
    let sandbox = Sandbox::new();
    match sandbox.host.load("mine", bytes).await.unwrap_err() {
        PluginError::Invalid { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn another_version_of_the_package_is_told_with_those_that_are_served() {
    let reason = refused(&patched("@0.1.1", "@0.9.0")).await;
    assert!(
        reason.contains("it is made for `chora:bootstrap@0.9.0`, and this chora serves `chora:bootstrap@0.1.0` and `chora:bootstrap@0.1.1`"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_newer_version_on_the_same_track_is_not_taken_for_one_that_is_served() {
    let reason = refused(&patched("@0.1.1", "@0.1.9")).await;
    assert!(
        reason.contains("it is made for `chora:bootstrap@0.1.9`"),
        "{reason}"
    );
}

#[tokio::test]
async fn an_interface_that_the_package_does_not_have_is_named() {
    let reason = refused(&patched(
        "chora:bootstrap/health@",
        "chora:bootstrap/wealth@",
    ))
    .await;
    assert!(
        reason
            .contains("it imports `chora:bootstrap/wealth@0.1.1`, which this chora does not offer"),
        "{reason}"
    );
}
