//! Building a failure that tells its reader what to do.

use crate::Failure;

impl Failure {
    /// A failure that has only its sentence: what happened to which service.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            service: None,
            causes: Vec::new(),
            next_actions: Vec::new(),
        }
    }

    /// The service that it happened to.
    #[must_use]
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// One more cause, less likely than those before.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// One more thing to do, after those before.
    #[must_use]
    pub fn next(mut self, action: impl Into<String>) -> Self {
        self.next_actions.push(action.into());
        self
    }
}
