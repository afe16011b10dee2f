//! `machine`: what the machine has, who listens where, and the environment's directories.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt as _};
use chora_engine::EngineError;
use chora_model::grant::{Access, MachinePart};
use chora_model::text::chain;
use sysinfo::{MemoryRefreshKind, System};

use super::ports;
use crate::bindings::imports::chora::bootstrap::machine::{
    Directory, EngineReport, Error, Host, PortContainer, PortHolder, ResourceReport,
};
use crate::bindings::imports::chora::bootstrap::types::Change;
use crate::call::CallState;
use crate::gate::{Decision, HostFunction};
use crate::output::clean_line;
use crate::scene::Scene;

/// How long an engine may take to say which container a port is published for.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is made in a directory, and taken away, to see that it can be written to.
const PROBE: &str = ".writable";
/// The longest name of a container or a directory that is passed on, in bytes.
const MOST: usize = 4096;

impl Host for CallState {
    async fn resources(&mut self) -> wasmtime::Result<Result<ResourceReport, Error>> {
        let access = Access::Machine(MachinePart::Resources);
        let permit = match self
            .enter(HostFunction::MACHINE_RESOURCES, &access, &[])
            .await?
        {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let project = permit.scene.layout.project.clone();
        let answer = tokio::task::spawn_blocking(move || resources(&project))
            .await
            .unwrap_or_else(|error| Err(Error::Other(error.to_string())));
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn port(&mut self, port: u16) -> wasmtime::Result<Result<Option<PortHolder>, Error>> {
        let access = Access::Machine(MachinePart::Ports);
        let arguments: [&[u8]; 1] = [&port.to_le_bytes()];
        let permit = match self
            .enter(HostFunction::MACHINE_PORT, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let scene = Arc::clone(&permit.scene);
        let likely = pids(&scene).await;
        let found = tokio::task::spawn_blocking(move || ports::listener(port, &likely)).await;
        let answer = match found {
            Ok(Ok(None)) => Ok(None),
            Ok(Ok(Some(listener))) => match owner(&scene, port, listener.pid).await {
                Ok(service) => Ok(Some(PortHolder {
                    container: match (&service, listener.may_be_an_engines()) {
                        (None, true) => container(&scene, port).await,
                        (Some(_), _) | (None, false) => None,
                    },
                    service,
                    pid: listener.pid,
                    command: listener.command.map(|command| clean_line(&command, 100)),
                })),
                // It may be one of ours: calling it a stranger would have it killed.
                Err(error) => Err(Error::Other(chain(&error))),
            },
            Ok(Err(error)) => Err(Error::System(format!(
                "cannot look at port {port}: {error}"
            ))),
            Err(error) => Err(Error::Other(error.to_string())),
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn ensure_directory(
        &mut self,
        directory: Directory,
    ) -> wasmtime::Result<Result<Change, Error>> {
        let access = Access::Machine(MachinePart::Directories);
        let name = format!("{directory:?}");
        let permit = match self
            .enter(
                HostFunction::MACHINE_ENSURE_DIRECTORY,
                &access,
                &[name.as_bytes()],
            )
            .await?
        {
            Decision::Allowed(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
            Decision::Planned(permit) => {
                let missing = !path_of(&permit.scene, directory).is_dir();
                return Ok(Ok(self.leave_planned(permit, missing)));
            }
        };
        let project = permit.scene.layout.project.clone();
        let path = path_of(&permit.scene, directory);
        let made = tokio::task::spawn_blocking(move || {
            ensure_directory(&project, &path).map_err(|error| (path.display().to_string(), error))
        })
        .await;
        let answer = match made {
            Ok(Ok(change)) => Ok(change),
            Ok(Err((path, error))) => Err(Error::System(format!(
                "cannot make, or write to, the directory `{path}`: {error}"
            ))),
            Err(error) => Err(Error::Other(error.to_string())),
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn engine(&mut self) -> wasmtime::Result<Result<EngineReport, Error>> {
        let access = Access::Machine(MachinePart::Engine);
        let permit = match self
            .enter(HostFunction::MACHINE_ENGINE, &access, &[])
            .await?
        {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let engine = Arc::clone(&permit.scene.engine);
        let answer = match engine.version().await {
            Ok(version) => Ok(EngineReport {
                kind: engine.kind().to_owned(),
                version,
            }),
            Err(error) => Err(Error::Engine(chain(&error))),
        };
        self.leave(permit, 0);
        Ok(answer)
    }
}

fn path_of(scene: &Scene, directory: Directory) -> PathBuf {
    match directory {
        Directory::Home => scene.layout.home.clone(),
        Directory::Logs => scene.layout.logs(),
        Directory::Data => scene.layout.data(),
    }
}

/// The processes of our own services, where the engine runs processes.
async fn pids(scene: &Scene) -> Vec<u32> {
    if scene.engine.kind() != "process" {
        return Vec::new();
    }
    let listed = scene.engine.list().await.unwrap_or_default();
    let pids = listed
        .into_iter()
        .filter_map(|(_, status)| status.id?.parse().ok());
    pids.collect()
}

/// The service of ours that holds a port, itself or through what its engine publishes the port with.
async fn owner(scene: &Scene, port: u16, pid: Option<u32>) -> Result<Option<String>, EngineError> {
    let by_pid = match pid {
        Some(pid) => scene.engine.service_of_pid(pid).await?,
        None => None,
    };
    match by_pid {
        Some(service) => Ok(Some(service)),
        None => scene.engine.service_of_port(port).await,
    }
}

/// The container of somebody else that a port is published for. That no engine tells is no error: none may be there.
async fn container(scene: &Scene, port: u16) -> Option<PortContainer> {
    let found = tokio::time::timeout(PATIENCE, scene.docker().publisher(port)).await;
    let found = found.ok()?.ok()??;
    Some(PortContainer {
        name: clean_line(&found.name, MOST),
        command: found.kind.to_owned(),
        project: found.project.map(|project| clean_line(&project, MOST)),
    })
}

fn resources(project: &Path) -> Result<ResourceReport, Error> {
    let mut system = System::new().map_err(|error| Error::System(error.to_string()))?;
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let disk = rustix::fs::statvfs(project).map_err(|error| {
        Error::System(format!(
            "cannot tell the free space at `{}`: {error}",
            project.display()
        ))
    })?;
    Ok(ResourceReport {
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        memory_total: system.total_memory(),
        memory_available: system.available_memory(),
        disk_free: disk.f_bavail.saturating_mul(disk.f_frsize),
    })
}

/// Makes a directory inside the project, for its owner only, and sees that something can be made in it. The project is opened as a capability, so a link that leads out of it is refused.
///
/// What is made to see that is a directory: chora may be killed before it is gone, and a file among the services' data would be taken for data. What was left the next call takes away.
fn ensure_directory(project: &Path, path: &Path) -> std::io::Result<Change> {
    let project_dir = Dir::open_ambient_dir(project, ambient_authority())?;
    let inside = path.strip_prefix(project).map_err(std::io::Error::other)?;
    let existed = project_dir.is_dir(inside);
    if !existed {
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        project_dir.create_dir_with(inside, &builder)?;
    }
    let directory = project_dir.open_dir(inside)?;
    match directory.create_dir(PROBE) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    match directory.remove_dir(PROBE) {
        // Another environment's chora looks at the same directory.
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    Ok(if existed {
        Change::Unchanged
    } else {
        Change::Changed
    })
}

#[cfg(test)]
mod tests {
    use chora_model::credentials::holds_data;

    use super::*;

    #[test]
    fn a_directory_is_made_once_and_nothing_is_left_in_it() {
        let project = tempfile::tempdir().unwrap();
        let data = project.path().join(".chora/data");
        let ensured = || ensure_directory(project.path(), &data).unwrap();
        assert_eq!(ensured(), Change::Changed);
        assert_eq!(ensured(), Change::Unchanged);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }

    #[test]
    fn what_a_killed_chora_left_in_a_directory_is_no_data_and_is_taken_away() {
        let project = tempfile::tempdir().unwrap();
        let data = project.path().join(".chora/data");
        std::fs::create_dir_all(data.join(PROBE)).unwrap();
        assert!(!holds_data(&data).unwrap());
        let ensured = ensure_directory(project.path(), &data).unwrap();
        assert_eq!(ensured, Change::Unchanged);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0);
    }
}
