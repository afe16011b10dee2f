//! `chora config rotate-credentials` and `apply-credentials`: new secrets, and the services that are to use them.

use chora_bootstrap::{BootstrapOptions, RotateOptions};

use crate::app::App;
use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{GOOD, one_line, paint};
use crate::{project, prompt, run, signals};

/// How long bringing the services up again may take.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(1_800);

/// Makes every credential anew.
pub(super) async fn rotate(app: &App, force: bool, despite_data: bool) -> Result<Exit, Ended> {
    if !force {
        prompt::must_be_able_to_ask("config rotate-credentials")?;
    }
    let project = project::open(app).await?;
    if !force {
        app.output.error(&format!(
            "Every credential of {} will be made anew; the old ones are lost.",
            project.config.environment
        ));
        if !prompt::confirms(&app.output, "config rotate-credentials", "Go on?").await? {
            app.output.error("cancelled; nothing was changed");
            return Ok(Exit::DECLINED);
        }
    }
    let say = |message: String| app.output.error(&one_line(&message));
    let options = RotateOptions { despite_data };
    let cancel = signals::cancel()?;
    let rotated = chora_bootstrap::rotate_credentials(&project, options, &say, &cancel).await?;
    app.output.line(&format!(
        "{} made anew in {}: {}",
        paint(GOOD, "✓"),
        one_line(&rotated.path.display().to_string()),
        rotated.names.join(", ")
    ));
    if !rotated.running.is_empty() {
        app.output.line(&format!(
            "  {} still run with the old ones; start them again with `chora config apply-credentials{}`",
            rotated.running.join(", "),
            project::options(app)
        ));
    }
    Ok(Exit::DONE)
}

/// Starts again what runs with other credentials.
pub(super) async fn apply(app: &App, format: Format) -> Result<Exit, Ended> {
    let project = project::open(app).await?;
    if project.running().await?.is_empty() {
        app.output.line(
            "no service runs; the next `chora bootstrap` starts them with the credentials of the file",
        );
        return Ok(Exit::DONE);
    }
    let options = BootstrapOptions {
        resume: true,
        parallel: None,
        timeout: TIMEOUT,
        skip_validation: true,
        dry_run: false,
        on_failure_rollback: false,
    };
    run::show(app, format, |handles| async move {
        chora_bootstrap::bootstrap(&project, &options, handles.events, handles.cancel).await
    })
    .await
}
