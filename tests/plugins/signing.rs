//! Where the configuration lists keys, only what is signed with one of them is added or run; everything else is stopped and named before it does anything.

use std::fs;
use std::path::PathBuf;

use chora_test_guests::{COURIER, COURIER_NEXT, PULSE};

use crate::keys::{Key, UNTRUSTED, keys};
use crate::scene::{add, bootstrap, config, copy, files, project, project_with, record, sha256};
use crate::server::Server;
use crate::support::{Ecosystem, Output};

/// A project that trusts one key, with which all its components are signed.
fn signed_project(key: &Key) -> Ecosystem {
    let ecosystem = project_with(&keys(&[key]));
    for (name, bytes) in [
        ("courier.wasm", COURIER),
        ("courier-next.wasm", COURIER_NEXT),
        ("pulse.wasm", PULSE),
    ] {
        put(&ecosystem, name, &key.signs(bytes, &format!("file:{name}")));
    }
    ecosystem
}

/// The same with the courier added, after `db`.
fn with_signed_courier(key: &Key) -> Ecosystem {
    let ecosystem = signed_project(key);
    add(&ecosystem, &["courier.wasm", "--after", "db"]);
    ecosystem
}

/// Puts a signature beside a component.
fn put(ecosystem: &Ecosystem, component: &str, signature: &str) {
    let path = ecosystem.path().join(format!("{component}.minisig"));
    fs::write(path, signature).expect("a signature");
}

/// The copy of a signature.
fn kept(ecosystem: &Ecosystem, bytes: &[u8], key: &Key) -> PathBuf {
    let name = format!("{}.{}.minisig", sha256(bytes), key.id());
    ecosystem.home().join("plugins").join(name)
}

fn over_http(ecosystem: &Ecosystem, arguments: &[&str]) -> Output {
    let variables = [("NO_PROXY", "127.0.0.1".to_owned())];
    ecosystem.chora_with(&variables, arguments)
}

/// A signature that says something else in its trusted comment.
fn with_comment(signature: &str, comment: &str) -> String {
    let mut lines: Vec<String> = signature.lines().map(str::to_owned).collect();
    lines[2] = format!("trusted comment: {comment}");
    lines.join("\n") + "\n"
}

/// A signature with one bit of it turned.
fn tampered(signature: &str) -> String {
    let mut lines: Vec<String> = signature.lines().map(str::to_owned).collect();
    // Far behind the id of the key and far before the last digit, which has bits without meaning.
    let digit = if &lines[1][40..41] == "A" { "B" } else { "A" };
    lines[1].replace_range(40..41, digit);
    lines.join("\n") + "\n"
}

/// Refuses to add the courier, with nothing changed and nothing compiled.
#[track_caller]
fn refused(ecosystem: &Ecosystem, parts: &[&str]) {
    let before = files(ecosystem);
    let arguments = ["plugin", "add", "courier.wasm", "--yes", "--phase", "2"];
    let output = ecosystem.chora(&arguments).exits(7);
    assert!(!output.stderr.contains("compiling"), "{}", output.stderr);
    output
        .complains(&[UNTRUSTED, "`courier.wasm`", "next actions"])
        .complains(parts);
    assert_eq!(files(ecosystem), before);
}

/// Refuses to run, to look and to verify, with nothing begun.
#[track_caller]
fn stopped(ecosystem: &Ecosystem, parts: &[&str]) {
    let ids = ecosystem.ids();
    for (command, code) in [
        (&["bootstrap"][..], 7),
        (&["bootstrap", "--dry-run"], 7),
        (&["plugin", "verify"], 1),
        (&["plugin", "inspect", "courier"], 1),
    ] {
        let output = ecosystem.chora(command).exits(code);
        output
            .complains(&[UNTRUSTED, "plugin `courier` is not trusted", "next actions"])
            .complains(parts);
    }
    assert_eq!(ecosystem.ids(), ids);
}

