//! `chora rollback`: undoes what later phases made.

use chora_bootstrap::RollbackOptions;
use chora_model::config::PHASE_NAMES;
use chora_model::failure::Code;

use crate::app::App;
use crate::args::{Format, RollbackArgs};
use crate::exit::Exit;
use crate::failure::{Ended, usage, with_exit};
use crate::prompt;
use crate::{project, run};

/// Runs the command.
pub(crate) async fn run(app: &App, args: &RollbackArgs) -> Result<Exit, Ended> {
    let to_phase = args.to_phase.as_deref().map(phase).transpose()?;
    let asks = !args.force && !args.dry_run;
    if asks {
        prompt::must_be_able_to_ask("rollback")?;
    }
    let project = project::open(app).await?;
    if asks {
        let preview =
            chora_bootstrap::rollback_preview(&project, to_phase).map_err(
                |failure| match failure.code {
                    Code::RollbackFailed | Code::ConfigError => {
                        with_exit(failure, Exit::INVALID_TARGET)
                    }
                    _ => failure.into(),
                },
            )?;
        let name = PHASE_NAMES
            .get(usize::from(preview.to_phase))
            .copied()
            .unwrap_or("");
        let environment = &project.config.environment;
        let mut plan = format!(
            "Rolling back {environment} to phase {} ({name}) will",
            preview.to_phase
        );
        plan.push_str(&super::preview(
            &preview.services,
            preview.deletes_data && !args.keep_data,
            preview.deletes_credentials && !args.keep_data,
        ));
        app.output.error(&plan);
        if !prompt::confirms(&app.output, "rollback", "Go on?").await? {
            app.output.error("cancelled; nothing was changed");
            return Ok(Exit::DECLINED);
        }
    }
    let options = RollbackOptions {
        to_phase,
        keep_data: args.keep_data,
        dry_run: args.dry_run,
    };
    run::show(app, Format::Auto, |handles| async move {
        chora_bootstrap::rollback(&project, &options, handles.events, handles.cancel).await
    })
    .await
}

/// The last phase changes nothing that could be kept while something after it is undone.
fn phase(text: &str) -> Result<u8, Ended> {
    match text.parse() {
        Ok(phase @ 0..=3) => Ok(phase),
        Ok(_) | Err(_) => {
            let failure = usage(format!("`{text}` is no phase to go back to"))
                .next("give one of 0, 1, 2 and 3 with `--to-phase`, or leave it out to undo the last phase");
            Err(with_exit(failure, Exit::INVALID_TARGET))
        }
    }
}
