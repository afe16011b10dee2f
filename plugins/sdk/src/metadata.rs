//! What a plugin says of itself.

use crate::{GrantRequest, Metadata};

impl Metadata {
    /// A plugin's name (`[a-z0-9-]{1,64}`), its version (usually `env!("CARGO_PKG_VERSION")`) and one sentence, so far without a wish.
    #[must_use]
    pub fn new(name: &str, version: &str, summary: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
            grants: Vec::new(),
        }
    }

    /// Asks for a grant, as it would be written in the configuration, and gives the reason that the user reads before deciding.
    #[must_use]
    pub fn asks(mut self, grant: &str, reason: &str) -> Self {
        self.grants.push(GrantRequest {
            grant: grant.to_owned(),
            reason: reason.to_owned(),
        });
        self
    }
}
