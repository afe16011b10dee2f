//! Whose process or port it is: a container's, or that of the helper through which the engine publishes a container's port.

use std::path::PathBuf;

use super::error::DockerError;
use super::{DockerEngine, labels};

impl DockerEngine {
    /// The service that a process of this machine belongs to.
    pub(super) async fn service_of_process(&self, pid: u32) -> Result<Option<String>, DockerError> {
        if let Some(port) = published_by(pid) {
            return self.service_publishing(port).await;
        }
        if let Some(id) = monitored_by(pid).or_else(|| container_of(pid)) {
            return Ok(match self.inspect_container(&id).await? {
                Some(container) if container.labels().is_some_and(|it| self.0.owner.owns(it)) => {
                    container.label(labels::SERVICE).map(str::to_owned)
                }
                Some(_) | None => None,
            });
        }
        // Where the cgroup does not tell: whoever descends from the first process of a container belongs to it.
        let lineage = lineage(pid);
        for id in self.ids(&self.0.owner.filter()).await? {
            if let Some(container) = self.inspect_container(&id).await?
                && container.pid().is_some_and(|pid| lineage.contains(&pid))
            {
                return Ok(container.label(labels::SERVICE).map(str::to_owned));
            }
        }
        Ok(None)
    }

    /// The service whose container holds a port.
    pub(super) async fn service_publishing(
        &self,
        port: u16,
    ) -> Result<Option<String>, DockerError> {
        let running = self.list_containers(false, &self.0.owner.filter()).await?;
        let holder = running.into_iter().find(|container| {
            let mut ports = container.ports.iter().flatten();
            ports.any(|it| it.public_port == Some(port))
        });
        if let Some(holder) = holder {
            let labels = holder.labels.unwrap_or_default();
            return Ok(labels.get(labels::SERVICE).cloned());
        }
        // The engine takes the ports of a container that it is starting before it lists them. It may be doing so for a chora that was killed meanwhile.
        for id in self.ids(&self.0.owner.filter()).await? {
            // Answered when the start is through.
            if let Some(container) = self.inspect_container(&id).await?
                && container.is_up()
                && container.is_published(port)
            {
                return Ok(container.label(labels::SERVICE).map(str::to_owned));
            }
        }
        Ok(None)
    }
}

/// The port that a helper of the engine holds for a container.
fn published_by(pid: u32) -> Option<u16> {
    let line = std::fs::read(PathBuf::from(format!("/proc/{pid}/cmdline"))).ok()?;
    let mut words = line.split(|byte| *byte == 0);
    let program = String::from_utf8_lossy(words.next()?).into_owned();
    if !program.ends_with("docker-proxy") {
        return None;
    }
    words.find(|word| *word == b"-host-port")?;
    std::str::from_utf8(words.next()?).ok()?.parse().ok()
}

/// The container that a process of podman watches over; it also holds the container's ports.
fn monitored_by(pid: u32) -> Option<String> {
    let line = std::fs::read(PathBuf::from(format!("/proc/{pid}/cmdline"))).ok()?;
    let mut words = line.split(|byte| *byte == 0);
    let program = String::from_utf8_lossy(words.next()?).into_owned();
    if !program.ends_with("conmon") {
        return None;
    }
    words.find(|word| *word == b"-c")?;
    String::from_utf8(words.next()?.to_vec()).ok()
}

/// The id of the container that a process runs in, by the name of its cgroup.
pub(super) fn container_of(pid: u32) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    text.lines().find_map(id_in)
}

/// `/docker/<id>`, `docker-<id>.scope` and `libpod-<id>.scope`.
fn id_in(line: &str) -> Option<String> {
    line.split(['/', '-', '.', ':'])
        .find(|part| part.len() == 64 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .map(str::to_owned)
}

/// A process and those that it descends from.
fn lineage(pid: u32) -> Vec<u32> {
    let parent = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in parentheses may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        rest.split_whitespace().nth(1)?.parse().ok()
    };
    std::iter::successors(Some(pid), parent)
        .take_while(|pid| *pid > 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_names_its_container() {
        let id = "0123456789abcdef".repeat(4);
        for line in [
            format!("12:memory:/docker/{id}"),
            format!("0::/system.slice/docker-{id}.scope"),
            format!("0::/machine.slice/libpod-{id}.scope/container"),
        ] {
            assert_eq!(id_in(&line), Some(id.clone()), "{line}");
        }
        assert_eq!(id_in("0::/user.slice/user-0.slice/session-1.scope"), None);
    }

    #[test]
    fn this_process_is_its_own_first_ancestor() {
        let pid = std::process::id();
        let lineage = lineage(pid);
        assert_eq!(lineage.first(), Some(&pid));
        assert!(lineage.contains(&std::os::unix::process::parent_id()));
    }
}
