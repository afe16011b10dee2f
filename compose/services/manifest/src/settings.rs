//! The registry's part of the environment.

use std::{path::PathBuf, time::Duration};

use chora_service_kit::{ServiceSettings, SettingsError};

/// All that the registry is told.
#[derive(Debug, Clone)]
pub struct ManifestSettings {
    /// What every service is told.
    pub service: ServiceSettings,
    /// Where records are kept.
    pub storage: StorageSettings,
    /// When a silent instance stops to count.
    pub timing: Timing,
}

/// Where records are kept (`STORAGE_BACKEND`).
#[derive(Debug, Clone)]
pub enum StorageSettings {
    /// A database file of its own (`SQLITE_PATH`, `$DATA_DIR/manifest.db`).
    Sqlite {
        /// The file; its folder exists.
        path: PathBuf,
    },
}

/// When an instance that sends no heartbeats is thought unhealthy, and when it is forgotten.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How often instances are asked to send one (10 s).
    pub heartbeat_interval: Duration,
    /// Silence that makes an instance `unhealthy` (30 s).
    pub unhealthy_after: Duration,
    /// Silence that removes it (60 s). After a restart of the registry, counted from there.
    pub removed_after: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_secs(10),
            unhealthy_after: Duration::from_secs(30),
            removed_after: Duration::from_secs(60),
        }
    }
}

impl ManifestSettings {
    /// Reads the environment of the process.
    pub fn from_env() -> Result<Self, SettingsError> {
        let get = |name| {
            std::env::var(name)
                .ok()
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty())
        };
        Self::new(ServiceSettings::from_env("manifest", 8500)?, get)
    }

    fn new(
        service: ServiceSettings,
        get: impl Fn(&'static str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let storage = match get("STORAGE_BACKEND").as_deref() {
            None | Some("sqlite") => {
                let path = match (get("SQLITE_PATH"), &service.data_dir) {
                    (Some(path), _) => PathBuf::from(path),
                    (None, Some(folder)) => folder.join("manifest.db"),
                    (None, None) => {
                        return Err(SettingsError::Missing {
                            name: "SQLITE_PATH".to_owned(),
                            why: "the registry keeps its records there; set it to a file, or `DATA_DIR` to a folder",
                        });
                    }
                };
                StorageSettings::Sqlite { path }
            }
            Some(other) => {
                return Err(SettingsError::Invalid {
                    name: "STORAGE_BACKEND",
                    value: other.to_owned(),
                    expected: if other == "etcd" {
                        "supported by this build (only `sqlite` is)"
                    } else {
                        "a known storage (`sqlite`)"
                    },
                });
            }
        };
        Ok(Self {
            service,
            storage,
            timing: Timing::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&'static str, &str)]) -> Result<ManifestSettings, SettingsError> {
        let service =
            ServiceSettings::from_variables("manifest", 8500, variables.iter().copied()).unwrap();
        ManifestSettings::new(service, |wanted| {
            variables
                .iter()
                .find(|(name, _)| *name == wanted)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_database_is_in_the_data_directory_unless_told_otherwise() {
        let path = |variables: &[(&'static str, &str)]| match read(variables).unwrap().storage {
            StorageSettings::Sqlite { path } => path,
        };
        assert_eq!(
            path(&[("DATA_DIR", "/data")]),
            PathBuf::from("/data/manifest.db")
        );
        assert_eq!(
            path(&[
                ("DATA_DIR", "/data"),
                ("SQLITE_PATH", "/x.db"),
                ("STORAGE_BACKEND", "sqlite")
            ]),
            PathBuf::from("/x.db")
        );
    }

    #[test]
    fn what_is_missing_or_unsupported_is_named() {
        assert!(read(&[]).unwrap_err().to_string().contains("SQLITE_PATH"));
        assert!(
            read(&[("STORAGE_BACKEND", "etcd")])
                .unwrap_err()
                .to_string()
                .contains("not supported by this build")
        );
        assert!(
            read(&[("STORAGE_BACKEND", "redis")])
                .unwrap_err()
                .to_string()
                .contains("`redis`")
        );
    }
}