#[test]
fn what_is_signed_is_shown_recorded_kept_and_run() {
    let key = Key::new("platform-team");
    let ecosystem = signed_project(&key);
    let added = add(&ecosystem, &["courier.wasm", "--after", "db"]);
    let by = format!("signed by: {}", key.named());
    let shown = format!("{by}, trusted comment: file:courier.wasm");
    assert!(added.stdout.contains(&shown), "{}", added.stdout);
    let facts = format!(
        "    wit: \"chora:bootstrap@0.1.1\"\n    world: \"phase-plugin\"\n    signed_by: \"platform-team\"\n    key_id: \"{}\"\n    after: \"db\"\n",
        key.id()
    );
    let record = record(&ecosystem);
    assert!(record.contains(&facts), "{record}");
    let beside = fs::read(ecosystem.path().join("courier.wasm.minisig")).expect("a signature");
    assert_eq!(
        fs::read(kept(&ecosystem, COURIER, &key)).expect("a copy"),
        beside
    );

    // Neither the component nor its signature is needed where they came from.
    fs::remove_file(ecosystem.path().join("courier.wasm")).expect("a component");
    fs::remove_file(ecosystem.path().join("courier.wasm.minisig")).expect("a signature");
    let steps = bootstrap(&ecosystem);
    assert!(steps.iter().any(|(step, _)| step == "courier/look"));
    ecosystem.chora(&["validate"]).exits(0);

    let verified = ecosystem.chora(&["plugin", "verify"]).exits(0).stdout;
    let line = format!(
        "✓ courier 1.0.0 is what was added, signed by {}",
        key.named()
    );
    assert!(verified.contains(&line), "{verified}");
    let verified = ecosystem.chora(&["plugin", "verify", "--format", "json"]);
    let one = &verified.exits(0).json()["plugins"][0];
    assert_eq!(
        (&one["intact"], &one["trusted"]),
        (&true.into(), &true.into())
    );
    assert_eq!(one["signature"]["by"], "platform-team");
    assert_eq!(one["signature"]["key_id"], key.id());
    assert_eq!(one["signature"]["comment"], "file:courier.wasm");
    let inspected = ecosystem.chora(&["plugin", "inspect", "courier"]).exits(0);
    assert!(inspected.stdout.contains(&shown), "{}", inspected.stdout);
    let inspected = ecosystem.chora(&["plugin", "inspect", "courier", "--format", "json"]);
    assert_eq!(inspected.exits(0).json()["signature"]["key_id"], key.id());
    let listed = ecosystem.chora(&["plugin", "list", "--format", "json"]);
    let listed = listed.exits(0).json();
    let mut plugins = listed["plugins"].as_array().expect("plugins").iter();
    let courier = plugins.find(|one| one["name"] == "courier");
    assert_eq!(courier.expect("the courier")["signed_by"], "platform-team");
}

#[test]
fn without_keys_nothing_is_asked_and_a_signature_is_neither_read_nor_kept() {
    let ecosystem = project();
    put(&ecosystem, "courier.wasm", "no signature at all");
    let added = add(&ecosystem, &["courier.wasm", "--after", "db"]);
    let shown = "signed by: not asked: the configuration lists no `plugin_keys`";
    assert!(added.stdout.contains(shown), "{}", added.stdout);
    assert!(!record(&ecosystem).contains("signed_by"));
    bootstrap(&ecosystem);
    let verified = ecosystem.chora(&["plugin", "verify", "--format", "json"]);
    let one = &verified.exits(0).json()["plugins"][0];
    assert!(
        one["trusted"].is_null() && one["signature"].is_null(),
        "{one}"
    );
    // A signature that nobody could check is not taken in silence.
    let given = ["plugin", "add", "pulse.wasm", "--yes", "--signature", "x"];
    let parts = ["error[CONFIG_ERROR]", "lists no key", "`plugin_keys:`"];
    ecosystem.chora(&given).exits(7).complains(&parts);
    let given = ["plugin", "update", "courier", "--yes", "--signature", "x"];
    ecosystem.chora(&given).exits(7).complains(&parts);
}

