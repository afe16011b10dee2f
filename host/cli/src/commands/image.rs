//! `chora image`: the images of the reference services.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Error};
use chora_engine::docker::image::{ImageError, Role, build_own, size, start_time};
use chora_engine::docker::{DockerError, Endpoint};
use chora_model::failure::{Code, Failure};
use chora_service_kit::check_at;

use crate::app::App;
use crate::args::ImageCommand;
use crate::exit::Exit;
use crate::failure::{Ended, usage};
use crate::output::{GOOD, escape, human, one_line, paint};

/// How long a container of a new image may take to answer.
const START_LIMIT: Duration = Duration::from_secs(30);
const ASK_LIMIT: Duration = Duration::from_secs(1);

/// Runs the command.
pub(crate) async fn run(app: &App, command: &ImageCommand) -> Result<Exit, Ended> {
    match command {
        ImageCommand::Build { tag, program } => build(app, tag, program.clone()).await,
    }
}

async fn build(app: &App, tag: &str, program: Option<PathBuf>) -> Result<Exit, Ended> {
    if !is_tag(tag) {
        let failure = usage(format!("`{}` is no tag of an image", escape(tag)));
        return Err(failure
            .next("a tag has letters, digits, `_`, `.` and `-`, begins with none of the last two, and has at most 128")
            .into());
    }
    let program = match program {
        Some(program) => program,
        None => std::env::current_exe().context("failed to find out where this program is")?,
    };
    let docker = Endpoint::from_env()
        .connect()
        .await
        .map_err(|error| unreached(&error))?;
    let images = Role::ALL.map(|role| role.image(tag));
    let made = build_own(&docker, &program, &images, &|progress| {
        tracing::debug!(?progress, "making the images");
    })
    .await
    .map_err(failed)?;
    for image in &made {
        app.output.line(&format!(
            "{} {}  {}",
            paint(GOOD, "✓"),
            one_line(&image.reference),
            image.id
        ));
    }

    let Some(sample) = images.last() else {
        return Ok(Exit::DONE);
    };
    if let Some(size) = size(&docker, &sample.reference).await.map_err(failed)? {
        #[expect(clippy::cast_precision_loss, reason = "a size is shown to one decimal")]
        let megabytes = size as f64 / 1e6;
        app.output
            .line(&format!("  size: {megabytes:.1} MB, shared by all four"));
    }
    let answers = async |address| {
        let asked = tokio::task::spawn_blocking(move || check_at(address, ASK_LIMIT).is_ok());
        asked.await.unwrap_or(false)
    };
    match start_time(&docker, sample, START_LIMIT, answers).await {
        Ok(Some(time)) => {
            app.output.line(&format!(
                "  start of {}: {} from making the container to its first healthy answer",
                sample.role.name(),
                human(time)
            ));
        }
        Ok(None) => app.output.error(&format!(
            "the container of {} did not answer here; see whether it runs on the engine's machine with `docker run --rm {}`",
            sample.role.name(),
            one_line(&sample.reference)
        )),
        Err(error) => return Err(failed(error)),
    }
    Ok(Exit::DONE)
}

fn unreached(error: &DockerError) -> Failure {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    let mut failure = Failure::new(Code::EngineUnavailable, error.to_string());
    failure.details = causes.map(ToString::to_string).collect();
    failure
}

fn failed(error: ImageError) -> Ended {
    Error::from(error).into()
}

fn is_tag(text: &str) -> bool {
    let proper = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=128).contains(&text.len()) && text.chars().all(proper) && !text.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::is_tag;

    #[test]
    fn a_tag_is_what_the_engine_takes_for_one() {
        for good in ["1.0.0", "latest", "_x", "1.0.0-rc.1"] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", ".1", "-1", "a/b", "a:b", "a b"] {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
