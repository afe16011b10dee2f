//! Plugins that cannot be used are named before anything runs.

use crate::support::{Ecosystem, reference};

fn refused(plugins: &str) -> String {
    let ecosystem = Ecosystem::with_config(reference);
    std::fs::write(ecosystem.path().join("not-a-component.wasm"), "hello").expect("a file");
    let text = reference(ecosystem.ports());
    let text: String = text
        .lines()
        .filter(|line| !line.starts_with("plugins:"))
        .map(|line| format!("{line}\n"))
        .collect();
    ecosystem.write_config(&format!("{text}{plugins}"));
    let refused = ecosystem.chora(&["bootstrap"]).exits(7);
    assert!(ecosystem.found().is_empty());
    assert!(!ecosystem.home().join("bootstrap-state.json").exists());
    refused.stderr
}

#[test]
fn a_missing_component_is_named_with_its_path() {
    let said = refused("plugins:\n  - {name: mine, path: plugins/mine.wasm, phase: 1}\n");
    assert!(said.contains("mine.wasm"), "{said}");
    assert!(said.contains("`mine`"), "{said}");
}

#[test]
fn a_file_that_is_no_component_is_named() {
    let said = refused("plugins:\n  - {name: mine, path: not-a-component.wasm, phase: 1}\n");
    assert!(said.contains("not a valid WebAssembly component"), "{said}");
    assert!(said.contains("`mine`"), "{said}");
}

#[test]
fn a_wrong_grant_is_told_at_its_line() {
    let said = refused(
        "plugins:\n  - name: mine\n    path: mine.wasm\n    phase: 1\n    grants: [\"servces=x:start\"]\n",
    );
    assert!(said.contains("did you mean `services`"), "{said}");
    assert!(said.contains("bootstrap-config.yml:"), "{said}");
}
