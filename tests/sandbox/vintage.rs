//! A component that was made for the first released version of the package.

use chora_plugin_host::PluginError;

use crate::scene::Sandbox;

pub(crate) const COMPONENT: &[u8] = chora_test_guests::VINTAGE;

#[tokio::test]
async fn a_component_for_a_released_version_does_its_work() {
    let sandbox = Sandbox::new();
    let guest = sandbox.guest(COMPONENT).await;
    assert_eq!(guest.plugin.wit, "chora:bootstrap@0.1.0");
    let imports = |name: &str| guest.plugin.imports.iter().any(|import| import == name);
    assert!(imports("chora:bootstrap/services@0.1.0"));
    let guest = guest.granted(&["services=db:inspect"]);
    assert_eq!(guest.plan().await.unwrap()[0].id, "look");
    let outcome = guest.apply("look").await.unwrap();
    assert_eq!(outcome.summary, "as it always was");
}

#[tokio::test]
async fn an_older_version_s_calls_go_through_the_same_gate() {
    let sandbox = Sandbox::new();
    sandbox.start_db().await;
    let guest = sandbox
        .guest(COMPONENT)
        .await
        .granted(&["services=db:inspect"]);
    let before = sandbox.snapshot();
    match guest.apply("stop").await.unwrap_err() {
        PluginError::Denied { denial, .. } => {
            assert_eq!(denial.function, "services.stop");
            assert_eq!(denial.needed.as_deref(), Some("services=db:stop"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(sandbox.snapshot(), before);
    assert_eq!(sandbox.ledger().pop().expect("a line").decision, "denied");
}