#[test]
fn what_is_not_signed_with_a_listed_key_is_not_even_compiled() {
    let (key, other) = (Key::new("team"), Key::new("other"));
    let ecosystem = project_with(&keys(&[&key]));
    refused(
        &ecosystem,
        &["it is not signed", "courier.wasm.minisig", "--signature"],
    );

    put(&ecosystem, "courier.wasm", &other.signs(COURIER, "x"));
    let parts = ["key id", &other.id(), &key.named(), "`plugin_keys:`"];
    refused(&ecosystem, &parts);

    let good = key.signs(COURIER, "version 1");
    for unfit in [
        key.signs(COURIER_NEXT, "of another component"),
        with_comment(&good, "version 2"),
        tampered(&good),
    ] {
        put(&ecosystem, "courier.wasm", &unfit);
        refused(&ecosystem, &["does not fit", &key.named()]);
    }
    for malformed in ["", "hello", &good[..good.len() / 2]] {
        put(&ecosystem, "courier.wasm", malformed);
        refused(&ecosystem, &["is none that minisign makes"]);
    }
    put(&ecosystem, "courier.wasm", &good.replace("\nRU", "\nRW"));
    refused(&ecosystem, &["legacy", &key.named()]);
    put(&ecosystem, "courier.wasm", &"x".repeat((16 << 10) + 1));
    let before = files(&ecosystem);
    let arguments = ["plugin", "add", "courier.wasm", "--yes", "--phase", "2"];
    let parts = [UNTRUSTED, "more than 16384 bytes", "next actions"];
    ecosystem.chora(&arguments).exits(7).complains(&parts);
    assert_eq!(files(&ecosystem), before);

    // A component that was changed after it was signed.
    put(&ecosystem, "courier.wasm", &good);
    fs::write(ecosystem.path().join("courier.wasm"), COURIER_NEXT).expect("a component");
    refused(&ecosystem, &["does not fit", &key.named()]);
    fs::write(ecosystem.path().join("courier.wasm"), COURIER).expect("a component");
    add(&ecosystem, &["courier.wasm", "--phase", "2"]);
}

#[test]
fn whatever_happens_to_the_kept_signature_stops_the_next_run_and_can_be_mended() {
    let (key, other) = (Key::new("team"), Key::new("other"));
    let ecosystem = with_signed_courier(&key);
    let path = kept(&ecosystem, COURIER, &key);
    let good = fs::read_to_string(&path).expect("a signature");
    let foreign = other.signs(COURIER, "x");
    let of_another = key.signs(PULSE, "x");
    let missing = format!("there is no `{}`", path.display());
    for (text, part) in [
        (Some(tampered(&good)), "does not fit"),
        (Some(with_comment(&good, "file:other.wasm")), "does not fit"),
        (Some(of_another), "does not fit"),
        (Some(foreign), &other.id()),
        (Some("x".to_owned()), "is none that minisign makes"),
        (None, &missing),
    ] {
        match text {
            Some(text) => fs::write(&path, text).expect("a signature"),
            None => fs::remove_file(&path).expect("a signature"),
        }
        stopped(&ecosystem, &[part, "chora plugin update courier"]);
        let verified = ecosystem.chora(&["plugin", "verify", "--format", "json"]);
        let one = &verified.exits(1).json()["plugins"][0];
        assert_eq!(
            (&one["intact"], &one["trusted"]),
            (&true.into(), &false.into())
        );
        assert_eq!(one["failure"]["code"], "PLUGIN_UNTRUSTED");
        // The way out that was named.
        let mended = ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
        assert!(mended.stdout.contains("was put back"), "{}", mended.stdout);
        assert_eq!(fs::read_to_string(&path).expect("a signature"), good);
        ecosystem.chora(&["plugin", "verify"]).exits(0);
    }
    fs::remove_file(&path).expect("a signature");
    fs::create_dir(&path).expect("a directory");
    stopped(&ecosystem, &["cannot be read", &path.display().to_string()]);
    fs::remove_dir(&path).expect("a directory");
    ecosystem.chora(&["plugin", "update", "courier"]).exits(0);

    // What was added is told before by whom it is signed.
    fs::write(copy(&ecosystem, COURIER), COURIER_NEXT).expect("a copy");
    let changed = ecosystem.chora(&["bootstrap"]).exits(7);
    changed.complains(&["error[PLUGIN_CHANGED]", &sha256(COURIER_NEXT)]);
    let verified = ecosystem.chora(&["plugin", "verify", "--format", "json"]);
    let one = &verified.exits(1).json()["plugins"][0];
    assert_eq!(
        (&one["intact"], &one["trusted"]),
        (&false.into(), &false.into())
    );
}

