//! `services`: the configured services, whatever engine runs them.

use std::sync::Arc;
use std::time::Duration;

use chora_engine::{
    EngineError, RunState, SecretEnv, ServiceSpec, Started, compose_files, compose_variables,
};
use chora_model::config::Service;
use chora_model::event::EventKind;
use chora_model::grant::{Access, ServiceVerb, is_plain_word};
use chora_model::text::chain;

use crate::bindings::imports::chora::bootstrap::services::{
    Definition, Error, ExecOutput, Exit, Host, Status,
};
use crate::bindings::imports::chora::bootstrap::types::Change;
use crate::call::CallState;
use crate::gate::{Decision, HostFunction, Permit};
use crate::output::clean_line;
use crate::scene::Scene;

/// The longest sentence that an engine says of a start, in characters.
const LINE: usize = 500;
/// The most log lines that are handed out at once.
const LOG_LINES: u32 = 1_000;
/// The longest that a command in a service's environment may take.
const EXEC: Duration = Duration::from_secs(600);

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        if error.is_configuration() {
            Self::NotRunnable(chain(&error))
        } else {
            Self::Engine(chain(&error))
        }
    }
}

impl From<chora_engine::Exit> for Exit {
    fn from(exit: chora_engine::Exit) -> Self {
        Self {
            code: exit.code,
            signal: exit.signal,
        }
    }
}

fn changed(did: bool) -> Change {
    if did {
        Change::Changed
    } else {
        Change::Unchanged
    }
}

fn spec(scene: &Scene, service: &Service) -> Result<(ServiceSpec, SecretEnv), Error> {
    let credentials = scene
        .credentials
        .current()
        .map_err(|error| Error::Other(chain(&error)))?
        .ok_or_else(|| {
            Error::NotRunnable(format!(
                "service `{}` needs the credentials, and there are none yet at `{}`",
                service.name,
                scene.credentials.path().display()
            ))
        })?;
    Ok((
        ServiceSpec::of(&scene.config, service, &scene.layout),
        SecretEnv::of(service, &credentials),
    ))
}

/// What the gate and the configuration make of a call about a service.
enum Entered {
    Go(Permit),
    Planned(Permit),
    No(Error),
}

impl CallState {
    fn leave_would(&mut self, permit: Permit, would: Result<bool, Error>) -> Result<Change, Error> {
        match would {
            Ok(would) => Ok(self.leave_planned(permit, would)),
            Err(error) => {
                self.leave(permit, 0);
                Err(error)
            }
        }
    }

    async fn enter_service(
        &mut self,
        function: HostFunction,
        name: &str,
        verb: ServiceVerb,
    ) -> wasmtime::Result<Entered> {
        let access = Access::Service(name, verb);
        Ok(
            match self.enter(function, &access, &[name.as_bytes()]).await? {
                Decision::Denied(text) => Entered::No(Error::Denied(text)),
                Decision::Planned(permit) => Entered::Planned(permit),
                Decision::Allowed(permit) => Entered::Go(permit),
            },
        )
    }
}

/// A path as the configuration has it.
fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}

/// Whether starting would do anything. Without credentials nothing of ours can be running.
async fn would_start(scene: &Scene, name: &str) -> Result<bool, Error> {
    let service = configured(scene, name)?;
    let spec = ServiceSpec::of(&scene.config, service, &scene.layout);
    Ok(scene.engine.would_start(&spec).await?)
}

async fn would_stop(scene: &Scene, name: &str) -> Result<bool, Error> {
    configured(scene, name)?;
    Ok(scene.engine.inspect(name).await?.state == RunState::Running)
}

async fn would_remove(scene: &Scene, name: &str) -> Result<bool, Error> {
    configured(scene, name)?;
    Ok(scene.engine.inspect(name).await?.state != RunState::Absent)
}

fn configured<'a>(scene: &'a Scene, name: &str) -> Result<&'a Service, Error> {
    scene
        .config
        .service(name)
        .ok_or_else(|| Error::UnknownService(name.to_owned()))
}

