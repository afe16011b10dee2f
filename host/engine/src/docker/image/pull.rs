//! Pulling an image, layer by layer.

use std::path::Path;

use bollard::Docker;
use bollard::models::CreateImageInfo;
use bollard::query_parameters::CreateImageOptions;
use futures_util::StreamExt as _;

use super::auth::login;
use super::error::ImageError;
use super::progress::{Observer, Progress};
use super::reference::split;

/// Pulls an image with the user's login for its registry. Dropping the future ends the request, and with it the pull.
pub async fn pull(
    docker: &Docker,
    reference: &str,
    logins: Option<&Path>,
    observer: Observer<'_>,
) -> Result<(), ImageError> {
    observer(Progress::Pulling {
        reference: reference.to_owned(),
    });
    let credentials = login(reference, logins).await?;
    // Without a tag the engine would pull every one that there is.
    let options = match split(reference) {
        (name, Some(tag)) => CreateImageOptions {
            from_image: Some(name.to_owned()),
            tag: Some(tag.to_owned()),
            ..CreateImageOptions::default()
        },
        (_, None) => CreateImageOptions {
            from_image: Some(reference.to_owned()),
            ..CreateImageOptions::default()
        },
    };
    let mut answers = std::pin::pin!(docker.create_image(Some(options), None, credentials));
    while let Some(answer) = answers.next().await {
        let answer = answer.map_err(|error| ImageError::of("pull", reference, error))?;
        if let Some(progress) = layer(answer) {
            observer(progress);
        }
    }
    Ok(())
}

/// What an answer says of a layer; other answers repeat the reference or the digest.
fn layer(answer: CreateImageInfo) -> Option<Progress> {
    let detail = answer.progress_detail.unwrap_or_default();
    let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok());
    let id = answer.id.filter(|id| is_layer(id))?;
    Some(Progress::Layer {
        id,
        status: answer.status?,
        current: bytes(detail.current),
        total: bytes(detail.total),
    })
}

/// The first answer of a pull bears the tag where others bear the layer.
fn is_layer(id: &str) -> bool {
    id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}
