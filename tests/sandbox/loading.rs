//! Components that cannot be loaded: each told by what is wrong with it.

use std::thread::available_parallelism;
use std::time::Duration;

use chora_plugin_host::{HostOptions, Limits, PluginError, PluginHost};
use futures_util::FutureExt as _;

use crate::misdeeds::COMPONENT;
use crate::said::is_harmless;
use crate::scene::Sandbox;
use crate::slow;

/// Why these bytes are no plugin, with what wasmtime says of it.
async fn refused(limits: Limits, bytes: &[u8]) -> (String, String) {
    let sandbox = Sandbox::limited(limits);
    let error = sandbox.host.load("mine", bytes).await.unwrap_err();
    match error {
        PluginError::Invalid {
            plugin,
            reason,
            source,
        } => {
            assert_eq!(plugin, "mine");
            let source = source.map(|source| format!("{source:#}"));
            (reason, source.unwrap_or_default())
        }
        other => panic!("{other:?}"),
    }
}

async fn refused_text(text: &str) -> (String, String) {
    let bytes = wat::parse_str(text).expect("WebAssembly");
    refused(Limits::default(), &bytes).await
}

#[tokio::test]
async fn a_file_that_is_no_webassembly_is_told() {
    for bytes in [b"hello".as_slice(), b"", b"\x7fELF\x02\x01\x01"] {
        let (reason, _) = refused(Limits::default(), bytes).await;
        assert_eq!(reason, "it is not a valid WebAssembly component");
    }
}

#[tokio::test]
async fn a_text_is_no_component_even_where_it_would_be_one_assembled() {
    let (reason, _) = refused(Limits::default(), b"(component)").await;
    assert_eq!(reason, "it is not a valid WebAssembly component");
}

#[tokio::test]
async fn a_core_module_is_told_with_how_to_make_a_component() {
    let (reason, _) = refused_text("(module)").await;
    assert!(
        reason.contains("a core module and no component"),
        "{reason}"
    );
    assert!(reason.contains("wasm32-wasip2"), "{reason}");
}

#[tokio::test]
async fn a_truncated_component_is_told() {
    for length in [9, COMPONENT.len() / 2, COMPONENT.len() - 1] {
        let (reason, source) = refused(Limits::default(), &COMPONENT[..length]).await;
        assert_eq!(reason, "it is not a valid WebAssembly component");
        assert!(!source.is_empty());
    }
}

#[tokio::test]
async fn precompiled_code_is_never_run() {
    let engine = wasmtime::Engine::default();
    let native = engine.precompile_component(COMPONENT).expect("native code");
    let (reason, _) = refused(Limits::default(), &native).await;
    assert_eq!(reason, "it is not a valid WebAssembly component");
}

#[tokio::test]
async fn a_component_of_no_known_world_is_told_with_the_known_ones() {
    let (reason, _) = refused_text("(component)").await;
    assert!(
        reason.contains(
            "exports none of `chora:bootstrap/phase`, `chora:bootstrap/health-check`, `chora:bootstrap/observer`"
        ),
        "{reason}"
    );
}

#[tokio::test]
async fn an_unknown_import_is_named() {
    let (reason, _) = refused_text(
        r#"(component
            (import "acme:rockets/launch@1.0.0" (instance (export "go" (func))))
            (instance $empty)
            (export "chora:bootstrap/phase@0.1.0" (instance $empty)))"#,
    )
    .await;
    assert!(
        reason.contains("it imports `acme:rockets/launch@1.0.0`, which this chora does not offer"),
        "{reason}"
    );
}

#[tokio::test]
async fn sockets_are_refused_when_the_component_is_loaded() {
    let (reason, _) = refused_text(
        r#"(component
            (import "wasi:sockets/tcp-create-socket@0.2.0" (instance
                (export "network" (type (sub resource)))))
            (instance $empty)
            (export "chora:bootstrap/phase@0.1.0" (instance $empty)))"#,
    )
    .await;
    assert!(
        reason.contains("it imports `wasi:sockets/tcp-create-socket@0.2.0`"),
        "{reason}"
    );
}

#[tokio::test]
async fn exports_that_do_not_fit_are_told() {
    let (reason, source) = refused_text(
        r#"(component
            (instance $empty)
            (export "chora:bootstrap/health-check@0.1.0" (instance $empty)))"#,
    )
    .await;
    assert_eq!(reason, "its exports do not fit its world");
    assert!(source.contains("describe"), "{source}");
}

#[tokio::test]
async fn a_file_over_the_size_limit_is_not_even_looked_at() {
    let limits = Limits {
        component: 100,
        ..Limits::default()
    };
    let (reason, _) = refused(limits, &[0; 101]).await;
    assert_eq!(reason, "the file has 101 bytes, and 100 are the most");
}

#[tokio::test]
async fn a_type_that_would_fill_the_memory_is_refused_as_it_is_read() {
    // A few hundred bytes: each type is twice the one before.
    let mut text = String::from("(component (type $t0 u64)");
    for number in 1..=60 {
        let before = number - 1;
        text.push_str(&format!("(type $t{number} (tuple $t{before} $t{before}))"));
    }
    text.push(')');
    let (reason, source) = refused_text(&text).await;
    assert_eq!(reason, "it is not a valid WebAssembly component");
    assert!(source.contains("type size"), "{source}");
}

