//! The gateway's part of the environment.

use std::time::Duration;

use chora_service_kit::{ServiceSettings, SettingsError};
use url::Url;

/// All that the gateway is told.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// What every service is told.
    pub service: ServiceSettings,
    /// The registry that knows the instances (`MANIFEST_URL`); over plain HTTP.
    pub manifest_url: Url,
    /// How long an instance may take to begin its answer, counted from the last bytes of the request (`UPSTREAM_TIMEOUT_SECONDS`, 30).
    pub upstream_timeout: Duration,
    /// How long what the registry said is taken to be true (1 s).
    pub discovery_ttl: Duration,
}

impl GatewaySettings {
    /// Reads the environment of the process.
    pub fn from_env() -> Result<Self, SettingsError> {
        let timeout = std::env::var("UPSTREAM_TIMEOUT_SECONDS").ok();
        Self::new(
            ServiceSettings::from_env("gateway", 8700)?,
            timeout.as_deref(),
        )
    }

    /// Settings of a service that was given a registry; `timeout` is the text of `UPSTREAM_TIMEOUT_SECONDS`.
    pub fn new(service: ServiceSettings, timeout: Option<&str>) -> Result<Self, SettingsError> {
        let Some(manifest_url) = service.manifest_url.clone() else {
            return Err(SettingsError::Missing {
                name: "MANIFEST_URL".to_owned(),
                why: "the gateway finds services through the registry; set it to the registry's URL, such as `http://127.0.0.1:8500`",
            });
        };
        if manifest_url.scheme() != "http" {
            return Err(SettingsError::Invalid {
                name: "MANIFEST_URL",
                value: manifest_url.into(),
                expected: "an `http://` URL",
            });
        }
        let upstream_timeout = match timeout.map(str::trim).filter(|text| !text.is_empty()) {
            None => Duration::from_secs(30),
            Some(text) => {
                let seconds = text
                    .parse()
                    .ok()
                    .filter(|seconds| (0.001..=86_400.0).contains(seconds));
                seconds
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .ok_or_else(|| SettingsError::Invalid {
                        name: "UPSTREAM_TIMEOUT_SECONDS",
                        value: text.to_owned(),
                        expected: "a number of seconds from 0.001 to 86400",
                    })?
            }
        };
        Ok(Self {
            service,
            manifest_url,
            upstream_timeout,
            discovery_ttl: Duration::from_secs(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_needed_and_the_timeout_is_checked() {
        let read = |variables: &[(&str, &str)], timeout| {
            GatewaySettings::new(
                ServiceSettings::from_variables("gateway", 8700, variables.iter().copied())
                    .unwrap(),
                timeout,
            )
        };
        assert!(
            read(&[], None)
                .unwrap_err()
                .to_string()
                .contains("MANIFEST_URL")
        );
        assert!(
            read(&[("MANIFEST_URL", "https://127.0.0.1:1")], None)
                .unwrap_err()
                .to_string()
                .contains("http://")
        );
        let url = [("MANIFEST_URL", "http://127.0.0.1:1")];
        assert_eq!(
            read(&url, Some("0.5")).unwrap().upstream_timeout,
            Duration::from_millis(500)
        );
        for wrong in ["0", "-1", "soon", "inf", "NaN"] {
            assert!(
                read(&url, Some(wrong))
                    .unwrap_err()
                    .to_string()
                    .contains("UPSTREAM_TIMEOUT_SECONDS"),
                "{wrong}"
            );
        }
    }
}
