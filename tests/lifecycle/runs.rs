//! `chora runs`: what is told of runs that succeeded, failed, were killed or are going on, and of journals that were damaged since.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::observe::{Running, SERVICES, listing};
use crate::support::{Ecosystem, Ports, reference};

/// The reference ecosystem with a gateway that ends at once.
fn without_gateway(ports: &Ports) -> String {
    reference(ports).replace(
        "[chora, serve, gateway]",
        "[sh, -c, \"echo no luck; exit 3\"]",
    )
}

fn list(ecosystem: &Ecosystem) -> Vec<Value> {
    let listed = ecosystem
        .chora(&["runs", "list", "--format", "json"])
        .exits(0)
        .json();
    listed["runs"].as_array().expect("a list").clone()
}

fn show(ecosystem: &Ecosystem, run: &str) -> Value {
    ecosystem
        .chora(&["runs", "show", run, "--format", "json"])
        .exits(0)
        .json()
}

/// Runs `chora bootstrap` and hands back its summary.
fn bootstrap(ecosystem: &Ecosystem, code: i32) -> Value {
    let run = ecosystem
        .chora(&["bootstrap", "--format", "json"])
        .exits(code)
        .events();
    run.last().expect("a summary").clone()
}

fn journal(summary: &Value) -> PathBuf {
    PathBuf::from(summary["journal"].as_str().expect("a journal"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

#[test]
fn without_a_run_that_is_said_with_the_command_to_begin() {
    let ecosystem = Ecosystem::new();
    let before = listing(ecosystem.path());

    for command in ["list", "show", "report"] {
        let said = ecosystem.chora(&["runs", command]).exits(0).stdout;
        assert!(said.contains("no run of dev is on record yet"), "{said}");
        assert!(said.contains("chora bootstrap"), "{said}");
    }
    assert!(list(&ecosystem).is_empty());
    let none = ecosystem.chora(&["runs", "show", "--format", "json"]);
    assert!(none.exits(0).json().is_null());
    let unknown = ecosystem.chora(&["runs", "show", "019a"]).exits(7);
    assert!(unknown.stderr.contains("019a"), "{}", unknown.stderr);
    assert_eq!(listing(ecosystem.path()), before);
}

#[test]
fn what_is_told_of_a_run_agrees_with_its_summary() {
    let ecosystem = Ecosystem::new();
    let first = bootstrap(&ecosystem, 0);
    let second = bootstrap(&ecosystem, 0);
    ecosystem.chora(&["validate"]).exits(0);

    let listed = list(&ecosystem);
    let kinds: Vec<&str> = listed.iter().map(|run| text(run, "kind")).collect();
    assert_eq!(kinds, ["validate", "bootstrap", "bootstrap"]);
    for (run, summary) in [(&listed[2], &first), (&listed[1], &second)] {
        assert_eq!(run["standing"]["state"], "ended");
        for key in ["run", "ending", "exit_code", "duration_ms", "changed"] {
            assert_eq!(run[key], summary[key], "{key}");
        }
        assert!(run["damage"].is_null(), "{run}");
    }

    let id = text(&first, "run");
    let shown = show(&ecosystem, id);
    // Only the summary's own place is not in it: it is told once it is written.
    let mut told = shown["summary"].clone();
    told["journal"] = first["journal"].clone();
    let mut summary = first.clone();
    for added in ["at", "elapsed_ms", "event"] {
        summary.as_object_mut().expect("an object").remove(added);
    }
    assert_eq!(told, summary);
    let phases = shown["phases"].as_array().expect("phases");
    assert_eq!(phases.len(), 5);
    let steps: Vec<&Value> = phases
        .iter()
        .flat_map(|phase| phase["steps"].as_array().expect("steps"))
        .collect();
    let changed = steps.iter().filter(|step| step["change"] == "changed");
    assert_eq!(changed.count() as u64, first["changed"]);
    let start = steps
        .iter()
        .find(|step| step["step"] == "core-services/start:manifest")
        .expect("a step");
    assert!(start["calls"]["allowed"].as_u64() > Some(0), "{start}");
    let waited = start["moments"].as_array().expect("moments").iter();
    let waited: Vec<&Value> = waited.filter(|said| said["what"] == "waited").collect();
    assert_eq!(waited[0]["service"], "manifest");
    assert_eq!(waited[0]["healthy"], true);

    let said = ecosystem.chora(&["runs", "show", id]).exits(0).stdout;
    for expected in ["Phase 1: Core Services", "Start manifest", "succeeded"] {
        assert!(said.contains(expected), "{expected} in\n{said}");
    }
}

#[test]
fn a_report_compares_a_run_with_those_before_it() {
    let ecosystem = Ecosystem::new();
    let first = bootstrap(&ecosystem, 0);
    bootstrap(&ecosystem, 0);
    let third = bootstrap(&ecosystem, 0);
    let report = |run: &str| {
        let command = ["runs", "report", run, "--format", "json"];
        ecosystem.chora(&command).exits(0).json()
    };

    let of_first = report(text(&first, "run"));
    for step in of_first["slowest"].as_array().expect("a list") {
        assert!(step["usual"].is_null(), "{step}");
    }
    let path = of_first["critical_path"].as_array().expect("a list");
    let told = first["critical_path"].as_array().expect("a list");
    assert_eq!(path.len(), told.len());
    for (step, told) in path.iter().zip(told) {
        assert_eq!((&step["step"], &step["duration_ms"]), (&told[0], &told[1]));
    }
    let time = &of_first["time"];
    let parts = ["preparing_ms", "in_steps_ms", "between_ms"];
    let parts = parts.map(|part| time[part].as_u64().expect("a number"));
    assert_eq!(Some(parts.iter().sum()), first["duration_ms"].as_u64());
    assert!(time["journal_us"].as_u64() > Some(0), "{time}");
    let plugins = of_first["plugins"].as_array().expect("a list");
    assert!(plugins.iter().any(|used| used["plugin"] == "core-services"));
    assert!(of_first["denied"].as_array().expect("a list").is_empty());

    let of_third = report("latest");
    assert_eq!(of_third["run"], third["run"]);
    let slowest = of_third["slowest"].as_array().expect("a list");
    // What changed nothing in the first two runs either is compared with both.
    let discovery = slowest
        .iter()
        .find(|step| text(step, "step").starts_with("validation/"))
        .expect("a step of the last phase");
    assert!(
        discovery["usual"]["runs"].as_u64() >= Some(1),
        "{discovery}"
    );
    let said = ecosystem.chora(&["runs", "report"]).exits(0).stdout;
    for expected in ["Critical path", "MEDIAN", "Retries", "Denied calls"] {
        assert!(said.contains(expected), "{expected} in\n{said}");
    }
}

#[test]
fn a_failed_run_names_who_failed_and_shows_the_failure_as_it_was_told() {
    let ecosystem = Ecosystem::with_config(without_gateway);
    let failed = ecosystem.chora(&["bootstrap"]).exits(3);

    let run = list(&ecosystem)[0].clone();
    assert_eq!(
        (&run["ending"], &run["exit_code"]),
        (&"failed".into(), &3.into())
    );
    assert_eq!(run["failed"]["service"], "gateway");
    let table = ecosystem.chora(&["runs", "list"]).exits(0).stdout;
    assert!(table.contains("gateway (INFRA_FAILED)"), "{table}");

    let shown = ecosystem.chora(&["runs", "show"]).exits(0).stdout;
    let told = failed.stderr.trim();
    assert!(told.starts_with("error[INFRA_FAILED]"), "{told}");
    assert!(shown.contains(told), "{told}\n--- in\n{shown}");

    let report = ecosystem.chora(&["runs", "report", "--format", "json"]);
    let report = report.exits(0).json();
    let waits = report["retries"]["waits"].as_array().expect("a list");
    let gateway = waits.iter().find(|wait| wait["service"] == "gateway");
    assert_eq!(gateway.expect("a wait")["healthy"], false);

    ecosystem.write_config(&reference(ecosystem.ports()));
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(list(&ecosystem)[0]["resumes"], run["run"]);
}

#[test]
fn a_run_is_going_on_until_it_is_killed() {
    let ecosystem = Ecosystem::with_config(|ports| {
        reference(ports).replace("[chora, serve, gateway]", "[sleep, \"600\"]")
    });
    let mut run = Running::new(&ecosystem);
    run.until(|event| event["event"] == "service_healthy" && event["service"] == "orchestrator");

    let going_on = list(&ecosystem)[0].clone();
    assert_eq!(going_on["standing"]["state"], "running", "{going_on}");
    let holder = text(&going_on["standing"], "holder");
    assert!(holder.contains(&run.child.id().to_string()), "{holder}");
    assert!(going_on["ending"].is_null() && going_on["exit_code"].is_null());
    let shown = ecosystem.chora(&["runs", "show"]).exits(0).stdout;
    assert!(shown.contains("going on"), "{shown}");
    ecosystem.chora(&["runs", "report"]).exits(0);
    // What is told is on the disk when the disk has taken what was told before: a moment later, or longer where it is busy.
    let journal = format!("{}.jsonl", text(&going_on, "run"));
    let journal = ecosystem.home().join("runs").join(journal);
    let is_noted = |line: &str| {
        line.contains("\"step_finished\"") && line.contains("infrastructure/start:orchestrator")
    };
    while !fs::read_to_string(&journal)
        .expect("a journal")
        .lines()
        .any(is_noted)
    {
        std::thread::yield_now();
    }

    run.kill();

    let killed = list(&ecosystem)[0].clone();
    assert_eq!(killed["run"], going_on["run"]);
    assert_eq!(killed["standing"]["state"], "killed");
    let table = ecosystem.chora(&["runs", "list"]).exits(0).stdout;
    assert!(table.contains("it ended without a word"), "{table}");
    let report = ecosystem.chora(&["runs", "report", "--format", "json"]);
    let report = report.exits(0).json();
    assert_eq!(report["path_source"], "times");
    let path = report["critical_path"].as_array().expect("a list");
    let last = path.last().expect("a step");
    assert_eq!(last["step"], "infrastructure/start:gateway", "{report}");

    // The next run holds the lock now, and what was killed is not taken for it.
    let mut next = Running::new(&ecosystem);
    next.until_phase(1);
    let states: Vec<Value> = list(&ecosystem)
        .iter()
        .map(|run| run["standing"]["state"].clone())
        .collect();
    assert_eq!(states, ["running", "killed"]);
    next.kill();
}

/// Every line of a journal that is whole, counted in bytes.
fn line_ends(bytes: &[u8]) -> Vec<usize> {
    let ends = bytes.iter().enumerate();
    ends.filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect()
}

#[test]
fn a_damaged_journal_is_told_as_far_as_it_goes_and_spoils_no_other() {
    let ecosystem = Ecosystem::new();
    let sound = bootstrap(&ecosystem, 0);
    let damaged = bootstrap(&ecosystem, 0);
    let path = journal(&damaged);
    let bytes = fs::read(&path).expect("a journal");
    let ends = line_ends(&bytes);

    for cut in [
        bytes.len() - 1,
        ends[ends.len() - 2] + 5,
        ends[ends.len() / 2] + 30,
        ends[0] + 1,
        ends[0] - 1,
        1,
        0,
    ] {
        fs::write(&path, &bytes[..cut]).expect("a cut journal");
        let listed = list(&ecosystem);
        assert_eq!(listed.len(), 2, "cut at {cut}");
        assert_eq!(listed[0]["run"], damaged["run"]);
        assert_eq!(listed[1]["ending"], "succeeded");
        let state = text(&listed[0]["standing"], "state");
        if cut < ends[0] {
            assert_eq!(state, "unreadable", "cut at {cut}");
            let refused = ecosystem.chora(&["runs", "show"]).exits(1);
            let name = text(&damaged, "run");
            assert!(refused.stderr.contains(name), "{}", refused.stderr);
        } else {
            assert_eq!(state, "killed", "cut at {cut}");
            assert_eq!(listed[0]["damage"]["torn"], true, "cut at {cut}");
            let shown = ecosystem.chora(&["runs", "show"]).exits(0).stdout;
            assert!(shown.contains("the last line is cut off"), "{shown}");
            ecosystem.chora(&["runs", "report"]).exits(0);
        }
    }

    let mut flipped = bytes.clone();
    flipped[ends[4] + 40] ^= 1;
    fs::write(&path, &flipped).expect("an altered journal");
    let listed = list(&ecosystem);
    assert_eq!(listed[0]["ending"], "succeeded");
    assert_eq!(listed[0]["damage"]["altered"], serde_json::json!([6]));
    let shown = ecosystem.chora(&["runs", "show"]).exits(0).stdout;
    assert!(shown.contains("line 6 was altered"), "{shown}");
    assert_eq!(show(&ecosystem, "latest~1")["run"], sound["run"]);
}

#[test]
fn runs_are_told_whatever_became_of_the_state() {
    let ecosystem = Ecosystem::new();
    let summary = bootstrap(&ecosystem, 0);
    let state = ecosystem.home().join("bootstrap-state.json");
    let good = fs::read(&state).expect("a state");

    fs::write(&state, "{\"schema_ver").expect("a broken state");
    assert_eq!(list(&ecosystem)[0]["run"], summary["run"]);
    ecosystem.chora(&["runs", "report"]).exits(0);
    fs::remove_file(&state).expect("no state");
    assert_eq!(show(&ecosystem, "latest")["run"], summary["run"]);
    assert!(!state.exists());

    fs::write(&state, good).expect("the state");
    ecosystem.chora(&["reset", "--force"]).exits(0);
    let kinds: Vec<Value> = list(&ecosystem)
        .iter()
        .map(|run| run["kind"].clone())
        .collect();
    assert_eq!(kinds, ["reset", "bootstrap"]);
}

#[test]
fn a_run_is_named_by_a_beginning_that_fits_no_other() {
    let ecosystem = Ecosystem::new();
    let first = bootstrap(&ecosystem, 0);
    bootstrap(&ecosystem, 0);

    let short = list(&ecosystem)[1]["short"].clone();
    let short = short.as_str().expect("a short identifier");
    assert_eq!(show(&ecosystem, short)["run"], first["run"]);
    let ambiguous = ecosystem.chora(&["runs", "show", &short[..3]]).exits(7);
    assert!(ambiguous.stderr.contains(short), "{}", ambiguous.stderr);
    let unknown = ecosystem.chora(&["runs", "report", "zzz"]).exits(7);
    assert!(unknown.stderr.contains(short), "{}", unknown.stderr);
    let one = ecosystem.chora(&["runs", "list", "--limit", "1"]).exits(0);
    assert!(one.stdout.contains("--limit 2"), "{}", one.stdout);
    assert!(!one.stdout.contains(short), "{}", one.stdout);
}

#[test]
fn environments_have_their_own_runs_and_keep_as_many_as_configured() {
    let ecosystem = Ecosystem::new();
    ecosystem.write_overlay("other", "logging: {keep_runs: 2}\n");
    let mut ids = vec![];
    for _ in 0..4 {
        let command = ["reset", "--environment", "other", "--force"];
        ecosystem.chora(&command).exits(0);
        let command = ["runs", "list", "--environment", "other", "--format", "json"];
        let listed = ecosystem.chora(&command).exits(0).json();
        assert_eq!(listed["environment"], "other");
        let runs = listed["runs"].as_array().expect("a list");
        ids.push(text(&runs[0], "run").to_owned());
        let newest: Vec<&str> = runs.iter().map(|run| text(run, "run")).collect();
        let expected: Vec<&str> = ids.iter().rev().take(2).map(String::as_str).collect();
        assert_eq!(newest, expected);
    }
    assert!(list(&ecosystem).is_empty());
    bootstrap(&ecosystem, 0);
    assert_eq!(list(&ecosystem).len(), 1);
}

#[test]
fn no_secret_is_in_what_is_told_of_runs() {
    let ecosystem = Ecosystem::with_config(without_gateway);
    ecosystem.chora(&["bootstrap"]).exits(3);
    let credentials: Value = serde_json::from_slice(
        &fs::read(ecosystem.home().join("credentials.json")).expect("credentials"),
    )
    .expect("a map");
    let credentials = credentials.as_object().expect("a map");
    assert_eq!(credentials.len(), SERVICES.len() + 1);
    for command in [["runs", "list"], ["runs", "show"], ["runs", "report"]] {
        for format in ["table", "json"] {
            let command = [&command[..], &["--format", format]].concat();
            let output = ecosystem.chora(&command).exits(0);
            for secret in credentials.values().filter_map(Value::as_str) {
                assert!(secret.len() >= 20);
                assert!(!output.stdout.contains(secret), "{command:?}");
                assert!(!output.stderr.contains(secret), "{command:?}");
            }
        }
    }
}

#[test]
fn looking_back_changes_nothing() {
    let ecosystem = Ecosystem::new();
    bootstrap(&ecosystem, 0);
    let contents = |directory: &Path| {
        let files = listing(directory).into_iter();
        let files =
            files.filter(|path| path.is_file() && path.extension().is_none_or(|end| end != "log"));
        files
            .map(|path| {
                let bytes = fs::read(&path).unwrap_or_default();
                (path, bytes)
            })
            .filter(|(path, _)| !path.starts_with(ecosystem.home().join("data")))
            .collect::<Vec<_>>()
    };
    let before = contents(&ecosystem.home());
    for command in ["list", "show", "report"] {
        ecosystem.chora(&["runs", command]).exits(0);
    }
    assert_eq!(contents(&ecosystem.home()), before);
}
