//! The question, on a terminal; and what happens where there is none.

use rustix::process::Signal;

use crate::scene::{bootstrap, files, project, record, with_courier};
use crate::support::{Ecosystem, Terminal};

const ADD: [&str; 5] = ["plugin", "add", "courier.wasm", "--phase", "2"];

fn asked(ecosystem: &Ecosystem, command: &[&str]) -> Terminal {
    let mut terminal = ecosystem.terminal(command);
    terminal.until_printed("[y/N]", 1);
    terminal
}

#[test]
fn yes_adds_it_after_everything_was_shown() {
    let ecosystem = project();
    let mut terminal = asked(&ecosystem, &ADD);
    let shown = terminal.text();
    for part in [
        "to see whether db runs",
        "in phase 2",
        "give it all that it asks for?",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    assert!(!ecosystem.home().join("plugins.lock").exists());
    terminal.types("y\n");
    assert_eq!(terminal.end(), 0, "{}", terminal.screen());
    assert!(record(&ecosystem).contains("\"courier\""));
    bootstrap(&ecosystem);
}

#[test]
fn anything_else_than_yes_leaves_everything_as_it_was() {
    for answer in ["n\n", "\n", "yess\n"] {
        let ecosystem = project();
        let before = files(&ecosystem);
        let mut terminal = asked(&ecosystem, &ADD);
        terminal.types(answer);
        assert_eq!(terminal.end(), 3, "{}", terminal.screen());
        assert!(terminal.text().contains("cancelled; nothing was changed"));
        assert_eq!(files(&ecosystem), before);
    }
}

#[test]
fn a_signal_at_the_question_leaves_everything_as_it_was() {
    for command in [&ADD[..], &["plugin", "remove", "old"]] {
        let ecosystem = project();
        crate::scene::add(
            &ecosystem,
            &["courier.wasm", "--name", "old", "--phase", "3"],
        );
        let before = files(&ecosystem);
        let mut terminal = asked(&ecosystem, command);
        terminal.signal(Signal::INT);
        assert_eq!(terminal.end(), 6, "{}", terminal.screen());
        assert!(
            terminal.text().contains("USER_INTERRUPTED"),
            "{}",
            terminal.text()
        );
        assert_eq!(files(&ecosystem), before);
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_compilation() {
    let ecosystem = project();
    let slow = crate::slow::to_compile(1, 200);
    std::fs::write(ecosystem.path().join("slow.wasm"), slow).expect("a component");
    let before = files(&ecosystem);
    let mut told = ecosystem.told(&["plugin", "add", "--yes", "slow.wasm", "--phase", "2"]);
    told.until_error("compiling");
    told.signal(Signal::INT);
    // Waited out, it would be refused with 7.
    let ended = told.end().exits(6);
    ended.complains(&["USER_INTERRUPTED", "nothing was changed"]);
    assert_eq!(files(&ecosystem), before);
}

#[test]
fn removing_asks_and_obeys() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    let mut terminal = asked(&ecosystem, &["plugin", "remove", "courier"]);
    terminal.types("no\n");
    assert_eq!(terminal.end(), 3);
    assert_eq!(files(&ecosystem), before);
    let mut terminal = asked(&ecosystem, &["plugin", "remove", "courier"]);
    terminal.types("y\n");
    assert_eq!(terminal.end(), 0, "{}", terminal.screen());
    assert!(record(&ecosystem).ends_with("plugins: []\n"));
}

#[test]
fn without_a_terminal_the_flag_is_named_and_nothing_is_done() {
    let ecosystem = with_courier();
    let before = files(&ecosystem);
    for command in [
        &["plugin", "add", "pulse.wasm"][..],
        &["plugin", "remove", "courier"],
        &["plugin", "update", "courier", "courier-next.wasm"],
    ] {
        let refused = ecosystem.chora(command).exits(7);
        let line = format!("`chora {} --yes`", command.join(" "));
        refused.complains(&["error[CONFIG_ERROR]", "not a terminal", &line]);
        assert_eq!(files(&ecosystem), before, "{command:?}");
    }
}