#[test]
fn a_record_that_names_another_key_than_the_signature_s_is_told() {
    let (key, other) = (Key::new("team"), Key::new("other"));
    let ecosystem = with_signed_courier(&key);
    ecosystem.write_config(&config(&keys(&[&key, &other])));
    let path = ecosystem.home().join("plugins.lock");
    let changed = record(&ecosystem).replace(&key.id(), &other.id());
    fs::write(path, changed).expect("a record");
    let (from, to) = (
        kept(&ecosystem, COURIER, &key),
        kept(&ecosystem, COURIER, &other),
    );
    fs::rename(from, to).expect("a signature");
    let by = format!("its signature is by {}", key.named());
    stopped(&ecosystem, &[&by, &other.id()]);
}

#[test]
fn a_key_that_is_not_listed_any_more_stops_the_next_run() {
    let (key, newer) = (Key::new("team"), Key::new("newer"));
    let ecosystem = with_signed_courier(&key);
    bootstrap(&ecosystem);
    ecosystem.write_config(&config(&keys(&[&newer])));
    stopped(
        &ecosystem,
        &[&key.id(), &newer.named(), "chora plugin remove courier"],
    );
    // Neither is the same component taken again from where it came from,
    let update = ["plugin", "update", "courier", "--yes"];
    ecosystem.chora(&update).exits(7).complains(&[UNTRUSTED]);
    // nor does it keep anybody from clearing away.
    ecosystem.chora(&["reset", "--force"]).exits(0);
    ecosystem
        .chora(&["plugin", "remove", "courier", "--yes"])
        .exits(0);
    bootstrap(&ecosystem);
}

#[test]
fn a_plugin_that_was_added_before_any_key_was_listed_gets_its_signature_by_an_update() {
    let key = Key::new("team");
    let ecosystem = project();
    add(&ecosystem, &["courier.wasm", "--after", "db"]);
    ecosystem.write_config(&config(&keys(&[&key])));
    let parts = [
        "it was added without a signature",
        "chora plugin update courier",
    ];
    stopped(&ecosystem, &parts);
    put(&ecosystem, "courier.wasm", &key.signs(COURIER, "x"));
    let updated = ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    let now = format!("is now recorded as signed by {}", key.named());
    assert!(updated.stdout.contains(&now), "{}", updated.stdout);
    bootstrap(&ecosystem);
    // Adding it again does the same.
    let ecosystem = project();
    add(&ecosystem, &["courier.wasm", "--after", "db"]);
    ecosystem.write_config(&config(&keys(&[&key])));
    put(&ecosystem, "courier.wasm", &key.signs(COURIER, "x"));
    let again = add(&ecosystem, &["courier.wasm", "--after", "db"]);
    assert!(
        again.stdout.contains("now recorded as signed"),
        "{}",
        again.stdout
    );
    bootstrap(&ecosystem);
}

