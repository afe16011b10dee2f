//! `chora plugin verify`.

use chora_bootstrap::Verified;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::PluginFormat;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{BAD, CODE, GOOD, document, one_line, paint};
use crate::project;
use crate::render::report;

/// Runs the command.
pub(super) async fn run(app: &App, format: PluginFormat) -> Result<Exit, Ended> {
    let store = project::store(app)?;
    let verified = store.verify().await?;
    match format {
        PluginFormat::Json => {
            let all: Vec<Value> = verified.iter().map(entry).collect();
            let document = document(&json!({ "plugins": all }), "the plugins")?;
            app.output.text(&document);
        }
        PluginFormat::Table if verified.is_empty() => {
            let add = paint(CODE, "`chora plugin add`");
            app.output.line(&format!(
                "no plugin was added to this project\n\nNext: {add}"
            ));
        }
        PluginFormat::Table => {
            for one in &verified {
                app.output.line(&line(one));
            }
            for failure in verified.iter().filter_map(|one| one.failure.as_ref()) {
                app.output.error(&format!("\n{}", report(failure, None)));
            }
        }
    }
    let all_good = verified.iter().all(|one| one.failure.is_none());
    Ok(if all_good { Exit::DONE } else { Exit::FAILED })
}

fn line(one: &Verified) -> String {
    let locked = &one.locked;
    let (sign, what) = match &one.failure {
        None => (paint(GOOD, "✓"), "is what was added"),
        Some(_) => (paint(BAD, "✗"), "is not what was added"),
    };
    format!(
        "{sign} {} {} {what}: SHA-256 {}",
        locked.name,
        one_line(&locked.version),
        locked.sha256
    )
}

fn entry(one: &Verified) -> Value {
    json!({
        "name": one.locked.name,
        "version": one.locked.version,
        "sha256": one.locked.sha256,
        "copy": one.copy,
        "intact": one.failure.is_none(),
        "failure": one.failure,
    })
}
