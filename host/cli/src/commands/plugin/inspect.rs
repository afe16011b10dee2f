//! `chora plugin inspect`.

use chora_bootstrap::history::{History, PluginRun};
use chora_bootstrap::{Inspection, Store, where_it_runs};
use chora_plugin_host::{Plugin, PluginKind};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{list, show};
use crate::app::App;
use crate::args::PluginFormat;
use crate::commands::runs::words;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{
    BOLD, CODE, Cell, Column, DIM, WARN, columns, document, human_bytes, human_us, left, one_line,
    paint, right,
};
use crate::project;
use crate::render::report;

/// How many runs are looked back at.
const RUNS: usize = 5;

/// `done` heads what a plugin of its kind did.
const fn columns_of(done: &'static str) -> [Column; 7] {
    [
        left("RUN"),
        left("STARTED"),
        left("KIND"),
        right(done),
        right("TOOK"),
        right("CALLS"),
        right("DENIED"),
    ]
}

/// Runs the command.
pub(super) async fn run(app: &App, name: &str, format: PluginFormat) -> Result<Exit, Ended> {
    let store = project::store(app)?;
    let inspection = store.inspect(name).await?;
    show::slow(app, &store);
    let runs = History::of(store.layout().clone()).of_plugin(name, RUNS)?;
    match format {
        PluginFormat::Json => {
            let document = document(&entry(&inspection, &runs), "the plugin")?;
            app.output.text(&document);
        }
        PluginFormat::Table => {
            let lines = lines(&store, &inspection, &runs, Timestamp::now());
            app.output.line(&lines.join("\n"));
            if let Err(failure) = &inspection.plugin {
                app.output.error(&report(failure, None));
            }
        }
    }
    Ok(match inspection.plugin {
        Ok(_) => Exit::DONE,
        Err(_) => Exit::FAILED,
    })
}

fn lines(
    store: &Store,
    inspection: &Inspection,
    runs: &[PluginRun],
    now: Timestamp,
) -> Vec<String> {
    let listed = &inspection.listed;
    let kind = match &inspection.plugin {
        Ok(plugin) => Some(plugin.kind),
        Err(_) => listed.kind,
    };
    let place = where_it_runs(store.config(), listed.placement.as_ref(), kind);
    let mut lines = Vec::new();
    match &inspection.plugin {
        Ok(plugin) => lines.push(show::title(&listed.name, plugin)),
        Err(_) => lines.push(paint(BOLD, one_line(&listed.name))),
    }
    let mut fact = |name: &str, value: String| lines.push(show::fact(name, &value));
    fact("from", one_line(&list::from(listed)));
    let digest = match (&inspection.plugin, &listed.locked) {
        (Ok(plugin), _) => Some(plugin.digest.clone()),
        (Err(_), Some(locked)) => Some(locked.sha256.clone()),
        (Err(_), None) => None,
    };
    if let Some(digest) = digest {
        fact("SHA-256", digest);
    }
    if let Some(signer) = &inspection.signer {
        lines.push(show::signed_by(signer));
    }
    let mut fact = |name: &str, value: String| lines.push(show::fact(name, &value));
    if let Some(size) = inspection.size {
        fact("size", human_bytes(size));
    }
    fact(
        "runs",
        match listed.enabled {
            true => one_line(&place),
            false => "not: the configuration leaves it out".to_owned(),
        },
    );
    if let Ok(plugin) = &inspection.plugin {
        fact("made for", show::world(plugin));
        lines.extend(named("imports", &plugin.imports));
        lines.extend(named("exports", &plugin.exports));
    }
    lines.extend(grants(&listed.grants, inspection.plugin.as_deref().ok()));
    lines.push(String::new());
    if runs.is_empty() {
        lines.push("none of the latest runs had it do anything".to_owned());
    } else {
        let rows: Vec<_> = runs.iter().map(|run| row(run, now)).collect();
        let done = match kind {
            Some(PluginKind::Observer) => "EVENTS",
            Some(PluginKind::Health) => "PROBES",
            Some(PluginKind::Phase) | None => "STEPS",
        };
        lines.extend(columns(&columns_of(done), &rows));
        lines.extend(denied(runs));
    }
    lines
}