#[test]
fn an_update_shows_another_signer_and_leaves_no_signature_behind() {
    let (key, newer) = (Key::new("team"), Key::new("newer"));
    let ecosystem = with_signed_courier(&key);
    ecosystem.write_config(&config(&keys(&[&key, &newer])));
    // The same bytes by another key need no new grant, and no question.
    put(&ecosystem, "courier.wasm", &newer.signs(COURIER, "x"));
    let updated = ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    let now = format!("is now recorded as signed by {}", newer.named());
    assert!(updated.stdout.contains(&now), "{}", updated.stdout);
    assert!(record(&ecosystem).contains("signed_by: \"newer\""));
    assert!(kept(&ecosystem, COURIER, &newer).exists());
    assert!(!kept(&ecosystem, COURIER, &key).exists());
    let same = ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    assert!(
        same.stdout.contains("is what its source has"),
        "{}",
        same.stdout
    );

    let update = ["plugin", "update", "courier", "courier-next.wasm", "--yes"];
    let updated = ecosystem.chora(&update).exits(0);
    let was = format!("signed by: it was {}", newer.named());
    let is = format!(
        "signed by: {}, trusted comment: file:courier-next",
        key.named()
    );
    for part in [&was, &is] {
        assert!(
            updated.stdout.contains(part),
            "{part} in {}",
            updated.stdout
        );
    }
    assert!(kept(&ecosystem, COURIER_NEXT, &key).exists());
    assert!(!kept(&ecosystem, COURIER, &newer).exists());
    bootstrap(&ecosystem);
    // An update that is not signed leaves what there is.
    let before = files(&ecosystem);
    fs::remove_file(ecosystem.path().join("courier.wasm.minisig")).expect("a signature");
    let back = ["plugin", "update", "courier", "courier.wasm", "--yes"];
    ecosystem
        .chora(&back)
        .exits(7)
        .complains(&[UNTRUSTED, "it is not signed"]);
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn a_signature_goes_with_the_last_plugin_that_has_it() {
    let key = Key::new("team");
    let ecosystem = with_signed_courier(&key);
    add(
        &ecosystem,
        &["courier.wasm", "--name", "other", "--phase", "3"],
    );
    let remove = |name| ["plugin", "remove", name, "--yes"];
    ecosystem.chora(&remove("other")).exits(0);
    assert!(kept(&ecosystem, COURIER, &key).exists());
    bootstrap(&ecosystem);
    ecosystem.chora(&remove("courier")).exits(0);
    let left = fs::read_dir(ecosystem.home().join("plugins")).expect("a directory");
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| name == "lock"), "{left:?}");
}

#[test]
fn a_clone_that_has_only_the_record_gets_the_signature_too() {
    let key = Key::new("team");
    let ecosystem = with_signed_courier(&key);
    fs::remove_dir_all(ecosystem.home().join("plugins")).expect("a directory");
    let before = record(&ecosystem);
    ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    assert_eq!(record(&ecosystem), before);
    assert!(kept(&ecosystem, COURIER, &key).exists());
    bootstrap(&ecosystem);
}

#[test]
fn a_signature_from_elsewhere_is_named_recorded_and_found_again() {
    let key = Key::new("team");
    let ecosystem = project_with(&keys(&[&key]));
    let elsewhere = ecosystem.path().join("signatures");
    fs::create_dir(&elsewhere).expect("a directory");
    let signature = key.signs(COURIER, "from elsewhere");
    fs::write(elsewhere.join("c.sig"), &signature).expect("a signature");
    let add = |signature| {
        let add = [
            "plugin",
            "add",
            "courier.wasm",
            "--yes",
            "--after",
            "db",
            "--signature",
        ];
        [&add[..], &[signature]].concat()
    };
    for (wrong, part) in [
        ("signatures/none.sig", "there is no file"),
        (".", "is a directory"),
    ] {
        let output = ecosystem.chora(&add(wrong)).exits(7);
        output.complains(&["error[CONFIG_ERROR]", part, "….minisig"]);
    }
    // An absolute path is recorded so that it is right in everybody's copy of the project.
    let absolute = elsewhere.join("c.sig").display().to_string();
    ecosystem.chora(&add(&absolute)).exits(0);
    assert!(record(&ecosystem).contains("    signature: \"signatures/c.sig\"\n"));
    fs::remove_dir_all(ecosystem.home().join("plugins")).expect("a directory");
    ecosystem.chora(&["plugin", "update", "courier"]).exits(0);
    bootstrap(&ecosystem);
    // From then on beside the component, where that is said.
    put(&ecosystem, "courier.wasm", &signature);
    let update = ["plugin", "update", "courier", "courier.wasm"];
    ecosystem.chora(&update).exits(0);
    assert!(!record(&ecosystem).contains("    signature:"));
    bootstrap(&ecosystem);
}

