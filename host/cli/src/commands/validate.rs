//! `chora validate`: proves that the running services work together.

use chora_bootstrap::ValidateOptions;

use crate::app::App;
use crate::args::{Format, ValidateArgs, ValidateFormat};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::{project, run};

/// Runs the command.
pub(crate) async fn run(app: &App, args: &ValidateArgs) -> Result<Exit, Ended> {
    let project = project::open(app).await?;
    let skip = [
        (args.skip_discovery, "discovery"),
        (args.skip_routing, "routing"),
        (args.skip_control, "control"),
    ];
    let options = ValidateOptions {
        skip: skip
            .iter()
            .filter(|(skipped, _)| *skipped)
            .map(|(_, check)| (*check).to_owned())
            .collect(),
    };
    let format = match args.format {
        ValidateFormat::Table => Format::Auto,
        ValidateFormat::Json => Format::Json,
    };
    run::show(app, format, |handles| async move {
        chora_bootstrap::validate(&project, &options, handles.events, handles.cancel).await
    })
    .await
}
