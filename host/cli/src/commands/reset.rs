//! `chora reset`: removes everything and forgets the state.

use chora_bootstrap::ResetOptions;

use crate::app::App;
use crate::args::{Format, ResetArgs};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::prompt;
use crate::{project, run};

/// Runs the command.
pub(crate) async fn run(app: &App, args: &ResetArgs) -> Result<Exit, Ended> {
    if !args.force {
        prompt::must_be_able_to_ask("reset")?;
    }
    let project = project::open(app).await?;
    let options = ResetOptions {
        volumes: args.volumes,
        keep_credentials: args.keep_credentials,
    };
    if !args.force {
        let preview = chora_bootstrap::reset_preview(&project, &options)?;
        let mut plan = format!("Resetting {} will", project.config.environment);
        plan.push_str(&super::preview(
            &preview.services,
            preview.deletes_data,
            preview.deletes_credentials,
        ));
        plan.push_str("\n  - forget the state");
        app.output.error(&plan);
        if !prompt::confirms(&app.output, "reset", "Go on?").await? {
            app.output.error("cancelled; nothing was changed");
            return Ok(Exit::DECLINED);
        }
    }
    run::show(app, Format::Auto, |handles| async move {
        chora_bootstrap::reset(&project, &options, handles.events, handles.cancel).await
    })
    .await
}
