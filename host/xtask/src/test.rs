//! `cargo xtask test`: all tests, those of whole ecosystems on each engine, and one line at the end that says how many passed and failed.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use crate::{docker, packages, setup};

/// The suites whose tests are for every engine. They run on processes with all others, and then on containers.
const ON_EACH_ENGINE: [&str; 3] = ["lifecycle", "refusals", "faults"];
/// What those suites choose their engine by.
const ENGINE: &str = "CHORA_TEST_ENGINE";
/// The module of tests that are about processes alone.
const ON_PROCESSES: &str = "on_processes::";

/// What a run of the tests came to.
pub(crate) struct Report {
    total: Total,
    /// Cargo's own verdict: false as well when a test target did not compile or was killed.
    succeeded: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    passed: u64,
    failed: u64,
}

impl Report {
    /// A run without tests proves nothing and is no success.
    pub(crate) fn is_success(&self) -> bool {
        self.succeeded && self.total.failed == 0 && self.total.passed > 0
    }

    /// Prints the total: the last line of the output.
    pub(crate) fn print(&self) {
        println!("{} passed, {} failed", self.total.passed, self.total.failed);
    }
}

pub(crate) fn run(workspace: &Workspace, args: &[OsString]) -> Result<ExitCode> {
    setup::run(workspace)?;
    packages::ensure()?;
    docker::ensure(workspace)?;
    let report = run_tests(workspace, args)?;
    if !report.succeeded && report.total.failed == 0 {
        eprintln!("error: `cargo test` failed outside of the tests; see above");
    } else if report.total == Total::default() {
        eprintln!("error: no test ran");
    }
    report.print();
    Ok(if report.is_success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs the tests; all of them, on each engine, unless the arguments say which.
pub(crate) fn run_tests(workspace: &Workspace, args: &[OsString]) -> Result<Report> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--no-fail-fast"]);
    if !selects_packages(args) {
        cargo.arg("--workspace");
    }
    if !args.is_empty() {
        return counted(cargo.args(args));
    }
    let threads = threads().to_string();
    let report = counted(cargo.args(["--", "--test-threads", &threads]))?;
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--no-fail-fast", "--workspace"]);
    for suite in ON_EACH_ENGINE {
        cargo.args(["--test", suite]);
    }
    cargo.args(["--", "--skip", ON_PROCESSES, "--test-threads", &threads]);
    let on_containers = counted(cargo.env(ENGINE, "docker"))?;
    Ok(Report {
        total: Total {
            passed: report.total.passed + on_containers.total.passed,
            failed: report.total.failed + on_containers.total.failed,
        },
        succeeded: report.succeeded && on_containers.succeeded,
    })
}

/// How many tests of a suite run at once. What most of them wait for is done by others (services, the Docker Engine and who runs its containers), so a machine with few processors has time for more.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(4, |processors| processors.get().max(4))
}

/// Runs tests with their output passed on as it comes.
fn counted(cargo: &mut Command) -> Result<Report> {
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("failed to run `cargo test`")?;
    let stdout = child
        .stdout
        .take()
        .context("failed to read the output of `cargo test`")?;

    let mut total = Total::default();
    let mut own = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let mut line = line.context("failed to read the output of `cargo test`")?;
        total.add(&String::from_utf8_lossy(&line));
        line.push(b'\n');
        own.write_all(&line)?;
    }
    own.flush()?;
    let status = child.wait().context("failed to wait for `cargo test`")?;
    Ok(Report {
        total,
        succeeded: status.success(),
    })
}

fn selects_packages(args: &[OsString]) -> bool {
    args.iter()
        .map(|arg| arg.to_string_lossy())
        .take_while(|arg| arg != "--")
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
}

impl Total {
    /// Counts in a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`, coloured or not.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result:") else {
            return;
        };
        for part in counts.split(';') {
            let mut words = part.split_whitespace().rev();
            let (unit, number) = (
                words.next(),
                words.next().and_then(|word| word.parse::<u64>().ok()),
            );
            match (unit, number) {
                (Some("passed"), Some(number)) => self.passed += number,
                (Some("failed"), Some(number)) => self.failed += number,
                (_, _) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Report, Total, selects_packages};

    fn total(lines: &[&str]) -> Total {
        let mut total = Total::default();
        for line in lines {
            total.add(line);
        }
        total
    }

    #[test]
    fn results_of_all_test_binaries_are_summed() {
        let lines = [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test something ... FAILED",
            "  test result: ok. 9 passed; 9 failed (a test's own output)",
            "test result: \u{1b}[31mFAILED\u{1b}[m. 2 passed; 4 failed; 0 ignored; finished in 0.00s",
        ];
        assert_eq!(
            total(&lines),
            Total {
                passed: 5,
                failed: 4
            }
        );
    }

    #[test]
    fn a_run_of_no_tests_is_no_success() {
        let report = |passed, failed, succeeded| Report {
            total: Total { passed, failed },
            succeeded,
        };
        assert!(report(1, 0, true).is_success());
        assert!(!report(0, 0, true).is_success());
        assert!(!report(1, 1, false).is_success());
        assert!(!report(1, 0, false).is_success());
    }

    #[test]
    fn packages_are_looked_for_before_the_test_arguments() {
        let args = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<_>>();
        assert!(selects_packages(&args(&["-p", "chora-model"])));
        assert!(selects_packages(&args(&["--package=chora-model"])));
        assert!(!selects_packages(&args(&["name", "--", "-p"])));
    }
}
