//! `chora plugin remove`.

use chora_bootstrap::where_it_runs;
use chora_plugin_host::PluginKind;

use super::show;
use crate::app::App;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{BOLD, GOOD, one_line, paint};
use crate::{project, prompt, signals};

/// Runs the command.
pub(super) async fn run(app: &App, name: &str, yes: bool) -> Result<Exit, Ended> {
    let command = format!("plugin remove {name}");
    if !yes {
        prompt::must_be_able_to_ask_unless(&command, "--yes")?;
    }
    let store = project::store(app)?;
    let locked = store.removable(name)?;
    if !yes {
        let runs = where_it_runs(
            store.config(),
            locked.placement.as_ref(),
            PluginKind::of_world(&locked.world),
        );
        let lines = [
            format!(
                "{} {}",
                paint(BOLD, one_line(name)),
                one_line(&locked.version)
            ),
            show::fact("source", &one_line(&locked.source)),
            show::fact("runs", &one_line(&runs)),
            show::warn(
                "what its steps did stays as it is; undo it first with `chora rollback` where that is not wanted",
            ),
        ];
        app.output.line(&lines.join("\n"));
        if !prompt::confirms(&app.output, &command, "Remove it?").await? {
            app.output.error("cancelled; nothing was changed");
            return Ok(Exit::DECLINED);
        }
    }
    let say = |message: String| app.output.error(&one_line(&message));
    let deleted = store.remove(name, &say, &signals::cancel()?).await?;
    let copy = if deleted {
        "with its component"
    } else {
        "its component stays, because another plugin has the same"
    };
    app.output.line(&format!(
        "{} plugin {name} was removed, {copy}",
        paint(GOOD, "✓")
    ));
    Ok(Exit::DONE)
}
