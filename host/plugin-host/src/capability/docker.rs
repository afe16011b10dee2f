//! `docker`: one-off containers, images, networks and volumes on a Docker Engine, whichever engine runs the services.
//!
//! What a call asks for is checked and put into accesses before the gate decides; the engine's side knows nothing of grants.

mod answer;
mod ask;
mod path;

use std::future::Future;
use std::time::Duration;

use chora_engine::docker::one_off::{Command, OneOffError, OneOffs};
use chora_model::event::EventKind;
use chora_model::grant::{
    Access, ContainerVerb, DockerAccess, ImageVerb, NetworkVerb, VolumeVerb, is_plain_word,
};

use crate::bindings::imports::chora::bootstrap::docker::{
    Container, EngineVersion, Error, Exit, Host, ImageFacts, NetworkFacts, OneOff, Output,
    VolumeFacts,
};
use crate::bindings::imports::chora::bootstrap::types::Change;
use crate::call::CallState;
use crate::gate::{Decision, HostFunction, Permit};
use crate::output::clean_line;
use ask::{Asked, image_name, name_of};

/// The longest that a run, a command, a wait or a stop may take.
const LONGEST: Duration = Duration::from_secs(600);
/// The most log lines that are handed out at once, and the longest of them, in characters.
const LOG_LINES: u32 = 1_000;
const LINE: usize = 4_000;
/// The longest sentence of progress, in characters.
const SAID: usize = 500;

/// What the gate made of a call.
enum Entered {
    Go(Permit),
    Planned(Permit),
    No(Error),
}

fn limited(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds).min(LONGEST)
}

fn changed(did: bool) -> Change {
    if did {
        Change::Changed
    } else {
        Change::Unchanged
    }
}

impl CallState {
    async fn enter_docker(
        &mut self,
        function: HostFunction,
        accesses: Vec<DockerAccess<'_>>,
        arguments: &[&[u8]],
    ) -> wasmtime::Result<Entered> {
        let accesses: Vec<Access<'_>> = accesses.into_iter().map(Access::Docker).collect();
        Ok(
            match self.enter_all(function, &accesses, arguments).await? {
                Decision::Denied(text) => Entered::No(Error::Denied(text)),
                Decision::Planned(permit) => Entered::Planned(permit),
                Decision::Allowed(permit) => Entered::Go(permit),
            },
        )
    }

    /// A call that is malformed counts all the same.
    fn malformed<T>(&mut self, error: Error) -> wasmtime::Result<Result<T, Error>> {
        self.count_host_call()?;
        Ok(Err(error))
    }

    /// A call that only looks.
    async fn look<T, F>(
        &mut self,
        function: HostFunction,
        access: DockerAccess<'_>,
        arguments: &[&[u8]],
        look: impl FnOnce(OneOffs) -> F + Send,
    ) -> wasmtime::Result<Result<T, Error>>
    where
        F: Future<Output = Result<T, OneOffError>> + Send,
    {
        let permit = match self.enter_docker(function, vec![access], arguments).await? {
            Entered::Go(permit) | Entered::Planned(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
        };
        let docker = permit.scene.docker().clone();
        let answer = look(docker).await.map_err(Error::from);
        self.leave(permit, 0);
        Ok(answer)
    }

    /// A call that changes something unless it is so already; both ways to ask answer whether.
    async fn change<W, D>(
        &mut self,
        function: HostFunction,
        accesses: Vec<DockerAccess<'_>>,
        arguments: &[&[u8]],
        would: impl FnOnce(OneOffs) -> W + Send,
        does: impl FnOnce(OneOffs) -> D + Send,
    ) -> wasmtime::Result<Result<Change, Error>>
    where
        W: Future<Output = Result<bool, OneOffError>> + Send,
        D: Future<Output = Result<bool, OneOffError>> + Send,
    {
        match self.enter_docker(function, accesses, arguments).await? {
            Entered::No(error) => Ok(Err(error)),
            Entered::Go(permit) => {
                let docker = permit.scene.docker().clone();
                let did = does(docker).await;
                self.leave(permit, 0);
                Ok(did.map(changed).map_err(Error::from))
            }
            Entered::Planned(permit) => {
                let docker = permit.scene.docker().clone();
                let would = would(docker).await;
                Ok(self.leave_would_change(permit, would))
            }
        }
    }

    /// Ends a call of a dry run by what a look said. What is missing may be what the dry run would have made before.
    fn leave_would_change(
        &mut self,
        permit: Permit,
        would: Result<bool, OneOffError>,
    ) -> Result<Change, Error> {
        let made_before = permit.scene.has_planned();
        match would {
            Ok(would) => Ok(self.leave_planned(permit, would)),
            Err(OneOffError::Missing { .. } | OneOffError::NoImage { .. }) if made_before => {
                Ok(self.leave_planned(permit, true))
            }
            Err(error) => {
                self.leave(permit, 0);
                Err(error.into())
            }
        }
    }

    /// Ends a call of a dry run that cannot be unchanged.
    fn leave_would_run<T>(
        &mut self,
        permit: Permit,
        could: Result<(), OneOffError>,
    ) -> Result<T, Error> {
        let would = could.map(|()| true);
        self.leave_would_change(permit, would)
            .and(Err(Error::Planned))
    }

    /// The plugin that calls.
    fn plugin(&self) -> String {
        let caller = self.caller.0.as_str();
        let plugin = caller.split('/').next().unwrap_or(caller);
        plugin.to_owned()
    }

    fn too_much(&self, stdin: Option<&Vec<u8>>) -> Result<(), Error> {
        let most = self.limits.body;
        match stdin {
            Some(bytes) if bytes.len() > most => Err(Error::Invalid(format!(
                "the standard input has more than {most} bytes"
            ))),
            Some(_) | None => Ok(()),
        }
    }
}

impl Host for CallState {
    async fn version(&mut self) -> wasmtime::Result<Result<EngineVersion, Error>> {
        let answer = self
            .look(
                HostFunction::DOCKER_VERSION,
                DockerAccess::Engine,
                &[],
                async |docker| docker.version().await,
            )
            .await?;
        Ok(answer.map(EngineVersion::from))
    }

