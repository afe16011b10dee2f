//! Images as plugins see them. They belong to nobody, so that only their names say who may do what.

use bollard::query_parameters::RemoveImageOptions;

use crate::docker::connection::SLOW;
use crate::docker::error::{DockerError, in_use, status};
use crate::docker::image::{self, login_file};
use crate::docker::said::Said;

use super::OneOffs;
use super::error::OneOffError;

/// An image that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// The digest of its configuration: the same for the same image.
    pub id: String,
    /// How many bytes it has, all layers together.
    pub size: u64,
    /// When it was made.
    pub created: Option<String>,
    /// The processor that it is for, in Docker's words.
    pub architecture: String,
}

impl OneOffs {
    /// The image of this name; absent where there is none.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn image(&self, reference: &str) -> Result<Option<ImageFacts>, OneOffError> {
        let client = self.engine.0.connection.client().await?;
        let found = image::inspect(client, reference).await?;
        Ok(found.map(|image| ImageFacts {
            id: image.id.unwrap_or_default(),
            size: image
                .size
                .and_then(|size| u64::try_from(size).ok())
                .unwrap_or_default(),
            created: image.created.map(|at| at.to_string()),
            architecture: image.architecture.unwrap_or_default(),
        }))
    }

    /// Gets the image from its registry where it is not there, with the user's login. Says what takes long. True unless it was there.
    ///
    /// # Errors
    /// When the registry does not give it.
    pub async fn pull_image(
        &self,
        reference: &str,
        say: &(dyn Fn(String) + Send + Sync),
    ) -> Result<bool, OneOffError> {
        let client = self.engine.0.connection.client().await?;
        if image::inspect(client, reference).await?.is_some() {
            return Ok(false);
        }
        let said = Said::new(say, reference);
        let logins = login_file();
        image::pull(client, reference, logins.as_deref(), &|progress| {
            said.tell(progress);
        })
        .await?;
        Ok(true)
    }

    /// Takes the name from an image, and removes the image with its last name. Never one that a container was made of. True if there was one.
    ///
    /// # Errors
    /// When a container was made of it, or the engine does not answer.
    pub async fn remove_image(&self, reference: &str) -> Result<bool, OneOffError> {
        let client = self.engine.0.connection.client().await?;
        let removed = client.remove_image(reference, None::<RemoveImageOptions>, None);
        match tokio::time::timeout(SLOW, removed).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(error)) if status(&error) == Some(404) => Ok(false),
            Ok(Err(error)) => match in_use(&error) {
                Some(why) => Err(OneOffError::InUse {
                    kind: "image",
                    name: reference.to_owned(),
                    why,
                }),
                None => Err(self
                    .engine
                    .0
                    .connection
                    .failed("remove the image", error)
                    .into()),
            },
            Err(_) => Err(OneOffError::Docker(DockerError::TimedOut {
                action: "remove the image",
                limit: SLOW,
            })),
        }
    }
}
