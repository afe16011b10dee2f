//! Images that are pulled again when they have got old: `pull_policy: daily` and its like.
//!
//! The engine remembers when an image was tagged last, and nothing of pulls; Compose goes by that time. An engine that keeps images in its own store leaves it as it was when it pulls, so
//! that every start after the first would pull anew. Hence what was pulled is tagged once more with the name that it has: the time is then that of the last pull, for Compose as well.

use bollard::Docker;
use bollard::models::ImageInspect;
use bollard::query_parameters::TagImageOptionsBuilder;
use jiff::{SignedDuration, Timestamp};

use super::archive::PROGRAM_LABEL;
use super::error::ImageError;
use super::reference::split;
use super::{Pull, Wanted, labels};

/// Whether an image that is there has to be pulled again.
pub(super) fn is_due(image: &ImageInspect, wanted: &Wanted<'_>) -> bool {
    let Pull::Older(age) = wanted.pull else {
        return false;
    };
    // What a digest names never changes; what is built or made here comes from no registry.
    let is_fixed = split(wanted.reference).1.is_none();
    let is_made =
        wanted.build.is_some() || labels(image).is_some_and(|it| it.contains_key(PROGRAM_LABEL));
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
    // One that was never tagged here has the year 1, or nothing.
    let pulled = image
        .metadata
        .as_ref()
        .and_then(|it| it.last_tag_time.as_ref());
    let pulled = pulled.and_then(|at| at.parse::<Timestamp>().ok());
    let is_old = pulled.is_none_or(|at| Timestamp::now().duration_since(at) > age);
    is_old && !is_fixed && !is_made
}

/// Remembers that an image was pulled just now.
pub(super) async fn remember(docker: &Docker, reference: &str) -> Result<(), ImageError> {
    let (name, Some(tag)) = split(reference) else {
        return Ok(());
    };
    let options = TagImageOptionsBuilder::default()
        .repo(name)
        .tag(tag)
        .build();
    let tagged = docker.tag_image(reference, Some(options)).await;
    tagged.map_err(|error| ImageError::of("tag", reference, error))
}
