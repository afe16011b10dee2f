//! Building an image from a `build:` section, by the engine's own builder.

use std::collections::{HashMap, VecDeque};

use bollard::Docker;
use bollard::query_parameters::BuildImageOptions;
use chora_compose::Build;
use futures_util::StreamExt as _;

use super::context::Context;
use super::error::ImageError;
use super::progress::{Observer, Progress};

/// How many lines of its output a failed build is reported with.
const TAIL: usize = 20;

/// Builds the image, gives it its name, and returns its id. Dropping the future ends the request, and the engine ends the build.
pub async fn build(
    docker: &Docker,
    reference: &str,
    build: &Build,
    observer: Observer<'_>,
) -> Result<String, ImageError> {
    let context = {
        let build = build.clone();
        match tokio::task::spawn_blocking(move || Context::open(&build)).await {
            Ok(context) => context?,
            Err(error) => {
                return Err(ImageError::BuildFailed {
                    reference: reference.to_owned(),
                    message: error.to_string(),
                    output: Vec::new(),
                });
            }
        }
    };
    let options = options(reference, build, &context);
    let body = bollard::body_try_stream(context.stream());
    let mut answers = std::pin::pin!(docker.build_image(options, None, Some(body)));
    let mut id = None;
    let mut output = Output::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => {
                if let Some(text) = answer.stream {
                    output.add(&text, observer);
                }
                if let Some(status) = answer.status {
                    output.add(&format!("{status}\n"), observer);
                }
                id = answer.aux.and_then(|image| image.id).or(id);
            }
            Err(error) => return Err(failed(reference, error, output.into_lines())),
        }
    }
    let id = match id {
        Some(id) => id,
        // Older engines and podman do not say.
        None => docker
            .inspect_image(reference)
            .await
            .map_err(|error| ImageError::of("build", reference, error))?
            .id
            .unwrap_or_default(),
    };
    for tag in &build.tags {
        let (repository, tag) = super::reference::split(tag);
        let options = bollard::query_parameters::TagImageOptions {
            repo: Some(repository.to_owned()),
            tag: tag.map(str::to_owned),
        };
        docker
            .tag_image(&id, Some(options))
            .await
            .map_err(|error| ImageError::of("tag", reference, error))?;
    }
    Ok(id)
}

fn options(reference: &str, build: &Build, context: &Context) -> BuildImageOptions {
    let map =
        |pairs: &std::collections::BTreeMap<String, String>| -> Option<HashMap<String, String>> {
            (!pairs.is_empty()).then(|| pairs.clone().into_iter().collect())
        };
    let hosts: Vec<String> = build
        .extra_hosts
        .iter()
        .flat_map(|(name, addresses)| addresses.iter().map(move |at| format!("{name}:{at}")))
        .collect();
    BuildImageOptions {
        dockerfile: context.dockerfile.display().to_string(),
        t: Some(reference.to_owned()),
        extrahosts: (!hosts.is_empty()).then(|| hosts.join(",")),
        nocache: build.no_cache,
        cachefrom: (!build.cache_from.is_empty()).then(|| build.cache_from.clone()),
        pull: build.pull.then(|| "1".to_owned()),
        // What a step ran in is of no use afterwards, not even when it failed.
        rm: true,
        forcerm: true,
        buildargs: map(&build.args),
        shmsize: build.shm_size.and_then(|size| i32::try_from(size).ok()),
        labels: map(&build.labels),
        networkmode: build.network.clone(),
        platform: build.platforms.first().cloned().unwrap_or_default(),
        target: build.target.clone().unwrap_or_default(),
        ..BuildImageOptions::default()
    }
}

fn failed(reference: &str, error: bollard::errors::Error, output: Vec<String>) -> ImageError {
    match ImageError::of("build", reference, error) {
        ImageError::Engine { source, .. } => ImageError::BuildFailed {
            reference: reference.to_owned(),
            message: match source {
                bollard::errors::Error::DockerStreamError { error } => error,
                bollard::errors::Error::DockerResponseServerError { message, .. } => message,
                other => other.to_string(),
            },
            output,
        },
        named => named,
    }
}

/// The last lines; the engine cuts its output where it likes.
#[derive(Default)]
struct Output {
    lines: VecDeque<String>,
    begun: String,
}

impl Output {
    fn add(&mut self, text: &str, observer: Observer<'_>) {
        self.begun.push_str(text);
        while let Some((line, rest)) = self.begun.split_once('\n') {
            let line = line.trim_end().to_owned();
            self.begun = rest.to_owned();
            if !line.is_empty() {
                observer(Progress::Output(line.clone()));
                self.lines.push_back(line);
            }
        }
        while self.lines.len() > TAIL {
            self.lines.pop_front();
        }
    }

    fn into_lines(mut self) -> Vec<String> {
        if !self.begun.trim().is_empty() {
            self.lines.push_back(self.begun);
        }
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, TAIL};

    #[test]
    fn lines_that_come_in_pieces_are_put_together_and_only_the_last_are_kept() {
        let mut output = Output::default();
        for number in 0..2 * TAIL {
            output.add(&format!("line {number}"), &|_| {});
            output.add(" ends\n", &|_| {});
        }
        output.add("begun", &|_| {});
        let lines = output.into_lines();
        assert_eq!(lines.len(), TAIL + 1);
        assert_eq!(lines.first().unwrap(), &format!("line {TAIL} ends"));
        assert_eq!(lines.last().unwrap(), "begun");
    }
}
