//! Everything that is deployed: the operations of the API, one at a time for each name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use chora_engine::{Engine, EngineError, RunState, SecretEnv, ServiceSpec, Started, Surroundings};
use chora_model::credentials;
use chora_service_kit::{ApiError, ServiceSettings, axum::http::StatusCode};
use tokio::sync::Mutex;

use crate::deployment::{Deployment, Desired, State, View};
use crate::keeper::{Ends, Keeper};
use crate::settings::{OrchestratorError, Place};
use crate::store::{Kept, Store};

/// How many log lines a deployment that does not run is shown with.
const LOG_TAIL: usize = 20;

/// What is deployed; clones share it.
#[derive(Clone)]
pub(crate) struct Fleet(Arc<Inner>);

struct Inner {
    engine: Arc<dyn Engine>,
    place: Place,
    own_name: String,
    registry: Option<String>,
    store: Store,
    // Invariant: what the file says. Changed only by `change`, which writes the file first.
    kept: StdMutex<BTreeMap<String, Kept>>,
    /// One operation at a time for each name.
    turns: StdMutex<BTreeMap<String, Arc<Mutex<Keeper>>>>,
    /// Apart from the keepers, so that who only looks need not wait for a turn.
    ends: StdMutex<BTreeMap<String, Ends>>,
}

impl Fleet {
    pub(crate) async fn open(
        settings: &ServiceSettings,
        place: Place,
    ) -> Result<Self, OrchestratorError> {
        let store = Store::new(&place.data);
        let kept = store.read()?;
        let engine = place.engine();
        let registry = settings.manifest_url.as_ref();
        Ok(Self(Arc::new(Inner {
            engine,
            place,
            own_name: settings.service.clone(),
            registry: registry.map(|url| url.as_str().trim_end_matches('/').to_owned()),
            store,
            kept: StdMutex::new(kept),
            turns: StdMutex::default(),
            ends: StdMutex::default(),
        })))
    }

    /// Finds what still runs, and starts what should.
    pub(crate) async fn take_up(&self) {
        let names: Vec<String> = self.kept().keys().cloned().collect();
        for name in names {
            let turn = self.turn(&name);
            let mut keeper = turn.lock().await;
            let Some(kept) = self.kept().get(&name).cloned() else {
                continue;
            };
            match kept.desired {
                Desired::Running => {
                    match self.run(&kept.deployment).await {
                        Ok(started) => tracing::info!(name, ?started, "took up a deployment"),
                        Err(error) => {
                            tracing::error!(name, error = %error.message, "a deployment cannot be started again")
                        }
                    }
                    keeper.watch(self.clone(), name);
                }
                // It runs still if the orchestrator ended between deciding and doing.
                Desired::Stopped => {
                    if let Err(error) = self.halt(&kept).await {
                        tracing::error!(name, error = %error.message, "a deployment cannot be stopped");
                    }
                }
            }
        }
    }

    pub(crate) async fn deploy(&self, deployment: Deployment) -> Result<(Started, View), ApiError> {
        deployment.check(&self.0.place.layout.environment)?;
        let name = deployment.name.clone();
        let turn = self.turn(&name);
        let mut keeper = turn.lock().await;
        let before = self.kept().get(&name).cloned();
        if before.is_none() {
            self.refuse_foreign(&name).await?;
        }
        let kept = Kept {
            deployment: deployment.clone(),
            desired: Desired::Running,
        };
        self.change(&name, Some(kept))?;
        keeper.rest();
        match self.run(&deployment).await {
            Ok(started) => {
                self.ends(&name, Ends::forgive);
                keeper.watch(self.clone(), name.clone());
                Ok((started, self.view(&name).await?))
            }
            Err(error) => {
                // What cannot run is not deployed; what was deployed before stays as it was.
                if before.is_none() {
                    self.clear_away(&deployment).await;
                }
                self.change(&name, before.clone())?;
                if before.is_some_and(|before| before.desired == Desired::Running) {
                    keeper.watch(self.clone(), name);
                }
                Err(error)
            }
        }
    }

