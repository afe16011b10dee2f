//! What a component is granted: everything that it asks for, or what the user wrote, which must come to the same. A plugin that has less than it asks for would not run, and one that has
//! more was not meant to have it.

use chora_model::failure::{Code, Failure};
use chora_model::grant::Grant;

use super::{Component, Store};
use crate::wishes::uncovered;

/// What the user gives.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// All that it asks for.
    All,
    /// These.
    These(Vec<Grant>),
}

impl Store {
    /// The grants that the component gets.
    ///
    /// # Errors
    /// `PLUGIN_DENIED` when it asks for more than it is given, `CONFIG_ERROR` when it is given more than it asks for.
    pub fn granted(&self, component: &Component, given: &Given) -> Result<Vec<Grant>, Failure> {
        let wishes: Vec<Grant> = component
            .wishes
            .iter()
            .map(|wish| wish.grant.clone())
            .collect();
        let given = match given {
            Given::All => return Ok(wishes),
            Given::These(given) => given,
        };
        let name = &component.plugin.metadata.name;
        let texts =
            |grants: &[Grant]| -> Vec<String> { grants.iter().map(ToString::to_string).collect() };
        let (given_texts, wish_texts) = (texts(given), texts(&wishes));
        let beyond = uncovered(&self.config, &wishes, &given_texts);
        if !beyond.is_empty() {
            let failure = Failure::new(
                Code::ConfigError,
                format!("plugin `{name}` did not ask for `{}`", beyond.join("`, `")),
            );
            return Err(if wish_texts.is_empty() {
                failure.next("leave `--grant` out: it asks for nothing")
            } else {
                failure.next(format!(
                    "give what it asks for: `{}`",
                    wish_texts.join("`, `")
                ))
            });
        }
        let missing = uncovered(&self.config, given, &wish_texts);
        if !missing.is_empty() {
            let mut failure = Failure::new(
                Code::PluginDenied,
                format!(
                    "plugin `{name}` asks for grants that it was not given: `{}`",
                    missing.join("`, `")
                ),
            );
            let reasons = component
                .wishes
                .iter()
                .map(|wish| (wish.grant.to_string(), &wish.reason))
                .filter(|(grant, _)| missing.contains(&grant.as_str()));
            failure.details = reasons
                .map(|(grant, reason)| format!("{grant}: {reason}"))
                .collect();
            return Err(failure
                .next("add them to `--grant` if you trust it with that, or pass `--yes` for all that it asks for")
                .next("or ask its author for a version that does without"));
        }
        Ok(given.clone())
    }
}
