//! The one gate that every host call goes through: class against mode, access against grants, and a line in the ledger for each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chora_model::event::{EventKind, HostCall};
use chora_model::fault;
use chora_model::grant::{self, Access};
use sha2::{Digest, Sha256};

use crate::bindings::imports::chora::bootstrap::types::Change;
use crate::call::CallState;
use crate::limits::LimitReached;
use crate::output::clean_line;
use crate::scene::Scene;

/// What a host function may do to the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Looks.
    Reads,
    /// Changes something.
    Changes,
    /// Touches a secret.
    Secret,
}

/// A host function and its class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostFunction {
    /// `interface.function`, as in the WIT.
    pub name: &'static str,
    /// What it may do.
    pub class: Class,
}

macro_rules! functions {
    ($($constant:ident = $name:literal $class:ident;)*) => {
        impl HostFunction {
            $(pub(crate) const $constant: Self = Self { name: $name, class: Class::$class };)*

            /// Every host function that goes through the gate: what `plan` and a dry run may do follows from this table alone.
            pub const ALL: &[Self] = &[$(Self::$constant),*];
        }
    };
}

functions! {
    SERVICES_DEFINITION_OF = "services.definition-of" Reads;
    SERVICES_INSPECT = "services.inspect" Reads;
    SERVICES_START = "services.start" Changes;
    SERVICES_STOP = "services.stop" Changes;
    SERVICES_REMOVE = "services.remove" Changes;
    SERVICES_LOGS = "services.logs" Reads;
    SERVICES_EXEC = "services.exec" Changes;
    HEALTH_WAIT = "health.wait" Reads;
    HEALTH_PROBE = "health.probe" Reads;
    CREDENTIALS_ENSURE = "credentials.ensure" Changes;
    CREDENTIALS_BEARER_OF = "credentials.bearer-of" Secret;
    CREDENTIALS_REVEAL = "credentials.reveal" Secret;
    HTTP_SEND_READING = "http.send" Reads;
    HTTP_SEND_CHANGING = "http.send" Changes;
    TCP_REACH = "tcp.reach" Reads;
    MACHINE_RESOURCES = "machine.resources" Reads;
    MACHINE_PORT = "machine.port" Reads;
    MACHINE_ENSURE_DIRECTORY = "machine.ensure-directory" Changes;
    MACHINE_ENGINE = "machine.engine" Reads;
    DOCKER_VERSION = "docker.version" Reads;
    DOCKER_IMAGE = "docker.image" Reads;
    DOCKER_PULL_IMAGE = "docker.pull-image" Changes;
    DOCKER_REMOVE_IMAGE = "docker.remove-image" Changes;
    DOCKER_RUN = "docker.run" Changes;
    DOCKER_START = "docker.start" Changes;
    DOCKER_STOP = "docker.stop" Changes;
    DOCKER_REMOVE = "docker.remove" Changes;
    DOCKER_INSPECT = "docker.inspect" Reads;
    DOCKER_WAIT = "docker.wait" Reads;
    DOCKER_LOGS = "docker.logs" Reads;
    DOCKER_EXEC = "docker.exec" Changes;
    DOCKER_NETWORK = "docker.network" Reads;
    DOCKER_ENSURE_NETWORK = "docker.ensure-network" Changes;
    DOCKER_REMOVE_NETWORK = "docker.remove-network" Changes;
    DOCKER_VOLUME = "docker.volume" Reads;
    DOCKER_ENSURE_VOLUME = "docker.ensure-volume" Changes;
    DOCKER_REMOVE_VOLUME = "docker.remove-volume" Changes;
}

/// What kind of call the guest is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// `plan` and `probe`: looking is allowed.
    Look,
    /// `apply` and `revert`.
    Act,
    /// `apply` and `revert` of a dry run.
    DryRun,
}

/// The gate's answer.
pub(crate) enum Decision {
    /// Go on, and hand the permit back when done.
    Allowed(Permit),
    /// A dry run: look whether it would change anything, change nothing, and answer accordingly.
    Planned(Permit),
    /// No; the text is for the guest's `denied`.
    Denied(String),
}

/// A host call that is under way. However it ends, also when it is cut off, it leaves its line in the ledger.
pub(crate) struct Permit {
    /// What the function acts on.
    pub(crate) scene: Arc<Scene>,
    record: HostCall,
    began: Instant,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.record.duration_us = micros(self.began.elapsed());
        let record = std::mem::take(&mut self.record);
        self.scene.events.emit(EventKind::HostCall(record));
    }
}

/// A host call that was refused.
#[derive(Debug, Clone)]
pub struct Denial {
    /// `interface.function`.
    pub function: &'static str,
    /// The grant that would have allowed it; absent where none would, because the call may only look.
    pub needed: Option<String>,
}

/// The longest target and grant that are told, in characters: both may hold what a guest made up.
const TARGET: usize = 200;

impl CallState {
    /// Decides on a host call, and lets one that changes something wait until the step's intent is durable. `arguments` are hashed for the ledger and are never kept.
    pub(crate) async fn enter(
        &mut self,
        function: HostFunction,
        access: &Access<'_>,
        arguments: &[&[u8]],
    ) -> wasmtime::Result<Decision> {
        let accesses = std::slice::from_ref(access);
        self.enter_all(function, accesses, arguments).await
    }