/// A heading and a line for each interface.
fn named(heading: &str, interfaces: &[String]) -> Vec<String> {
    if interfaces.is_empty() {
        return vec![show::fact(heading, "nothing")];
    }
    let names = interfaces
        .iter()
        .map(|name| format!("    {}", one_line(name)));
    let heading = format!("  {}:", paint(BOLD, heading));
    std::iter::once(heading).chain(names).collect()
}

/// What it may do, then what it asked for and why.
fn grants(given: &[String], plugin: Option<&Plugin>) -> Vec<String> {
    let mut lines = Vec::new();
    if given.is_empty() {
        lines.push(show::fact("may", "nothing"));
    } else {
        lines.push(format!("  {}:", paint(BOLD, "may")));
        lines.extend(
            given
                .iter()
                .map(|grant| format!("    {}", paint(CODE, one_line(grant)))),
        );
    }
    let asked = plugin.map_or(&[][..], |plugin| &plugin.metadata.grants);
    if !asked.is_empty() {
        lines.push(format!("  {}:", paint(BOLD, "asked for")));
    }
    for request in asked {
        lines.push(format!("    {}", paint(CODE, one_line(&request.grant))));
        let reason = paint(DIM, one_line(&request.reason));
        lines.push(format!("      {reason}"));
    }
    lines
}

fn row(run: &PluginRun, now: Timestamp) -> [Cell; 7] {
    let started = run.started_at.map(|at| words::moment(at, now));
    // A plugin has one of these.
    let done = run.steps + run.probes + run.events;
    let done = match run.failed {
        0 => done.to_string(),
        failed => format!("{done} ({failed} failed)"),
    };
    let calls = match run.calls.total() {
        0 => "0".to_owned(),
        total => format!("{total} in {}", human_us(run.calls.duration_us)),
    };
    let denied = match run.denied.len() {
        0 => Cell::from("0"),
        count => Cell::styled(WARN, count.to_string()),
    };
    [
        one_line(&run.run).into(),
        started.unwrap_or_else(|| "-".to_owned()).into(),
        words::kind(run.kind).into(),
        done.into(),
        human_us(run.took_us).into(),
        calls.into(),
        denied,
    ]
}

/// Each call that was refused, with the grant that would have allowed it.
fn denied(runs: &[PluginRun]) -> Vec<String> {
    let mut lines = Vec::new();
    for denied in runs.iter().flat_map(|run| &run.denied) {
        let needed = match &denied.needed {
            Some(needed) => format!("it needs {}", paint(CODE, one_line(needed))),
            None => "no grant allows it there".to_owned(),
        };
        let line = format!(
            "  {} {} on {} was denied to {}; {needed}",
            paint(WARN, "!"),
            one_line(&denied.function),
            one_line(&denied.target),
            one_line(&denied.caller)
        );
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn entry(inspection: &Inspection, runs: &[PluginRun]) -> Value {
    let mut entry = list::entry(&inspection.listed);
    let plugin = inspection.plugin.as_ref().ok();
    let Some(map) = entry.as_object_mut() else {
        return entry;
    };
    map.insert("size".to_owned(), json!(inspection.size));
    map.insert("signature".to_owned(), json!(inspection.signer));
    map.insert("runs".to_owned(), json!(runs));
    map.insert(
        "failure".to_owned(),
        json!(inspection.plugin.as_ref().err()),
    );
    if let Some(plugin) = plugin {
        let said = &plugin.metadata;
        let asked: Vec<Value> = said
            .grants
            .iter()
            .map(|request| json!({ "grant": request.grant, "reason": request.reason }))
            .collect();
        map.insert("version".to_owned(), json!(said.version));
        map.insert("summary".to_owned(), json!(said.summary));
        map.insert("own_name".to_owned(), json!(said.name));
        map.insert("sha256".to_owned(), json!(plugin.digest));
        map.insert("wit".to_owned(), json!(plugin.wit));
        map.insert("world".to_owned(), json!(plugin.kind.world()));
        map.insert("imports".to_owned(), json!(plugin.imports));
        map.insert("exports".to_owned(), json!(plugin.exports));
        map.insert("asked".to_owned(), json!(asked));
    }
    entry
}