    /// Removes what an engine made for a service before it found that it cannot run. Left there, it would be taken for somebody else's.
    async fn clear_away(&self, deployment: &Deployment) {
        let name = &deployment.name;
        let grace = deployment.definition().stop_grace;
        if let Err(error) = self.0.engine.remove(name, grace).await {
            tracing::warn!(name, %error, "what was made of a service that cannot run is left");
        }
    }

    pub(crate) async fn set(&self, name: &str, desired: Desired) -> Result<View, ApiError> {
        let turn = self.turn(name);
        let mut keeper = turn.lock().await;
        let mut kept = self.deployed(name)?;
        kept.desired = desired;
        self.change(name, Some(kept.clone()))?;
        keeper.rest();
        match desired {
            Desired::Running => {
                self.ends(name, Ends::forgive);
                let started = self.run(&kept.deployment).await;
                keeper.watch(self.clone(), name.to_owned());
                started?;
            }
            Desired::Stopped => self.halt(&kept).await?,
        }
        self.view(name).await
    }

    pub(crate) async fn restart(&self, name: &str) -> Result<View, ApiError> {
        let turn = self.turn(name);
        let mut keeper = turn.lock().await;
        let mut kept = self.deployed(name)?;
        kept.desired = Desired::Running;
        self.change(name, Some(kept.clone()))?;
        keeper.rest();
        if let Err(error) = self.halt(&kept).await {
            keeper.watch(self.clone(), name.to_owned());
            return Err(error);
        }
        self.ends(name, Ends::forgive);
        let started = self.run(&kept.deployment).await;
        keeper.watch(self.clone(), name.to_owned());
        started?;
        self.view(name).await
    }

    pub(crate) async fn delete(&self, name: &str) -> Result<(), ApiError> {
        let turn = self.turn(name);
        let mut keeper = turn.lock().await;
        let kept = self.deployed(name)?;
        keeper.rest();
        let grace = kept.deployment.definition().stop_grace;
        self.0
            .engine
            .remove(name, grace)
            .await
            .map_err(|error| failed(&error))?;
        self.change(name, None)?;
        self.ends(name, |ends| *ends = Ends::default());
        Ok(())
    }

