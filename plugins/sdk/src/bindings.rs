//! What wit-bindgen generates from `wit/`: the imports once, and the exports of each world on top of them, so that a record is the same
//! type whichever world a plugin lives in. The rest of the crate adds methods to these types; plugins use them through the crate's root.

/// The host functions.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "capabilities",
        pub_export_macro: true,
        additional_derives: [PartialEq, Eq],
        additional_derives_ignore: ["bearer"],
        generate_unused_types: true,
    });
}

/// The world of phase plugins.
pub mod phase {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "phase-plugin",
        pub_export_macro: true,
        export_macro_name: "export_phase_plugin",
        additional_derives: [PartialEq, Eq],
        with: {
            "chora:bootstrap/types@0.1.1": crate::bindings::imports::chora::bootstrap::types,
            "chora:bootstrap/services@0.1.1": crate::bindings::imports::chora::bootstrap::services,
            "chora:bootstrap/health@0.1.1": crate::bindings::imports::chora::bootstrap::health,
            "chora:bootstrap/credentials@0.1.1": crate::bindings::imports::chora::bootstrap::credentials,
            "chora:bootstrap/http@0.1.1": crate::bindings::imports::chora::bootstrap::http,
            "chora:bootstrap/tcp@0.1.1": crate::bindings::imports::chora::bootstrap::tcp,
            "chora:bootstrap/machine@0.1.1": crate::bindings::imports::chora::bootstrap::machine,
            "chora:bootstrap/docker@0.1.1": crate::bindings::imports::chora::bootstrap::docker,
            "chora:bootstrap/settings@0.1.1": crate::bindings::imports::chora::bootstrap::settings,
            "chora:bootstrap/progress@0.1.1": crate::bindings::imports::chora::bootstrap::progress,
        },
    });
}

/// The world of health plugins.
pub mod health_check {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "health-plugin",
        pub_export_macro: true,
        export_macro_name: "export_health_plugin",
        additional_derives: [PartialEq, Eq],
        with: {
            "chora:bootstrap/types@0.1.1": crate::bindings::imports::chora::bootstrap::types,
            "chora:bootstrap/services@0.1.1": crate::bindings::imports::chora::bootstrap::services,
            "chora:bootstrap/health@0.1.1": crate::bindings::imports::chora::bootstrap::health,
            "chora:bootstrap/credentials@0.1.1": crate::bindings::imports::chora::bootstrap::credentials,
            "chora:bootstrap/http@0.1.1": crate::bindings::imports::chora::bootstrap::http,
            "chora:bootstrap/tcp@0.1.1": crate::bindings::imports::chora::bootstrap::tcp,
            "chora:bootstrap/machine@0.1.1": crate::bindings::imports::chora::bootstrap::machine,
            "chora:bootstrap/docker@0.1.1": crate::bindings::imports::chora::bootstrap::docker,
            "chora:bootstrap/settings@0.1.1": crate::bindings::imports::chora::bootstrap::settings,
            "chora:bootstrap/progress@0.1.1": crate::bindings::imports::chora::bootstrap::progress,
        },
    });
}

/// The world of observers.
pub mod observer {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "observer-plugin",
        pub_export_macro: true,
        export_macro_name: "export_observer_plugin",
        additional_derives: [PartialEq, Eq],
        with: {
            "chora:bootstrap/types@0.1.1": crate::bindings::imports::chora::bootstrap::types,
            "chora:bootstrap/services@0.1.1": crate::bindings::imports::chora::bootstrap::services,
            "chora:bootstrap/health@0.1.1": crate::bindings::imports::chora::bootstrap::health,
            "chora:bootstrap/credentials@0.1.1": crate::bindings::imports::chora::bootstrap::credentials,
            "chora:bootstrap/http@0.1.1": crate::bindings::imports::chora::bootstrap::http,
            "chora:bootstrap/tcp@0.1.1": crate::bindings::imports::chora::bootstrap::tcp,
            "chora:bootstrap/machine@0.1.1": crate::bindings::imports::chora::bootstrap::machine,
            "chora:bootstrap/docker@0.1.1": crate::bindings::imports::chora::bootstrap::docker,
            "chora:bootstrap/settings@0.1.1": crate::bindings::imports::chora::bootstrap::settings,
            "chora:bootstrap/progress@0.1.1": crate::bindings::imports::chora::bootstrap::progress,
        },
    });
}

/// The exported interfaces, under short names.
pub mod exports {
    pub use super::health_check::exports::chora::bootstrap::health_check;
    pub use super::observer::exports::chora::bootstrap::observer;
    pub use super::phase::exports::chora::bootstrap::phase;
}
