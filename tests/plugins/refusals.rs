//! What cannot be added: a named error with its exit code and what to do, and nothing half-written.

use chora_hostile_plugins::{BAD_CHECK, MISDEEDS};
use chora_test_guests::COURIER;

use crate::scene::{ASKED, files, patched, project, project_with, with_courier};
use crate::support::Ecosystem;

/// Refuses a command, sees that nothing was changed, and that it was told with something to do.
#[track_caller]
fn refused(ecosystem: &Ecosystem, arguments: &[&str], parts: &[&str]) {
    let before = files(ecosystem);
    let all = [&["plugin", "add", "--yes"], arguments].concat();
    refused_command(ecosystem, &all, parts);
    assert_eq!(files(ecosystem), before, "{arguments:?}");
}

#[track_caller]
fn refused_command(ecosystem: &Ecosystem, arguments: &[&str], parts: &[&str]) {
    let output = ecosystem.chora(arguments).exits(7);
    output
        .complains(&["error["])
        .complains(&["next actions"])
        .complains(parts);
}

/// Refuses to add a file with these bytes.
#[track_caller]
fn refused_bytes(bytes: &[u8], parts: &[&str]) {
    let ecosystem = project();
    std::fs::write(ecosystem.path().join("mine.wasm"), bytes).expect("a file");
    refused(&ecosystem, &["mine.wasm", "--phase", "2"], parts);
}

#[test]
fn what_is_no_file_is_named() {
    let ecosystem = project();
    refused(
        &ecosystem,
        &["none.wasm", "--phase", "2"],
        &["CONFIG_ERROR", "there is no file"],
    );
    refused(
        &ecosystem,
        &[".", "--phase", "2"],
        &["CONFIG_ERROR", "is a directory"],
    );
    refused(
        &ecosystem,
        &["/dev/null", "--phase", "2"],
        &["no regular file"],
    );
    refused(
        &ecosystem,
        &["oci://host/x:1", "--phase", "2"],
        &["CONFIG_ERROR", "names no registry"],
    );
    refused(
        &ecosystem,
        &["ftp://host/x", "--phase", "2"],
        &["over `ftp`"],
    );
}

#[test]
fn what_is_no_component_is_named() {
    let not_valid = "not a valid WebAssembly component";
    refused_bytes(b"", &["error[PLUGIN_INVALID]", "`mine.wasm`", not_valid]);
    refused_bytes(b"garbage", &["error[PLUGIN_INVALID]", not_valid]);
    refused_bytes(
        &COURIER[..COURIER.len() / 2],
        &["error[PLUGIN_INVALID]", not_valid],
    );
    refused_bytes(
        b"\0asm\x01\0\0\0",
        &["error[PLUGIN_INVALID]", "core module"],
    );
}

#[test]
fn what_is_told_of_a_broken_component_is_clean_and_short() {
    // As WebAssembly's text has it: clears the screen, turns the direction of writing and rings the bell.
    let rude = "\\1b[2J\\u{202e}\\07\\r\\nowned ".repeat(4_000);
    let long = "owned-".repeat(15_000) + "end";
    for broken in [
        format!(
            r#"(core module $m (import "{rude}" "f" (func))) (core instance (instantiate $m))"#
        ),
        format!(
            r#"(import "owned:by/{long}@1.0.0" (instance (export "go" (func)))) (instance $e)
            (export "chora:bootstrap/phase@0.1.0" (instance $e))"#
        ),
    ] {
        let bytes = wat::parse_str(format!("(component {broken})")).expect("WebAssembly");
        let ecosystem = project();
        std::fs::write(ecosystem.path().join("mine.wasm"), bytes).expect("a file");
        let told = ecosystem.chora(&["plugin", "add", "--yes", "mine.wasm", "--phase", "2"]);
        let told = told.exits(7).complains(&["error[PLUGIN_INVALID]", "owned"]);
        let harmful = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!told.stderr.contains(harmful), "{:?}", told.stderr);
        assert!(told.stderr.len() < 8_000, "{} bytes", told.stderr.len());
    }
}

#[test]
fn a_component_of_another_world_is_named() {
    refused_bytes(
        b"\0asm\x0d\0\x01\0",
        &[
            "error[PLUGIN_INVALID]",
            "exports none of",
            "chora:bootstrap/phase",
        ],
    );
    refused_bytes(
        &patched(COURIER, "@0.1.1", "@0.9.0"),
        &[
            "error[PLUGIN_INVALID]",
            "it is made for `chora:bootstrap@0.9.0`",
            "serves `chora:bootstrap@0.1.0` and `chora:bootstrap@0.1.1`",
        ],
    );
    refused_bytes(
        &patched(COURIER, "bootstrap/services@", "bootstrap/servings@"),
        &[
            "error[PLUGIN_INVALID]",
            "it imports `chora:bootstrap/servings@0.1.1`",
        ],
    );
}

