//! The list of what is deployed, in one file that survives the orchestrator.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chora_model::file::{self, FileError};
use serde::{Deserialize, Serialize};

use crate::deployment::{Deployment, Desired};
use crate::settings::OrchestratorError;

/// The largest list that is read, in bytes.
const MOST: u64 = 16 << 20;

/// A deployment with what it is meant to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) deployment: Deployment,
    pub(crate) desired: Desired,
}

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    path: PathBuf,
}

impl Store {
    pub(crate) fn new(data: &std::path::Path) -> Self {
        Self {
            path: data.join("deployments.json"),
        }
    }

    pub(crate) fn read(&self) -> Result<BTreeMap<String, Kept>, OrchestratorError> {
        let Some(bytes) = file::read_capped(&self.path, MOST)? else {
            return Ok(BTreeMap::new());
        };
        serde_json::from_slice(&bytes).map_err(|source| OrchestratorError::Damaged {
            path: self.path.clone(),
            source,
        })
    }

    /// Replaces the list. Environment variables may hold what the deployer keeps to himself, so it is for the owner only.
    pub(crate) fn write(&self, kept: &BTreeMap<String, Kept>) -> Result<(), FileError> {
        let bytes = serde_json::to_vec_pretty(kept).unwrap_or_default();
        file::write_atomic(&self.path, &bytes, 0o600)
    }
}