    pub(crate) async fn list(&self) -> Result<Vec<View>, ApiError> {
        let names: Vec<String> = self.kept().keys().cloned().collect();
        let mut views = Vec::with_capacity(names.len());
        for name in names {
            match self.get(&name).await {
                Ok(view) => views.push(view),
                // Deleted since.
                Err(error) if error.status == StatusCode::NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        Ok(views)
    }

    pub(crate) async fn get(&self, name: &str) -> Result<View, ApiError> {
        self.view(name).await
    }

    pub(crate) fn turn(&self, name: &str) -> Arc<Mutex<Keeper>> {
        let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(turns.entry(name.to_owned()).or_default())
    }

    /// What is known of a deployment's ends.
    pub(crate) fn ends<T>(&self, name: &str, look: impl FnOnce(&mut Ends) -> T) -> T {
        let mut ends = self.0.ends.lock().unwrap_or_else(PoisonError::into_inner);
        look(ends.entry(name.to_owned()).or_default())
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        self.0.engine.as_ref()
    }

    /// The deployment as it is kept now.
    pub(crate) fn deployed(&self, name: &str) -> Result<Kept, ApiError> {
        self.kept().get(name).cloned().ok_or_else(|| {
            let message = format!("no service `{name}` is deployed");
            ApiError::not_found("unknown_service", message)
        })
    }

    /// Starts a deployment with the credentials as they are now.
    pub(crate) async fn run(&self, deployment: &Deployment) -> Result<Started, ApiError> {
        let path = self.0.place.credentials.clone();
        let read = tokio::task::spawn_blocking(move || credentials::load(&path)).await;
        let read = match read {
            Ok(Ok(Some(read))) => read,
            Ok(Ok(None)) => {
                let path = self.0.place.credentials.display();
                let message =
                    format!("there are no credentials at `{path}`; run `chora bootstrap`");
                return Err(ApiError::unavailable("no_credentials", message));
            }
            Ok(Err(error)) => {
                return Err(ApiError::unavailable("no_credentials", error.to_string()));
            }
            Err(error) => return Err(ApiError::unavailable("no_credentials", error.to_string())),
        };
        let place = Surroundings {
            layout: &self.0.place.layout,
            log_level: &self.0.place.log_level,
            registry: self.0.registry.as_deref(),
            // In a container, where the orchestrator reaches the registry is where its deployments do.
            registry_inside: self.0.registry.as_deref(),
            compose_files: &deployment.compose_files,
            compose_variables: Some(&deployment.compose_variables),
        };
        let spec = ServiceSpec::new(deployment.definition(), place);
        let secrets = SecretEnv::for_name(&deployment.name, &read);
        let started = self.0.engine.start(&spec, &secrets).await;
        started.map_err(|error| failed(&error))
    }

    async fn halt(&self, kept: &Kept) -> Result<(), ApiError> {
        let definition = kept.deployment.definition();
        let stopped = self
            .0
            .engine
            .stop(&definition.name, definition.stop_grace)
            .await;
        stopped.map(|_| ()).map_err(|error| failed(&error))
    }

    async fn view(&self, name: &str) -> Result<View, ApiError> {
        let kept = self.deployed(name)?;
        let ends = self.ends(name, |ends| *ends);
        let status = self
            .0
            .engine
            .inspect(name)
            .await
            .map_err(|error| failed(&error))?;
        let state = match (&status.state, kept.desired) {
            (RunState::Running, _) => State::Running,
            (_, Desired::Stopped) => State::Stopped,
            (_, Desired::Running) if ends.gave_up() => State::CrashLooping,
            (_, Desired::Running) => State::Exited,
        };
        let log_tail = match state {
            State::Exited | State::CrashLooping => {
                // The tail is a help, not the answer.
                self.0
                    .engine
                    .log_tail(name, LOG_TAIL)
                    .await
                    .unwrap_or_default()
            }
            State::Running | State::Stopped => Vec::new(),
        };
        Ok(View {
            name: name.to_owned(),
            version: kept.deployment.version,
            state,
            desired: kept.desired,
            pid: status.id.and_then(|id| id.parse().ok()),
            started_at: status.started_at,
            restarts: ends.restarts,
            last_exit: ends.last,
            port: kept.deployment.port,
            log_tail,
        })
    }

    /// A name under which chora, or somebody else, runs or ran something is not ours to deploy.
    async fn refuse_foreign(&self, name: &str) -> Result<(), ApiError> {
        let status = self
            .0
            .engine
            .inspect(name)
            .await
            .map_err(|error| failed(&error))?;
        if name == self.0.own_name || status.state != RunState::Absent {
            let message = format!(
                "there is a service `{name}` that was not deployed through this orchestrator"
            );
            return Err(ApiError::new(StatusCode::CONFLICT, "name_taken", message));
        }
        Ok(())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Kept>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the list on disk, and then in memory.
    fn change(&self, name: &str, to: Option<Kept>) -> Result<(), ApiError> {
        let mut kept = self.kept();
        let mut next = kept.clone();
        match to {
            Some(to) => next.insert(name.to_owned(), to),
            None => next.remove(name),
        };
        self.0.store.write(&next).map_err(|error| {
            let message = format!(
                "the list of deployments cannot be kept: {error}: {}",
                error.source
            );
            ApiError::unavailable("storage_failed", message)
        })?;
        *kept = next;
        Ok(())
    }
}

/// What an engine's failure is to a caller.
fn failed(error: &EngineError) -> ApiError {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message.push_str(": ");
        message.push_str(&error.to_string());
        cause = error.source();
    }
    if error.is_configuration() {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "not_runnable", message)
    } else {
        ApiError::unavailable("engine_failed", message)
    }
}

/// How long a deployment runs until its earlier crashes no longer count.
pub(crate) const STEADY: Duration = Duration::from_secs(10);
