//! Bearers: sent unseen, and good for the one call that got them.

use chora_plugin_host::PluginError;
use serde_json::json;

use crate::calls::COMPONENT;
use crate::scene::Sandbox;
use chora_selftest::Server;

#[tokio::test]
async fn a_bearer_is_sent_and_never_seen() {
    let sandbox = Sandbox::new();
    sandbox.make_credentials();
    let server = Server::start().await.expect("a server");
    let url = server.url("/a");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[
        "credentials=api_key_db:use".to_owned(),
        format!("http=GET {url}"),
    ]);
    let arguments = json!({ "url": url, "bearer": "api_key_db", "credential": "api_key_db" });
    let guest = guest.set("arguments", arguments);
    let said = guest.apply("http.send-reading").await.unwrap().summary;
    let shown = guest.apply("credentials.bearer-of").await.unwrap().summary;

    let secret = sandbox.secret("api_key_db");
    let [head] = server.heads().try_into().expect("one request");
    assert!(
        head.contains(&format!("authorization: Bearer {secret}\r\n")),
        "{head}"
    );
    assert!(!said.contains(&secret) && !shown.contains(&secret));
    assert!(!format!("{:?}", sandbox.events()).contains(&secret));
}

#[tokio::test]
async fn the_signing_secret_is_sent_as_a_token_and_never_itself() {
    let sandbox = Sandbox::new();
    sandbox.make_credentials();
    let server = Server::start().await.expect("a server");
    let url = server.url("/a");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[
        "credentials=jwt_secret:use".to_owned(),
        format!("http=GET {url}"),
    ]);
    let guest = guest.set("arguments", json!({ "url": url, "bearer": "jwt_secret" }));
    guest.apply("http.send-reading").await.unwrap();
    let [head] = server.heads().try_into().expect("one request");
    assert!(head.contains("authorization: Bearer ey"), "{head}");
    assert!(!head.contains(&sandbox.secret("jwt_secret")));
}

#[tokio::test]
async fn a_bearer_of_one_call_is_none_in_another() {
    let sandbox = Sandbox::new();
    sandbox.make_credentials();
    let server = Server::start().await.expect("a server");
    let url = server.url("/a");
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[
        "credentials=api_key_db:use".to_owned(),
        format!("http=GET {url}"),
    ]);
    let arguments = json!({ "url": url, "credential": "api_key_db" });
    let guest = guest.set("arguments", arguments);
    // The first call gets a handle; the second sends with the number that it had.
    let handle = guest.apply("credentials.bearer-of").await.unwrap().summary;
    assert!(handle.contains("handle: 1"), "{handle}");
    let error = guest.apply("forged-bearer").await.unwrap_err();
    assert!(
        matches!(&error, PluginError::Trapped { message, .. } if message.contains("handle")),
        "{error:?}"
    );
    assert!(server.heads().is_empty());
}

#[tokio::test]
async fn use_does_not_include_reading() {
    let sandbox = Sandbox::new();
    sandbox.make_credentials();
    let guest = sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&["credentials=*:use+ensure"]);
    let guest = guest.set("arguments", json!({ "credential": "api_key_db" }));
    let said = guest.apply("credentials.reveal").await.unwrap().summary;
    assert!(said.contains("`credentials=api_key_db:reveal`"), "{said}");
}
