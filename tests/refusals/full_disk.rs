//! A disk that is full: a limit on the size of files is one that any user can have.

use std::process::{Command, Stdio};

use crate::support::{Ecosystem, Output, Ports};

/// Enough that the journal of a run is longer than what a plugin needs to run.
const SERVICES: usize = 20;

fn sleepers(_: &Ports) -> String {
    let services: String = (0..SERVICES)
        .map(|number| {
            let phase = number * 3 / SERVICES + 1;
            format!("  - {{name: s{number}, phase: {phase}, command: [sleep, \"1000\"], health: none}}\n")
        })
        .collect();
    format!("services:\n{services}engine: process\n")
}

/// Runs `chora` with files of at most so many blocks of 512 bytes.
fn bootstrap_within(ecosystem: &Ecosystem, blocks: u32) -> Output {
    let chora = ecosystem.command(&["bootstrap"]);
    let mut command = Command::new("sh");
    command
        .arg("-c")
        // Without the signal a write beyond the limit fails, as it does on a full disk.
        .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
        .arg("sh")
        .arg(chora.get_program())
        .args(chora.get_args())
        .stdin(Stdio::null());
    for (name, value) in chora.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Output::of(&command.output().expect("a shell"))
}

#[test]
fn where_not_even_a_plugin_can_be_run_nothing_is_begun_and_no_plugin_is_blamed() {
    let ecosystem = Ecosystem::with_config(sleepers);

    // The memory of a guest is a file without a name, and too long for this.
    bootstrap_within(&ecosystem, 1).exits(1).complains(&[
        "error[IO_ERROR]",
        "File too large",
        "next actions",
    ]);

    assert!(ecosystem.ids().is_empty());
    assert!(!ecosystem.home().join("runs").exists());
    ecosystem.chora(&["bootstrap"]).exits(0);
}

#[test]
fn what_runs_when_the_disk_is_full_is_on_record_and_the_next_run_completes() {
    let mut failed_with_services = 0;
    for blocks in [64, 72, 80, 96, 112] {
        let ecosystem = Ecosystem::with_config(sleepers);
        let failed = bootstrap_within(&ecosystem, blocks);
        if failed.code == 0 {
            continue;
        }
        assert!((1..=5).contains(&failed.code), "{failed:?}");
        failed.complains(&["error[IO_ERROR]", "File too large", "next actions"]);
        let running = ecosystem.ids();
        if !running.is_empty() {
            failed_with_services += 1;
            let state = ecosystem.state();
            assert_eq!(state["status"], "failed");
            let started = state["services_started"].as_array().expect("a list");
            for service in running.keys() {
                let recorded = started.iter().any(|name| name == service);
                assert!(recorded, "{service} in {state} with {blocks} blocks");
            }
        }
        let unfinished = std::fs::read_dir(ecosystem.home())
            .expect("a directory")
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().contains("chora-tmp"));
        assert_eq!(unfinished.count(), 0);

        ecosystem.chora(&["bootstrap"]).exits(0);
        let completed = ecosystem.ids();
        assert_eq!(completed.len(), SERVICES);
        for (service, id) in running {
            assert_eq!(completed[&service], id, "{service} was started anew");
        }
    }
    // Otherwise the sizes above are wrong, and what matters was not tested.
    assert!(failed_with_services > 0);
}