impl Host for CallState {
    async fn definition_of(&mut self, name: String) -> wasmtime::Result<Result<Definition, Error>> {
        let permit = match self
            .enter_service(
                HostFunction::SERVICES_DEFINITION_OF,
                &name,
                ServiceVerb::Inspect,
            )
            .await?
        {
            Entered::Go(permit) | Entered::Planned(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
        };
        let answer = configured(&permit.scene, &name).map(|service| Definition {
            name: service.name.clone(),
            version: service.version.clone(),
            command: service.command.clone(),
            image: service.image.clone(),
            docker_compose: service.docker_compose.as_deref().map(shown),
            compose_files: compose_files(&permit.scene.config)
                .iter()
                .map(|file| shown(file))
                .collect(),
            compose_variables: compose_variables(&permit.scene.config)
                .into_iter()
                .collect(),
            port: service.port,
            health_endpoint: service.health_endpoint.clone(),
            dependencies: service.dependencies.clone(),
            environment: service
                .environment
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        });
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn inspect(&mut self, name: String) -> wasmtime::Result<Result<Status, Error>> {
        let permit = match self
            .enter_service(HostFunction::SERVICES_INSPECT, &name, ServiceVerb::Inspect)
            .await?
        {
            Entered::Go(permit) | Entered::Planned(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
        };
        let answer = match permit.scene.engine.inspect(&name).await {
            Ok(status) => Ok(match status.state {
                RunState::Absent | RunState::Created => Status::Absent,
                RunState::Running | RunState::Paused => Status::Running,
                RunState::Exited(exit) | RunState::Restarting(exit) => Status::Exited(exit.into()),
            }),
            Err(error) => Err(error.into()),
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn start(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        let permit = match self
            .enter_service(HostFunction::SERVICES_START, &name, ServiceVerb::Start)
            .await?
        {
            Entered::Go(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
            Entered::Planned(permit) => {
                let would = would_start(&permit.scene, &name).await;
                return Ok(self.leave_would(permit, would));
            }
        };
        let scene = Arc::clone(&permit.scene);
        let step = self.caller.clone();
        let say = |what: String| {
            scene.events.emit(EventKind::StepDoing {
                step: step.clone(),
                what: clean_line(&what, LINE),
            });
        };
        let answer = async {
            let service = configured(&scene, &name)?;
            let (spec, secrets) = spec(&scene, service)?;
            match scene.engine.start_saying(&spec, &secrets, &say).await? {
                Started::Started | Started::Replaced => Ok(Change::Changed),
                Started::AlreadyRunning => Ok(Change::Unchanged),
            }
        }
        .await;
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn stop(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        let permit = match self
            .enter_service(HostFunction::SERVICES_STOP, &name, ServiceVerb::Stop)
            .await?
        {
            Entered::Go(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
            Entered::Planned(permit) => {
                let would = would_stop(&permit.scene, &name).await;
                return Ok(self.leave_would(permit, would));
            }
        };
        let scene = Arc::clone(&permit.scene);
        let answer = async {
            let service = configured(&scene, &name)?;
            let stopped = scene.engine.stop(&name, service.stop_grace).await?;
            Ok(changed(stopped))
        }
        .await;
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn remove(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        let permit = match self
            .enter_service(HostFunction::SERVICES_REMOVE, &name, ServiceVerb::Remove)
            .await?
        {
            Entered::Go(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
            Entered::Planned(permit) => {
                let would = would_remove(&permit.scene, &name).await;
                return Ok(self.leave_would(permit, would));
            }
        };
        let scene = Arc::clone(&permit.scene);
        let answer = async {
            let service = configured(&scene, &name)?;
            let removed = scene.engine.remove(&name, service.stop_grace).await?;
            Ok(changed(removed))
        }
        .await;
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn logs(
        &mut self,
        name: String,
        tail: u32,
    ) -> wasmtime::Result<Result<Vec<String>, Error>> {
        let permit = match self
            .enter_service(HostFunction::SERVICES_LOGS, &name, ServiceVerb::Logs)
            .await?
        {
            Entered::Go(permit) | Entered::Planned(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
        };
        let tail = tail.min(LOG_LINES) as usize;
        let answer = permit
            .scene
            .engine
            .log_tail(&name, tail)
            .await
            .map_err(Error::from);
        let bytes = answer
            .as_ref()
            .map_or(0, |lines| lines.iter().map(String::len).sum());
        self.leave(permit, bytes);
        Ok(answer)
    }

    async fn exec(
        &mut self,
        name: String,
        command: Vec<String>,
        timeout: u64,
    ) -> wasmtime::Result<Result<ExecOutput, Error>> {
        let Some(program) = command.first().cloned() else {
            self.count_host_call()?;
            return Ok(Err(Error::Other("the command is empty".to_owned())));
        };
        // A denial names the program in a grant: it must not read as more than one verb.
        if !is_plain_word(&program) {
            self.count_host_call()?;
            let text = "a program's name has neither parentheses nor control characters";
            return Ok(Err(Error::Other(text.to_owned())));
        }
        let access = Access::Service(&name, ServiceVerb::Exec(program));
        let mut arguments: Vec<&[u8]> = vec![name.as_bytes()];
        arguments.extend(command.iter().map(String::as_bytes));
        let permit = match self
            .enter(HostFunction::SERVICES_EXEC, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
            Decision::Planned(permit) => {
                self.leave_planned(permit, true);
                return Ok(Err(Error::Planned));
            }
        };
        let scene = Arc::clone(&permit.scene);
        let limit = Duration::from_millis(timeout).min(EXEC);
        let answer = async {
            let service = configured(&scene, &name)?;
            let status = scene.engine.inspect(&name).await?;
            if status.state != RunState::Running {
                return Err(Error::NotRunning);
            }
            let (spec, secrets) = spec(&scene, service)?;
            let output = scene.engine.exec(&spec, &secrets, &command, limit).await?;
            Ok(ExecOutput {
                exit: output.exit.into(),
                stdout: output.stdout,
                stderr: output.stderr,
            })
        }
        .await;
        let bytes = answer
            .as_ref()
            .map_or(0, |output| output.stdout.len() + output.stderr.len());
        self.leave(permit, bytes);
        Ok(answer)
    }
}
