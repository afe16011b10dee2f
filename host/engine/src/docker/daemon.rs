//! What answers at the socket: Docker's own engine, or podman, which speaks the same language and means some words otherwise.

use bollard::models::SystemVersion;
use bollard::{API_DEFAULT_VERSION, ClientVersion};

/// The oldest version of the API that chora speaks.
const OLDEST: ClientVersion = ClientVersion {
    major_version: 1,
    minor_version: 41,
};

/// Whose engine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    Docker,
    Podman,
}

impl Maker {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// What an engine says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Daemon {
    pub(super) maker: Maker,
    /// Each maker counts its own.
    pub(super) version: String,
    /// The newest version of the API that it speaks, as it wrote it.
    pub(super) api: String,
}

impl Daemon {
    pub(super) fn of(version: SystemVersion) -> Self {
        let components = version.components.unwrap_or_default();
        let podman = components
            .into_iter()
            .find(|component| component.name.to_lowercase().contains("podman"));
        let api = version.api_version.unwrap_or_default();
        match podman {
            Some(podman) => Self {
                maker: Maker::Podman,
                version: podman.version,
                api,
            },
            None => Self {
                maker: Maker::Docker,
                version: version.version.unwrap_or_default(),
                api,
            },
        }
    }

    /// The newest version of the API that both sides speak; absent where the engine is too old for that.
    pub(super) fn common_version(&self) -> Option<ClientVersion> {
        let (major, minor) = self.api.split_once('.')?;
        let theirs = ClientVersion {
            major_version: major.parse().ok()?,
            minor_version: minor.parse().ok()?,
        };
        if theirs < OLDEST {
            return None;
        }
        let ours = ClientVersion {
            major_version: API_DEFAULT_VERSION.major_version,
            minor_version: API_DEFAULT_VERSION.minor_version,
        };
        Some(if theirs < ours { theirs } else { ours })
    }
}

/// As a user would say it.
impl std::fmt::Display for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.maker {
            Maker::Docker => f.write_str(&self.version),
            Maker::Podman => write!(f, "podman {}", self.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use bollard::models::SystemVersionComponents;

    use super::*;

    fn daemon(api: &str) -> Daemon {
        Daemon::of(SystemVersion {
            version: Some("20.10.24".to_owned()),
            api_version: Some(api.to_owned()),
            ..SystemVersion::default()
        })
    }

    #[test]
    fn podman_is_told_from_docker_by_its_components() {
        let podman = Daemon::of(SystemVersion {
            version: Some("4.3.1".to_owned()),
            api_version: Some("1.41".to_owned()),
            components: Some(vec![SystemVersionComponents {
                name: "Podman Engine".to_owned(),
                version: "4.3.1".to_owned(),
                details: None,
            }]),
            ..SystemVersion::default()
        });
        assert_eq!(podman.to_string(), "podman 4.3.1");
        assert_eq!(daemon("1.41").to_string(), "20.10.24");
    }

    #[test]
    fn the_newest_version_that_both_speak_is_spoken() {
        let common = |api| daemon(api).common_version().map(|it| it.to_string());
        assert_eq!(common("1.41").as_deref(), Some("1.41"));
        let newest = API_DEFAULT_VERSION.to_string();
        assert_eq!(common("1.999").as_deref(), Some(newest.as_str()));
        for too_old in ["1.40", "1.9", "0.99", "", "x"] {
            assert_eq!(common(too_old), None, "{too_old}");
        }
    }
}