#[test]
fn a_file_that_is_too_big_is_not_read() {
    let ecosystem = project();
    let path = ecosystem.path().join("big.wasm");
    let file = std::fs::File::create(path).expect("a file");
    file.set_len((64 << 20) + 1).expect("a sparse file");
    refused(
        &ecosystem,
        &["big.wasm", "--phase", "2"],
        &["error[PLUGIN_INVALID]", "more than 67108864 bytes"],
    );
}

#[test]
fn an_import_that_was_not_asked_for_is_an_error() {
    refused_bytes(
        MISDEEDS,
        &[
            "error[PLUGIN_INVALID]",
            "`http`",
            "asks for no grant",
            "tell the author",
        ],
    );
    refused_bytes(BAD_CHECK, &["error[PLUGIN_INVALID]", "imports `services`"]);
    let bundled = chora_bundled_plugins::get("preflight").expect("a bundled plugin");
    let silent = patched(
        bundled.bytes,
        "credentials=*:ensure",
        "machine=ports+engine",
    );
    refused_bytes(
        &silent,
        &[
            "imports `credentials`, and asks for no grant",
            "build it for a world that has only those which it calls",
        ],
    );
}

#[test]
fn a_wish_that_is_no_grant_is_an_error() {
    refused_bytes(
        &patched(COURIER, ASKED, "services=db:dismiss"),
        &["error[PLUGIN_INVALID]", "`dismiss`", "tell the author"],
    );
}

#[test]
fn a_name_that_is_none_or_taken_is_an_error() {
    refused_bytes(
        &patched(COURIER, "courier1.0.0", "COURIER1.0.0"),
        &["error[PLUGIN_INVALID]", "`COURIER` is no name", "--name"],
    );
    let ecosystem = with_courier();
    let add = |name| ["pulse.wasm", "--name", name];
    refused(&ecosystem, &add("../up"), &["CONFIG_ERROR", "is no name"]);
    refused(
        &ecosystem,
        &add("preflight"),
        &["a bundled plugin has it", "--name"],
    );
    refused(
        &ecosystem,
        &add("courier"),
        &["added from `courier.wasm`", "chora plugin update courier"],
    );
    let configured = "plugins:\n  - {name: mine, path: pulse.wasm}\n";
    let ecosystem = project_with(configured);
    refused(
        &ecosystem,
        &add("mine"),
        &["the configuration has a plugin of this name"],
    );
}

#[test]
fn grants_that_do_not_fit_what_is_asked_for_are_errors() {
    let ecosystem = project();
    let add = |grant| {
        [
            "plugin",
            "add",
            "courier.wasm",
            "--phase",
            "2",
            "--grant",
            grant,
        ]
    };
    let before = files(&ecosystem);
    for (grant, parts) in [
        (
            "services=db",
            vec!["CONFIG_ERROR", "malformed", "services=db"],
        ),
        (
            "servces=db:inspect",
            vec!["CONFIG_ERROR", "did you mean `services`"],
        ),
        ("", vec!["CONFIG_ERROR", "is no grant"]),
        (
            "services=db:inspect+stop",
            vec![
                "CONFIG_ERROR",
                "did not ask for",
                "`services=db:inspect+stop`",
            ],
        ),
        (
            "services=db:inspect,http=* http://localhost/*",
            vec!["did not ask for `http=* http://localhost/*`"],
        ),
        ("services=web:inspect", vec!["did not ask for"]),
    ] {
        refused_command(&ecosystem, &add(grant), &parts);
    }
    let less = [
        "plugin",
        "add",
        "courier-next.wasm",
        "--phase",
        "2",
        "--grant",
        ASKED,
    ];
    refused_command(
        &ecosystem,
        &less,
        &[
            "error[PLUGIN_DENIED]",
            "`health=db`",
            "to see whether db is well",
            "--yes",
        ],
    );
    assert_eq!(files(&ecosystem), before);
    ecosystem.chora(&add(ASKED)).exits(0);
}

#[test]
fn a_place_that_does_not_exist_is_an_error() {
    let ecosystem = project();
    refused(
        &ecosystem,
        &["courier.wasm"],
        &["nothing says where it runs", "--phase N"],
    );
    refused(
        &ecosystem,
        &["courier.wasm", "--phase", "5"],
        &["no phase `5`", "0 to 4"],
    );
    refused(
        &ecosystem,
        &["courier.wasm", "--before", "7"],
        &["no phase or service `7`"],
    );
    refused(
        &ecosystem,
        &["courier.wasm", "--after", "dbx"],
        &["no phase or service `dbx`", "`db`"],
    );
    refused(
        &ecosystem,
        &["pulse.wasm", "--phase", "1"],
        &["is a health plugin", "leave `--phase` out"],
    );
}

#[test]
fn a_plugin_that_nobody_knows_is_named_with_those_that_there_are() {
    let ecosystem = with_courier();
    for arguments in [
        &["plugin", "remove", "courrier", "--yes"][..],
        &["plugin", "update", "courrier", "--yes"],
        &["plugin", "inspect", "courrier"],
    ] {
        refused_command(
            &ecosystem,
            arguments,
            &["CONFIG_ERROR", "`courrier`", "`courier`"],
        );
    }
}
