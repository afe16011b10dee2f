//! `chora plugin add`.

use chora_bootstrap::{Added, Place, where_it_runs};
use chora_plugin_host::PluginKind;

use super::{consent, progress::Progress, show};
use crate::app::App;
use crate::args::AddArgs;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{CODE, GOOD, one_line, paint};
use crate::{project, signals};

/// Runs the command.
pub(super) async fn run(app: &App, args: &AddArgs) -> Result<Exit, Ended> {
    let command = format!("plugin add {}", project::quoted(&args.source));
    let given = consent::in_advance(&args.consent)?;
    consent::must_be_possible(&command, given.as_ref())?;
    let store = project::store(app)?;
    let record = store.record()?;
    let cancel = signals::cancel()?;
    let progress = Progress::new(app);
    let hear = |doing| progress.hear(doing);
    let component = progress
        .until(
            &cancel,
            store.examine(&args.source, args.signature.as_deref(), &hear),
        )
        .await?;
    show::slow(app, &store);
    let name = store.name_of(&component, args.name.as_deref())?;
    store.is_free(&record, &component, &name)?;
    let placement = store.place(&component, &name, place(args).as_ref())?;
    let config = store.config();
    let runs = where_it_runs(config, placement.as_ref(), Some(component.plugin.kind));
    app.output.line(&show::component(&component, &name, &runs));
    // What was given in advance may be wrong, which is told before anything else is.
    if let Some(given) = &given {
        store.granted(&component, given)?;
    }
    let question = if component.wishes.is_empty() {
        "Add it?"
    } else {
        "Add it, and give it all that it asks for?"
    };
    let Some(given) = consent::asked(app, &command, question, given).await? else {
        return Ok(Exit::DECLINED);
    };
    let grants = store.granted(&component, &given)?;
    let say = |message: String| app.output.error(&one_line(&message));
    let added = store
        .add(&component, &name, grants, placement, &say, &cancel)
        .await?;
    let options = project::options(app);
    app.output.line(&match added {
        Added::Unchanged => format!(
            "{} plugin {name} was added before, just so; nothing was changed",
            paint(GOOD, "✓")
        ),
        Added::Signed => format!(
            "{} plugin {name} was added before, and is now recorded as signed",
            paint(GOOD, "✓")
        ),
        Added::Added => format!("{} plugin {name} was added", paint(GOOD, "✓")),
    });
    let next = match component.plugin.kind {
        PluginKind::Phase | PluginKind::Observer => {
            paint(CODE, format_args!("`chora bootstrap{options}`"))
        }
        PluginKind::Health => format!(
            "{} in the configuration of a service",
            paint(CODE, format_args!("`health: {name}`"))
        ),
    };
    app.output.line(&format!("\nNext: {next}"));
    Ok(Exit::DONE)
}

fn place(args: &AddArgs) -> Option<Place> {
    let phase = args.phase.clone().map(Place::Phase);
    let before = args.before.clone().map(Place::Before);
    let after = args.after.clone().map(Place::After);
    phase.or(before).or(after)
}
