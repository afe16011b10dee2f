//! From what was typed to an opened project.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use chora_bootstrap::{OpenOptions, Project, Store, StoreOptions};
use chora_model::config::{self, Loaded, Source};
use chora_plugin_host::CompileCache;

use crate::app::App;
use crate::failure::Ended;

/// The compile cache of plugins, below the user's cache directory, and its key, below the state directory; absent where there is no such directory.
pub(crate) fn compile_cache() -> Option<CompileCache> {
    Some(CompileCache {
        directory: user_directory("XDG_CACHE_HOME", ".cache")?.join("chora/components"),
        key: user_directory("XDG_STATE_HOME", ".local/state")?.join("chora/compile-cache.key"),
    })
}

/// A directory of the user's that a variable names, or that is at its usual place below the home directory ([XDG Base Directory Specification]).
///
/// [XDG Base Directory Specification]: https://specifications.freedesktop.org/basedir-spec/latest/
fn user_directory(variable: &str, usual: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(usual)))
}

/// Where the configuration is looked for.
pub(crate) fn source(app: &App) -> Result<Source, Ended> {
    let project = std::env::current_dir().context("failed to find the current directory")?;
    Ok(Source {
        path: app.global.config.as_ref().map(|path| project.join(path)),
        environment: app.global.environment.clone(),
        project,
    })
}

/// Opens the project, and covers its secrets from here on.
pub(crate) async fn open(app: &App) -> Result<Arc<Project>, Ended> {
    let options = OpenOptions {
        source: source(app)?,
        engine: app.global.engine.map(Into::into),
        bundled: bundled(),
        exe: std::env::current_exe().context("failed to find chora's own executable")?,
        cache: compile_cache(),
        lock_wait: app.global.lock_wait,
    };
    let project = Project::open(options).await?;
    app.output
        .redaction()
        .follow(project.vault().path().to_owned());
    Ok(Arc::new(project))
}

/// The project's plugins, and its secrets covered from here on. For commands that need no engine.
pub(crate) fn store(app: &App) -> Result<Store, Ended> {
    load(app)?;
    Ok(Store::open(StoreOptions {
        source: source(app)?,
        bundled: bundled(),
        cache: compile_cache(),
        lock_wait: app.global.lock_wait,
    })?)
}

fn bundled() -> Vec<(String, &'static [u8])> {
    let all = chora_bundled_plugins::ALL.iter();
    all.map(|plugin| (plugin.name.to_owned(), plugin.bytes))
        .collect()
}

/// Reads the configuration only, and covers the environment's secrets from here on. For commands that need no engine and no plugin.
pub(crate) fn load(app: &App) -> Result<Loaded, Ended> {
    let loaded =
        config::load(&source(app)?).map_err(|error| chora_bootstrap::config_failure(&error))?;
    let file = match &loaded.config.credentials.storage_path {
        Some(path) => loaded.layout.project.join(path),
        None => loaded.layout.credentials(),
    };
    app.output.redaction().follow(file);
    Ok(loaded)
}

/// The options that a proposed command needs to mean the same project, each with a blank before it.
pub(crate) fn options(app: &App) -> String {
    let mut options = String::new();
    let mut add = |name: &str, value: &str| {
        options.push_str(&format!(" {name} {}", quoted(value)));
    };
    if let Some(directory) = &app.global.directory {
        add("-C", &directory.to_string_lossy());
    }
    if let Some(environment) = &app.global.environment {
        add("--environment", environment);
    }
    if let Some(path) = &app.global.config {
        add("--config", &path.to_string_lossy());
    }
    options
}

/// The word as a shell reads it back.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || "-_./:=@%+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn words_are_quoted_only_where_a_shell_needs_it() {
        assert_eq!(quoted("a/b-c.yml"), "a/b-c.yml");
        assert_eq!(quoted("my dir"), "'my dir'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
