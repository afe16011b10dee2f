//! A note in the environment's directory that plugins made something on a Docker Engine, and the clearing away of it where that is not the engine of the services.
//!
//! Without the note nobody who takes an environment down would ask an engine that its services do not run on.

use std::path::Path;

use bollard::query_parameters::ListVolumesOptionsBuilder;
use chora_model::file;
use chora_model::layout::Layout;

use crate::Swept;
use crate::docker::connection::QUICK;
use crate::docker::error::DockerError;
use crate::docker::labels::PLUGIN;
use crate::docker::{DockerEngine, Endpoint};

use super::OneOffs;
use super::error::OneOffError;

/// The most that the note may hold.
const MOST: u64 = 64 << 10;

impl OneOffs {
    /// Notes that there will be something on this engine, before it is made.
    pub(super) async fn note(&self) -> Result<(), OneOffError> {
        let path = self.engine.0.layout.one_offs();
        let host = self.endpoint().host().to_owned();
        let written = tokio::task::spawn_blocking(move || {
            let mut hosts = read(&path);
            if hosts.contains(&host) {
                return Ok(());
            }
            hosts.push(host);
            file::write_atomic(&path, (hosts.join("\n") + "\n").as_bytes(), 0o600)
        });
        match written.await {
            Ok(written) => written.map_err(OneOffError::Record),
            Err(_) => Err(OneOffError::Interrupted),
        }
    }
}

/// The engines on which plugins made something. A note that cannot be read says nothing.
fn read(path: &Path) -> Vec<String> {
    let bytes = file::read_capped(path, MOST).ok().flatten();
    let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    text.lines().map(str::to_owned).collect()
}

/// Removes what plugins made for an environment whose services run on another engine: containers and networks, and volumes if they are asked for. An engine that cannot be asked is told, and
/// asked by the next who takes the environment down.
pub async fn sweep(layout: &Layout, endpoint: Endpoint, volumes: bool) -> Swept {
    let mut swept = Swept::default();
    let hosts = read(&layout.one_offs());
    for host in &hosts {
        if host == endpoint.host() {
            let one_offs = OneOffs::open(layout, endpoint.clone(), None);
            match one_offs.engine.sweep_all(volumes).await {
                Ok(done) => swept = merged(swept, done),
                Err(error) => swept.kept.push(format!(
                    "what plugins made on the Docker Engine at `{host}` is still there: {}; run this again once it answers",
                    told(&error)
                )),
            }
        } else {
            swept.kept.push(format!(
                "plugins made something on the Docker Engine at `{host}`, and the one at `{}` was asked; run this again with DOCKER_HOST={host}",
                endpoint.host()
            ));
        }
    }
    swept
}

fn merged(mut one: Swept, other: Swept) -> Swept {
    one.containers.extend(other.containers);
    one.networks.extend(other.networks);
    one.volumes.extend(other.volumes);
    one.kept.extend(other.kept);
    one
}

fn told(error: &DockerError) -> String {
    let error: &dyn std::error::Error = error;
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

impl DockerEngine {
    /// Forgets that plugins made something here, once nothing of it is left.
    pub(in crate::docker) async fn forget_note(
        &self,
        volumes: bool,
        swept: &mut Swept,
    ) -> Result<(), DockerError> {
        let path = self.0.layout.one_offs();
        let here = self.endpoint().host();
        let mut hosts = read(&path);
        let noted = hosts.iter().any(|host| host == here);
        if !noted || !swept.kept.is_empty() || (!volumes && self.has_plugins_volumes().await?) {
            return Ok(());
        }
        hosts.retain(|host| host != here);
        let done = if hosts.is_empty() {
            file::remove(&path).map(|_| ())
        } else {
            file::write_atomic(&path, (hosts.join("\n") + "\n").as_bytes(), 0o600)
        };
        // It only means that somebody looks once more.
        if let Err(error) = done {
            swept.kept.push(format!("{error}: {}", error.source));
        }
        Ok(())
    }

    async fn has_plugins_volumes(&self) -> Result<bool, DockerError> {
        let client = self.0.connection.client().await?;
        let mut filter = self.0.owner.filter();
        if let Some(labels) = filter.get_mut("label") {
            labels.push(PLUGIN.to_owned());
        }
        let options = ListVolumesOptionsBuilder::default()
            .filters(&filter)
            .build();
        let listed = client.list_volumes(Some(options));
        let listed = self
            .0
            .connection
            .call("list volumes", QUICK, listed)
            .await?;
        Ok(!listed.volumes.unwrap_or_default().is_empty())
    }
}