    /// The same for a call that does several things, all of which have to be granted. The ledger has the first for its target, and the others besides.
    pub(crate) async fn enter_all(
        &mut self,
        function: HostFunction,
        accesses: &[Access<'_>],
        arguments: &[&[u8]],
    ) -> wasmtime::Result<Decision> {
        self.count_host_call()?;
        let target = accesses.first().map(Access::grant_needed);
        let target = target.as_deref().and_then(|text| text.split_once('='));
        let target = target.map_or("", |(_, scope)| scope);
        let Some(scene) = self.scene.clone() else {
            let text = format!(
                "`{}` is refused while a plugin describes itself",
                function.name
            );
            return Ok(Decision::Denied(text));
        };
        let mut record = self.record(function, target, arguments);
        let besides = accesses.iter().skip(1).map(Access::grant_needed);
        record.besides = besides.map(|text| clean_line(&text, TARGET)).collect();

        if let Some(reason) = self.class_forbids(function.class) {
            let text = format!("`{}` {reason}", function.name);
            return Ok(self.deny(&scene, record, function, None, text));
        }
        let mut by: Vec<&str> = Vec::new();
        let mut missing: Vec<String> = Vec::new();
        for access in accesses {
            match self.grants.find(access, self.view(&scene)) {
                Some(grant) if by.contains(&grant) => {}
                Some(grant) => by.push(grant),
                None => {
                    let needed = access.grant_needed();
                    if !missing.contains(&needed) {
                        missing.push(needed);
                    }
                }
            }
        }
        if !missing.is_empty() {
            let text = format!("`{}` was refused; {}", function.name, would_allow(&missing));
            let needed = clean_line(&missing.join(", "), TARGET * missing.len());
            record.needed = Some(needed.clone());
            return Ok(self.deny(&scene, record, function, Some(needed), text));
        }
        record.grant = Some(by.join(", "));

        let touches = matches!(function.class, Class::Changes | Class::Secret);
        if self.mode == Mode::DryRun && touches {
            record.decision = "planned".to_owned();
            return Ok(Decision::Planned(Permit {
                scene,
                record,
                began: Instant::now(),
            }));
        }
        let call = format!("{}({})", function.name, record.target);
        self.outstanding.set(Some(call));
        if let (Class::Changes, Some(intent)) = (function.class, &self.intent) {
            intent.durable().await;
        }
        fault::reach("host-call", "before", &record.function)?;
        Ok(Decision::Allowed(Permit {
            scene,
            record,
            began: Instant::now(),
        }))
    }

    /// Whether something is granted. This decides nothing: only [`Self::enter`] does.
    pub(crate) fn is_granted(&self, access: &Access<'_>) -> bool {
        let scene = self.scene.as_ref();
        scene.is_some_and(|scene| self.grants.find(access, self.view(scene)).is_some())
    }

    fn view<'a>(&'a self, scene: &'a Scene) -> grant::Scene<'a> {
        grant::Scene {
            config: &scene.config,
            target: self.probed.as_deref(),
        }
    }

    /// Ends a host call that was allowed; `bytes` went back to the guest.
    pub(crate) fn leave(&mut self, mut permit: Permit, bytes: usize) {
        // Only a killed process loses what was done: an error here would be the guest's to explain.
        let _ = fault::reach("host-call", "after", &permit.record.function);
        permit.record.bytes = permit.record.bytes.saturating_add(bytes as u64);
        self.outstanding.set(None);
    }

    /// Ends a host call of a dry run, which would or would not have changed something.
    pub(crate) fn leave_planned(&mut self, permit: Permit, would_change: bool) -> Change {
        if would_change {
            permit.scene.note_planned();
        }
        self.leave(permit, 0);
        if would_change {
            Change::Planned
        } else {
            Change::Unchanged
        }
    }

    /// Counts a call that needs no grant and leaves no line in the ledger.
    pub(crate) fn count_host_call(&mut self) -> wasmtime::Result<()> {
        self.host_calls += 1;
        if self.host_calls > self.limits.host_calls {
            return Err(wasmtime::Error::new(LimitReached {
                what: "the number of host calls",
                limit: self.limits.host_calls.to_string(),
            }));
        }
        Ok(())
    }

    fn class_forbids(&self, class: Class) -> Option<&'static str> {
        match (self.mode, class) {
            (Mode::Look, Class::Changes | Class::Secret) => Some(
                "is refused outside of `apply` and `revert`, because it changes something or touches a secret",
            ),
            (Mode::Look, Class::Reads) | (Mode::Act | Mode::DryRun, _) => None,
        }
    }

    fn deny(
        &mut self,
        scene: &Scene,
        mut record: HostCall,
        function: HostFunction,
        needed: Option<String>,
        text: String,
    ) -> Decision {
        record.decision = "denied".to_owned();
        self.denials.push(Denial {
            function: function.name,
            needed,
        });
        scene.events.emit(EventKind::HostCall(record));
        Decision::Denied(text)
    }

    fn record(&self, function: HostFunction, target: &str, arguments: &[&[u8]]) -> HostCall {
        let mut hash = Sha256::new();
        let mut bytes = 0_u64;
        for argument in arguments {
            // The length keeps `ab`,`c` and `a`,`bc` apart.
            hash.update((argument.len() as u64).to_le_bytes());
            hash.update(argument);
            bytes = bytes.saturating_add(argument.len() as u64);
        }
        let digest = hash.finalize();
        HostCall {
            caller: self.caller.to_string(),
            digest: self.digest.clone(),
            function: function.name.to_owned(),
            target: clean_line(target, TARGET),
            grant: None,
            decision: "allowed".to_owned(),
            needed: None,
            besides: Vec::new(),
            arguments: base16ct::lower::encode_string(digest.get(..8).unwrap_or(&digest)),
            bytes,
            duration_us: 0,
        }
    }
}

/// The grants that would allow a call, as they would be written.
fn would_allow(missing: &[String]) -> String {
    let quoted: Vec<String> = missing.iter().map(|grant| format!("`{grant}`")).collect();
    let them = if missing.len() == 1 {
        "this grant"
    } else {
        "these grants"
    };
    format!("{them} would allow it: {}", quoted.join(", "))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
