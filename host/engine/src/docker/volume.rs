//! The named volumes that a service mounts: made if they are missing, never touched if they are somebody else's.

use bollard::models::VolumeCreateRequest;
use chora_compose::Volume;

use super::DockerEngine;
use super::connection::QUICK;
use super::error::DockerError;
use super::labels::{COMPOSE_VERSION, PROJECT, VERSION, VOLUME};
use super::project::{Composed, unsorted};

impl DockerEngine {
    /// Sees to all named volumes of a service.
    pub(super) async fn ensure_volumes(&self, composed: &Composed) -> Result<(), DockerError> {
        let client = self.0.connection.client().await?;
        for volume in composed.volumes() {
            let name = &volume.name;
            let found = client.inspect_volume(name);
            match self.0.connection.look("look for a volume", found).await? {
                Some(_) if volume.external => {}
                Some(found) if self.0.owner.owns(&found.labels) => {}
                Some(_) => {
                    return Err(DockerError::Foreign {
                        kind: "volume",
                        name: name.clone(),
                        id: name.clone(),
                    });
                }
                None if volume.external => {
                    return Err(DockerError::VolumeMissing { name: name.clone() });
                }
                None => {
                    self.fault("volume.create", "before", name)?;
                    let made = client.create_volume(self.volume_request(volume));
                    self.0.connection.call("make a volume", QUICK, made).await?;
                    self.fault("volume.create", "after", name)?;
                }
            }
        }
        Ok(())
    }

    fn volume_request(&self, volume: &Volume) -> VolumeCreateRequest {
        let mut labels = volume.labels.clone();
        labels.extend(
            self.0
                .owner
                .labels()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let compose = [
            (PROJECT, self.0.owner.project.as_str()),
            (VOLUME, &volume.key),
            (VERSION, COMPOSE_VERSION),
        ];
        labels.extend(compose.map(|(name, value)| (name.to_owned(), value.to_owned())));
        VolumeCreateRequest {
            name: Some(volume.name.clone()),
            driver: volume.driver.clone(),
            driver_opts: unsorted(&volume.options),
            labels: unsorted(&labels),
            cluster_volume_spec: None,
        }
    }
}
