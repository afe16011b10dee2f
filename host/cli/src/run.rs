//! One run as the user lives through it: events on the screen, signals to the run, its exit code at the end.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context;
use chora_bootstrap::Cancel;
use chora_model::event::{EventSink, Summary};

use crate::app::App;
use crate::args::Format;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::project;
use crate::render::{Renderer, Story, Style};
use crate::signals;

/// What a run is given.
pub(crate) struct Handles {
    /// Where its events go.
    pub(crate) events: Arc<dyn EventSink>,
    /// How it hears that it is to stop.
    pub(crate) cancel: Cancel,
}

/// How the run is shown.
pub(crate) fn style(app: &App, format: Format) -> Style {
    // Details and the program's own log would tear what is redrawn.
    let quiet = !app.global.verbose && !app.logs;
    match format {
        Format::Json => Style::Json,
        Format::Auto if quiet && app.output.is_live() => Style::Live,
        Format::Auto | Format::Plain => Style::Plain,
    }
}

/// Does the work, which runs as a task of its own so that a second signal ends chora whatever the work is busy with.
pub(crate) async fn show<W, F>(app: &App, format: Format, work: W) -> Result<Exit, Ended>
where
    W: FnOnce(Handles) -> F,
    F: Future<Output = Summary> + Send + 'static,
{
    let story = Story::new(app.global.verbose, project::options(app));
    let (renderer, sink) = Renderer::start(&app.output, style(app, format), story)
        .context("failed to start the thread that shows the run")?;
    let cancel = Cancel::new();
    let second = signals::catch(cancel.clone(), renderer.speaker())?;
    let leave = renderer.leaver();
    let done = async {
        let handles = Handles {
            events: Arc::clone(&sink) as Arc<dyn EventSink>,
            cancel,
        };
        let summary = tokio::spawn(work(handles))
            .await
            .context("the run ended in a fault of chora")?;
        sink.finish(&summary);
        drop(sink);
        renderer.ended().await;
        Ok(Exit(summary.exit_code))
    };
    tokio::select! {
        exit = done => exit,
        // The thread that listens goes on as long as chora does, so that this is the second signal and nothing else.
        Ok(()) = second => {
            leave();
            Ok(Exit::INTERRUPTED)
        }
    }
}
