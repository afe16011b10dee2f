//! A project in which the whole program runs a hostile plugin.

use std::process::{Output, Stdio};

use chora_hostile_plugins::MISDEEDS;

use super::Ground;
use crate::Error;
use crate::place::Place;

/// Two services, and the hostile plugin `mine` in the phase of the second.
const CONFIG: &str = "services:
  - {name: db, phase: 1, command: [sleep, \"1000\"], health: none, stop_grace: 0.1}
  - {name: web, phase: 2, command: [sleep, \"1000\"], health: none, stop_grace: 0.1, dependencies: [db]}
engine: process
plugins:
  - {name: mine, path: mine.wasm, phase: 2, ";

/// How the program ended, with what it said.
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// The project; its services end with it.
pub(super) struct Play<'a> {
    ground: &'a Ground,
    pub(super) place: Place,
}

impl<'a> Play<'a> {
    /// With the rest of the plugin's entry: its settings and grants.
    pub(super) fn new(ground: &'a Ground, entry: &str) -> Result<Self, Error> {
        let place = Place::new(&format!("{CONFIG}{entry}}}\n"))?;
        place.write("mine.wasm", MISDEEDS)?;
        Ok(Self { ground, place })
    }

    /// Runs the program to its end.
    pub(super) async fn chora(&self, words: &[&str]) -> Result<Ended, Error> {
        if (self.ground.is_stopped)() {
            return Err(Error::Stopped);
        }
        let mut command = tokio::process::Command::new(&self.ground.program);
        // What the user set for runs of theirs is not for these.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CHORA_") {
                command.env_remove(name);
            }
        }
        command
            .arg("-C")
            .arg(self.place.path())
            .args(words)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let failed = |source| Error::Io {
            doing: format!("run `chora {}`", words.join(" ")),
            source,
        };
        let limited = tokio::time::timeout(crate::PATIENCE, command.output());
        let Output {
            status,
            stdout,
            stderr,
        } = match limited.await {
            Ok(output) => output.map_err(failed)?,
            Err(late) => return Err(failed(late.into())),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Ended {
            code: status.code(),
            stdout: text(&stdout),
            stderr: text(&stderr),
        })
    }
}
