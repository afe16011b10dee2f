//! What a component may do when it describes itself, which is all that happens to it before anybody trusts it: nothing, within limits, by name.

use std::sync::Arc;
use std::time::Duration;

use chora_plugin_host::{Limits, Plugin, PluginError};

use crate::misdeeds::COMPONENT;
use crate::scene::Sandbox;

/// What comes of loading it. The same host loads a good one after it.
async fn loaded(limits: Limits, word: &str) -> Result<Arc<Plugin>, PluginError> {
    let sandbox = Sandbox::limited(limits);
    let component = chora_hostile_plugins::that_describes(word).expect("one marker");
    let loaded = sandbox.host.load("mine", &component).await;
    let good = sandbox.guest(COMPONENT).await.apply("good").await;
    assert_eq!(good.expect("a host that works").summary, "done");
    assert!(sandbox.ledger().is_empty());
    loaded
}

#[tokio::test]
async fn a_description_that_never_comes_is_ended_by_the_limit_of_calls() {
    let limits = Limits {
        call: Duration::from_secs(2),
        ..Limits::default()
    };
    let error = loaded(limits, "loop").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin `mine` did not end `describe` within 2s"
    );
}

#[tokio::test]
async fn memory_and_output_of_a_description_are_limited() {
    for (word, limited) in [("memory", "memory"), ("stderr", "output")] {
        let error = loaded(Limits::default(), word).await.unwrap_err();
        assert!(
            matches!(&error, PluginError::Limit { plugin, call, what, .. } if plugin == "mine" && call == "describe" && what == limited),
            "{word}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_panic_in_a_description_is_told() {
    let error = loaded(Limits::default(), "panic").await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Trapped { plugin, call, message, .. } if plugin == "mine" && call == "describe" && message.ends_with("the label burst")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_description_is_cleaned_and_cut() {
    let plugin = loaded(Limits::default(), "rude").await.unwrap();
    let said = &plugin.metadata;
    for text in [&said.name, &said.version, &said.summary] {
        crate::said::is_harmless(text);
        assert!(text.chars().count() <= 6 * 500, "{}", text.len());
    }
}
