//! Phases: the trait that a plugin implements, and what it answers with.

use crate::bindings::exports::phase as exported;
use crate::{Change, Context, Error, Metadata, Outcome, Step};

/// A plugin that is a phase, or a part of one. [`export_phase!`](crate::export_phase) makes a component of it.
pub trait Phase {
    /// Who the plugin is and what it asks for. Called with no grant at all; every host function is refused meanwhile.
    fn describe() -> Metadata;

    /// The steps of this phase. Called once a run, before any step of any phase. It must not depend on what runs at the moment, only on
    /// the context and the settings.
    ///
    /// # Errors
    /// The configuration or the settings do not make sense to this plugin.
    fn plan(context: &Context) -> Result<Vec<Step>, Error>;

    /// Brings one step about, or finds that it holds already. It must be safe to call twice.
    ///
    /// # Errors
    /// The step failed.
    fn apply(context: &Context, step: &str) -> Result<Outcome, Error>;

    /// Undoes one step, whether or not it was ever applied. Unless told otherwise there is nothing to undo.
    ///
    /// # Errors
    /// The step could not be undone.
    fn revert(context: &Context, step: &str) -> Result<Outcome, Error> {
        let _ = (context, step);
        Ok(Outcome::unchanged("nothing to undo"))
    }
}

impl<T: Phase> exported::Guest for T {
    fn describe() -> Metadata {
        T::describe()
    }

    fn plan(context: Context) -> Result<Vec<Step>, exported::Error> {
        T::plan(&context).map_err(exported::Error::from)
    }

    fn apply(context: Context, step_id: String) -> Result<Outcome, exported::Error> {
        settle(T::apply(&context, &step_id))
    }

    fn revert(context: Context, step_id: String) -> Result<Outcome, exported::Error> {
        settle(T::revert(&context, &step_id))
    }
}

fn settle(ended: Result<Outcome, Error>) -> Result<Outcome, exported::Error> {
    match ended {
        Err(Error::Planned) => Ok(Outcome::planned("would be done")),
        ended => ended.map_err(exported::Error::from),
    }
}

impl Step {
    /// A step with its identifier (`[a-z0-9][a-z0-9._:-]{0,127}`) and what a person reads, for example `Start manifest`.
    #[must_use]
    pub fn new(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            needs: Vec::new(),
            service: None,
            timeout: None,
            disturbs: false,
        }
    }

    /// Another step of the same plan must have succeeded before.
    #[must_use]
    pub fn needs(mut self, id: impl Into<String>) -> Self {
        self.needs.push(id.into());
        self
    }

    /// The configured service that it is about.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// The longest that it may take, in milliseconds.
    #[must_use]
    pub fn timeout(mut self, milliseconds: u64) -> Self {
        self.timeout = Some(milliseconds);
        self
    }

    /// It disturbs what runs, and is left out where it succeeded before and nothing has changed since.
    #[must_use]
    pub fn disturbs(mut self) -> Self {
        self.disturbs = true;
        self
    }
}

impl Outcome {
    /// What a step did, in one line.
    #[must_use]
    pub fn new(change: Change, summary: impl Into<String>) -> Self {
        Self {
            change,
            summary: summary.into(),
            warnings: Vec::new(),
        }
    }

    /// Something was done.
    #[must_use]
    pub fn changed(summary: impl Into<String>) -> Self {
        Self::new(Change::Changed, summary)
    }

    /// It held already.
    #[must_use]
    pub fn unchanged(summary: impl Into<String>) -> Self {
        Self::new(Change::Unchanged, summary)
    }

    /// A dry run: it would have been done.
    #[must_use]
    pub fn planned(summary: impl Into<String>) -> Self {
        Self::new(Change::Planned, summary)
    }

    /// Adds something that deserves attention but does not fail the step.
    #[must_use]
    pub fn warning(mut self, text: impl Into<String>) -> Self {
        self.warnings.push(text.into());
        self
    }
}

impl Change {
    /// What two changes amount to together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Planned, _) | (_, Self::Planned) => Self::Planned,
            (Self::Changed, _) | (_, Self::Changed) => Self::Changed,
            (Self::Unchanged, Self::Unchanged) => Self::Unchanged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::settle;
    use crate::{Change, Error, Outcome};

    #[test]
    fn a_dry_run_ends_a_step_as_planned() {
        assert_eq!(settle(Err(Error::Planned)).unwrap().change, Change::Planned);
        assert!(settle(Err(Error::Other("x".to_owned()))).is_err());
        let outcome = Outcome::changed("did it").warning("look");
        assert_eq!(settle(Ok(outcome.clone())).unwrap(), outcome);
    }

    #[test]
    fn changes_add_up() {
        assert_eq!(Change::Unchanged.and(Change::Changed), Change::Changed);
        assert_eq!(Change::Changed.and(Change::Planned), Change::Planned);
        assert_eq!(Change::Unchanged.and(Change::Unchanged), Change::Unchanged);
    }
}
