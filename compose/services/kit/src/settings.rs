//! The environment that chora gives a service, read once at start into a typed value.
//!
//! An empty variable counts as one that is not set: Compose files produce those for every `${NAME:-}`.

use std::{env, path::PathBuf};

use semver::Version;
use url::Url;

use crate::Secret;

/// What any service is told by its environment.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// The configured name of the service (`CHORA_SERVICE`), under which it registers.
    pub service: String,
    /// The environment it belongs to (`CHORA_ENVIRONMENT`, `dev`).
    pub environment: String,
    /// Where it binds (`HOST`, `127.0.0.1`).
    pub host: String,
    /// The port it binds (`PORT`); 0 lets the system choose.
    pub port: u16,
    /// The host under which others reach it (`ADVERTISE_HOST`; otherwise `HOST`, or `HOSTNAME` when that binds every address).
    pub advertise_host: String,
    /// What tells this instance from another of the same name (`INSTANCE_ID`; otherwise made of the address it serves, so that a successor replaces it).
    pub instance_id: Option<String>,
    /// Its version (`SERVICE_VERSION`; otherwise this build's).
    pub version: Version,
    /// A directory of its own (`DATA_DIR`).
    pub data_dir: Option<PathBuf>,
    /// What signs and checks tokens (`JWT_SECRET`).
    pub jwt_secret: Option<Secret>,
    /// Its own API key (`API_KEY_<SERVICE>`).
    pub api_key: Option<Secret>,
    /// All API keys of the environment (`API_KEY_*`), by service name.
    pub api_keys: Vec<(String, Secret)>,
    /// The registry to register with (`MANIFEST_URL`).
    pub manifest_url: Option<Url>,
    /// The file that holds every service's credentials (`CREDENTIALS_FILE`).
    pub credentials_file: Option<PathBuf>,
}

/// A variable of the environment is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// It has a value that cannot be used.
    #[error(
        "the environment variable `{name}` is `{value}`, which is not {expected}; correct it or unset it"
    )]
    Invalid {
        /// The variable.
        name: &'static str,
        /// What it holds; never used for a secret.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// It is needed and not there.
    #[error("the environment variable `{name}` is not set: {why}")]
    Missing {
        /// The variable.
        name: String,
        /// What it is needed for, and how to set it.
        why: &'static str,
    },
}

impl ServiceSettings {
    /// Reads the environment of the process. `role` is the name of a service that was given none; `port` is the port of one that was given none.
    pub fn from_env(role: &str, port: u16) -> Result<Self, SettingsError> {
        let variables = env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from_variables(role, port, variables)
    }

    /// Reads the given variables as if they were the environment.
    pub fn from_variables<N: Into<String>, V: Into<String>>(
        role: &str,
        port: u16,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, SettingsError> {
        let variables: Vec<(String, String)> = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(_, value)| !value.trim().is_empty())
            .collect();
        let get = |wanted: &str| {
            variables
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.trim().to_owned())
        };

        let service = get("CHORA_SERVICE").unwrap_or_else(|| role.to_owned());
        if !is_service_name(&service) {
            return Err(invalid(
                "CHORA_SERVICE",
                service,
                "1 to 64 lower-case letters, digits and `-`",
            ));
        }
        let port = match get("PORT") {
            Some(text) => text
                .parse()
                .map_err(|_| invalid("PORT", text, "a port number from 0 to 65535"))?,
            None => port,
        };
        let version = match get("SERVICE_VERSION") {
            Some(text) => Version::parse(&text).map_err(|_| {
                invalid(
                    "SERVICE_VERSION",
                    text,
                    "a semantic version such as `1.2.3`",
                )
            })?,
            None => Version::parse(env!("CARGO_PKG_VERSION")).unwrap_or(Version::new(0, 0, 0)),
        };
        let manifest_url =
            match get("MANIFEST_URL") {
                Some(text) => Some(http_url(&text).ok_or_else(|| {
                    invalid("MANIFEST_URL", text, "an `http://` or `https://` URL")
                })?),
                None => None,
            };
        let instance_id = get("INSTANCE_ID");
        if let Some(id) = instance_id.as_ref().filter(|id| !is_instance_id(id)) {
            return Err(invalid(
                "INSTANCE_ID",
                id.clone(),
                "1 to 128 letters, digits, `.`, `_` and `-`",
            ));
        }
        let host = get("HOST").unwrap_or_else(|| "127.0.0.1".to_owned());
        let advertise_host = get("ADVERTISE_HOST").unwrap_or_else(|| match host.as_str() {
            "0.0.0.0" | "::" | "[::]" => get("HOSTNAME").unwrap_or_else(|| "127.0.0.1".to_owned()),
            host => host.to_owned(),
        });
        let api_keys: Vec<(String, Secret)> = variables
            .iter()
            .filter_map(|(name, value)| {
                Some((
                    service_of_key(&name.strip_prefix("API_KEY_")?.to_lowercase()),
                    Secret::new(value.trim()),
                ))
            })
            .collect();
        Ok(Self {
            api_key: api_keys
                .iter()
                .find(|(name, _)| *name == service)
                .map(|(_, key)| key.clone()),
            environment: get("CHORA_ENVIRONMENT").unwrap_or_else(|| "dev".to_owned()),
            data_dir: get("DATA_DIR").map(PathBuf::from),
            jwt_secret: get("JWT_SECRET").map(Secret::new),
            credentials_file: get("CREDENTIALS_FILE").map(PathBuf::from),
            service,
            host,
            port,
            advertise_host,
            instance_id,
            version,
            api_keys,
            manifest_url,
        })
    }
}