    async fn image(
        &mut self,
        reference: String,
    ) -> wasmtime::Result<Result<Option<ImageFacts>, Error>> {
        let name = match image_name(&reference) {
            Ok(name) => name,
            Err(error) => return self.malformed(error),
        };
        let access = DockerAccess::Image(&name, ImageVerb::Inspect);
        let look = async |docker: OneOffs| docker.image(&name).await;
        let answer = self
            .look(HostFunction::DOCKER_IMAGE, access, &[name.as_bytes()], look)
            .await?;
        Ok(answer.map(|found| found.map(ImageFacts::from)))
    }

    async fn pull_image(&mut self, reference: String) -> wasmtime::Result<Result<Change, Error>> {
        let name = match image_name(&reference) {
            Ok(name) => name,
            Err(error) => return self.malformed(error),
        };
        let (scene, step) = (self.scene.clone(), self.caller.clone());
        let say = move |what: String| {
            if let Some(scene) = &scene {
                scene.events.emit(EventKind::StepDoing {
                    step: step.clone(),
                    what: clean_line(&what, SAID),
                });
            }
        };
        let access = DockerAccess::Image(&name, ImageVerb::Pull);
        let would = async |docker: OneOffs| Ok(docker.image(&name).await?.is_none());
        let does = async |docker: OneOffs| docker.pull_image(&name, &say).await;
        let function = HostFunction::DOCKER_PULL_IMAGE;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }

    async fn remove_image(&mut self, reference: String) -> wasmtime::Result<Result<Change, Error>> {
        let name = match image_name(&reference) {
            Ok(name) => name,
            Err(error) => return self.malformed(error),
        };
        let access = DockerAccess::Image(&name, ImageVerb::Remove);
        let would = async |docker: OneOffs| Ok(docker.image(&name).await?.is_some());
        let does = async |docker: OneOffs| docker.remove_image(&name).await;
        let function = HostFunction::DOCKER_REMOVE_IMAGE;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }

