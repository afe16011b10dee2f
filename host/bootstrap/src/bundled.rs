//! The bundled plugins: where each runs and what it is granted. They go through the same gate as anyone's plugins; this table is all that they have.

use chora_model::config::Placement;

/// A bundled plugin.
#[derive(Debug, Clone, Copy)]
pub struct Bundled {
    /// Its name.
    pub name: &'static str,
    /// The phase that it runs in; absent for a health plugin.
    pub phase: Option<u8>,
    /// What it is granted, as it would be written in a configuration.
    pub grants: &'static [&'static str],
}

impl Bundled {
    /// Where it runs; absent for a health plugin.
    pub fn placement(&self) -> Option<Placement> {
        self.phase.map(Placement::Phase)
    }
}

/// The name of the plugin that gets the `preflight` settings.
pub(crate) const PREFLIGHT: &str = "preflight";
/// The name of the plugin that gets the `validation` settings.
pub(crate) const VALIDATION: &str = "validation";

/// Every bundled plugin.
pub const BUNDLED: &[Bundled] = &[
    Bundled {
        name: PREFLIGHT,
        phase: Some(0),
        grants: &[
            "machine=engine+resources+ports+directories",
            "credentials=*:ensure",
        ],
    },
    Bundled {
        name: "core-services",
        phase: Some(1),
        grants: &[
            "services=@phase:1:inspect+start+remove",
            "health=@phase:1",
            "http=GET @role:registry/v1/services/*",
            "http=POST @role:registry/v1/services",
            "credentials=@role:registry:use",
        ],
    },
    Bundled {
        name: "infrastructure",
        phase: Some(2),
        grants: &[
            "services=@phase:2:inspect+start+remove",
            "health=@phase:2",
            "http=GET @role:registry/v1/services/*",
        ],
    },
    Bundled {
        name: "capabilities",
        phase: Some(3),
        grants: &[
            "services=@phase:3:inspect+start+remove",
            "health=@phase:3",
            "http=POST @role:orchestrator/v1/deploy",
            "http=GET+DELETE @role:orchestrator/v1/services/*",
            "http=GET @role:registry/v1/services/*",
            "credentials=jwt_secret:use",
        ],
    },
    Bundled {
        name: VALIDATION,
        phase: Some(4),
        grants: &[
            "health=*",
            "http=GET @role:registry/v1/services/*",
            "http=* @role:gateway/api/v1/*",
            "http=GET+POST @role:orchestrator/v1/services/*",
            "credentials=jwt_secret:use",
        ],
    },
    Bundled {
        name: "http-check",
        phase: None,
        grants: &["http=GET @target/*"],
    },
    Bundled {
        name: "tcp-check",
        phase: None,
        grants: &["tcp=@target"],
    },
];

/// The bundled plugin of this name.
pub fn bundled(name: &str) -> Option<&'static Bundled> {
    BUNDLED.iter().find(|plugin| plugin.name == name)
}

#[cfg(test)]
mod tests {
    use chora_model::grant::Grant;

    use super::*;

    #[test]
    fn every_grant_of_the_table_is_one_and_is_written_canonically() {
        for plugin in BUNDLED {
            for text in plugin.grants {
                assert_eq!(
                    Grant::parse(text).unwrap().to_string(),
                    *text,
                    "{}",
                    plugin.name
                );
            }
        }
    }

    #[test]
    fn no_bundled_plugin_may_read_a_secret_or_run_a_command() {
        for plugin in BUNDLED {
            for text in plugin.grants {
                assert!(!text.contains("reveal") && !text.contains("exec"), "{text}");
            }
        }
    }
}
