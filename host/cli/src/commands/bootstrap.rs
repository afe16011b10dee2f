//! `chora bootstrap`: brings everything up.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chora_bootstrap::BootstrapOptions;
use chora_model::config::{self, Source};
use chora_model::event::{Ending, EventKind, RunKind, Summary};
use chora_model::file;

use crate::app::App;
use crate::args::{BootstrapArgs, Format, OnFailure};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::{project, run};

/// Runs the command.
pub(crate) async fn run(app: &App, args: &BootstrapArgs) -> Result<Exit, Ended> {
    let mut notices = Vec::new();
    let opened = async {
        if args.init {
            notices.push(init(&project::source(app)?, args.dry_run)?);
        }
        project::open(app).await
    };
    let project = match opened.await {
        Ok(project) => project,
        Err(ended) if args.format == Format::Json => return refuse(app, ended).await,
        Err(ended) => return Err(ended),
    };
    if project.builtin_config && !args.init {
        let options = project::options(app);
        notices.push(format!(
            "there is no configuration here, so the built-in default is used; `chora bootstrap --init{options}` writes it"
        ));
    }
    notices.extend(project.engine_reason().map(str::to_owned));
    let options = BootstrapOptions {
        resume: !args.no_resume,
        parallel: args.parallel.map(NonZeroUsize::get),
        timeout: args.timeout,
        skip_validation: args.skip_validation,
        dry_run: args.dry_run,
        on_failure_rollback: args.on_failure == OnFailure::Rollback,
    };
    run::show(app, args.format, |handles| async move {
        for message in notices {
            handles.events.emit(EventKind::Notice { message });
        }
        chora_bootstrap::bootstrap(&project, &options, handles.events, handles.cancel).await
    })
    .await
}

/// Writes the default configuration where there is none, and says what it did.
fn init(source: &Source, dry_run: bool) -> Result<String, Ended> {
    let path = match &source.path {
        Some(path) => path.clone(),
        None => default_path(source),
    };
    let shown = path.display();
    if path.exists() {
        return Ok(format!(
            "the configuration `{shown}` exists already and is left as it is"
        ));
    }
    if dry_run {
        return Ok(format!(
            "the default configuration would be written to `{shown}`"
        ));
    }
    write_default(&path).map_err(|error| {
        let mut ended = Ended::from(error.context("failed to write the default configuration"));
        ended.failure.next_actions.push(format!(
            "see to it that `{shown}` can be written, or name another file with `--config`"
        ));
        ended
    })?;
    Ok(format!(
        "the default configuration was written to `{shown}`"
    ))
}

fn write_default(path: &Path) -> anyhow::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("failed to make the directory `{}`", directory.display()))?;
    }
    Ok(file::write_atomic(path, config::DEFAULT.as_bytes(), 0o644)?)
}

/// Where the configuration is unless another file is named.
pub(crate) fn default_path(source: &Source) -> PathBuf {
    source.project.join(".chora").join("bootstrap-config.yml")
}

/// A run that could not begin, for a reader of JSON: the summary is the last line then too.
async fn refuse(app: &App, ended: Ended) -> Result<Exit, Ended> {
    let Ended { exit, failure } = ended;
    let environment = app.global.environment.clone();
    let summary = Summary {
        run: String::new(),
        kind: RunKind::Bootstrap,
        environment: environment.unwrap_or_else(|| "dev".to_owned()),
        ending: Ending::Failed,
        exit_code: exit.0,
        dry_run: false,
        duration_ms: 0,
        changed: 0,
        unchanged: 0,
        skipped: 0,
        healthy: 0,
        services: 0,
        urls: Vec::new(),
        critical_path: Vec::new(),
        failures: vec![*failure],
        journal_us: 0,
        journal: None,
    };
    run::show(app, Format::Json, |_handles| async move { summary }).await
}