fn invalid(name: &'static str, value: String, expected: &'static str) -> SettingsError {
    SettingsError::Invalid {
        name,
        value,
        expected,
    }
}

fn http_url(text: &str) -> Option<Url> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// Whether the text can name a service: `^[a-z0-9-]{1,64}$`.
pub fn is_service_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Whether the text can tell an instance: `^[A-Za-z0-9._-]{1,128}$`.
pub(crate) fn is_instance_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// The service whose API key bears this name; names of services have no `_`, so the `-` that became one can be restored.
pub(crate) fn service_of_key(name: &str) -> String {
    name.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<ServiceSettings, SettingsError> {
        ServiceSettings::from_variables("gateway", 8700, variables.iter().copied())
    }

    #[test]
    fn an_empty_environment_gives_the_defaults_of_the_role() {
        let settings = read(&[]).unwrap();
        assert_eq!(
            (
                settings.service.as_str(),
                settings.host.as_str(),
                settings.port
            ),
            ("gateway", "127.0.0.1", 8700)
        );
        assert!(settings.jwt_secret.is_none() && settings.manifest_url.is_none());
    }

    #[test]
    fn own_api_key_is_found_under_the_upper_cased_name() {
        let settings = read(&[
            ("CHORA_SERVICE", "edge-gateway"),
            ("API_KEY_EDGE_GATEWAY", "k1"),
            ("API_KEY_OTHER", "k2"),
        ])
        .unwrap();
        assert_eq!(settings.api_key.unwrap().expose(), "k1");
        assert_eq!(settings.api_keys.len(), 2);
    }

    #[test]
    fn each_wrong_variable_is_named_with_its_value() {
        for (name, value) in [
            ("PORT", "99999"),
            ("PORT", "http"),
            ("CHORA_SERVICE", "Gate Way"),
            ("SERVICE_VERSION", "1.0"),
            ("MANIFEST_URL", "localhost:8500"),
            ("INSTANCE_ID", "a/b"),
        ] {
            let message = read(&[(name, value)]).unwrap_err().to_string();
            assert!(
                message.contains(name) && message.contains(value),
                "{message}"
            );
        }
    }

    #[test]
    fn a_service_bound_to_every_address_advertises_its_host_name() {
        let settings = read(&[("HOST", "0.0.0.0"), ("HOSTNAME", "node7")]).unwrap();
        assert_eq!(settings.advertise_host, "node7");
    }

    #[test]
    fn empty_variables_count_as_unset() {
        let settings = read(&[("PORT", ""), ("MANIFEST_URL", " ")]).unwrap();
        assert_eq!(settings.port, 8700);
        assert!(settings.manifest_url.is_none());
    }

    #[test]
    fn secrets_are_not_shown_by_debug() {
        let settings =
            read(&[("JWT_SECRET", "hush-hush"), ("API_KEY_GATEWAY", "hush-key")]).unwrap();
        assert!(!format!("{settings:?}").contains("hush"));
    }
}
