//! A plugin as it is called in an arena.

use std::sync::Arc;
use std::time::Duration;

use chora_model::event::RunKind;
use chora_model::grant::{Grant, GrantSet};
use chora_model::plan::StepKey;
use chora_plugin_host::{
    Call, Context, Intent, ObservedEvent, ObservedRun, Outcome, Outstanding, PlannedStep, Plugin,
    PluginError, Target, Verdict,
};
use serde_json::{Map, Value};

use crate::Arena;

/// Longer than anything takes that ends by itself.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A plugin with its grants and settings, each call of it in a fresh instance.
pub struct Guest<'a> {
    /// The plugin.
    pub plugin: Arc<Plugin>,
    /// The host call that it is in.
    pub outstanding: Outstanding,
    arena: &'a Arena,
    grants: GrantSet,
    /// Why its grants are none; the next call says so instead of being made.
    wrong: Option<String>,
    settings: Map<String, Value>,
    timeout: Duration,
    dry_run: bool,
    intent: Option<Intent>,
}

impl<'a> Guest<'a> {
    pub(crate) fn new(arena: &'a Arena, plugin: Arc<Plugin>) -> Self {
        Self {
            plugin,
            outstanding: Outstanding::default(),
            arena,
            grants: GrantSet::default(),
            wrong: None,
            settings: Map::new(),
            timeout: PATIENCE,
            dry_run: false,
            intent: None,
        }
    }

    /// With these grants and no others.
    #[must_use]
    pub fn granted<T: AsRef<str>>(mut self, grants: &[T]) -> Self {
        let parsed = grants.iter().map(|text| Grant::parse(text.as_ref()));
        match parsed.collect::<Result<Vec<_>, _>>() {
            Ok(grants) => self.grants = GrantSet::from(grants),
            Err(error) => self.wrong = Some(error.to_string()),
        }
        self
    }

    /// With this setting.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(key.to_owned(), value.into());
        self
    }

    /// With so much time for each call.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// With this to wait for before anything is changed.
    #[must_use]
    pub fn intending(mut self, intent: Intent) -> Self {
        self.intent = Some(intent);
        self
    }

    /// With each change only planned.
    #[must_use]
    pub fn in_a_dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Does a step.
    pub async fn apply(&self, step: &str) -> Result<Outcome, PluginError> {
        let Arena { host, scene, .. } = self.arena;
        host.apply(
            scene,
            self.call(step).map_err(|wrong| *wrong)?,
            &self.context(),
            step,
        )
        .await
    }

    /// Asks for its plan.
    pub async fn plan(&self) -> Result<Vec<PlannedStep>, PluginError> {
        let Arena { host, scene, .. } = self.arena;
        host.plan(
            scene,
            self.call("plan").map_err(|wrong| *wrong)?,
            &self.context(),
        )
        .await
    }

    /// Probes the service `db`.
    pub async fn probe(&self) -> Result<Verdict, PluginError> {
        let Arena { host, scene, .. } = self.arena;
        let target = Target {
            service: "db".to_owned(),
            endpoint: None,
            port: None,
            timeout: self.timeout,
        };
        host.probe(scene, self.call("db").map_err(|wrong| *wrong)?, &target)
            .await
    }

    /// Tells it of a bootstrap, as an observer.
    pub async fn observe(&self, event: &ObservedEvent) -> Result<(), PluginError> {
        let Arena { host, scene, .. } = self.arena;
        let run = ObservedRun {
            id: "test".to_owned(),
            kind: RunKind::Bootstrap,
            environment: "dev".to_owned(),
            dry_run: self.dry_run,
        };
        host.observe(
            scene,
            self.call(event.name()).map_err(|wrong| *wrong)?,
            &run,
            event,
        )
        .await
    }

    fn call(&self, step: &str) -> Result<Call, Box<PluginError>> {
        if let Some(wrong) = &self.wrong {
            return Err(Box::new(PluginError::Host {
                plugin: self.plugin.name.clone(),
                reason: wrong.clone(),
                source: None,
            }));
        }
        Ok(Call {
            plugin: Arc::clone(&self.plugin),
            grants: Arc::new(self.grants.clone()),
            settings: Arc::new(self.settings.clone()),
            caller: StepKey::new("guest", step),
            timeout: self.timeout,
            dry_run: self.dry_run,
            intent: self.intent.clone(),
            outstanding: self.outstanding.clone(),
        })
    }

    fn context(&self) -> Context {
        Context {
            run: "test".to_owned(),
            environment: "dev".to_owned(),
            phase: 1,
            dry_run: self.dry_run,
        }
    }
}