#[test]
fn over_http_the_signature_is_fetched_from_beside_the_component() {
    let key = Key::new("team");
    let server = Server::with(COURIER);
    let ecosystem = project_with(&keys(&[&key]));
    let url = server.url("/redirect/4");
    let add = |url: &str| {
        let arguments = ["plugin", "add", url, "--yes", "--after", "db"];
        over_http(&ecosystem, &arguments)
    };
    let before = files(&ecosystem);
    let none = format!(
        "{} answered 404 Not Found",
        url.replace("/4", "/4.minisig`")
    );
    add(&url)
        .exits(7)
        .complains(&[UNTRUSTED, "it is not signed", &none]);
    server.has_signature(&key.signs(COURIER_NEXT, "of another component"));
    add(&url).exits(7).complains(&[UNTRUSTED, "does not fit"]);
    server.has_signature(&key.signs(COURIER, "over HTTP"));
    // More redirects than for a component are not followed either, and a body without end is cut off.
    let given = |signature: &str| {
        let url = server.url("/component.wasm");
        let signature = server.url(signature);
        let arguments = [
            "plugin",
            "add",
            &url,
            "--yes",
            "--after",
            "db",
            "--signature",
        ];
        over_http(&ecosystem, &[&arguments[..], &[&signature]].concat())
    };
    given("/redirect/5.minisig")
        .exits(1)
        .complains(&["error[FETCH_FAILED]", "more than 5 times"]);
    given("/cut-off.wasm.minisig")
        .exits(1)
        .complains(&["error[FETCH_FAILED]", "--signature"]);
    given("/none.wasm.minisig?token=hunter2")
        .exits(1)
        .complains(&["error[FETCH_FAILED]", "404 Not Found"]);
    given("/endless.wasm.minisig")
        .exits(7)
        .complains(&[UNTRUSTED, "more than 16384 bytes"]);
    assert_eq!(files(&ecosystem), before);
    let added = add(&url).exits(0);
    assert!(added.stdout.contains("over HTTP"), "{}", added.stdout);
    let again = ["plugin", "update", "courier"];
    let again = over_http(&ecosystem, &again).exits(0);
    assert!(
        again.stdout.contains("is what its source has"),
        "{}",
        again.stdout
    );
    bootstrap(&ecosystem);
}

#[test]
fn the_query_of_a_url_is_that_of_the_signature_too() {
    let key = Key::new("team");
    let server = Server::with(COURIER);
    server.has_signature(&key.signs(COURIER, "behind a gate"));
    let ecosystem = project_with(&keys(&[&key]));
    let url = server.url("/guarded.wasm?pass=1");
    let add = ["plugin", "add", &url, "--yes", "--after", "db"];
    over_http(&ecosystem, &add).exits(0);
    assert!(kept(&ecosystem, COURIER, &key).exists());
    assert!(!record(&ecosystem).contains("    signature:"));
    // That of a signature from elsewhere is recorded, and that is said.
    let ecosystem = project_with(&keys(&[&key]));
    let signature = server.url("/guarded.wasm.minisig?pass=1");
    let add = [
        "plugin",
        "add",
        "courier.wasm",
        "--yes",
        "--after",
        "db",
        "--signature",
    ];
    let added = over_http(&ecosystem, &[&add[..], &[&signature]].concat()).exits(0);
    let warning = "the URL of its signature has a query, which is recorded";
    assert!(added.stdout.contains(warning), "{}", added.stdout);
    assert!(record(&ecosystem).contains(&format!("    signature: \"{signature}\"\n")));
}

