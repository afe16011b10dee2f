//! `chora plugin list`.

use chora_bootstrap::{Listed, Origin, Store, where_it_runs};
use chora_plugin_host::PluginKind;
use serde_json::{Value, json};

use super::show;
use crate::app::App;
use crate::args::PluginFormat;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{Cell, Column, DIM, columns, document, left, one_line, right};
use crate::project;

const COLUMNS: [Column; 6] = [
    left("PLUGIN"),
    left("VERSION"),
    left("FROM"),
    right("GRANTS"),
    left("SHA-256"),
    left("RUNS"),
];

/// How many digits of a digest tell components apart.
const DIGITS: usize = 12;

/// Runs the command.
pub(super) fn run(app: &App, format: PluginFormat) -> Result<Exit, Ended> {
    let store = project::store(app)?;
    let listed = store.list()?;
    match format {
        PluginFormat::Json => {
            let all: Vec<Value> = listed.iter().map(entry).collect();
            let document = document(&json!({ "plugins": all }), "the plugins")?;
            app.output.text(&document);
        }
        PluginFormat::Table => {
            let rows: Vec<_> = listed.iter().map(|one| row(&store, one)).collect();
            let mut lines = columns(&COLUMNS, &rows);
            lines.push(String::new());
            app.output.text(&lines.join("\n"));
        }
    }
    Ok(Exit::DONE)
}

fn row(store: &Store, one: &Listed) -> [Cell; 6] {
    let locked = one.locked.as_ref();
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let digest = locked.map(|locked| locked.sha256.chars().take(DIGITS).collect());
    let runs = if one.enabled {
        Cell::from(one_line(&where_it_runs(
            store.config(),
            one.placement.as_ref(),
            one.kind,
        )))
    } else {
        Cell::styled(DIM, "not: the configuration leaves it out")
    };
    [
        one_line(&one.name).into(),
        or_dash(locked.map(|locked| one_line(&locked.version))).into(),
        one_line(&from(one)).into(),
        one.grants.len().to_string().into(),
        or_dash(digest).into(),
        runs,
    ]
}

/// Where the component came from.
pub(super) fn from(one: &Listed) -> String {
    match (one.origin, &one.locked, &one.path) {
        (Origin::Added, Some(locked), _) => locked.source.clone(),
        (Origin::Configured, _, Some(path)) => format!("{} (configuration)", path.display()),
        (Origin::Bundled | Origin::Configured | Origin::Added, _, _) => "bundled".to_owned(),
    }
}

/// The same for programs.
pub(super) fn entry(one: &Listed) -> Value {
    let locked = one.locked.as_ref();
    let signature = locked.and_then(|locked| locked.signature.as_ref());
    json!({
        "name": one.name,
        "origin": one.origin,
        "enabled": one.enabled,
        "kind": one.kind.map(|kind| match kind {
            PluginKind::Phase => "phase",
            PluginKind::Health => "health",
            PluginKind::Observer => "observer",
        }),
        "placement": show::placement(one.placement.as_ref()),
        "grants": one.grants,
        "path": one.path,
        "version": locked.map(|locked| &locked.version),
        "source": locked.map(|locked| &locked.source),
        "sha256": locked.map(|locked| &locked.sha256),
        "size": locked.map(|locked| locked.size),
        "wit": locked.map(|locked| &locked.wit),
        "signed_by": signature.map(|signature| &signature.by),
        "key_id": signature.map(|signature| &signature.key_id),
    })
}
