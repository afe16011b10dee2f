//! The plugins that chora carries: the five phases and the health checks, as the components that this crate's build script made of
//! `plugins/*`. The command line hands them to the host; they have no privilege of their own.

/// A plugin that is part of the binary.
#[derive(Clone, Copy)]
pub struct BundledPlugin {
    /// Its name in configurations, such as `preflight`.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

/// Every bundled plugin: the phases in the order in which they run, then the health checks.
pub const ALL: &[BundledPlugin] = include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// The bundled plugin of that name.
#[must_use]
pub fn get(name: &str) -> Option<&'static BundledPlugin> {
    ALL.iter().find(|plugin| plugin.name == name)
}

#[cfg(test)]
mod tests {
    use super::{ALL, get};

    #[test]
    fn every_bundled_plugin_is_a_component() {
        assert_eq!(ALL.len(), 7);
        for plugin in ALL {
            assert!(
                plugin.bytes.starts_with(b"\0asm\x0d\0\x01\0"),
                "{}",
                plugin.name
            );
        }
    }

    #[test]
    fn plugins_are_found_by_name() {
        assert!(get("core-services").is_some_and(|plugin| plugin.name == "core-services"));
        assert!(get("chora-guest-preflight").is_none());
    }

    #[test]
    fn no_component_tells_where_it_was_built() {
        let workspace = env!("CARGO_MANIFEST_DIR").trim_end_matches("/plugins/bundled");
        for plugin in ALL {
            let found = plugin
                .bytes
                .windows(workspace.len())
                .any(|window| window == workspace.as_bytes());
            assert!(!found, "{} contains {workspace}", plugin.name);
        }
    }
}
