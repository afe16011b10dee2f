//! What wasmtime generates from `wit/`: the imports once, and the exports of each world on top of them.

/// The host functions.
pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "capabilities",
        imports: {
            // What never waits.
            "chora:bootstrap/settings.get": trappable,
            "chora:bootstrap/progress.log": trappable,
            "chora:bootstrap/progress.doing": trappable,
            default: async | trappable,
        },
        with: {
            "chora:bootstrap/credentials.bearer": crate::credentials::Bearer,
        },
    });
}

/// The world of phase plugins.
pub(crate) mod phase {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "phase-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "chora:bootstrap/types": super::imports::chora::bootstrap::types,
            "chora:bootstrap/services": super::imports::chora::bootstrap::services,
            "chora:bootstrap/health": super::imports::chora::bootstrap::health,
            "chora:bootstrap/credentials": super::imports::chora::bootstrap::credentials,
            "chora:bootstrap/http": super::imports::chora::bootstrap::http,
            "chora:bootstrap/tcp": super::imports::chora::bootstrap::tcp,
            "chora:bootstrap/machine": super::imports::chora::bootstrap::machine,
            "chora:bootstrap/docker": super::imports::chora::bootstrap::docker,
            "chora:bootstrap/settings": super::imports::chora::bootstrap::settings,
            "chora:bootstrap/progress": super::imports::chora::bootstrap::progress,
        },
    });
}

/// The world of health plugins.
pub(crate) mod health_check {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "health-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "chora:bootstrap/types": super::imports::chora::bootstrap::types,
            "chora:bootstrap/services": super::imports::chora::bootstrap::services,
            "chora:bootstrap/health": super::imports::chora::bootstrap::health,
            "chora:bootstrap/credentials": super::imports::chora::bootstrap::credentials,
            "chora:bootstrap/http": super::imports::chora::bootstrap::http,
            "chora:bootstrap/tcp": super::imports::chora::bootstrap::tcp,
            "chora:bootstrap/machine": super::imports::chora::bootstrap::machine,
            "chora:bootstrap/docker": super::imports::chora::bootstrap::docker,
            "chora:bootstrap/settings": super::imports::chora::bootstrap::settings,
            "chora:bootstrap/progress": super::imports::chora::bootstrap::progress,
        },
    });
}

/// The world of observers.
pub(crate) mod observer {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "observer-plugin",
        imports: { default: async | trappable },
        exports: { default: async },
        with: {
            "chora:bootstrap/types": super::imports::chora::bootstrap::types,
            "chora:bootstrap/services": super::imports::chora::bootstrap::services,
            "chora:bootstrap/health": super::imports::chora::bootstrap::health,
            "chora:bootstrap/credentials": super::imports::chora::bootstrap::credentials,
            "chora:bootstrap/http": super::imports::chora::bootstrap::http,
            "chora:bootstrap/tcp": super::imports::chora::bootstrap::tcp,
            "chora:bootstrap/machine": super::imports::chora::bootstrap::machine,
            "chora:bootstrap/docker": super::imports::chora::bootstrap::docker,
            "chora:bootstrap/settings": super::imports::chora::bootstrap::settings,
            "chora:bootstrap/progress": super::imports::chora::bootstrap::progress,
        },
    });
}