#[tokio::test]
async fn components_within_components_are_read_and_lead_nowhere() {
    let preamble = b"\0asm\x0d\0\x01\0".as_slice();
    let mut bytes = preamble.to_vec();
    for _ in 0..2_000 {
        // Section 4 is a component; its size is five digits to the base of 128, the lowest first.
        let size = bytes.len();
        let digit = |place: u32, more: u8| ((size >> (7 * place)) & 0x7f) as u8 | more;
        let size = [
            digit(0, 0x80),
            digit(1, 0x80),
            digit(2, 0x80),
            digit(3, 0x80),
            digit(4, 0),
        ];
        bytes = [preamble, &[4], &size, &bytes].concat();
    }
    let (reason, _) = refused(Limits::default(), &bytes).await;
    assert!(reason.contains("exports none of"), "{reason}");
}

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

#[tokio::test]
async fn a_component_that_takes_too_long_to_compile_is_refused_and_not_tried_again() {
    // The good one comes from the cache, or it would have no more time than the slow one.
    Sandbox::new().guest(COMPONENT).await;
    let compile = Duration::from_millis(500);
    let sandbox = Sandbox::limited(Limits {
        compile,
        ..Limits::default()
    });
    let bytes = slow::to_compile(2 * processors(), 100);
    let first = sandbox.host.load("mine", &bytes).await;
    // Answered without anything to wait for.
    let again = sandbox.host.load("mine", &bytes).now_or_never();
    for refused in [first, again.expect("an answer at once")] {
        let error = refused.unwrap_err();
        assert!(
            matches!(&error, PluginError::NotCompiled { plugin, limit } if plugin == "mine" && *limit == compile),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            "plugin `mine` was not compiled within 500ms, which is the most that it may take"
        );
    }
    // The host goes on, and nobody's end waits for it.
    sandbox.guest(COMPONENT).await.apply("good").await.unwrap();
}

#[tokio::test]
async fn a_component_that_is_slow_to_compile_does_not_keep_others_from_their_compilation() {
    let host = PluginHost::new(HostOptions::default()).expect("a host");
    // More functions than there are threads, so that they would take them all.
    let bytes = slow::to_compile(4 * processors(), 100);
    tokio::select! {
        biased;
        slow = host.load("slow", &bytes) => panic!("{slow:?}"),
        other = host.load("mine", crate::bad_check::COMPONENT) => {
            assert_eq!(other.expect("a plugin").metadata.name, "bad-check");
        }
    }
}

/// Tens of kilobytes that clear the screen, turn the direction of writing and ring the bell, as WebAssembly's text has them.
fn rude() -> String {
    "\\1b[2J\\u{202e}\\07\\r\\nowned ".repeat(4_000)
}

#[track_caller]
fn is_short_and_harmless((reason, source): &(String, String)) {
    let told = format!("{reason}: {source}");
    is_harmless(&told);
    assert!(told.len() < 8_000, "{} bytes are left", told.len());
}

#[tokio::test]
async fn what_is_quoted_of_a_broken_module_is_cleaned_and_cut() {
    let rude = rude();
    for module in [
        format!(
            r#"(core module $m (import "{rude}" "f" (func))) (core instance (instantiate $m))"#
        ),
        format!(
            r#"(core module (func $f) (export "{rude}" (func $f)) (export "{rude}" (func $f)))"#
        ),
        format!(
            r#"(core module $n)
            (core instance $n (instantiate $n))
            (core module $m (import "n" "{rude}" (func)))
            (core instance (instantiate $m (with "n" (instance $n))))"#
        ),
    ] {
        let refused = refused_text(&format!("(component {module})")).await;
        assert_eq!(refused.0, "it is not a valid WebAssembly component");
        is_short_and_harmless(&refused);
    }
}

#[tokio::test]
async fn names_of_imports_and_exports_are_cut() {
    let long = "owned-".repeat(15_000) + "end";
    let many: String = (0..200)
        .map(|number| {
            format!("(import \"owned:by/n{number}@1.0.0\" (instance (export \"go\" (func))))")
        })
        .collect();
    let exported = "(instance $empty) (export \"chora:bootstrap/phase@0.1.0\" (instance $empty))";
    for (component, said) in [
        (
            format!(
                "(import \"owned:by/{long}@1.0.0\" (instance (export \"go\" (func)))) {exported}"
            ),
            "it imports `owned:by/owned-",
        ),
        (format!("{many} {exported}"), "and 195 more"),
        (
            format!(
                "(import \"chora:bootstrap/http@0.1.0\" (instance (export \"{long}\" (func)))) {exported}"
            ),
            "its imports do not fit",
        ),
        (
            format!("(instance $empty) (export \"chora:bootstrap/{long}\" (instance $empty))"),
            "which is of no world of plugins",
        ),
        (
            format!(
                "(instance $empty) (export \"chora:bootstrap/phase@0.1.0+{}\" (instance $empty))",
                "owned".repeat(15_000)
            ),
            "it is made for `chora:bootstrap@0.1.0+owned",
        ),
    ] {
        let refused = refused_text(&format!("(component {component})")).await;
        assert!(refused.0.contains(said), "{said} in {}", refused.0);
        is_short_and_harmless(&refused);
    }
}
