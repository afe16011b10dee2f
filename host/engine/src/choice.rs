//! Which engine runs an environment.

use std::path::PathBuf;
use std::sync::Arc;

use chora_model::config::EngineChoice;
use chora_model::layout::Layout;

use crate::process::ProcessEngine;
use crate::{Engine, EngineError};

/// The engine for an environment, and a sentence that says which it is and why. `exe` is this very program, which services name as `chora`.
///
/// # Errors
/// When no engine can be used.
pub fn engine_for(
    choice: EngineChoice,
    layout: &Layout,
    exe: PathBuf,
) -> Result<(Arc<dyn Engine>, String), EngineError> {
    let engine: Arc<dyn Engine> = Arc::new(ProcessEngine::open(layout, exe));
    let reason = match choice {
        EngineChoice::Auto => "the process engine, the only one that this chora has",
        EngineChoice::Process => "the process engine, as asked for",
    };
    Ok((engine, reason.to_owned()))
}
