//! The labels by which containers, networks and volumes are known: Compose's, so that its commands see the project, and chora's own, by which chora knows what it may touch.

use std::collections::HashMap;

use chora_model::layout::Layout;

use super::naming::default_name;

pub(super) const PROJECT: &str = "com.docker.compose.project";
pub(super) const SERVICE: &str = "com.docker.compose.service";
pub(super) const NUMBER: &str = "com.docker.compose.container-number";
pub(super) const ONEOFF: &str = "com.docker.compose.oneoff";
pub(super) const CONFIG_HASH: &str = "com.docker.compose.config-hash";
pub(super) const WORKING_DIR: &str = "com.docker.compose.project.working_dir";
pub(super) const CONFIG_FILES: &str = "com.docker.compose.project.config_files";
pub(super) const VERSION: &str = "com.docker.compose.version";
pub(super) const DEPENDS_ON: &str = "com.docker.compose.depends_on";
pub(super) const IMAGE: &str = "com.docker.compose.image";
pub(super) const NETWORK: &str = "com.docker.compose.network";
pub(super) const VOLUME: &str = "com.docker.compose.volume";

/// The project's directory, absolute.
pub(super) const OWNER: &str = "dev.chora.project";
pub(super) const ENVIRONMENT: &str = "dev.chora.environment";
/// Digest of what was started.
pub(super) const DEFINITION: &str = "dev.chora.definition";
/// Salted digest of the secrets that it was started with.
pub(super) const SECRETS: &str = "dev.chora.secrets";
pub(super) const SALT: &str = "dev.chora.salt";
/// The chora that made it.
pub(super) const CHORA: &str = "dev.chora.version";
/// The service's version.
pub(super) const SERVICE_VERSION: &str = "dev.chora.service-version";
/// The plugin that had it made; what belongs to services has none.
pub(super) const PLUGIN: &str = "dev.chora.plugin";
/// What a plugin's container was made for.
pub(super) const ONE_OFF: &str = "dev.chora.one-off";

/// The version of Compose whose labels these are.
pub(super) const COMPOSE_VERSION: &str = "2.0.0";

/// Whose containers these are: one environment of one project on this machine.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    directory: String,
    environment: String,
    /// The name of the Compose project.
    pub(super) project: String,
}

impl Owner {
    pub(super) fn of(layout: &Layout, name: Option<String>) -> Self {
        Self {
            directory: layout.project.display().to_string(),
            environment: layout.environment.clone(),
            project: name.unwrap_or_else(|| default_name(&layout.project, &layout.environment)),
        }
    }

    /// Whether something with these labels is this environment's.
    pub(super) fn owns(&self, labels: &HashMap<String, String>) -> bool {
        let is = |label: &str, value: &str| labels.get(label).is_some_and(|it| it == value);
        is(OWNER, &self.directory) && is(ENVIRONMENT, &self.environment)
    }

    /// What everything of this environment is labelled with.
    pub(super) fn labels(&self) -> [(&'static str, String); 3] {
        [
            (OWNER, self.directory.clone()),
            (ENVIRONMENT, self.environment.clone()),
            (CHORA, env!("CARGO_PKG_VERSION").to_owned()),
        ]
    }

    /// A filter for the lists of the engine.
    pub(super) fn filter(&self) -> HashMap<String, Vec<String>> {
        let labels = vec![
            format!("{OWNER}={}", self.directory),
            format!("{ENVIRONMENT}={}", self.environment),
        ];
        HashMap::from([("label".to_owned(), labels)])
    }

    /// The filter for what belongs to one service.
    pub(super) fn filter_service(&self, service: &str) -> HashMap<String, Vec<String>> {
        let mut filter = self.filter();
        if let Some(labels) = filter.get_mut("label") {
            labels.push(format!("{SERVICE}={service}"));
        }
        filter
    }

    /// Whether a container, network or volume of the project's services could be called so: `PROJECT_…` and `PROJECT-…-NUMBER`.
    pub(super) fn reserves(&self, name: &str) -> bool {
        let Some(rest) = name.strip_prefix(&self.project) else {
            return false;
        };
        let numbered = rest.rsplit_once('-').is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        rest.starts_with('_') || (rest.starts_with('-') && numbered)
    }

    /// The name of a service's container, unless a file sets another.
    pub(super) fn container_name(&self, service: &str) -> String {
        format!("{}-{service}-1", self.project)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_names_of_services_are_kept_for_them() {
        let owner = Owner::of(&Layout::new(Path::new("/a/shop"), "dev", true), None);
        for kept in [
            "chora-shop-web-1",
            "chora-shop-a-b-12",
            "chora-shop_default",
            "chora-shop-1",
        ] {
            assert!(owner.reserves(kept), "{kept}");
        }
        for free in [
            "chora-shop",
            "chora-shop-backup",
            "chora-shopping-1",
            "chora-shop-v2",
            "web-1",
        ] {
            assert!(!owner.reserves(free), "{free}");
        }
    }

    #[test]
    fn only_the_same_directory_and_environment_own_something() {
        let owner = |directory: &str, environment| {
            Owner::of(&Layout::new(Path::new(directory), environment, true), None)
        };
        let labels: HashMap<String, String> = owner("/a/shop", "dev")
            .labels()
            .map(|(name, value)| (name.to_owned(), value))
            .into();
        assert!(owner("/a/shop", "dev").owns(&labels));
        // Both have the same Compose project.
        assert!(!owner("/b/shop", "dev").owns(&labels));
        assert!(!owner("/a/shop", "test").owns(&labels));
        assert!(!owner("/a/shop", "dev").owns(&HashMap::new()));
    }
}
