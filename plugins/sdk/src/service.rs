//! Finding services in the context of a run, and what follows from their configuration.

use crate::{Context, Service};

impl Context {
    /// The configured service of this name.
    #[must_use]
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.name == name)
    }

    /// The services of the phase in which this plugin runs.
    pub fn own_services(&self) -> impl Iterator<Item = &Service> {
        self.in_phase(self.phase)
    }

    /// The services that a phase brings up.
    pub fn in_phase(&self, phase: u8) -> impl Iterator<Item = &Service> {
        self.services
            .iter()
            .filter(move |service| service.phase == phase)
    }

    /// The first service with this role.
    #[must_use]
    pub fn with_role(&self, role: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.has_role(role))
    }
}

impl Service {
    /// Whether it has this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.role.as_deref() == Some(role)
    }

    /// Where its API is, without a slash at the end: scheme, host and port of the health endpoint, else `http://localhost:PORT`.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        let Some(endpoint) = &self.health_endpoint else {
            return self.port.map(|port| format!("http://localhost:{port}"));
        };
        let (scheme, rest) = endpoint.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        (!authority.is_empty()).then(|| format!("{scheme}://{authority}"))
    }

    /// The path of the health endpoint; absent without one.
    #[must_use]
    pub fn health_path(&self) -> Option<&str> {
        let (_, rest) = self.health_endpoint.as_deref()?.split_once("://")?;
        let bare = rest.split(['?', '#']).next()?;
        Some(bare.find('/').and_then(|at| bare.get(at..)).unwrap_or("/"))
    }

    /// Name of the credential that is its API key: `api_key_` and its name, with `-` as `_`.
    #[must_use]
    pub fn api_key_name(&self) -> String {
        format!("api_key_{}", self.name.replace('-', "_"))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::{Context, Service};

    pub(crate) fn service(name: &str, phase: u8) -> Service {
        Service {
            name: name.to_owned(),
            phase,
            role: None,
            deploy_via: None,
            version: None,
            port: None,
            health_endpoint: None,
            dependencies: Vec::new(),
            timeout: 60_000,
        }
    }

    pub(crate) fn context(phase: u8, services: Vec<Service>) -> Context {
        Context {
            run_id: "run".to_owned(),
            environment: "dev".to_owned(),
            phase,
            dry_run: false,
            services,
        }
    }

    #[test]
    fn origin_is_that_of_the_health_endpoint_or_made_of_the_port() {
        let mut one = service("one", 1);
        assert_eq!(one.origin(), None);
        one.port = Some(8500);
        assert_eq!(one.origin().as_deref(), Some("http://localhost:8500"));
        for (endpoint, origin, path) in [
            ("https://h.example:1/a/b?c", "https://h.example:1", "/a/b"),
            ("http://[::1]:8500", "http://[::1]:8500", "/"),
            ("http://h?x=/y", "http://h", "/"),
        ] {
            one.health_endpoint = Some(endpoint.to_owned());
            assert_eq!(one.origin().as_deref(), Some(origin));
            assert_eq!(one.health_path(), Some(path));
        }
    }

    #[test]
    fn key_name_has_underscores() {
        assert_eq!(service("a-b-c", 1).api_key_name(), "api_key_a_b_c");
    }

    #[test]
    fn services_are_found_by_phase_role_and_name() {
        let mut registry = service("r", 1);
        registry.role = Some("registry".to_owned());
        let context = context(2, vec![service("a", 2), registry]);
        assert_eq!(context.with_role("registry").unwrap().name, "r");
        assert_eq!(context.own_services().count(), 1);
        assert!(context.service("b").is_none());
    }
}
