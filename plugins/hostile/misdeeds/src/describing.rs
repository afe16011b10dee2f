//! Misdeeds of `describe`, which is told nothing: a test writes the word for one over the marker in the component's bytes.

use chora_plugin::Metadata;

use crate::steps;

/// As long as every word that is written over it.
static MARKER: [u8; 24] = *b"describe:honestly.......";

pub(crate) fn describe() -> Metadata {
    let asked = Metadata::new(
        "misdeeds",
        env!("CARGO_PKG_VERSION"),
        "does what no plugin should",
    );
    match word().as_str() {
        "loop" => steps::forever(),
        "memory" => steps::memory(),
        "panic" => steps::panics("the label burst"),
        "stderr" => steps::endless(std::io::stderr()),
        "rude" => Metadata {
            name: steps::rude_text(),
            version: steps::rude_text(),
            summary: steps::rude_text(),
            ..asked
        },
        "honestly" => asked,
        other => steps::panics(other),
    }
}

/// What stands in the marker now, which the compiler must not think that it knows.
fn word() -> String {
    let marker: &[u8] = std::hint::black_box(&MARKER);
    let said = String::from_utf8_lossy(marker).into_owned();
    let word = said.trim_start_matches("describe:").trim_end_matches('.');
    word.to_owned()
}
