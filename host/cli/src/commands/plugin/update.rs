//! `chora plugin update`.

use chora_bootstrap::{PluginDifference, Update, where_it_runs};

use super::{consent, progress::Progress, show};
use crate::app::App;
use crate::args::UpdateArgs;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{BAD, BOLD, CODE, GOOD, one_line, paint};
use crate::{project, signals};

/// Runs the command.
pub(super) async fn run(app: &App, args: &UpdateArgs) -> Result<Exit, Ended> {
    let name = &args.name;
    let mut command = format!("plugin update {name}");
    if let Some(source) = &args.source {
        command.push_str(&format!(" {}", project::quoted(source)));
    }
    let given = consent::in_advance(&args.consent)?;
    let store = project::store(app)?;
    let cancel = signals::cancel()?;
    let progress = Progress::new(app);
    let hear = |doing| progress.hear(doing);
    let newer = store.newer(
        name,
        args.source.as_deref(),
        args.signature.as_deref(),
        &hear,
    );
    let update = progress.until(&cancel, newer).await?;
    show::slow(app, &store);
    let say = |message: String| app.output.error(&one_line(&message));
    if !update.difference.bytes {
        let mended = store.update(&update, Vec::new(), &say, &cancel).await?;
        let by = update.difference.signer.as_ref();
        let what = match by.and_then(|(_, after)| after.as_ref()) {
            Some(by) if mended => format!("is now recorded as signed by {}", one_line(by)),
            Some(_) | None if mended => "was put back".to_owned(),
            Some(_) | None => "is what its source has".to_owned(),
        };
        app.output.line(&format!(
            "{} plugin {name} {what}: version {}, with the grants that it was given",
            paint(GOOD, "✓"),
            one_line(&update.before.version)
        ));
        return Ok(Exit::DONE);
    }
    let place = store.place(&update.component, name, None);
    let place = place.unwrap_or_else(|_| update.before.placement.clone());
    let runs = where_it_runs(
        store.config(),
        place.as_ref(),
        Some(update.component.plugin.kind),
    );
    app.output.line(&format!(
        "{}\n{}",
        show::component(&update.component, name, &runs),
        differences(&update)
    ));
    consent::must_be_possible(&command, given.as_ref())?;
    if let Some(given) = &given {
        store.granted(&update.component, given)?;
    }
    let question = if update.difference.new_grants.is_empty() {
        "Put it in the place of the one that was added?"
    } else {
        "Put it in the place of the one that was added, and give it the new grants too?"
    };
    let Some(given) = consent::asked(app, &command, question, given).await? else {
        return Ok(Exit::DECLINED);
    };
    let grants = store.granted(&update.component, &given)?;
    store.update(&update, grants, &say, &cancel).await?;
    app.output.line(&format!(
        "{} plugin {name} was updated to version {}",
        paint(GOOD, "✓"),
        one_line(&update.component.plugin.metadata.version)
    ));
    Ok(Exit::DONE)
}

/// What is different, a line for each thing.
pub(super) fn differences(update: &Update) -> String {
    let mut lines = vec![format!("  {}:", paint(BOLD, "what is different"))];
    lines.extend(lines_of(&update.difference, &update.before.sha256));
    lines.join("\n")
}

pub(super) fn lines_of(difference: &PluginDifference, sha256: &str) -> Vec<String> {
    let PluginDifference {
        bytes: _,
        version,
        signer,
        source,
        new_imports,
        dropped_imports,
        unknown_imports,
        new_grants,
        dropped_grants,
    } = difference;
    let mut lines = Vec::new();
    if let Some((before, after)) = version {
        lines.push(format!(
            "    version: {} → {}",
            one_line(before),
            one_line(after)
        ));
    }
    lines.push(format!("    SHA-256: it was {sha256}"));
    if let Some((before, _)) = signer {
        let before = before.as_deref().map(one_line);
        lines.push(format!(
            "    signed by: it was {}",
            before.unwrap_or_else(|| "nobody that is on record".to_owned())
        ));
    }
    if let Some((before, _)) = source {
        lines.push(format!("    source: it was {}", one_line(before)));
    }
    let mut each = |sign: String, what: &str, all: &[String]| {
        lines.extend(
            all.iter()
                .map(|one| format!("    {sign} {what} {}", paint(CODE, one_line(one)))),
        );
    };
    each(paint(BAD, "+"), "import", new_imports);
    each(paint(GOOD, "-"), "import", dropped_imports);
    each(paint(BAD, "+"), "grant", new_grants);
    each(paint(GOOD, "-"), "grant", dropped_grants);
    if let Some(reason) = unknown_imports {
        lines.push(show::warn(&format!(
            "what the one before imports is not known: {reason}"
        )));
    }
    lines
}
