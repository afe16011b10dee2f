//! `chora config rotate-credentials`: every credential anew. Services that run go on with the old ones until they are started again.

use std::path::PathBuf;
use std::sync::Arc;

use chora_model::credentials;
use chora_model::failure::{Code, Failure};

use crate::cancel::Cancel;
use crate::project::Project;
use crate::report;
use crate::session::lock_unless;

/// How credentials are made anew.
#[derive(Debug, Clone, Copy)]
pub struct RotateOptions {
    /// Whether to do it although there is data that was made with the old ones.
    pub despite_data: bool,
}

/// What came of making credentials anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The credential file.
    pub path: PathBuf,
    /// The names of those that were made.
    pub names: Vec<String>,
    /// The services that run, with the old ones.
    pub running: Vec<String>,
}

/// Makes the signing secret and every service's key anew. `say` hears what there is to wait for; `cancel` ends that wait and nothing that comes after it.
///
/// # Errors
/// `USER_INTERRUPTED` when it was to stop while it waited; `LOCKED` while another command changes the environment; `CONFIG_ERROR` while there is data, unless told otherwise; and when the file cannot be read or written, which then is as it was.
pub async fn rotate_credentials(
    project: &Project,
    options: RotateOptions,
    say: &(dyn Fn(String) + Sync),
    cancel: &Cancel,
) -> Result<Rotated, Failure> {
    let command = "chora config rotate-credentials";
    let _lock = lock_unless(cancel, project, command, say).await?;
    let data = project.layout.data();
    let holds_data =
        credentials::holds_data(&data).map_err(|error| report::file_failure(&error))?;
    if holds_data && !options.despite_data {
        let message = format!(
            "there is data in `{}` that was made with the credentials of now",
            data.display()
        );
        return Err(Failure::new(Code::ConfigError, message)
            .next("see to it that the services can go on with their data under new credentials, then pass `--despite-data`")
            .next("or give the data up first, with `chora reset --volumes`"));
    }
    let running = project.running().await?;
    let vault = Arc::clone(project.vault());
    let names = tokio::task::spawn_blocking(move || vault.rotate())
        .await
        .map_err(|error| Failure::new(Code::IoError, format!("making them did not end: {error}")))?
        .map_err(|error| report::credential_failure(&error))?;
    Ok(Rotated {
        path: project.vault().path().to_owned(),
        names,
        running,
    })
}
