//! The digest of a service's definition.

use sha2::{Digest, Sha256};

use crate::model::Service;

/// The digest that stands in `com.docker.compose.config-hash`: SHA-256 in hexadecimal over the service as JSON.
///
/// As in Compose, what only says how an image comes about or what is started first is left out: `build`, `pull_policy`, `depends_on` and `profiles`. The digests are not those that
/// Compose would write, because these cover the JSON of one version's own types; they are compared with each other only.
pub fn config_hash(service: &Service) -> String {
    let service = Service {
        build: None,
        pull_policy: None,
        depends_on: Default::default(),
        profiles: Vec::new(),
        ..service.clone()
    };
    // Fields come in the order of their declaration and maps are sorted, so that equal services have equal texts.
    let text = serde_json::to_vec(&service).unwrap_or_default();
    base16ct::lower::encode_string(&Sha256::digest(&text))
}
