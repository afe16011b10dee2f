//! `status --watch`: what it tells while something changes, and how it ends.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ecosystem, plain};

fn up() -> Ecosystem {
    let ecosystem = Ecosystem::with_config(plain);
    ecosystem.chora(&["bootstrap"]).exits(0);
    ecosystem
}

#[test]
fn each_change_is_one_json_document_and_the_last_gives_the_exit_code() {
    let ecosystem = up();
    let mut watch = ecosystem.told(&["status", "--watch", "--format", "json"]);
    let before = watch.document();
    assert_eq!(before["overall"]["state"], "healthy", "{before}");

    ecosystem.kill("web");

    // It may be met while it ends, when it runs and does not answer.
    let ended = |report: &Value| {
        let services = report["services"].as_array().expect("a list");
        let mut ended = services.iter().filter(|one| one["status"] == "exited");
        ended.any(|service| service["name"] == "web")
    };
    let after = watch.until_document(ended);
    assert_eq!(after["overall"]["state"], "degraded", "{after}");

    ecosystem.chora(&["bootstrap"]).exits(0);
    watch.until_document(|report| report["overall"]["state"] == "healthy");
    ecosystem.kill("worker");
    watch.until_document(|report| report["overall"]["state"] == "degraded");

    watch.signal(Signal::INT);
    let ended = watch.end().exits(1);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn tables_and_yaml_documents_follow_each_other_where_there_is_no_terminal() {
    let ecosystem = up();
    let mut table = ecosystem.told(&["status", "--watch"]);
    let mut yaml = ecosystem.told(&["status", "--watch", "--format", "yaml"]);
    table.until("web ");
    assert_eq!(yaml.line(), "---\n");
    yaml.until("exit_code: 0");

    ecosystem.kill("web");

    let told = table.until("Next: ");
    assert!(told.contains("degraded, 2/3 healthy"), "{told}");
    assert!(!told.contains('\u{1b}'), "{told:?}");
    let told = yaml.until("exit_code: 1");
    assert!(told.contains("---\n"), "{told}");

    table.signal(Signal::TERM);
    table.end().exits(1);
    yaml.signal(Signal::HUP);
    yaml.end().exits(1);
}

#[test]
fn a_watch_ends_when_nobody_reads_it_any_more_although_nothing_changes() {
    let ecosystem = up();
    let mut watch = ecosystem.told(&["status", "--watch", "--format", "json"]);
    assert_eq!(watch.document()["exit_code"], 0);

    watch.hang_up();

    assert_eq!(watch.end().exits(0).stderr, "");
}

#[test]
fn on_a_terminal_it_is_drawn_in_place_and_nothing_of_the_old_text_stays() {
    let ecosystem = up();
    let mut terminal = ecosystem.terminal(&["status", "--watch"]);
    terminal.until(|screen| screen.shows("3/3 healthy") && screen.shows("web "));

    ecosystem.kill("web");
    terminal.until(|screen| screen.shows("2/3 healthy") && screen.shows("Next: "));
    ecosystem.chora(&["bootstrap"]).exits(0);
    terminal.until(|screen| screen.shows("3/3 healthy") && !screen.shows("Next: "));

    terminal.signal(Signal::INT);
    assert_eq!(terminal.end(), 0);
    let screen = terminal.screen();
    let mut shown = screen.lines();
    shown.retain(|line| !line.is_empty());
    let begins = ["dev, ", "SERVICE", "worker", "socket", "web"];
    assert_eq!(shown.len(), begins.len(), "{screen}");
    for (line, begin) in shown.iter().zip(begins) {
        assert!(line.starts_with(begin), "{screen}");
    }
}

#[test]
fn services_beyond_the_height_of_the_terminal_are_counted() {
    let ecosystem = Ecosystem::with_config(|_| {
        let services: String = (0..40)
            .map(|number| format!("  - {{name: s{number}, phase: 1, command: [sleep, \"1\"]}}\n"))
            .collect();
        format!("services:\n{services}engine: process\n")
    });
    let mut terminal = ecosystem.terminal(&["status", "--watch"]);
    // Each round ends with this.
    terminal.until_printed("\u{1b}[?7h", 1);
    let first = terminal.screen();
    assert!(first.lines()[0].starts_with("dev, "), "{first}");
    assert!(first.shows("more lines"), "{first}");

    // A second round would find its place scrolled away.
    terminal.until_printed("\u{1b}[?7h", 2);
    assert_eq!(terminal.screen().lines(), first.lines());
    terminal.signal(Signal::INT);
    assert_eq!(terminal.end(), 2);
}
