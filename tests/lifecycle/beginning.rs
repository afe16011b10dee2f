//! Before there is anything: a directory without a configuration, and the completion scripts.

use std::fs;
use std::process::Command;

use crate::observe::listing;
use crate::support::{Ecosystem, reference};

/// A directory in which there is nothing.
fn nothing() -> Ecosystem {
    let ecosystem = Ecosystem::new();
    fs::remove_dir_all(ecosystem.home()).expect("an empty directory");
    ecosystem
}

#[test]
fn without_a_configuration_the_built_in_one_is_used_and_that_is_said() {
    let ecosystem = nothing();

    // The ports of the built-in one may be taken, which is told by the run and by nothing else.
    let run = ecosystem.chora(&["bootstrap", "--dry-run"]);

    assert!(run.code == 0 || run.code == 1, "{run:?}");
    let said = "there is no configuration here, so the built-in default is used";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    assert!(
        run.stdout.contains("Check the services' ports"),
        "{}",
        run.stdout
    );
    assert!(listing(ecosystem.path()).is_empty());
    let shown = ecosystem.chora(&["config", "show"]).exits(0).stdout;
    assert!(
        shown.starts_with("# the built-in default; there is no file\n"),
        "{shown}"
    );
}

#[test]
fn init_writes_the_configuration_once() {
    let ecosystem = nothing();
    let path = ecosystem.home().join("bootstrap-config.yml");
    let planned = ecosystem.chora(&["bootstrap", "--init", "--dry-run"]);
    assert!(
        planned.stdout.contains("would be written"),
        "{}",
        planned.stdout
    );
    assert!(!path.exists());

    // A timeout that is over at once: the run is not what this is about.
    let run = ecosystem.chora(&["bootstrap", "--init", "--timeout", "0.001"]);
    assert!(run.stdout.contains("was written to"), "{}", run.stdout);
    let written = fs::read_to_string(&path).expect("a configuration");
    assert!(written.contains("[chora, serve, manifest]"), "{written}");

    let mine = reference(ecosystem.ports());
    ecosystem.write_config(&mine);
    let run = ecosystem.chora(&["bootstrap", "--init"]).exits(0);
    assert!(run.stdout.contains("exists already"), "{}", run.stdout);
    assert_eq!(fs::read_to_string(&path).expect("a configuration"), mine);
}

#[test]
fn every_shell_has_its_completion_script() {
    let ecosystem = nothing();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = ecosystem.chora(&["completions", shell]).exits(0).stdout;
        for word in ["bootstrap", "rollback", "--to-phase", "keep-data"] {
            let word = word.trim_start_matches("--");
            assert!(script.contains(word), "{word} for {shell}");
        }
    }
    let refused = ecosystem.chora(&["completions", "tcsh"]).exits(7);
    assert!(
        refused.stderr.contains("[possible values: bash"),
        "{}",
        refused.stderr
    );
}

#[test]
fn bash_completes_with_its_script() {
    let ecosystem = nothing();
    let script = ecosystem.path().join("completions.bash");
    let printed = ecosystem.chora(&["completions", "bash"]).exits(0).stdout;
    fs::write(&script, printed).expect("a script");
    let completed = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let last = words.len() - 1;
        let output = Command::new("bash")
            .arg("-c")
            .arg(format!(
                "source \"$0\"; COMP_WORDS=({line}); COMP_CWORD={last}; _chora chora '{}' '{}'; echo \"${{COMPREPLY[*]}}\"",
                words[last],
                words[last - 1],
            ))
            .arg(&script)
            .output()
            .expect("bash");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout)
            .expect("text")
            .trim()
            .to_owned()
    };
    assert_eq!(completed("chora boot"), "bootstrap");
    assert_eq!(completed("chora rollback --to"), "--to-phase");
    assert_eq!(completed("chora bootstrap --format js"), "json");
}
