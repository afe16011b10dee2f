//! The question before `rollback` and `reset`, on a terminal.

use rustix::process::Signal;

use crate::observe::{bytes, listing};
use crate::support::{END_OF_INPUT, Ecosystem, Screen, Terminal, plain};

const SERVICES: [&str; 3] = ["worker", "socket", "web"];
const QUESTION: &str = "Go on? [y/N]";

fn up() -> Ecosystem {
    let ecosystem = Ecosystem::with_config(plain);
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

fn asked(ecosystem: &Ecosystem, command: &[&str]) -> Terminal {
    let mut terminal = ecosystem.terminal(command);
    terminal.until(|screen| screen.shows(QUESTION));
    terminal
}

/// Asks, answers, and sees that nothing was changed.
#[track_caller]
fn unchanged_by(command: &[&str], answers: impl Fn(&mut Terminal), code: i32) -> Screen {
    let ecosystem = up();
    let look = || {
        (
            listing(ecosystem.path()),
            bytes(&ecosystem, "bootstrap-state.json"),
            ecosystem.ids(),
        )
    };
    let before = look();
    let mut terminal = asked(&ecosystem, command);

    answers(&mut terminal);

    assert_eq!(terminal.end(), code, "{}", terminal.screen());
    assert_eq!(look(), before);
    terminal.screen()
}

#[track_caller]
fn declined_by(command: &[&str], answer: &str) {
    let screen = unchanged_by(command, |terminal| terminal.types(answer), 3);
    assert!(screen.shows("cancelled; nothing was changed"), "{screen}");
}

#[test]
fn a_rollback_is_cancelled_by_no() {
    declined_by(&["rollback"], "n\n");
}

#[test]
fn a_rollback_is_cancelled_by_enter_alone() {
    declined_by(&["rollback", "--to-phase", "1"], "\n");
}

#[test]
fn a_rollback_is_cancelled_by_the_end_of_the_input() {
    declined_by(&["rollback"], END_OF_INPUT);
}

#[test]
fn a_reset_is_cancelled_by_no() {
    declined_by(&["reset"], "no\n");
}

#[test]
fn a_reset_is_cancelled_by_enter_alone() {
    declined_by(&["reset", "--volumes"], "\n");
}

#[test]
fn a_reset_is_cancelled_by_the_end_of_the_input() {
    declined_by(&["reset"], END_OF_INPUT);
}

#[test]
fn a_signal_at_the_question_of_a_rollback_is_6_and_nothing_is_changed() {
    let screen = unchanged_by(&["rollback"], |terminal| terminal.signal(Signal::INT), 6);
    assert!(
        screen.shows("interrupted by SIGINT at the question"),
        "{screen}"
    );
}

#[test]
fn a_signal_at_the_question_of_a_reset_is_6_and_nothing_is_changed() {
    let screen = unchanged_by(&["reset"], |terminal| terminal.signal(Signal::TERM), 6);
    assert!(
        screen.shows("interrupted by SIGTERM at the question"),
        "{screen}"
    );
}

#[test]
fn a_rollback_shows_what_it_will_do_and_does_it_after_yes() {
    let ecosystem = up();
    let mut terminal = asked(&ecosystem, &["rollback", "--to-phase", "1"]);
    let screen = terminal.screen();
    for line in [
        "Rolling back dev to phase 1 (Core Services) will:",
        "  - stop and remove web, socket",
        "  - keep the services' data",
        "  - keep the credentials",
    ] {
        assert!(screen.shows(line), "{line} in\n{screen}");
    }

    terminal.types("y\n");

    assert_eq!(terminal.end(), 0, "{}", terminal.screen());
    assert!(terminal.screen().shows("Rollback completed"));
    let running: Vec<String> = ecosystem.ids().into_keys().collect();
    assert_eq!(running, ["worker"]);
    assert_eq!(ecosystem.state()["status"], "rolled_back");
}

#[test]
fn a_reset_shows_what_it_will_do_and_does_it_after_yes() {
    let ecosystem = up();
    let mut terminal = asked(&ecosystem, &["reset", "--volumes"]);
    let screen = terminal.screen();
    for line in [
        "Resetting dev will:",
        "  - stop and remove web, socket, worker",
        "  - delete the services' data",
        "  - delete the credentials",
        "  - forget the state",
    ] {
        assert!(screen.shows(line), "{line} in\n{screen}");
    }

    terminal.types("YES\n");

    assert_eq!(terminal.end(), 0, "{}", terminal.screen());
    assert!(terminal.screen().shows("Reset completed"));
    let running = ecosystem.ids();
    assert!(SERVICES.iter().all(|name| !running.contains_key(*name)));
    assert!(!ecosystem.home().join("bootstrap-state.json").exists());
    assert!(!ecosystem.home().join("credentials.json").exists());
}
