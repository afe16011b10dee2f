//! A real guest whose standard library opens sockets.

use chora_plugin_host::PluginError;

use crate::scene::Sandbox;

pub(crate) const COMPONENT: &[u8] = chora_hostile_plugins::SOCKETS;

#[tokio::test]
async fn a_guest_that_opens_sockets_is_refused_when_it_is_loaded() {
    let sandbox = Sandbox::new();
    let error = sandbox.host.load("mine", COMPONENT).await.unwrap_err();
    match error {
        PluginError::Invalid { plugin, reason, .. } => {
            assert_eq!(plugin, "mine");
            assert!(reason.starts_with("it imports `wasi:sockets/"), "{reason}");
            assert!(reason.contains("does not offer"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}
