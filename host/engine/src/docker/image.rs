//! Images: that one is there before a container is made of it, by whichever way leads there.
//!
//! An image that is there is used. One with a `build:` section is built. Another is pulled, and where that is not possible one of chora's own services is made of chora itself.
//! Nothing here prints: what happens is told to an [`Observer`]. Every call may be dropped at any time, which ends what the engine does for it.

mod archive;
mod auth;
mod build;
mod context;
mod error;
mod ignore;
mod own;
mod program;
mod progress;
mod pull;
mod reference;
mod refresh;
mod trial;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ImageInspect;
use chora_compose::Build;
use tokio::sync::Mutex;

pub use auth::{Login, login_file, login_for};
pub use build::build;
pub use error::ImageError;
pub use own::{Made, Own, Role, build_own};
pub use progress::{Observer, Progress};
pub use pull::pull;
pub use trial::start_time;

/// An image that has to be there.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its name.
    pub reference: &'a str,
    /// How it is built, where the compose file says so.
    pub build: Option<&'a Build>,
    /// When it is pulled.
    pub pull: Pull,
    /// This program, of which chora's own images are made.
    pub program: &'a Path,
    /// The user's logins for registries; see [`login_file`].
    pub logins: Option<&'a Path>,
}

/// When an image is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pull {
    /// Always, whether it is there or not.
    Always,
    /// When it is not there.
    #[default]
    Missing,
    /// When it is not there, or was got longer ago than this.
    Older(Duration),
    /// Never.
    Never,
}

/// How it came that the image is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// It was there.
    Present,
    /// It was pulled.
    Pulled,
    /// It was built, or made of this program.
    Built,
}

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// How it came.
    pub came: Came,
}

/// Only one at a time makes our images, and makes all of them: services that start together want the same layer.
static MAKING: Mutex<()> = Mutex::const_new(());

/// Sees to it that the image is there.
pub async fn ensure_image(
    docker: &Docker,
    wanted: Wanted<'_>,
    observer: Observer<'_>,
) -> Result<Image, ImageError> {
    let reference = wanted.reference;
    let own = Own::of(reference).filter(|_| wanted.build.is_none());
    if wanted.pull != Pull::Always
        && let Some(image) = inspect(docker, reference).await?
    {
        if own.is_some() && own::is_of_another(labels(&image), wanted.program)? {
            let why = "what is there was made of another chora";
            return make(docker, wanted, why, observer).await;
        }
        if !refresh::is_due(&image, &wanted) {
            return Ok(arrived(image, Came::Present));
        }
    }
    if let Some(section) = wanted.build {
        observer(Progress::Building {
            reference: reference.to_owned(),
            why: None,
        });
        let id = build(docker, reference, section, observer).await?;
        let came = Came::Built;
        return Ok(Image { id, came });
    }
    let refused = match wanted.pull {
        Pull::Never => ImageError::Absent {
            reference: reference.to_owned(),
        },
        Pull::Always | Pull::Missing | Pull::Older(_) => {
            match pull(docker, reference, wanted.logins, observer).await {
                Ok(()) => {
                    if matches!(wanted.pull, Pull::Older(_)) {
                        refresh::remember(docker, reference).await?;
                    }
                    let image = inspect(docker, reference).await?;
                    return match image {
                        Some(image) => Ok(arrived(image, Came::Pulled)),
                        None => Err(ImageError::Absent {
                            reference: reference.to_owned(),
                        }),
                    };
                }
                Err(error) => error,
            }
        }
    };
    // What is wrong with the engine itself is not mended by making the image.
    let can_be_made = matches!(
        refused,
        ImageError::Absent { .. }
            | ImageError::NotFound { .. }
            | ImageError::Unreachable { .. }
            | ImageError::Unauthorised { .. }
    );
    if own.is_none() || !can_be_made {
        return Err(refused);
    }
    make(docker, wanted, &refused.to_string(), observer).await
}

/// Makes the image of this program, unless somebody else did so while this one waited.
async fn make(
    docker: &Docker,
    wanted: Wanted<'_>,
    why: &str,
    observer: Observer<'_>,
) -> Result<Image, ImageError> {
    let reference = wanted.reference;
    let _turn = MAKING.lock().await;
    if let Some(image) = inspect(docker, reference).await? {
        let labels = labels(&image);
        if labels.is_some() && !own::is_of_another(labels, wanted.program)? {
            return Ok(arrived(image, Came::Built));
        }
    }
    observer(Progress::Building {
        reference: reference.to_owned(),
        why: Some(why.to_owned()),
    });
    let tag = reference::split(reference).1.unwrap_or("latest");
    let images = Role::ALL.map(|role| role.image(tag));
    build_own(docker, wanted.program, &images, observer).await?;
    match inspect(docker, reference).await? {
        Some(image) => Ok(arrived(image, Came::Built)),
        None => Err(ImageError::Absent {
            reference: reference.to_owned(),
        }),
    }
}

/// The image, where it is there and [`ensure_image`] would leave it as it is.
pub async fn present(docker: &Docker, wanted: Wanted<'_>) -> Result<Option<Image>, ImageError> {
    let Some(image) = inspect(docker, wanted.reference).await? else {
        return Ok(None);
    };
    let own = Own::of(wanted.reference).filter(|_| wanted.build.is_none());
    let stale = own.is_some() && own::is_of_another(labels(&image), wanted.program)?;
    Ok((!stale).then(|| arrived(image, Came::Present)))
}

/// How many bytes the image has, with all its layers.
pub async fn size(docker: &Docker, reference: &str) -> Result<Option<u64>, ImageError> {
    let image = inspect(docker, reference).await?;
    let size = image.and_then(|image| image.size);
    Ok(size.and_then(|size| u64::try_from(size).ok()))
}

/// The image under this name, where there is one.
pub async fn inspect(docker: &Docker, reference: &str) -> Result<Option<ImageInspect>, ImageError> {
    match docker.inspect_image(reference).await {
        Ok(image) => Ok(Some(image)),
        Err(error) if error::is_absent(&error) => Ok(None),
        Err(error) => Err(ImageError::of("inspect", reference, error)),
    }
}

fn labels(image: &ImageInspect) -> Option<&HashMap<String, String>> {
    image.config.as_ref()?.labels.as_ref()
}

fn arrived(image: ImageInspect, came: Came) -> Image {
    Image {
        id: image.id.unwrap_or_default(),
        came,
    }
}

#[cfg(test)]
mod tests;
