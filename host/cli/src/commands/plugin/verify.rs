//! `chora plugin verify`.

use chora_bootstrap::{Origin, Verified};
use chora_model::failure::Code;
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
    let sign = match one.failure {
        None => paint(GOOD, "✓"),
        Some(_) => paint(BAD, "✗"),
    };
    let version = match &one.locked {
        Some(locked) => format!(" {}", one_line(&locked.version)),
        None => String::new(),
    };
    let digest = match &one.sha256 {
        Some(sha256) => format!(": SHA-256 {sha256}"),
        None => String::new(),
    };
    format!("{sign} {}{version} {}{digest}", one.name, what(one))
}

fn what(one: &Verified) -> String {
    let is_added = one.locked.is_some();
    let code = one.failure.as_ref().map(|failure| failure.code);
    match (code, &one.signer) {
        (None, Some(signer)) if is_added => format!("is what was added, signed by {signer}"),
        (None, Some(signer)) => format!("is signed by {signer}"),
        (None, None) => "is what was added".to_owned(),
        (Some(Code::PluginUntrusted), _) if is_added => {
            "is what was added, and not signed as the configuration asks for it".to_owned()
        }
        (Some(Code::PluginUntrusted), _) => {
            "is not signed as the configuration asks for it".to_owned()
        }
        (Some(_), _) if is_added => "is not what was added".to_owned(),
        (Some(_), _) => "cannot be used".to_owned(),
    }
}

fn entry(one: &Verified) -> Value {
    let code = one.failure.as_ref().map(|failure| failure.code);
    let is_intact = matches!(code, None | Some(Code::PluginUntrusted));
    json!({
        "name": one.name,
        "origin": if one.locked.is_some() { Origin::Added } else { Origin::Configured },
        "version": one.locked.as_ref().map(|locked| &locked.version),
        "sha256": one.sha256,
        "copy": one.file,
        "intact": is_intact,
        "trusted": one.must_be_signed.then_some(one.signer.is_some()),
        "signature": one.signer,
        "failure": one.failure,
    })
}
