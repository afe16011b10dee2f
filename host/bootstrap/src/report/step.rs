//! The failure of one step.

use std::time::Duration;

use chora_model::config::Config;
use chora_model::failure::{Code, Failure};
use chora_model::layout::Layout;
use chora_model::plan::Step;
use chora_plugin_host::PluginError;

use super::causes;
use crate::bundled::bundled;

/// Why a step did not succeed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Its plugin's call failed.
    Plugin(PluginError),
    /// There was no time left.
    Over {
        /// Whose time it was.
        time: Time,
        /// How long that was.
        limit: Duration,
        /// The host call that was under way.
        outstanding: Option<String>,
    },
    /// The user stopped it.
    Stopped,
    /// The task that did it ended without a result: a fault of chora.
    Lost(String),
}

/// Whose time a step can use up, besides its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Time {
    /// Its phase's.
    Phase,
    /// The whole run's.
    Run,
}

/// Tells of a failed step. The log's tail and the last probe are added by who has them.
pub(crate) fn step_failure(
    config: &Config,
    layout: &Layout,
    step: &Step,
    trouble: &Trouble,
    backward: bool,
) -> Failure {
    let mut failure = match trouble {
        Trouble::Plugin(error) => without_plugin(config, error, of_plugin(error, step, backward)),
        Trouble::Over {
            time,
            limit,
            outstanding,
        } => {
            let (whose, raise) = match time {
                Time::Phase => ("its phase's", format!("timeouts.phase_{}", step.phase)),
                Time::Run => ("the run's", "--timeout".to_owned()),
            };
            let limit = format!("{whose} {limit:.0?}");
            too_slow(step, &limit, outstanding.as_deref())
                .next(format!("raise `{raise}` if it only needs longer"))
        }
        Trouble::Stopped => Failure::new(
            Code::UserInterrupted,
            format!("step `{}` was cut off", step.title),
        ),
        Trouble::Lost(how) => Failure::new(
            Code::IoError,
            format!("step `{}` ended without a result: {how}", step.title),
        )
        .next("report this as a fault of chora"),
    };
    failure.phase = Some(step.phase);
    failure.step = Some(step.key.to_string());
    failure.plugin = Some(step.plugin.clone());
    let known = |name: &String| config.service(name).is_some();
    failure.service = failure
        .service
        .filter(known)
        .or_else(|| step.service.clone());
    if let Some(service) = &failure.service {
        let log = layout.log(service);
        if log.exists() {
            failure.log_path = Some(log.display().to_string());
        }
        let action = format!("look at the whole log with `chora logs {service}`");
        let named = failure
            .next_actions
            .iter()
            .any(|next| next.contains("chora logs"));
        if !named && !matches!(trouble, Trouble::Stopped) && failure.log_path.is_some() {
            failure.next_actions.push(action);
        }
    }
    let again = if backward {
        "run the command again: it goes on where it stopped"
    } else {
        "run `chora bootstrap` again: it goes on from here"
    };
    if !failure
        .next_actions
        .iter()
        .any(|next| next.contains("chora bootstrap"))
    {
        failure.next_actions.push(again.to_owned());
    }
    failure
}

/// A plugin of the user's own that is broken can be left out; the bundled ones are needed.
fn without_plugin(config: &Config, error: &PluginError, failure: Failure) -> Failure {
    let broken = match error {
        PluginError::Trapped { .. } | PluginError::TimedOut { .. } | PluginError::Limit { .. } => {
            true
        }
        PluginError::Invalid { .. }
        | PluginError::NotCompiled { .. }
        | PluginError::Changed { .. }
        | PluginError::Denied { .. }
        | PluginError::Guest { .. }
        | PluginError::Cache { .. }
        | PluginError::Host { .. } => false,
    };
    let name = error.plugin();
    let mut replaced = config.plugins.iter().filter(|own| own.path.is_some());
    let own = bundled(name).is_none() || replaced.any(|own| own.name == name);
    if !broken || !own {
        return failure;
    }
    failure.next(format!(
        "or leave plugin `{name}` out with `enabled: false`"
    ))
}

fn too_slow(step: &Step, limit: &str, outstanding: Option<&str>) -> Failure {
    let waiting = outstanding.map_or_else(String::new, |call| format!("; it was in `{call}`"));
    let mut failure = Failure::new(
        Code::TimedOut,
        format!("step `{}` did not end within {limit}{waiting}", step.title),
    );
    failure.causes = vec!["what it waits for is slow or never comes".to_owned()];
    failure
}

fn of_plugin(error: &PluginError, step: &Step, backward: bool) -> Failure {
    let own = if backward {
        Code::RollbackFailed
    } else {
        Code::of_phase(step.phase)
    };
    let mut failure = Failure::new(error.code().unwrap_or(own), error.to_string());
    failure.details = causes(error);
    match error {
        PluginError::Guest { failure: said, .. } => {
            failure.service.clone_from(&said.service);
            failure.causes.clone_from(&said.causes);
            failure.next_actions.clone_from(&said.next_actions);
        }
        PluginError::Denied {
            plugin,
            denial,
            guest,
            ..
        } => {
            failure.service.clone_from(&guest.service);
            failure.details.push(guest.message.clone());
            failure.next_actions = vec![match &denial.needed {
                Some(needed) => permit(plugin, needed),
                None => format!("tell the author of plugin `{plugin}`"),
            }];
        }
        PluginError::TimedOut { .. } => {
            failure.causes = vec!["what it waits for is slow or never comes".to_owned()];
        }
        PluginError::Trapped { plugin, denial, .. } => {
            let needed = denial.as_ref().and_then(|denial| denial.needed.as_ref());
            let permit = needed.map(|needed| permit(plugin, needed));
            failure.causes = vec![format!("a fault in plugin `{plugin}`")];
            failure.next_actions = permit.into_iter().chain([with_details(plugin)]).collect();
        }
        PluginError::Limit { plugin, .. } => {
            failure.causes = vec![format!("a fault in plugin `{plugin}`")];
            failure.next_actions = vec![with_details(plugin)];
        }
        PluginError::Changed { plugin, .. } => {
            failure.next_actions = super::changed_actions(plugin);
        }
        PluginError::Invalid { .. }
        | PluginError::NotCompiled { .. }
        | PluginError::Cache { .. }
        | PluginError::Host { .. } => {}
    }
    trap_details(error, &mut failure);
    failure
}

fn permit(plugin: &str, needed: &str) -> String {
    format!(
        "if plugin `{plugin}` may do that, add to its `grants` in the configuration: `{}`",
        needed.replace(", ", "`, `")
    )
}

fn with_details(plugin: &str) -> String {
    format!("tell the author of plugin `{plugin}`, with the details")
}

/// A panic's whole text and the trap's backtrace, for who wants to dig.
pub(super) fn trap_details(error: &PluginError, failure: &mut Failure) {
    if let PluginError::Trapped {
        stderr, backtrace, ..
    } = error
    {
        failure.details.extend(stderr.lines().map(str::to_owned));
        failure
            .details
            .extend(backtrace.iter().map(|name| format!("at {name}")));
    }
}
