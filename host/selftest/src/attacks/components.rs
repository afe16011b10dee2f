//! Files that are no plugin, are another one than was added, or are made to harm whoever reads them.

use chora_hostile_plugins::{MISDEEDS, SOCKETS};
use chora_plugin_host::{PluginError, hex_sha256};

use super::{Ground, HOSTILE, Tally, Tried, ended};

/// How a component begins.
const PREAMBLE: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// How a core module begins, which is the whole of an empty one.
const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";

const NO_COMPONENT: &str = "it is not a valid WebAssembly component";

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    let most = ground.host.limits().component;
    for (what, bytes, why) in [
        ("an empty file", Vec::new(), NO_COMPONENT),
        ("a text", b"hello".to_vec(), NO_COMPONENT),
        (
            "a component in text form",
            b"(component)".to_vec(),
            NO_COMPONENT,
        ),
        (
            "a native program",
            b"\x7fELF\x02\x01\x01".to_vec(),
            NO_COMPONENT,
        ),
        ("a core module", MODULE.to_vec(), "a core module"),
        ("a component of no world", PREAMBLE.to_vec(), "exports none"),
        ("a component cut in half", half(), NO_COMPONENT),
        (
            "a component without its last byte",
            without_its_end(),
            NO_COMPONENT,
        ),
        (
            "a type of 2^60 values in 200 bytes",
            doubling(),
            NO_COMPONENT,
        ),
        (
            "2000 components, each in the next",
            nested(2_000),
            "exports none",
        ),
        ("a file past the limit", vec![0; most + 1], "are the most"),
        (
            "a component for a version that is not served",
            of_tomorrow(),
            "and this chora serves",
        ),
        (
            "a component that opens sockets by itself",
            SOCKETS.to_vec(),
            "it imports `wasi:sockets/",
        ),
    ] {
        tally
            .attack(what, async {
                let loaded = ground.host.load(HOSTILE, &bytes).await;
                ended(loaded, |error| {
                    matches!(error, PluginError::Invalid { reason, .. } if reason.contains(why))
                })
            })
            .await;
    }
    tally
        .attack("native code, compiled elsewhere", precompiled(ground))
        .await;
    tally
        .attack("another component than was added", async {
            let added = hex_sha256(MISDEEDS);
            let loaded = ground.host.load_pinned(HOSTILE, SOCKETS, &added).await;
            ended(loaded, |error| matches!(error, PluginError::Changed { .. }))
        })
        .await;
}

async fn precompiled(ground: &Ground) -> Tried {
    let native = wasmtime::Engine::default().precompile_component(MISDEEDS)?;
    let loaded = ground.host.load(HOSTILE, &native).await;
    ended(
        loaded,
        |error| matches!(error, PluginError::Invalid { reason, .. } if reason == NO_COMPONENT),
    )
}

fn half() -> Vec<u8> {
    MISDEEDS.iter().take(MISDEEDS.len() / 2).copied().collect()
}

fn without_its_end() -> Vec<u8> {
    let mut bytes = MISDEEDS.to_vec();
    bytes.pop();
    bytes
}

/// Each type is a pair of the one before: the section of types, its size, how many, and `(tuple t t)` for each.
/// Source: the binary format of the component model.
fn doubling() -> Vec<u8> {
    const U64: u8 = 0x77;
    const TUPLE: u8 = 0x6f;
    let mut types = vec![61, U64];
    for before in 0..60 {
        types.extend([TUPLE, 2, before, before]);
    }
    section(7, &types)
}

fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(PREAMBLE.to_vec(), |inner, _| section(4, &inner))
}

/// A component of one section.
fn section(id: u8, contents: &[u8]) -> Vec<u8> {
    let mut bytes = [PREAMBLE.as_slice(), &[id]].concat();
    let mut size = contents.len();
    // To the base of 128, the lowest digit first.
    while size >= 0x80 {
        bytes.push((size & 0x7f) as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes.extend(contents);
    bytes
}

/// A good component that says everywhere that it is made for another version.
fn of_tomorrow() -> Vec<u8> {
    let version = chora_plugin_host::VERSIONS.last().copied();
    let ours = format!("@{}", version.unwrap_or_default());
    let theirs = format!("@9{}", ours.get(2..).unwrap_or_default());
    let mut bytes = MISDEEDS.to_vec();
    let mut at = 0;
    while let Some(window) = bytes.get_mut(at..at + ours.len()) {
        if window == ours.as_bytes() {
            window.copy_from_slice(theirs.as_bytes());
        }
        at += 1;
    }
    bytes
}
