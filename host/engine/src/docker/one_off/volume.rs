//! Volumes that plugins make, and those that a container of theirs may mount.

use std::collections::HashMap;

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;

use crate::docker::connection::{QUICK, SLOW};
use crate::docker::error::{DockerError, in_use, status};
use crate::docker::labels::PLUGIN;

use super::OneOffs;
use super::error::OneOffError;
use super::find::Belongs;

/// A volume of this environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeFacts {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub belongs: Belongs,
}

impl OneOffs {
    /// The volume of this name; absent where there is none.
    ///
    /// # Errors
    /// When it is somebody else's, or the engine does not answer.
    pub async fn volume(&self, name: &str) -> Result<Option<VolumeFacts>, OneOffError> {
        let found = self.our_volume(name).await?;
        Ok(found.map(|volume| VolumeFacts {
            belongs: Belongs::of(&volume.labels),
            name: volume.name,
        }))
    }

    /// Makes the volume where it is not there. True if it did.
    ///
    /// # Errors
    /// When the name is somebody else's or kept for services.
    pub async fn ensure_volume(&self, name: &str, plugin: &str) -> Result<bool, OneOffError> {
        if !self.would_make_volume(name).await? {
            return Ok(false);
        }
        self.note().await?;
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        let owner = self.engine.0.owner.labels();
        let mut labels: HashMap<String, String> =
            owner.map(|(name, value)| (name.to_owned(), value)).into();
        labels.insert(PLUGIN.to_owned(), plugin.to_owned());
        self.engine.fault("volume.create", "before", name)?;
        // No driver and no options: with those a volume can be any path of the machine.
        let made = client.create_volume(VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        });
        let made = connection.call("make a volume", QUICK, made).await?;
        // The engine answers with one that somebody else made in this very moment.
        if !self.engine.0.owner.owns(&made.labels) {
            return Err(not_ours(name));
        }
        self.engine.fault("volume.create", "after", name)?;
        Ok(true)
    }

    /// Whether the volume would be made.
    ///
    /// # Errors
    /// As [`Self::ensure_volume`].
    pub async fn would_make_volume(&self, name: &str) -> Result<bool, OneOffError> {
        self.not_reserved("volume", name)?;
        Ok(self.our_volume(name).await?.is_none())
    }

    /// Removes a plugin's volume and what is in it. True if there was one.
    ///
    /// # Errors
    /// When it is somebody else's or a service's, or a container has it.
    pub async fn remove_volume(&self, name: &str) -> Result<bool, OneOffError> {
        if !self.would_remove_volume(name).await? {
            return Ok(false);
        }
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        self.engine.fault("volume.remove", "before", name)?;
        let removed = client.remove_volume(name, None::<RemoveVolumeOptions>);
        match tokio::time::timeout(SLOW, removed).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if status(&error) == Some(404) => return Ok(false),
            Ok(Err(error)) => {
                return Err(match in_use(&error) {
                    Some(why) => OneOffError::InUse {
                        kind: "volume",
                        name: name.to_owned(),
                        why,
                    },
                    None => connection.failed("remove a volume", error).into(),
                });
            }
            Err(_) => {
                return Err(OneOffError::Docker(DockerError::TimedOut {
                    action: "remove a volume",
                    limit: SLOW,
                }));
            }
        }
        self.engine.fault("volume.remove", "after", name)?;
        Ok(true)
    }

    /// Whether the volume would be removed.
    ///
    /// # Errors
    /// When it is somebody else's or a service's.
    pub async fn would_remove_volume(&self, name: &str) -> Result<bool, OneOffError> {
        match self.our_volume(name).await? {
            Some(volume) => {
                Belongs::of(&volume.labels).plugins("volume", name)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Refuses a volume that a container may not mount.
    pub(super) async fn mountable(&self, name: &str) -> Result<(), OneOffError> {
        let volume = self.our_volume(name).await?;
        let volume = volume.ok_or_else(|| OneOffError::Missing {
            kind: "volume",
            name: name.to_owned(),
        })?;
        // A Compose file may make a volume of a path; for that there is another grant than for a volume.
        match volume.options.get("device") {
            Some(path) if path.starts_with('/') => Err(OneOffError::Disguised {
                name: name.to_owned(),
                path: path.clone(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    async fn our_volume(&self, name: &str) -> Result<Option<Volume>, OneOffError> {
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        let look = client.inspect_volume(name);
        match connection.look("look for a volume", look).await? {
            Some(found) if self.engine.0.owner.owns(&found.labels) => Ok(Some(found)),
            Some(_) => Err(not_ours(name)),
            None => Ok(None),
        }
    }
}

fn not_ours(name: &str) -> OneOffError {
    OneOffError::NotOurs {
        kind: "volume",
        name: name.to_owned(),
    }
}