#[test]
fn a_trusted_comment_reaches_no_terminal_as_it_is() {
    let key = Key::new("team");
    let ecosystem = project_with(&keys(&[&key]));
    let comment = "\u{1b}[2J\u{1b}]0;mine\u{7} \u{202e}gnp.exe\u{9b}1A";
    put(&ecosystem, "courier.wasm", &key.signs(COURIER, comment));
    let added = add(&ecosystem, &["courier.wasm", "--after", "db"]);
    let shown = "trusted comment: \\u{1b}[2J\\u{1b}]0;mine\\u{7} \\u{202e}gnp.exe\\u{9b}1A";
    assert!(added.stdout.contains(shown), "{}", added.stdout);
    for command in [
        &["plugin", "inspect", "courier"][..],
        &["plugin", "inspect", "courier", "--format", "json"],
        &["plugin", "verify"],
        &["plugin", "verify", "--format", "json"],
        &["bootstrap"],
    ] {
        let output = ecosystem.chora(command).exits(0);
        let all = output.stdout + &output.stderr;
        let harmful = all.find(['\u{1b}', '\u{7}', '\u{202e}', '\u{9b}']);
        assert_eq!(harmful, None, "{command:?}: {all:?}");
    }
}

#[test]
fn a_component_that_the_configuration_names_must_be_signed_as_well() {
    let (key, other) = (Key::new("team"), Key::new("other"));
    let plugins = "plugins:\n  - {name: courier, path: courier.wasm, after: db, grants: [\"services=db:inspect\"]}\n";
    let listed = format!("{plugins}{}", keys(&[&key]));
    let ecosystem = project_with(&listed);
    let good = key.signs(COURIER, "x");
    stopped(
        &ecosystem,
        &["it is not signed", "courier.wasm.minisig", "minisign -S"],
    );
    put(&ecosystem, "courier.wasm", &other.signs(COURIER, "x"));
    stopped(&ecosystem, &[&other.id(), &key.named()]);
    put(&ecosystem, "courier.wasm", &tampered(&good));
    stopped(&ecosystem, &["does not fit", "enabled: false"]);
    put(&ecosystem, "courier.wasm", &good);
    bootstrap(&ecosystem);
    let verified = ecosystem.chora(&["plugin", "verify"]).exits(0).stdout;
    let line = format!(
        "✓ courier is signed by {}: SHA-256 {}",
        key.named(),
        sha256(COURIER)
    );
    assert!(verified.contains(&line), "{verified}");
    let verified = ecosystem.chora(&["plugin", "verify", "--format", "json"]);
    let one = &verified.exits(0).json()["plugins"][0];
    assert_eq!(one["origin"], "configured");
    assert_eq!(one["trusted"], true);
    let inspected = ecosystem.chora(&["plugin", "inspect", "courier"]).exits(0);
    assert!(
        inspected.stdout.contains(&key.named()),
        "{}",
        inspected.stdout
    );

    fs::write(ecosystem.path().join("courier.wasm"), COURIER_NEXT).expect("a component");
    stopped(&ecosystem, &["does not fit", &key.named()]);
    // What is left out is not asked for its signature.
    let left_out = listed.replace("after: db", "after: db, enabled: false");
    ecosystem.write_config(&config(&left_out));
    bootstrap(&ecosystem);
    ecosystem.chora(&["plugin", "verify"]).exits(0);
}

#[test]
fn a_health_check_that_is_not_trusted_says_nothing_of_a_service() {
    let (key, other) = (Key::new("team"), Key::new("other"));
    let ecosystem = signed_project(&key);
    add(&ecosystem, &["pulse.wasm"]);
    let with = |keys: &str| config(keys).replacen("health: none", "health: pulse", 1);
    ecosystem.write_config(&with(&keys(&[&key])));
    bootstrap(&ecosystem);
    ecosystem.write_config(&with(&keys(&[&other])));
    let status = ecosystem.chora(&["status"]).exits(1);
    assert!(status.stdout.contains(&key.id()), "{}", status.stdout);
    ecosystem
        .chora(&["validate"])
        .exits(7)
        .complains(&[UNTRUSTED, "`pulse`", &key.id()]);
}

