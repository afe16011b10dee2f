//! Components from OCI registries.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chora_test_guests::{COURIER, COURIER_NEXT};

use crate::keys::{Key, UNTRUSTED, keys};
use crate::registry::{Asks, Registry};
use crate::scene::{bootstrap, copy, files, project, project_with, record};
use crate::support::{Ecosystem, Output, Unheard};

const FETCH: &str = "error[FETCH_FAILED]";
const INVALID: &str = "error[PLUGIN_INVALID]";

fn over_http(ecosystem: &Ecosystem, variables: &[(&str, String)], arguments: &[&str]) -> Output {
    let direct = [("NO_PROXY", "127.0.0.1".to_owned())];
    ecosystem.chora_with(&[&direct, variables].concat(), arguments)
}

fn add(ecosystem: &Ecosystem, address: &str) -> Output {
    let arguments = ["plugin", "add", address, "--yes", "--phase", "2"];
    over_http(ecosystem, &[], &arguments)
}

/// Refuses to add what is there, with nothing changed.
#[track_caller]
fn refused(address: &str, code: i32, parts: &[&str]) {
    let ecosystem = project();
    let before = files(&ecosystem);
    let output = add(&ecosystem, address).exits(code);
    output.complains(&["next actions"]).complains(parts);
    assert_eq!(files(&ecosystem), before);
}

