//! Selectors: which services, or which credentials, a grant is about.

use super::Scene;

/// Picks services by name, pattern or place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// One name, or a pattern in which `*` stands for any characters.
    Name(String),
    /// `@phase:N`: the services of a phase.
    Phase(u8),
    /// `@role:ROLE`: the services with a role.
    Role(String),
    /// `@deployed`: the services that another service deploys.
    Deployed,
    /// `@target`: the service that a health plugin is asked about.
    Target,
}

impl Selector {
    /// Whether this service is meant. A service that is not configured is never meant.
    pub fn selects(&self, name: &str, scene: Scene<'_>) -> bool {
        let Some(service) = scene.config.service(name) else {
            return false;
        };
        match self {
            Self::Name(pattern) => matches_pattern(pattern, name),
            Self::Phase(phase) => service.phase == *phase,
            Self::Role(role) => service.role.as_deref() == Some(role),
            Self::Deployed => service.deploy_via.is_some(),
            Self::Target => scene.target == Some(name),
        }
    }

    /// Whether this credential is meant: by its own name, or as the API key of a service that is.
    pub fn selects_credential(&self, credential: &str, scene: Scene<'_>) -> bool {
        match self {
            Self::Name(pattern) => matches_pattern(pattern, credential),
            Self::Phase(_) | Self::Role(_) | Self::Deployed | Self::Target => {
                scene.config.services.iter().any(|service| {
                    service.api_key_name() == credential && self.selects(&service.name, scene)
                })
            }
        }
    }
}

/// `*` stands for any characters, everything else for itself.
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return text.is_empty();
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(pattern) => f.write_str(pattern),
            Self::Phase(phase) => write!(f, "@phase:{phase}"),
            Self::Role(role) => write!(f, "@role:{role}"),
            Self::Deployed => f.write_str("@deployed"),
            Self::Target => f.write_str("@target"),
        }
    }
}
