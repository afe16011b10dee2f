//! Which file a service's program is.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{EngineError, ServiceSpec};

/// Finds the program of a command: `chora` is this very program, a path is relative to the project, and a bare name is searched in PATH.
pub(super) fn find(exe: &Path, spec: &ServiceSpec, program: &str) -> Result<PathBuf, EngineError> {
    if program == "chora" {
        return Ok(exe.to_owned());
    }
    if program.contains('/') {
        let path = spec.directory.join(program);
        return match runnable(&path) {
            Some(true) => Ok(path),
            Some(false) => Err(EngineError::NotExecutable {
                service: spec.name.clone(),
                program: path,
            }),
            None => Err(not_found(spec, program, None)),
        };
    }
    let search = spec
        .variables()
        .get("PATH")
        .map(|path| (*path).to_owned())
        .or_else(|| std::env::var("PATH").ok())
        .unwrap_or_default();
    std::env::split_paths(&search)
        // What is relative there is so to where the program will run.
        .map(|directory| spec.directory.join(directory).join(program))
        .find(|path| runnable(path) == Some(true))
        .ok_or_else(|| not_found(spec, program, Some(search)))
}

/// Whether a file may be run; absent when there is none.
fn runnable(path: &Path) -> Option<bool> {
    let metadata = std::fs::metadata(path).ok()?;
    metadata
        .is_file()
        .then(|| metadata.permissions().mode() & 0o111 != 0)
}

fn not_found(spec: &ServiceSpec, program: &str, path: Option<String>) -> EngineError {
    EngineError::ProgramNotFound {
        service: spec.name.clone(),
        program: program.to_owned(),
        path,
    }
}