/// Where `docker login` keeps the logins of its user: one of this registry.
fn logins(ecosystem: &Ecosystem, registry: &Registry, login: &str) -> [(&'static str, String); 1] {
    let directory = ecosystem.path().join("docker");
    fs::create_dir_all(&directory).expect("a directory");
    let config = format!(r#"{{"auths": {{"{}": {login}}}}}"#, registry.address());
    fs::write(directory.join("config.json"), config).expect("logins");
    [("DOCKER_CONFIG", directory.display().to_string())]
}

/// A login by name and password. `auth` of the file is both in Base64, here of `user:hunter2` and `user:hunter3`.
fn password(is_right: bool) -> &'static str {
    if is_right {
        r#"{"auth": "dXNlcjpodW50ZXIy"}"#
    } else {
        r#"{"auth": "dXNlcjpodW50ZXIz"}"#
    }
}

#[test]
fn a_component_is_pulled_shown_added_and_run() {
    let registry = Registry::start(Asks::Nothing);
    registry.publish("courier:1.0.0", COURIER, &[]);
    let ecosystem = project();
    let address = registry.url("courier:1.0.0");
    let added = add(&ecosystem, &address).exits(0);
    assert!(added.stdout.contains(&address), "{}", added.stdout);
    assert!(added.stderr.contains("fetching"), "{}", added.stderr);
    assert!(record(&ecosystem).contains(&format!("source: \"{address}\"")));
    assert!(copy(&ecosystem, COURIER).exists());
    assert!(
        bootstrap(&ecosystem)
            .iter()
            .any(|(step, _)| step == "courier/look")
    );
}

#[test]
fn an_update_pulls_what_the_tag_means_by_then() {
    let registry = Registry::start(Asks::Nothing);
    registry.publish("courier:latest", COURIER, &[]);
    let ecosystem = project();
    add(&ecosystem, &registry.url("courier")).exits(0);
    let address = registry.url("courier:latest");
    assert!(record(&ecosystem).contains(&format!("source: \"{address}\"")));
    registry.publish("courier:latest", COURIER_NEXT, &[]);
    let update = ["plugin", "update", "courier", "--yes"];
    let updated = over_http(&ecosystem, &[], &update).exits(0);
    assert!(
        updated.stdout.contains("version: 1.0.0 → 2.0.0"),
        "{}",
        updated.stdout
    );
    assert!(copy(&ecosystem, COURIER_NEXT).exists());
}

#[test]
fn a_digest_means_one_manifest_whatever_the_tag_has_become() {
    let registry = Registry::start(Asks::Nothing);
    let digest = registry.publish("courier:1", COURIER, &[]);
    registry.publish("courier:1", COURIER_NEXT, &[]);
    let ecosystem = project();
    let address = registry.url(&format!("courier@{digest}"));
    add(&ecosystem, &address).exits(0);
    assert!(copy(&ecosystem, COURIER).exists());
    assert!(record(&ecosystem).contains(&address));
}

#[test]
fn a_component_that_another_tool_pushed_is_one_by_the_type_of_its_layer() {
    let registry = Registry::start(Asks::Nothing);
    registry.publish_layers("courier:1", "application/wasm", &[COURIER]);
    add(&project(), &registry.url("courier:1")).exits(0);
}

#[test]
fn the_login_is_the_one_of_docker_and_is_shown_nowhere() {
    let registry = Registry::start(Asks::Login);
    registry.publish("courier:1", COURIER, &[]);
    let address = registry.url("courier:1");
    let ecosystem = project();
    let pull = |login: Option<&str>| {
        let mut variables = vec![("CHORA_LOG", "trace".to_owned())];
        if let Some(login) = login {
            variables.extend(logins(&ecosystem, &registry, login));
        }
        let arguments = [
            "plugin",
            "add",
            &address,
            "--yes",
            "--phase",
            "2",
            "--verbose",
        ];
        let output = over_http(&ecosystem, &variables, &arguments);
        for secret in ["hunter", "dXNlcjpodW50ZXI"] {
            assert!(!output.stderr.contains(secret), "{}", output.stderr);
            assert!(!output.stdout.contains(secret), "{}", output.stdout);
        }
        output
    };
    let advice = format!("docker login {}", registry.address());
    pull(None).exits(1).complains(&[FETCH, &advice]);
    let wrong = password(false);
    pull(Some(wrong)).exits(1).complains(&[FETCH, &advice]);
    let token = r#"{"auth": "dXNlcjo=", "identitytoken": "hunter-token"}"#;
    let parts = [FETCH, "identity token", "access token"];
    pull(Some(token)).exits(1).complains(&parts);
    pull(Some("{")).exits(1).complains(&[FETCH, "config.json"]);
    pull(Some(password(true))).exits(0);
}

#[test]
fn over_tls_the_certificate_is_looked_at() {
    let registry = Registry::start(Asks::Tls);
    let address = registry.url("none:1");
    let ecosystem = project();
    let pull = |variables: &[(&str, String)]| {
        let arguments = ["plugin", "add", &address, "--yes", "--phase", "2"];
        over_http(&ecosystem, variables, &arguments).exits(1)
    };
    // It is asked without TLS then, and says that this is not how; what was wrong before is told with it.
    let unknown = pull(&[]).complains(&[FETCH, "over TLS: ", "certificate"]);
    assert!(!unknown.stderr.contains("the registry has no"));
    let trusted = registry.certificate().display().to_string();
    let known = pull(&[("SSL_CERT_FILE", trusted)]);
    known.complains(&[FETCH, "the registry has no"]);
}

#[test]
fn what_is_not_there_or_no_component_is_told_apart() {
    let registry = Registry::start(Asks::Nothing);
    registry.publish("courier:1", COURIER, &[]);
    registry.publish_layers("image:1", "application/vnd.oci.image.layer.v1.tar", &[b"x"]);
    registry.publish_layers("parts:1", "application/wasm", &[b"x", b"y"]);
    registry.publish_layers("text:1", "application/wasm", &[b"no component"]);
    registry.publish_list("courier:list", "1");
    let huge = vec![0; 67_108_865];
    registry.publish_layers("huge:1", "application/wasm", &[&huge]);
    let refused = |name: &str, code, parts: &[&str]| refused(&registry.url(name), code, parts);
    refused("courier:2", 1, &[FETCH, "the registry has no"]);
    refused("none:1", 1, &[FETCH, "the registry has no"]);
    refused(
        "image:1",
        7,
        &[INVALID, "image.layer.v1.tar", "wkg oci push"],
    );
    refused("parts:1", 7, &[INVALID, "has 2 layers"]);
    refused("text:1", 7, &[INVALID, "text"]);
    refused("courier:list", 7, &[INVALID, "a list of several manifests"]);
    refused("huge:1", 7, &[INVALID, "more than 67108864 bytes"]);
    let unheard = Unheard::take();
    let address = unheard.address();
    let address = format!("oci://{address}/courier:1");
    self::refused(&address, 1, &[FETCH, "Connection refused"]);
}

#[test]
fn what_a_registry_changed_cut_off_or_lost_is_not_taken() {
    let registry = Registry::start(Asks::Nothing);
    registry.publish("courier:1", COURIER, &[]);
    let blob = registry.blob(COURIER);
    let address = registry.url("courier:1");
    let mut changed = COURIER.to_vec();
    changed[100] ^= 1;
    fs::write(&blob, changed).expect("a blob");
    refused(&address, 1, &[FETCH, "igest"]);
    fs::write(&blob, &COURIER[..1000]).expect("a blob");
    refused(&address, 1, &[FETCH, "cannot be fetched"]);
    fs::remove_file(&blob).expect("a blob");
    refused(&address, 1, &[FETCH]);
    fs::write(&blob, COURIER).expect("a blob");
    add(&project(), &address).exits(0);
}

#[test]
fn a_signature_is_an_annotation_of_the_manifest() {
    let key = Key::new("platform-team");
    let registry = Registry::start(Asks::Nothing);
    let signature = BASE64.encode(key.signs(COURIER, "file:courier.wasm"));
    let of_another = BASE64.encode(key.signs(COURIER_NEXT, "file:courier.wasm"));
    let endless = BASE64.encode("x".repeat(100_000));
    let annotation = "dev.chora.minisig";
    registry.publish("courier:unsigned", COURIER, &[]);
    registry.publish("courier:wrong", COURIER, &[(annotation, &of_another)]);
    registry.publish("courier:endless", COURIER, &[(annotation, &endless)]);
    registry.publish(
        "courier:text",
        COURIER,
        &[(annotation, "untrusted comment: x")],
    );
    registry.publish("courier:signed", COURIER, &[(annotation, &signature)]);
    let ecosystem = project_with(&keys(&[&key]));
    let before = files(&ecosystem);
    for (tag, why) in [
        ("unsigned", annotation),
        ("wrong", "does not fit"),
        ("endless", "more than"),
        ("text", "is no Base64"),
    ] {
        let address = registry.url(&format!("courier:{tag}"));
        add(&ecosystem, &address)
            .exits(7)
            .complains(&[UNTRUSTED, why]);
        assert_eq!(files(&ecosystem), before, "{tag}");
    }
    let added = add(&ecosystem, &registry.url("courier:signed")).exits(0);
    assert!(added.stdout.contains(&key.named()), "{}", added.stdout);
    bootstrap(&ecosystem);
    // Named by itself it may be anywhere.
    let ecosystem = project_with(&keys(&[&key]));
    let (unsigned, signed) = (
        registry.url("courier:unsigned"),
        registry.url("courier:signed"),
    );
    let arguments = ["plugin", "add", &unsigned, "--yes", "--phase", "2"];
    let elsewhere = [&arguments[..], &["--signature", &signed]].concat();
    over_http(&ecosystem, &[], &elsewhere).exits(0);
    assert!(record(&ecosystem).contains(&signed));
}
