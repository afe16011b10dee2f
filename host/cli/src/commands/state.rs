//! `chora state repair`: the state made anew.

use chora_bootstrap::{Difference, Repair};

use crate::app::App;
use crate::args::{StateArgs, StateCommand};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{GOOD, escape, one_line, paint};
use crate::{project, prompt, signals};

/// Runs the command.
pub(crate) async fn run(app: &App, args: &StateArgs) -> Result<Exit, Ended> {
    match args.command {
        StateCommand::Repair { force, dry_run } => repair(app, force, dry_run).await,
    }
}

async fn repair(app: &App, force: bool, dry_run: bool) -> Result<Exit, Ended> {
    let asks = !force && !dry_run;
    if asks {
        prompt::must_be_able_to_ask("state repair")?;
    }
    let project = project::open(app).await?;
    let say = |message: String| app.output.error(&one_line(&message));
    let repair = chora_bootstrap::repair(&project, &say, &signals::cancel()?).await?;
    if repair.is_needless() {
        app.output.line(&format!(
            "{} there is nothing to repair: the state can be read and agrees with what runs",
            paint(GOOD, "✓")
        ));
        return Ok(Exit::DONE);
    }
    app.output.text(&escape(&shown(&repair)));
    if dry_run {
        return Ok(Exit::DONE);
    }
    if asks && !prompt::confirms(&app.output, "state repair", "Write this state?").await? {
        app.output.error("cancelled; nothing was changed");
        return Ok(Exit::DECLINED);
    }
    if let Some(aside) = repair.apply()? {
        let aside = one_line(&aside.display().to_string());
        app.output
            .line(&format!("  the damaged file is now {aside}"));
    }
    app.output.line(&format!(
        "{} the state was made anew; `chora bootstrap{}` looks at everything and goes on from it",
        paint(GOOD, "✓"),
        project::options(app)
    ));
    Ok(Exit::DONE)
}

/// What is wrong, and each field that changes.
fn shown(repair: &Repair) -> String {
    let mut text = String::new();
    if let Some(damage) = &repair.damage {
        text.push_str(damage);
        text.push('\n');
    }
    text.push_str("The state, made anew from the journals and from what runs:\n");
    for Difference {
        field,
        before,
        after,
    } in &repair.differences
    {
        let line = match before {
            Some(before) => format!("  {field}: {before} → {after}\n"),
            None => format!("  {field}: {after}\n"),
        };
        text.push_str(&line);
    }
    text
}
