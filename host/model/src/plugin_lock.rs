//! `.chora/plugins.lock`: which plugins were added, from where, with which bytes, and what each was granted. Read by people in reviews and kept in version control, so it has one fact
//! a line, its plugins in the order of their names, and the same text for the same facts.
//!
//! Written by `chora plugin` only; read by every command that loads plugins. What it says is believed, because whoever can write it can write the configuration as well; the bytes of the
//! components are not, and are compared with it at every load.

mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::config::Placement;
use crate::file::{self, FileError};
use crate::grant::Grant;
use crate::text::is_hidden;

/// The version of the format that this chora reads and writes.
pub const FORMAT: u64 = 1;

/// The longest file that is read, in bytes.
const MOST: u64 = 4 << 20;

const HEADER: &str = "\
# The plugins that were added to this project, and what each was granted. Written by
# `chora plugin`; review changes as you would code, and keep it in version control.
";

/// The added plugins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginLock {
    // Invariant: in the order of their names, which are unique.
    plugins: Vec<LockedPlugin>,
}

/// One added plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct LockedPlugin {
    /// The name that it has in this project.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// Where it came from: a path, relative to the project where it is below it, or a URL.
    pub source: String,
    /// SHA-256 of the component, hex.
    pub sha256: String,
    /// The size of the component in bytes.
    pub size: u64,
    /// The WIT package that it was made for, with its version.
    pub wit: String,
    /// The world of that package, for example `health-plugin`.
    pub world: String,
    /// By whom it is signed; absent where nobody asked for that when it was added.
    pub signature: Option<LockedSignature>,
    /// Where it runs; absent for plugins that are no phase plugins.
    pub placement: Option<Placement>,
    /// What it was granted.
    pub grants: Vec<Grant>,
}

/// The signature of an added plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedSignature {
    /// The name of the key in the configuration.
    pub by: String,
    /// The id of the key.
    pub key_id: String,
    /// Where it came from, as for the component; absent where that is beside the component.
    pub source: Option<String>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PluginLockError {
    /// It cannot be read.
    #[error("the record of added plugins cannot be read")]
    Unreadable(#[source] FileError),
    /// It is not what chora writes.
    #[error("the record of added plugins `{}` is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A newer chora wrote it.
    #[error("the record of added plugins `{}` has format {found}, and this chora knows formats up to {FORMAT}", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format that it names.
        found: u64,
    },
}

impl PluginLockError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable(error) => format!(
                "see to it that `{}` is a file that you may read",
                error.path.display()
            ),
            Self::Damaged { path, .. } => format!(
                "restore `{0}` from version control; or delete it, and add the plugins again with `chora plugin add`",
                path.display()
            ),
            Self::Newer { .. } => "use the chora that wrote it, or a newer one".to_owned(),
        }
    }
}

impl PluginLock {
    /// Reads the file; without one no plugin was added.
    ///
    /// # Errors
    /// When it is there and cannot be used as it is.
    pub fn load(path: &Path) -> Result<Self, PluginLockError> {
        let bytes = file::read_capped(path, MOST).map_err(PluginLockError::Unreadable)?;
        let Some(bytes) = bytes else {
            return Ok(Self::default());
        };
        let text = String::from_utf8(bytes).map_err(|_| PluginLockError::Damaged {
            path: path.to_owned(),
            reason: "it is not UTF-8 text".to_owned(),
        })?;
        read::parse(&text, path)
    }

    /// Replaces the file. Its directory must exist.
    ///
    /// # Errors
    /// When it cannot be written; the old file is then still there.
    pub fn save(&self, path: &Path) -> Result<(), FileError> {
        file::write_atomic(path, self.render().as_bytes(), 0o644)
    }

    /// The added plugins, in the order of their names.
    pub fn plugins(&self) -> &[LockedPlugin] {
        &self.plugins
    }

    /// The plugin of this name.
    pub fn plugin(&self, name: &str) -> Option<&LockedPlugin> {
        self.plugins.iter().find(|plugin| plugin.name == name)
    }

    /// Puts a plugin in, in place of the one that had its name.
    pub fn put(&mut self, plugin: LockedPlugin) {
        self.take(&plugin.name);
        let at = self
            .plugins
            .partition_point(|other| other.name < plugin.name);
        self.plugins.insert(at, plugin);
    }

    /// Takes a plugin out.
    pub fn take(&mut self, name: &str) -> Option<LockedPlugin> {
        let at = self.plugins.iter().position(|plugin| plugin.name == name)?;
        Some(self.plugins.remove(at))
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let mut text = format!("{HEADER}format: {FORMAT}\nplugins:");
        if self.plugins.is_empty() {
            text.push_str(" []");
        }
        text.push('\n');
        for plugin in &self.plugins {
            plugin.render(&mut text);
        }
        text
    }
}

impl LockedPlugin {
    fn render(&self, text: &mut String) {
        text.push_str(&format!("  - name: {}\n", quoted(&self.name)));
        let mut fact = |key: &str, value: &str| text.push_str(&format!("    {key}: {value}\n"));
        fact("version", &quoted(&self.version));
        fact("source", &quoted(&self.source));
        fact("sha256", &quoted(&self.sha256));
        fact("size", &self.size.to_string());
        fact("wit", &quoted(&self.wit));
        fact("world", &quoted(&self.world));
        if let Some(signature) = &self.signature {
            fact("signed_by", &quoted(&signature.by));
            fact("key_id", &quoted(&signature.key_id));
            if let Some(source) = &signature.source {
                fact("signature", &quoted(source));
            }
        }
        if let Some(placement) = &self.placement {
            let (key, value) = written(placement);
            fact(key, &value);
        }
        if self.grants.is_empty() {
            fact("grants", "[]");
        } else {
            text.push_str("    grants:\n");
            for grant in &self.grants {
                text.push_str(&format!("      - {}\n", quoted(&grant.to_string())));
            }
        }
    }
}

/// A placement as the configuration writes it: its key and its value.
fn written(placement: &Placement) -> (&'static str, String) {
    match placement {
        Placement::Phase(phase) => ("phase", phase.to_string()),
        Placement::BeforePhase(phase) => ("before", phase.to_string()),
        Placement::AfterPhase(phase) => ("after", phase.to_string()),
        Placement::BeforeService(service) => ("before", quoted(service)),
        Placement::AfterService(service) => ("after", quoted(service)),
    }
}

/// A JSON string, which is a quoted YAML scalar as well: no text of a plugin can be read as anything else. What a reviewer would not see, or see turned around, is written out.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    let mut shown = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hidden(character) {
            // None of these is beyond the basic plane, so that four digits are enough.
            shown.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            shown.push(character);
        }
    }
    shown
}