#[test]
fn an_environment_has_keys_of_its_own_besides() {
    let (key, other) = (Key::new("team"), Key::new("other"));
    let ecosystem = signed_project(&other);
    ecosystem.write_config(&config(&keys(&[&key])));
    ecosystem.write_overlay("staging", &keys(&[&other]));
    let add = ["plugin", "add", "courier.wasm", "--yes", "--after", "db"];
    ecosystem
        .chora(&add)
        .exits(7)
        .complains(&[UNTRUSTED, &other.id()]);
    let staging = [&add[..], &["--environment", "staging"]].concat();
    ecosystem.chora(&staging).exits(0);
    ecosystem
        .chora(&["bootstrap", "--environment", "staging"])
        .exits(0);
    stopped(&ecosystem, &[&other.id(), &key.named()]);
}

#[test]
fn keys_that_are_wrong_are_told_at_their_place() {
    let key = Key::new("team");
    let ecosystem = project();
    let public = key.pair.pk.to_base64();
    for (list, parts) in [
        (
            "plugin_keys:\n  - {name: team, key: RWQx}\n".to_owned(),
            ["yml:6:23", "no public key of minisign"],
        ),
        (
            format!("{0}  - {{name: b, key: {public}}}\n", keys(&[&key])),
            ["yml:7:5", "one key is listed once"],
        ),
        (
            format!("plugin_keys: {public}\n"),
            ["yml:5:14", "`plugin_keys` is a list"],
        ),
    ] {
        ecosystem.write_config(&config(&list));
        let output = ecosystem.chora(&["plugin", "verify"]).exits(7);
        output.complains(&["error[CONFIG_ERROR]"]).complains(&parts);
    }
    ecosystem.write_config(&config(&keys(&[&key])));
    let shown = ecosystem.chora(&["config", "show"]).exits(0).stdout;
    assert!(shown.contains(&public), "{shown}");
}

const UPDATE: [&str; 5] = ["plugin", "update", "courier", "courier-next.wasm", "--yes"];

#[test]
fn wherever_it_is_killed_what_the_record_names_is_signed() {
    let key = Key::new("team");
    for point in ["create", "write", "sync", "rename", "sync-directory"] {
        // The component, its signature, the record.
        for before in ["", "1*off->", "2*off->"] {
            let ecosystem = with_signed_courier(&key);
            let points = format!("file.{point}.after={before}return(kill)");
            ecosystem
                .chora_with(&[("FAILPOINTS", points)], &UPDATE)
                .exits(-1);
            // It is the one or the other, whole.
            ecosystem.chora(&["plugin", "verify"]).exits(0);
            ecosystem.chora(&UPDATE).exits(0);
            ecosystem.chora(&["plugin", "verify"]).exits(0);
            assert!(kept(&ecosystem, COURIER_NEXT, &key).exists());
        }
    }
}

#[test]
fn a_full_disk_leaves_no_signature_behind() {
    let key = Key::new("team");
    let ecosystem = with_signed_courier(&key);
    let before = files(&ecosystem);
    for point in ["file.create", "file.write", "file.sync", "file.rename"] {
        for earlier in ["", "1*off->", "2*off->"] {
            let points = format!("{point}.before={earlier}return(ENOSPC)");
            ecosystem
                .chora_with(&[("FAILPOINTS", points)], &UPDATE)
                .exits(1)
                .complains(&["error[IO_ERROR]", "No space left"]);
            assert_eq!(files(&ecosystem), before, "{point} {earlier}");
        }
    }
    ecosystem.chora(&UPDATE).exits(0);
}
