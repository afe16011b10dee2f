//! Where an added plugin runs: what was asked for against what the configuration says, and how that is told.

use chora_model::config::{Config, PHASE_NAMES, PHASES, Placement};
use chora_model::failure::{Code, Failure};
use chora_plugin_host::PluginKind;

use super::{Component, Store};

/// Where the user wants a plugin to run, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// As a part of a phase.
    Phase(String),
    /// Before a phase or a service.
    Before(String),
    /// After a phase or a service.
    After(String),
}

impl Place {
    fn words(&self) -> (&'static str, &str) {
        match self {
            Self::Phase(text) => ("--phase", text),
            Self::Before(text) => ("--before", text),
            Self::After(text) => ("--after", text),
        }
    }

    /// The same as a placement.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when it names no phase and no service of the configuration.
    fn placement(&self, config: &Config) -> Result<Placement, Failure> {
        let (flag, text) = self.words();
        let phase = text
            .parse()
            .ok()
            .filter(|phase: &u8| usize::from(*phase) < PHASES);
        let service = config.service(text).map(|service| service.name.clone());
        match (self, phase, service) {
            (Self::Phase(_), Some(phase), _) => Ok(Placement::Phase(phase)),
            (Self::Before(_), Some(phase), _) => Ok(Placement::BeforePhase(phase)),
            (Self::After(_), Some(phase), _) => Ok(Placement::AfterPhase(phase)),
            (Self::Before(_), None, Some(service)) => Ok(Placement::BeforeService(service)),
            (Self::After(_), None, Some(service)) => Ok(Placement::AfterService(service)),
            (Self::Phase(_), None, _) => Err(Failure::new(
                Code::ConfigError,
                format!("there is no phase `{text}`"),
            )
            .next("give `--phase` a number from 0 to 4")),
            (Self::Before(_) | Self::After(_), None, None) => {
                let names: Vec<String> = config
                    .services
                    .iter()
                    .map(|service| format!("`{}`", service.name))
                    .collect();
                let known = if names.is_empty() {
                    String::new()
                } else {
                    format!(", or one of the services {}", names.join(", "))
                };
                Err(Failure::new(
                    Code::ConfigError,
                    format!("there is no phase or service `{text}`"),
                )
                .next(format!("give `{flag}` a phase from 0 to 4{known}")))
            }
        }
    }
}

impl Store {
    /// Where the component will run under this name; absent for health plugins and observers. What the configuration says is taken where nothing is asked for.
    ///
    /// # Errors
    /// `CONFIG_ERROR` when no place is given, when the configuration says another one, when it does not exist, or when one that is no phase plugin is given one.
    pub fn place(
        &self,
        component: &Component,
        name: &str,
        asked: Option<&Place>,
    ) -> Result<Option<Placement>, Failure> {
        let configured = self
            .config
            .plugins
            .iter()
            .find(|plugin| plugin.name == name)
            .and_then(|plugin| plugin.placement.clone());
        let asked = match asked {
            Some(asked) => Some((asked.words().0, asked.placement(&self.config)?)),
            None => None,
        };
        match (component.plugin.kind, asked, configured) {
            (PluginKind::Health | PluginKind::Observer, None, None) => Ok(None),
            (PluginKind::Observer, Some((flag, _)), _) => Err(Failure::new(
                Code::ConfigError,
                format!("plugin `{name}` is an observer and has no place among the phases"),
            )
            .next(format!("leave `{flag}` out: it is told of all runs"))),
            (PluginKind::Observer, None, Some(_)) => Err(Failure::new(
                Code::ConfigError,
                format!("plugin `{name}` is an observer, and the configuration says where it runs as a phase"),
            )
            .next(format!(
                "take `phase:`, `before:` or `after:` from plugin `{name}` in the configuration"
            ))),
            (PluginKind::Health, Some((flag, _)), _) => Err(Failure::new(
                Code::ConfigError,
                format!("plugin `{name}` is a health plugin and has no place among the phases"),
            )
            .next(format!(
                "leave `{flag}` out, and name the plugin in a service's `health:`"
            ))),
            (PluginKind::Health, None, Some(_)) => Err(Failure::new(
                Code::ConfigError,
                format!("plugin `{name}` is a health plugin, and the configuration says where it runs as a phase"),
            )
            .next(format!(
                "take `phase:`, `before:` or `after:` from plugin `{name}` in the configuration"
            ))),
            (PluginKind::Phase, Some((flag, asked)), Some(configured)) if asked != configured => {
                Err(Failure::new(
                    Code::ConfigError,
                    format!(
                        "plugin `{name}` is to run {}, and the configuration says {}",
                        where_it_runs(&self.config, Some(&asked), None),
                        where_it_runs(&self.config, Some(&configured), None)
                    ),
                )
                .next(format!("leave `{flag}` out, or correct the configuration, which wins")))
            }
            (PluginKind::Phase, Some((_, placement)), _)
            | (PluginKind::Phase, None, Some(placement)) => Ok(Some(placement)),
            (PluginKind::Phase, None, None) => Err(Failure::new(
                Code::ConfigError,
                format!("plugin `{name}` is a phase plugin, and nothing says where it runs"),
            )
            .next("pass `--phase N` to run it as a part of a phase, or `--before X` or `--after X` with a phase or a service")),
        }
    }
}

/// A placement in words; where there is none, what a plugin of that kind does. The kind of a configured plugin is not known before it is loaded.
pub fn where_it_runs(
    config: &Config,
    placement: Option<&Placement>,
    kind: Option<PluginKind>,
) -> String {
    let phase = |phase: u8| {
        let name = PHASE_NAMES.get(usize::from(phase)).copied();
        format!("phase {phase} ({})", name.unwrap_or_default())
    };
    let service = |name: &str| match config.service(name) {
        Some(known) => format!("service `{name}`, in {}", phase(known.phase)),
        None => format!("service `{name}`, which is not configured"),
    };
    match placement {
        None => match kind {
            Some(PluginKind::Health) => "where a service's `health:` names it".to_owned(),
            Some(PluginKind::Observer) => "beside every run, whose events it is told".to_owned(),
            // A phase plugin without its place is refused when it is loaded.
            Some(PluginKind::Phase) | None => {
                "where a service's `health:` names it, or beside every run".to_owned()
            }
        },
        Some(Placement::Phase(number)) => format!("in {}", phase(*number)),
        Some(Placement::BeforePhase(number)) => format!("before {}", phase(*number)),
        Some(Placement::AfterPhase(number)) => format!("after {}", phase(*number)),
        Some(Placement::BeforeService(name)) => format!("before {}", service(name)),
        Some(Placement::AfterService(name)) => format!("after {}", service(name)),
    }
}
