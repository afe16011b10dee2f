//! Starting a service.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, PoisonError};

use chora_model::fault;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::identity::{Identity, TOKEN};
use super::record::{self, Record};
use super::{Found, ProcessEngine, Shared, blocking, program};
use crate::{EngineError, Exit, SecretEnv, ServiceSpec, Started};

/// What a service takes over from chora's own environment; everything else it gets is configured.
const INHERITED: &[&str] = &[
    "HOME",
    "LANG",
    "LC_ALL",
    "LOGNAME",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
];

/// A command in a service's environment, in a process group of its own so that a signal reaches whatever it starts and a terminal's Ctrl-C does not reach it.
pub(super) fn command(
    program: &Path,
    arguments: &[String],
    spec: &ServiceSpec,
    secrets: &SecretEnv,
) -> Command {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(
            INHERITED
                .iter()
                .filter_map(|name| Some((name, std::env::var_os(name)?))),
        )
        .envs(spec.variables())
        .envs(&secrets.0)
        .current_dir(&spec.directory)
        .stdin(Stdio::null())
        .process_group(0);
    command
}

impl ProcessEngine {
    pub(super) async fn start_locked(
        &self,
        spec: &ServiceSpec,
        secrets: &SecretEnv,
    ) -> Result<Started, EngineError> {
        let (first, arguments) =
            spec.command
                .split_first()
                .ok_or_else(|| EngineError::NoCommand {
                    service: spec.name.clone(),
                })?;
        let program = program::find(&self.shared.exe, spec, first)?;
        let _lock = record::lock(&self.shared.layout, &spec.name).await?;
        let started = match self.find(&spec.name).await? {
            Found::Running(mut record, identity) if record.fits(spec, secrets) => {
                if record.identity.is_none() {
                    record.identity = Some(identity);
                    self.write(&record).await?;
                }
                return Ok(Started::AlreadyRunning);
            }
            Found::Running(..) => {
                self.stop_found(&spec.name, spec.stop_grace).await?;
                Started::Replaced
            }
            Found::Exited(record, _) => {
                self.end_left_behind(&record).await?;
                Started::Started
            }
            Found::Absent => Started::Started,
        };
        let log = self.prepare(spec).await?;
        let mut record = Record::intent(spec, secrets);
        if !fault::skips("process.intent") {
            self.write(&record).await?;
        }
        let child = match self.spawn(&program, arguments, spec, secrets, &record, log) {
            Ok(child) => child,
            Err(error) => {
                // Nothing was started, so nothing is to be remembered.
                let layout = self.shared.layout.clone();
                let name = spec.name.clone();
                blocking(&spec.name, move || Record::delete(&layout, &name)).await?;
                return Err(error);
            }
        };
        record.identity = child.id().and_then(Identity::of);
        self.look_after(child, &record);
        self.write(&record).await?;
        Ok(started)
    }

    async fn write(&self, record: &Record) -> Result<(), EngineError> {
        let layout = self.shared.layout.clone();
        let record = record.clone();
        let service = record.service.clone();
        blocking(&service, move || record.write(&layout)).await
    }

    /// Makes the service's directories and opens its log.
    async fn prepare(&self, spec: &ServiceSpec) -> Result<File, EngineError> {
        let service = spec.name.clone();
        let project = spec.directory.clone();
        let data = spec.data.clone();
        let logs = self.shared.layout.logs();
        let log: PathBuf = self.shared.layout.log(&spec.name);
        blocking(&spec.name, move || {
            // Asked before, because a spawn that fails for it does not say so.
            if let Err(source) = std::fs::read_dir(&project) {
                let path = project;
                return Err(EngineError::Io {
                    service,
                    path,
                    source,
                });
            }
            record::make_private(&service, &data)?;
            record::make_private(&service, &logs)?;
            File::options()
                .create(true)
                .append(true)
                .mode(0o640)
                .open(&log)
                .map_err(|source| EngineError::Io {
                    service,
                    path: log,
                    source,
                })
        })
        .await
    }

    fn spawn(
        &self,
        program: &Path,
        arguments: &[String],
        spec: &ServiceSpec,
        secrets: &SecretEnv,
        record: &Record,
        log: File,
    ) -> Result<Child, EngineError> {
        let failed = |source| EngineError::Spawn {
            service: spec.name.clone(),
            program: program.to_owned(),
            source,
        };
        let second = log.try_clone().map_err(failed)?;
        // Chora's own files are close-on-exec; this is for what chora inherited from its caller, such as a lock that a service would otherwise hold for as long as it lives.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        fault::around("process.spawn", &spec.name, || {
            command(program, arguments, spec, secrets)
                .env(TOKEN, &record.token)
                .stdout(log)
                .stderr(second)
                .spawn()
        })
        .map_err(failed)
    }

    /// Collects the child when it ends, tells who waits, and writes down how it ended.
    fn look_after(&self, mut child: Child, record: &Record) {
        let (ended, exit) = watch::channel(None);
        let mut children = self
            .shared
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        children.insert(record.token.clone(), exit);
        drop(children);
        let shared = Arc::clone(&self.shared);
        let service = record.service.clone();
        let token = record.token.clone();
        tokio::spawn(async move {
            let exit = match child.wait().await {
                Ok(status) => Exit::from(status),
                Err(_) => Exit::UNKNOWN,
            };
            ended.send_replace(Some(exit));
            // Who finds no exit in the record reads it as unknown, so failing to write it loses only a detail.
            let _ = shared.write_exit(&service, &token, exit).await;
        });
    }
}

impl Shared {
    async fn write_exit(
        self: Arc<Self>,
        service: &str,
        token: &str,
        exit: Exit,
    ) -> Result<(), EngineError> {
        let (shared, name) = (Arc::clone(&self), service.to_owned());
        let read = blocking(service, move || Record::read(&shared.layout, &name)).await?;
        if read.is_none_or(|record| record.token != token) {
            return Ok(());
        }
        let _lock = record::lock_where_kept(&self.layout, service).await?;
        let name = service.to_owned();
        let token = token.to_owned();
        blocking(service, move || match Record::read(&self.layout, &name)? {
            Some(mut record) if record.token == token => {
                record.exit = Some(exit);
                record.write(&self.layout)
            }
            // Removed, or started anew meanwhile.
            Some(_) | None => Ok(()),
        })
        .await
    }
}

impl From<std::process::ExitStatus> for Exit {
    fn from(status: std::process::ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        Self {
            code: status.code(),
            signal: status.signal(),
            ..Self::UNKNOWN
        }
    }
}
