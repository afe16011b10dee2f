//! Asking the phase plugins for their plans: loads them, calls each once, and makes one plan of the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use chora_model::config::Placement;
use chora_model::event::{EventKind, PluginFunction};
use chora_model::failure::Failure;
use chora_model::plan::{Plan, StepKey};
use chora_plugin_host::{Call, Context, Outstanding, Scene};
use futures_util::future::join_all;

use crate::asked::Asked;
use crate::bundled;
use crate::planning::{self, PluginPlan};
use crate::plugins::{ForARun, Ready};
use crate::project::Project;
use crate::report;

/// A plan and the plugins that do it.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) plugins: BTreeMap<String, Ready>,
    /// Who is told what happens.
    pub(crate) observers: Vec<Ready>,
}

/// What is asked of the plugins.
pub(crate) struct Ask<'a> {
    pub(crate) run: &'a str,
    pub(crate) dry_run: bool,
    /// The phases whose plugins are asked.
    pub(crate) phases: &'a (dyn Fn(u8) -> bool + Sync),
    /// Checks that the validation plugin is to leave out.
    pub(crate) skip: &'a [String],
}

/// Makes the plan of a run, and warns of what makes loading plugins slow. Nothing is changed by it.
pub(crate) async fn plan(
    project: &Project,
    scene: &Arc<Scene>,
    ask: &Ask<'_>,
) -> Result<Planned, Failure> {
    let config = &project.config;
    let plugins = project.plugins();
    plugins
        .host()
        .await
        .map_err(|error| report::load_failure(&error))?;
    if let Some(warning) = plugins.warning() {
        let message = format!("warning: {warning}");
        scene.events.emit(EventKind::Notice { message });
    }
    let wanted = |placement: &Placement| {
        // A placement at an unknown service is refused below, with all the others.
        planning::phase_of(config, placement).is_none_or(ask.phases)
    };
    let ForARun {
        mut phases,
        observers,
    } = plugins.for_a_run(wanted).await?;
    for ready in &mut phases {
        if ready.plugin.name == bundled::VALIDATION && !ask.skip.is_empty() {
            let mut settings = serde_json::Map::clone(&ready.settings);
            settings.insert("skip".to_owned(), ask.skip.into());
            ready.settings = Arc::new(settings);
        }
    }
    let asked = phases.iter().map(|ready| one(project, scene, ask, ready));
    let plans: Result<Vec<PluginPlan>, Failure> = join_all(asked).await.into_iter().collect();
    let plan = planning::build(config, &plans?).map_err(|error| report::plan_failure(&error))?;
    let named = phases
        .into_iter()
        .map(|ready| (ready.plugin.name.clone(), ready));
    Ok(Planned {
        plan,
        plugins: named.collect(),
        observers,
    })
}

async fn one(
    project: &Project,
    scene: &Arc<Scene>,
    ask: &Ask<'_>,
    ready: &Ready,
) -> Result<PluginPlan, Failure> {
    let placement = ready.placement.clone().unwrap_or(Placement::Phase(0));
    let phase = planning::phase_of(&project.config, &placement).unwrap_or_default();
    let failed = |error| report::planning_failure(&error, phase);
    let host = project.plugins().host().await.map_err(failed)?;
    let call = Call {
        plugin: Arc::clone(&ready.plugin),
        grants: Arc::clone(&ready.grants),
        settings: Arc::clone(&ready.settings),
        caller: StepKey(ready.plugin.name.clone()),
        timeout: host.limits().call,
        dry_run: ask.dry_run,
        intent: None,
        outstanding: Outstanding::default(),
    };
    let context = Context {
        run: ask.run.to_owned(),
        environment: project.layout.environment.clone(),
        phase,
        dry_run: ask.dry_run,
    };
    let name = &ready.plugin.name;
    let about = format!("phase {phase}");
    let mut asked = Asked::new(&*scene.events, name, PluginFunction::Plan, about);
    let planned = host.plan(scene, call, &context);
    let steps = asked.answer(planned, Result::is_ok).await.map_err(failed)?;
    Ok(PluginPlan {
        plugin: name.clone(),
        placement,
        steps,
    })
}