    async fn run(
        &mut self,
        container: OneOff,
        stdin: Option<Vec<u8>>,
        timeout: u64,
    ) -> wasmtime::Result<Result<Output, Error>> {
        if let Err(error) = self.too_much(stdin.as_ref()) {
            return self.malformed(error);
        }
        let told = format!("{container:?}");
        let asked = match self.asked(container).await {
            Ok(asked) => asked,
            Err(error) => return self.malformed(error),
        };
        let arguments: [&[u8]; 2] = [told.as_bytes(), stdin.as_deref().unwrap_or_default()];
        let accesses = asked.accesses(ContainerVerb::Run(asked.one.image.clone()));
        let permit = match self
            .enter_docker(HostFunction::DOCKER_RUN, accesses, &arguments)
            .await?
        {
            Entered::Go(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
            Entered::Planned(permit) => {
                let docker = permit.scene.docker().clone();
                let could = docker.could_run(&asked.one).await;
                return Ok(self.leave_would_run(permit, could));
            }
        };
        let docker = permit.scene.docker().clone();
        let answer = docker.run(asked.one, stdin, limited(timeout)).await;
        let answer = answer.map(Output::from).map_err(Error::from);
        self.leave(permit, answer.as_ref().map_or(0, size));
        Ok(answer)
    }

    async fn start(&mut self, container: OneOff) -> wasmtime::Result<Result<Change, Error>> {
        let told = format!("{container:?}");
        let asked: Asked = match self.asked(container).await {
            Ok(asked) => asked,
            Err(error) => return self.malformed(error),
        };
        let accesses = asked.accesses(ContainerVerb::Start(asked.one.image.clone()));
        let would = async |docker: OneOffs| docker.would_start(&asked.one).await;
        let does = async |docker: OneOffs| docker.start(&asked.one).await;
        let function = HostFunction::DOCKER_START;
        self.change(function, accesses, &[told.as_bytes()], would, does)
            .await
    }

    async fn stop(&mut self, name: String, grace: u64) -> wasmtime::Result<Result<Change, Error>> {
        if let Err(error) = name_of("container", &name) {
            return self.malformed(error);
        }
        let grace = limited(grace);
        let access = DockerAccess::Container(&name, ContainerVerb::Stop);
        let would = async |docker: OneOffs| docker.would_stop(&name).await;
        let does = async |docker: OneOffs| docker.stop(&name, grace).await;
        let function = HostFunction::DOCKER_STOP;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }

    async fn remove(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        if let Err(error) = name_of("container", &name) {
            return self.malformed(error);
        }
        let access = DockerAccess::Container(&name, ContainerVerb::Remove);
        let would = async |docker: OneOffs| docker.would_remove(&name).await;
        let does = async |docker: OneOffs| docker.remove(&name).await;
        let function = HostFunction::DOCKER_REMOVE;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }

    async fn inspect(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<Container>, Error>> {
        if let Err(error) = name_of("container", &name) {
            return self.malformed(error);
        }
        let access = DockerAccess::Container(&name, ContainerVerb::Inspect);
        let look = async |docker: OneOffs| docker.inspect(&name).await;
        let function = HostFunction::DOCKER_INSPECT;
        let answer = self
            .look(function, access, &[name.as_bytes()], look)
            .await?;
        Ok(answer.map(|found| found.map(Container::from)))
    }

    async fn wait(
        &mut self,
        name: String,
        timeout: u64,
    ) -> wasmtime::Result<Result<Option<Exit>, Error>> {
        if let Err(error) = name_of("container", &name) {
            return self.malformed(error);
        }
        let limit = limited(timeout);
        let access = DockerAccess::Container(&name, ContainerVerb::Inspect);
        let look = async |docker: OneOffs| docker.wait(&name, limit).await;
        let function = HostFunction::DOCKER_WAIT;
        let answer = self
            .look(function, access, &[name.as_bytes()], look)
            .await?;
        Ok(answer.map(|ended| ended.map(Exit::from)))
    }

    async fn logs(
        &mut self,
        name: String,
        tail: u32,
    ) -> wasmtime::Result<Result<Option<Vec<String>>, Error>> {
        if let Err(error) = name_of("container", &name) {
            return self.malformed(error);
        }
        let tail = tail.min(LOG_LINES) as usize;
        let access = DockerAccess::Container(&name, ContainerVerb::Logs);
        let permit = match self
            .enter_docker(HostFunction::DOCKER_LOGS, vec![access], &[name.as_bytes()])
            .await?
        {
            Entered::Go(permit) | Entered::Planned(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
        };
        let docker = permit.scene.docker().clone();
        let answer = docker.logs(&name, tail).await.map_err(Error::from);
        let answer = answer.map(|lines| {
            let clean = |lines: Vec<String>| {
                let lines = lines.iter().map(|line| clean_line(line, LINE));
                lines.collect::<Vec<String>>()
            };
            lines.map(clean)
        });
        let bytes = match &answer {
            Ok(Some(lines)) => lines.iter().map(String::len).sum(),
            Ok(None) | Err(_) => 0,
        };
        self.leave(permit, bytes);
        Ok(answer)
    }

    async fn exec(
        &mut self,
        name: String,
        command: Vec<String>,
        stdin: Option<Vec<u8>>,
        timeout: u64,
    ) -> wasmtime::Result<Result<Output, Error>> {
        let program = match command.first() {
            Some(program) if is_plain_word(program) => program.clone(),
            Some(_) => {
                let text = "a program's name has neither parentheses nor control characters, and is not empty";
                return self.malformed(Error::Invalid(text.to_owned()));
            }
            None => return self.malformed(Error::Invalid("the command is empty".to_owned())),
        };
        let checked = name_of("container", &name)
            .and_then(|()| ask::words("the command", &command))
            .and_then(|()| self.too_much(stdin.as_ref()));
        if let Err(error) = checked {
            return self.malformed(error);
        }
        let mut arguments: Vec<&[u8]> = vec![name.as_bytes()];
        arguments.extend(command.iter().map(String::as_bytes));
        arguments.push(stdin.as_deref().unwrap_or_default());
        let access = DockerAccess::Container(&name, ContainerVerb::Exec(program));
        let permit = match self
            .enter_docker(HostFunction::DOCKER_EXEC, vec![access], &arguments)
            .await?
        {
            Entered::Go(permit) => permit,
            Entered::No(error) => return Ok(Err(error)),
            Entered::Planned(permit) => {
                let docker = permit.scene.docker().clone();
                let could = docker.could_exec(&name).await;
                return Ok(self.leave_would_run(permit, could));
            }
        };
        let docker = permit.scene.docker().clone();
        let command = Command {
            words: command,
            stdin,
        };
        let answer = docker.exec(&name, command, limited(timeout)).await;
        let answer = answer.map(Output::from).map_err(Error::from);
        self.leave(permit, answer.as_ref().map_or(0, size));
        Ok(answer)
    }

    async fn network(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<NetworkFacts>, Error>> {
        if let Err(error) = name_of("network", &name) {
            return self.malformed(error);
        }
        let access = DockerAccess::Network(&name, NetworkVerb::Inspect);
        let look = async |docker: OneOffs| docker.network(&name).await;
        let function = HostFunction::DOCKER_NETWORK;
        let answer = self
            .look(function, access, &[name.as_bytes()], look)
            .await?;
        Ok(answer.map(|found| found.map(NetworkFacts::from)))
    }

    async fn ensure_network(
        &mut self,
        name: String,
        internal: bool,
    ) -> wasmtime::Result<Result<Change, Error>> {
        if let Err(error) = name_of("network", &name) {
            return self.malformed(error);
        }
        let plugin = self.plugin();
        let access = DockerAccess::Network(&name, NetworkVerb::Create);
        let would = async |docker: OneOffs| docker.would_make_network(&name, internal).await;
        let does = async |docker: OneOffs| docker.ensure_network(&name, &plugin, internal).await;
        let function = HostFunction::DOCKER_ENSURE_NETWORK;
        let arguments: [&[u8]; 2] = [name.as_bytes(), &[u8::from(internal)]];
        self.change(function, vec![access], &arguments, would, does)
            .await
    }

    async fn remove_network(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        if let Err(error) = name_of("network", &name) {
            return self.malformed(error);
        }
        let access = DockerAccess::Network(&name, NetworkVerb::Remove);
        let would = async |docker: OneOffs| docker.would_remove_network(&name).await;
        let does = async |docker: OneOffs| docker.remove_network(&name).await;
        let function = HostFunction::DOCKER_REMOVE_NETWORK;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }

    async fn volume(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Option<VolumeFacts>, Error>> {
        if let Err(error) = name_of("volume", &name) {
            return self.malformed(error);
        }
        let access = DockerAccess::Volume(&name, VolumeVerb::Inspect);
        let look = async |docker: OneOffs| docker.volume(&name).await;
        let function = HostFunction::DOCKER_VOLUME;
        let answer = self
            .look(function, access, &[name.as_bytes()], look)
            .await?;
        Ok(answer.map(|found| found.map(VolumeFacts::from)))
    }

    async fn ensure_volume(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        if let Err(error) = name_of("volume", &name) {
            return self.malformed(error);
        }
        let plugin = self.plugin();
        let access = DockerAccess::Volume(&name, VolumeVerb::Create);
        let would = async |docker: OneOffs| docker.would_make_volume(&name).await;
        let does = async |docker: OneOffs| docker.ensure_volume(&name, &plugin).await;
        let function = HostFunction::DOCKER_ENSURE_VOLUME;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }

    async fn remove_volume(&mut self, name: String) -> wasmtime::Result<Result<Change, Error>> {
        if let Err(error) = name_of("volume", &name) {
            return self.malformed(error);
        }
        let access = DockerAccess::Volume(&name, VolumeVerb::Remove);
        let would = async |docker: OneOffs| docker.would_remove_volume(&name).await;
        let does = async |docker: OneOffs| docker.remove_volume(&name).await;
        let function = HostFunction::DOCKER_REMOVE_VOLUME;
        self.change(function, vec![access], &[name.as_bytes()], would, does)
            .await
    }
}

fn size(output: &Output) -> usize {
    output.stdout.len().saturating_add(output.stderr.len())
}
