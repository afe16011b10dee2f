//! Which files a built guest depends on, as cargo's dep-info (`<artifact>.d`) lists them: the sources of every path dependency and what
//! they include, such as the WIT files. Exact, so nothing that a build writes is ever watched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Adds the inputs named in the dep-info `text`, and the manifests of the packages that they belong to.
pub(crate) fn add_inputs(text: &str, inputs: &mut BTreeSet<PathBuf>) {
    for source in text.lines().flat_map(sources) {
        if let Some(manifest) = manifest_of(&source) {
            inputs.insert(manifest);
        }
        inputs.insert(source);
    }
}

/// The right side of a Make rule; a backslash keeps the space after it.
fn sources(line: &str) -> Vec<PathBuf> {
    let Some((_, right)) = line.split_once(": ") else {
        return Vec::new();
    };
    right
        .replace("\\ ", "\0")
        .split_whitespace()
        .map(|path| PathBuf::from(path.replace('\0', " ")))
        .collect()
}

fn manifest_of(source: &Path) -> Option<PathBuf> {
    source
        .ancestors()
        .skip(1)
        .map(|directory| directory.join("Cargo.toml"))
        .find(|manifest| manifest.is_file())
}

#[cfg(test)]
mod tests {
    use super::sources;
    use std::path::PathBuf;

    #[test]
    fn sources_of_a_rule_are_its_right_side() {
        let line = "/t/guest/a.wasm: /p/a/src/lib.rs /p/with\\ space/b.rs";
        assert_eq!(
            sources(line),
            [
                PathBuf::from("/p/a/src/lib.rs"),
                PathBuf::from("/p/with space/b.rs")
            ]
        );
    }

    #[test]
    fn a_line_without_a_rule_has_no_sources() {
        assert_eq!(sources(""), Vec::<PathBuf>::new());
        assert_eq!(sources("/p/a/src/lib.rs:"), Vec::<PathBuf>::new());
    }
}
