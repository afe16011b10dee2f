//! The service images: made of this very program, without a registry and without a base image.

use std::path::Path;

use bollard::Docker;
use bollard::models::ImageInspect;
use bollard::query_parameters::{ImportImageOptions, RemoveImageOptions};
use futures_util::StreamExt as _;

use super::archive::{Archive, PROGRAM_LABEL};
use super::error::ImageError;
use super::program::{Program, identity};
use super::progress::{Observer, Progress};
use super::reference::split;

/// Where the program is in its image.
pub(super) const PROGRAM: &str = "/chora";

/// The service that an image of ours runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The registry.
    Manifest,
    /// The orchestrator.
    Orchestrator,
    /// The gateway.
    Gateway,
    /// The sample capability.
    Analyzer,
}

impl Role {
    /// All that there are.
    pub const ALL: [Self; 4] = [
        Self::Manifest,
        Self::Orchestrator,
        Self::Gateway,
        Self::Analyzer,
    ];

    /// Its name: behind `chora serve`, and behind `chora/` in the image's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Orchestrator => "orchestrator",
            Self::Gateway => "gateway",
            Self::Analyzer => "analyzer",
        }
    }

    /// Where it listens unless it is told otherwise.
    pub fn port(self) -> u16 {
        match self {
            Self::Manifest => 8500,
            Self::Orchestrator => 8600,
            Self::Gateway => 8700,
            Self::Analyzer => 8800,
        }
    }

    /// Its image with this tag.
    pub fn image(self, tag: &str) -> Own {
        Own {
            reference: format!("chora/{}:{tag}", self.name()),
            role: self,
        }
    }
}

/// An image that chora makes of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// Its name and tag.
    pub reference: String,
    /// What it runs.
    pub role: Role,
}

impl Own {
    /// The image that a reference means, where it is one that chora can make: `chora/` and a role.
    pub fn of(reference: &str) -> Option<Self> {
        let (repository, tag) = split(reference);
        tag?;
        let name = repository.strip_prefix("chora/")?;
        let role = Role::ALL.into_iter().find(|role| role.name() == name)?;
        Some(Self {
            reference: reference.to_owned(),
            role,
        })
    }
}

/// An image that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its name and tag.
    pub reference: String,
    /// Its id, the same for the same program.
    pub id: String,
}

/// Makes images of the program and gives them to the engine, all in one transfer: they share their only layer. Images of these names that were there lose them, and are
/// removed where nothing else holds them.
///
/// Dropping the future ends the transfer; the engine keeps nothing of a broken one.
pub async fn build_own(
    docker: &Docker,
    program: &Path,
    images: &[Own],
    observer: Observer<'_>,
) -> Result<Vec<Made>, ImageError> {
    let Some(first) = images.first().map(|image| image.reference.clone()) else {
        return Ok(Vec::new());
    };
    let archive = {
        let (path, images) = (program.to_owned(), images.to_vec());
        let assembled = tokio::task::spawn_blocking(move || {
            let program = Program::read(&path)?;
            Archive::of(program, &images).map_err(|error| ImageError::Program {
                path,
                why: error.to_string(),
            })
        });
        assembled.await.map_err(|error| ImageError::Program {
            path: program.to_owned(),
            why: error.to_string(),
        })??
    };
    let made = images
        .iter()
        .zip(&archive.ids)
        .map(|(image, id)| Made {
            reference: image.reference.clone(),
            id: id.clone(),
        })
        .collect();

    let mut replaced = Vec::new();
    for image in images {
        replaced.extend(super::inspect(docker, &image.reference).await?);
    }
    let total = archive.len();
    // What is sent and what is answered meet here: the transport takes a body that borrows nothing.
    let (sent, mut count) = tokio::sync::watch::channel(0);
    let body = futures_util::stream::iter(archive.into_pieces()).inspect(move |piece| {
        sent.send_modify(|count| *count += piece.len() as u64);
    });
    let options = ImportImageOptions {
        quiet: true,
        ..ImportImageOptions::default()
    };
    let body = bollard::body_stream(body);
    let mut answers = std::pin::pin!(docker.import_image(options, body, None));
    let mut sending = true;
    loop {
        tokio::select! {
            changed = count.changed(), if sending => match changed {
                Ok(()) => observer(Progress::Sending { current: *count.borrow_and_update(), total }),
                Err(_) => sending = false,
            },
            answer = answers.next() => match answer {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(ImageError::of("load", &first, error)),
                None => break,
            },
        }
    }
    forget(docker, replaced).await?;
    Ok(made)
}

/// Removes images of ours that lost their last name, unless a container is still made of them.
async fn forget(docker: &Docker, replaced: Vec<ImageInspect>) -> Result<(), ImageError> {
    for id in replaced.into_iter().filter_map(|image| image.id) {
        let Some(image) = super::inspect(docker, &id).await? else {
            continue;
        };
        let labels = image.config.and_then(|config| config.labels);
        let is_ours = labels.is_some_and(|labels| labels.contains_key(PROGRAM_LABEL));
        if is_ours && image.repo_tags.unwrap_or_default().is_empty() {
            // The engine refuses while a container is made of it.
            let _in_use = docker
                .remove_image(&id, None::<RemoveImageOptions>, None)
                .await;
        }
    }
    Ok(())
}

/// Whether an image with these labels was made of another program than this one. Images that nobody made of a program are not judged.
pub(super) fn is_of_another(
    labels: Option<&std::collections::HashMap<String, String>>,
    program: &Path,
) -> Result<bool, ImageError> {
    match labels.and_then(|labels| labels.get(PROGRAM_LABEL)) {
        Some(label) => Ok(*label != identity(program)?),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::{Own, Role};

    #[test]
    fn an_image_of_ours_is_known_by_its_name() {
        let role = |reference| Own::of(reference).map(|own| own.role);
        assert_eq!(role("chora/manifest:1.0.0"), Some(Role::Manifest));
        assert_eq!(role("chora/analyzer"), Some(Role::Analyzer));
        for other in [
            "chora/other:1",
            "manifest:1.0.0",
            "quay.io/chora/manifest:1",
            "chora/manifest@sha256:00",
        ] {
            assert_eq!(role(other), None, "{other}");
        }
    }
}
