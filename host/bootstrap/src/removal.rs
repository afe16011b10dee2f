//! Deleting data and credentials: they live exactly as long as each other. Called by rollback and reset, by the holder of the lock, when nothing runs any more.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use chora_engine::RunState;
use chora_engine::docker::{Endpoint, one_off};
use chora_model::credentials;
use chora_model::failure::{Code, Failure};
use chora_model::fault;
use chora_model::layout::Layout;
use futures_util::future::join_all;
use tokio::time::{Duration, timeout};

use crate::project::Project;
use crate::report;

/// How long a service that is not configured any more may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// The longest that one of them is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked for services that came back.
const ROUNDS: usize = 3;

fn condemned(layout: &Layout) -> PathBuf {
    layout.home.join(".data.deleted")
}

/// Finishes deleting data that a killed run had begun to delete.
pub(crate) fn clear_leftovers(layout: &Layout) -> Result<(), Failure> {
    let path = condemned(layout);
    let deleted = fault::step("data.delete", &"data", || std::fs::remove_dir_all(&path));
    match deleted {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(report::io_failure("delete", &path, &error)),
    }
}

/// Deletes the services' data. It is gone as a whole at once, so that no service ever finds half of it. Answers whether there was any.
pub(crate) fn delete_data(layout: &Layout) -> Result<bool, Failure> {
    clear_leftovers(layout)?;
    let data = layout.data();
    let renamed = fault::step("data.condemn", &"data", || {
        std::fs::rename(&data, condemned(layout))
    });
    match renamed {
        Ok(()) => clear_leftovers(layout).map(|()| true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(report::io_failure("delete", &data, &error)),
    }
}

/// Deletes the credentials. Answers whether there were any.
pub(crate) fn delete_credentials(project: &Project) -> Result<bool, Failure> {
    let path = project.vault().path();
    let existed = path.exists();
    delete_copies(&project.layout)?;
    credentials::remove(path).map_err(|error| report::credential_failure(&error))?;
    Ok(existed)
}

/// Removes what the engine keeps for the environment and for none of its services, and what plugins made: containers, networks, and volumes where the data goes. Says what was done and what was left.
pub(crate) async fn sweep_engine(project: &Project, volumes: bool) -> Result<Vec<String>, Failure> {
    let swept = project.engine().sweep(volumes).await;
    let swept = swept.map_err(|error| report::engine_failure(&error))?;
    let of_plugins = one_off::sweep(&project.layout, Endpoint::from_env(), volumes).await;
    let mut said = Vec::new();
    for swept in [swept, of_plugins] {
        for (kind, names) in [
            ("containers", &swept.containers),
            ("networks", &swept.networks),
            ("volumes", &swept.volumes),
        ] {
            if !names.is_empty() {
                said.push(format!("removed the {kind} {}", names.join(", ")));
            }
        }
        said.extend(swept.kept);
    }
    Ok(said)
}

/// Deletes the copies of the credentials that containers were given.
fn delete_copies(layout: &Layout) -> Result<(), Failure> {
    let path = layout.secrets();
    match std::fs::remove_dir_all(&path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(report::io_failure("delete", &path, &error)),
    }
}

/// Deletes data and credentials as told, data first: credentials without data do no harm, data without its credentials is lost. Says what was done.
pub(crate) fn delete(
    project: &Project,
    data: bool,
    credentials: bool,
) -> Result<Vec<String>, Failure> {
    let mut said = Vec::new();
    if data && delete_data(&project.layout)? {
        said.push(format!(
            "deleted the data in `{}`",
            project.layout.data().display()
        ));
    }
    if credentials && delete_credentials(project)? {
        said.push(format!(
            "deleted the credentials in `{}`",
            project.vault().path().display()
        ));
    }
    Ok(said)
}

/// Looks whether the data and the credentials that stay behind fit together, and says what there is.
pub(crate) fn kept(project: &Project) -> Result<String, Failure> {
    let data = project.layout.data();
    let path = project.vault().path();
    let holds_data =
        credentials::holds_data(&data).map_err(|error| report::file_failure(&error))?;
    Ok(match (holds_data, path.exists()) {
        (true, true) => {
            "data and credentials were kept; `chora reset --volumes` deletes both".to_owned()
        }
        (true, false) => format!(
            "the data in `{}` was kept, and the credentials that it was made with are gone; put a backup of them back as `{}`, or give the data up with `chora reset --volumes`",
            data.display(),
            path.display()
        ),
        (false, true) => "the credentials were kept; there is no data".to_owned(),
        (false, false) => "there are neither data nor credentials to keep".to_owned(),
    })
}

/// Stops and forgets whatever the engine still runs or remembers for the environment, configured or not. Answers the names of what was there.
///
/// Services that deploy others go first, for they would start again what goes before them; and it is looked again until nothing is left.
pub(crate) async fn sweep(project: &Project) -> Result<Vec<String>, Failure> {
    let mut names = BTreeSet::new();
    for _ in 0..ROUNDS {
        let found = left(project).await?;
        if found.is_empty() {
            return Ok(names.into_iter().collect());
        }
        let (deployers, others): (Vec<String>, Vec<String>) =
            found.into_iter().partition(|name| deploys(project, name));
        for group in [deployers, others] {
            let removals = group.iter().map(|name| remove(project, name));
            for removed in join_all(removals).await {
                removed?;
            }
            names.extend(group);
        }
    }
    let left = left(project).await?;
    if left.is_empty() {
        return Ok(names.into_iter().collect());
    }
    let message = format!(
        "services come back after they were removed: {}",
        left.join(", ")
    );
    Err(Failure::new(Code::RollbackFailed, message)
        .next("end whatever starts them, then run the command again"))
}

async fn left(project: &Project) -> Result<Vec<String>, Failure> {
    let found = project.engine().list().await;
    let found = found.map_err(|error| report::engine_failure(&error))?;
    let there = found
        .into_iter()
        .filter(|(_, status)| status.state != RunState::Absent);
    Ok(there.map(|(name, _)| name).collect())
}

fn deploys(project: &Project, name: &str) -> bool {
    let services = &project.config.services;
    services
        .iter()
        .any(|service| service.deploy_via.as_deref() == Some(name))
        || project
            .config
            .service(name)
            .is_some_and(|service| service.role.as_deref() == Some("orchestrator"))
}

async fn remove(project: &Project, name: &str) -> Result<(), Failure> {
    let grace = project
        .config
        .service(name)
        .map_or(GRACE, |service| service.stop_grace);
    let mut failure = match timeout(grace + PATIENCE, project.engine().remove(name, grace)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => report::engine_failure(&error),
        Err(_) => Failure::new(
            Code::RollbackFailed,
            format!("service `{name}` could not be removed in time"),
        ),
    };
    failure.code = Code::RollbackFailed;
    failure.service = Some(name.to_owned());
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_deleted_as_a_whole_and_twice_is_fine() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path(), "dev", true);
        std::fs::create_dir_all(layout.service_data("db")).unwrap();
        std::fs::write(layout.service_data("db").join("file"), "x").unwrap();
        assert!(delete_data(&layout).unwrap());
        assert!(!layout.data().exists() && !condemned(&layout).exists());
        assert!(!delete_data(&layout).unwrap());
    }

    #[test]
    fn what_a_killed_deletion_left_is_cleared() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::new(directory.path(), "dev", true);
        std::fs::create_dir_all(condemned(&layout).join("db")).unwrap();
        clear_leftovers(&layout).unwrap();
        assert!(!condemned(&layout).exists());
    }
}
