//! Configurations that cannot be used: exit 7, with file, line and column, and nothing touched.

use crate::support::{Ecosystem, Output, reference};

fn refused(text: &str) -> Output {
    let ecosystem = Ecosystem::new();
    ecosystem.write_config(text);
    let refused = ecosystem.chora(&["bootstrap"]).exits(7);
    assert!(
        refused.stderr.contains("error[CONFIG_ERROR]"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("next actions"),
        "{}",
        refused.stderr
    );
    let left: Vec<_> = std::fs::read_dir(ecosystem.home())
        .expect("a directory")
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    assert_eq!(left, ["bootstrap-config.yml"]);
    refused
}

#[test]
fn broken_yaml_is_told_at_its_line() {
    let refused = refused("services:\n  - name: a\n   phase: [\n");
    assert!(
        refused.stderr.contains("bootstrap-config.yml:3:"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_unknown_key_names_the_nearest_one() {
    let refused = refused("services:\n  - name: a\n    phase: 1\n    comand: [sleep]\n");
    assert!(
        refused.stderr.contains("bootstrap-config.yml:4:5:"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("did you mean `command`?"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_cycle_names_every_service_in_it() {
    let refused = refused(
        "services:\n  - {name: a, phase: 1, dependencies: [b]}\n  - {name: b, phase: 1, dependencies: [a]}\n",
    );
    assert!(
        refused.stderr.contains("`a` needs `b` needs `a`"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_wrong_use_of_the_command_line_is_7() {
    let ecosystem = Ecosystem::with_config(reference);
    let refused = ecosystem
        .chora(&["bootstrap", "--engin", "process"])
        .exits(7);
    assert!(refused.stderr.contains("--engine"), "{}", refused.stderr);
}

#[test]
fn an_environment_s_name_cannot_lead_elsewhere() {
    let ecosystem = Ecosystem::with_config(reference);
    let refused = ecosystem
        .chora(&["bootstrap", "--environment", "../x"])
        .exits(7);
    assert!(refused.stderr.contains("`../x`"), "{}", refused.stderr);
}
