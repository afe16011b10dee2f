//! From files to a [`Config`]: reading, merging, and every section but services and plugins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::read::Reader;
use super::service::is_name;
use super::tree;
use super::{
    Config, ConfigError, CredentialSettings, DEFAULT, EngineChoice, Logging, PHASES, Retry,
    Timeouts, check, plugin, service,
};
use crate::file;
use crate::layout::Layout;
use crate::yaml::{self, Node, Value, Words};

/// The largest configuration that is read, in bytes.
const MOST: u64 = 1 << 20;

/// How many journals are kept unless configured.
const KEEP_RUNS: usize = 100;
/// The most journals that can be kept.
const MOST_RUNS: i64 = 1_000_000;

/// Where a configuration is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Source {
    /// The project's directory.
    pub project: PathBuf,
    /// The file given with `--config`.
    pub path: Option<PathBuf>,
    /// The environment given with `--environment`.
    pub environment: Option<String>,
}

/// A configuration, and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Where the environment's files are.
    pub layout: Layout,
    /// The files that were read.
    pub files: Vec<PathBuf>,
    /// Whether there was no file and the built-in default was used.
    pub builtin: bool,
}

impl Source {
    /// The base file.
    fn base(&self) -> PathBuf {
        self.path
            .clone()
            .unwrap_or_else(|| self.project.join(".chora").join("bootstrap-config.yml"))
    }
}

/// Reads the configuration and its overlay, and checks them.
///
/// # Errors
/// Everything that is wrong at once, or the file that cannot be read.
pub fn load(source: &Source) -> Result<Loaded, ConfigError> {
    let base = source.base();
    match text_of(&base)? {
        Some(text) => from_text(&text, &base, source, false),
        None if source.path.is_some() => Err(ConfigError::Missing { path: base }),
        None => from_text(DEFAULT, Path::new("built-in configuration"), source, true),
    }
}

/// Reads the configuration of the environment that is asked for, of the project's own, and of each that has an overlay.
///
/// # Errors
/// As for [`load`], for the first that cannot be used.
pub fn load_all(source: &Source) -> Result<Vec<Loaded>, ConfigError> {
    let own = Source {
        environment: None,
        ..source.clone()
    };
    let mut all = vec![load(source)?, load(&own)?];
    for environment in overlays(&source.base()) {
        let source = Source {
            environment: Some(environment),
            ..source.clone()
        };
        all.push(load(&source)?);
    }
    Ok(all)
}

/// The environments for which an overlay lies beside the base file.
fn overlays(base: &Path) -> Vec<String> {
    let directory = base.parent().unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(directory) else {
        return Vec::new();
    };
    let stem = base.file_stem().unwrap_or_default().to_string_lossy();
    let mut found: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let rest = name.strip_prefix(&*stem)?.strip_prefix('.')?;
            let environment = rest.split('.').next().unwrap_or_default().to_owned();
            let is_overlay = is_name(&environment) && overlay(base, &environment) == entry.path();
            is_overlay.then_some(environment)
        })
        .collect();
    found.sort();
    found
}

/// Makes a configuration of a base file's text and what lies beside that file.
pub(super) fn from_text(
    text: &str,
    name: &Path,
    source: &Source,
    builtin: bool,
) -> Result<Loaded, ConfigError> {
    let invalid = |problem| ConfigError::Invalid {
        problems: vec![problem],
    };
    let mut reader = Reader::default();
    reader.files.push(name.to_owned());
    let mut tree = yaml::read(text, 0, name, Words::Booleans).map_err(invalid)?;
    let own = match tree.get("environment").map(|node| &node.value) {
        Some(Value::Text(own)) => own.clone(),
        _ => "dev".to_owned(),
    };
    let environment = source.environment.clone().unwrap_or_else(|| own.clone());
    if !is_name(&environment) {
        return Err(ConfigError::EnvironmentName { name: environment });
    }
    let overlay = overlay(&source.base(), &environment);
    if let Some(text) = text_of(&overlay)? {
        let over = yaml::read(&text, 1, &overlay, Words::Booleans).map_err(invalid)?;
        reader.files.push(overlay);
        tree = tree::merge(tree, over);
    }
    let config = config(&mut reader, &tree, &environment);
    let mut problems = reader.problems;
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded {
            layout: Layout::new(&source.project, &environment, environment == own),
            config,
            files: if builtin { Vec::new() } else { reader.files },
            builtin,
        }),
        Some(_) | None => {
            problems.sort();
            problems.dedup();
            Err(ConfigError::Invalid { problems })
        }
    }
}

fn text_of(path: &Path) -> Result<Option<String>, ConfigError> {
    let bytes = file::read_capped(path, MOST).map_err(ConfigError::Unreadable)?;
    let Some(bytes) = bytes else {
        return Ok(None);
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text)),
        Err(error) => {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to());
            let good = String::from_utf8_lossy(good.unwrap_or_default()).into_owned();
            let line = good.lines().last().unwrap_or_default();
            Err(ConfigError::Invalid {
                problems: vec![super::Problem {
                    file: path.to_owned(),
                    line: good.matches('\n').count() + 1,
                    column: line.chars().count() + 1,
                    message: "this is not UTF-8 text".to_owned(),
                    hint: None,
                }],
            })
        }
    }
}

/// `bootstrap-config.yml` and `staging` make `bootstrap-config.staging.yml`.
fn overlay(base: &Path, environment: &str) -> PathBuf {
    let stem = base.file_stem().unwrap_or_default().to_string_lossy();
    let name = match base.extension() {
        Some(extension) => format!("{stem}.{environment}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{environment}"),
    };
    base.with_file_name(name)
}

const SECTIONS: &[&str] = &[
    "version",
    "environment",
    "services",
    "timeouts",
    "retry",
    "credentials",
    "logging",
    "validation",
    "plugins",
    "plugin_keys",
    "engine",
    "preflight",
];

fn config(reader: &mut Reader, tree: &Node, environment: &str) -> Option<Config> {
    let tree = match reader.map(Some(tree), "the configuration", SECTIONS) {
        Some(tree) => tree,
        None => {
            if reader.problems.is_empty() {
                reader.problem(tree.at, "the configuration is empty");
            }
            return None;
        }
    };
    version(reader, tree);
    let timeouts = timeouts(reader, tree.get("timeouts"));
    let mut placed = Vec::new();
    if let Some(node) = tree.get("services") {
        must_be_named_things(reader, node, "services");
        for (_, node) in tree::by_name(node.value.clone()) {
            placed.extend(service::read(reader, &node, timeouts.health_check));
        }
    }
    let services = check::services(reader, placed);
    let mut plugins: Vec<super::PluginConfig> = Vec::new();
    if let Some(node) = tree.get("plugins") {
        must_be_named_things(reader, node, "plugins");
        for (_, node) in tree::by_name(node.value.clone()) {
            if let Some(plugin) = plugin::read(reader, &node, &services) {
                if plugins.iter().any(|other| other.name == plugin.name) {
                    let message = format!("there are two plugins named `{}`", plugin.name);
                    reader.problem(node.at, message);
                }
                plugins.push(plugin);
            }
        }
    }
    let engine = reader.word(tree.get("engine"), "engine", &["auto", "process", "docker"]);
    Some(Config {
        version: "1.0".to_owned(),
        environment: environment.to_owned(),
        services,
        timeouts,
        retry: retry(reader, tree.get("retry")),
        credentials: credentials(reader, tree.get("credentials")),
        logging: logging(reader, tree.get("logging")),
        validation: reader.free(tree.get("validation"), "validation"),
        preflight: reader.free(tree.get("preflight"), "preflight"),
        plugins,
        plugin_keys: plugin::keys(reader, tree.get("plugin_keys")),
        engine: match engine.as_deref() {
            Some("process") => EngineChoice::Process,
            Some("docker") => EngineChoice::Docker,
            _ => EngineChoice::Auto,
        },
    })
}

/// Complains of what is neither a list nor a map keyed by name, and would be taken for nothing.
pub(super) fn must_be_named_things(reader: &mut Reader, node: &Node, what: &str) {
    if !tree::is_named_things(&node.value) {
        reader.list(Some(node), what);
    }
}

fn version(reader: &mut Reader, tree: &Node) {
    let known = match tree.get("version").map(|node| &node.value) {
        None => true,
        Some(Value::Text(version)) => version == "1.0" || version == "1",
        Some(Value::Float(version)) => (version - 1.0).abs() < f64::EPSILON,
        Some(Value::Integer(version)) => *version == 1,
        Some(Value::Null | Value::Bool(_) | Value::List(_) | Value::Map(_)) => false,
    };
    if !known {
        let at = tree.get("version").map(|node| node.at).unwrap_or_default();
        let hint = "write `version: \"1.0\"`, or use the chora that knows the newer format";
        reader.problem_with(
            at,
            "this version of the format is not known",
            Some(hint.to_owned()),
        );
    }
}

fn timeouts(reader: &mut Reader, node: Option<&Node>) -> Timeouts {
    const KEYS: &[&str] = &[
        "health_check",
        "phase_0",
        "phase_1",
        "phase_2",
        "phase_3",
        "phase_4",
    ];
    let node = reader.map(node, "timeouts", KEYS);
    let get = |key: &str| node.and_then(|node| node.get(key));
    let mut phases = [300, 300, 600, 900, 120].map(Duration::from_secs);
    for (phase, timeout) in phases.iter_mut().enumerate().take(PHASES) {
        let key = format!("phase_{phase}");
        if let Some(seconds) = reader.seconds(get(&key), &key) {
            *timeout = seconds;
        }
    }
    Timeouts {
        health_check: reader
            .seconds(get("health_check"), "health_check")
            .unwrap_or(Duration::from_secs(120)),
        phases,
    }
}

fn retry(reader: &mut Reader, node: Option<&Node>) -> Retry {
    const KEYS: &[&str] = &[
        "initial_delay",
        "max_delay",
        "backoff_factor",
        "max_attempts",
    ];
    let node = reader.map(node, "retry", KEYS);
    let get = |key: &str| node.and_then(|node| node.get(key));
    let attempts = reader.integer(get("max_attempts"), "max_attempts", 1, i64::from(u32::MAX));
    Retry {
        initial_delay: reader
            .seconds(get("initial_delay"), "initial_delay")
            .unwrap_or(Duration::from_millis(25)),
        max_delay: reader
            .seconds(get("max_delay"), "max_delay")
            .unwrap_or(Duration::from_secs(30)),
        backoff_factor: reader
            .number(get("backoff_factor"), "backoff_factor", 1.0)
            .unwrap_or(2.0),
        max_attempts: attempts.and_then(|count| u32::try_from(count).ok()),
    }
}

fn credentials(reader: &mut Reader, node: Option<&Node>) -> CredentialSettings {
    const KEYS: &[&str] = &[
        "jwt_secret_bits",
        "api_key_bits",
        "storage_path",
        "storage_permissions",
    ];
    let node = reader.map(node, "credentials", KEYS);
    let get = |key: &str| node.and_then(|node| node.get(key));
    let mut bits = |key: &str, least: i64, usual: u32| {
        let bits = reader.integer(get(key), key, least, 4_096);
        bits.and_then(|bits| u32::try_from(bits).ok())
            .unwrap_or(usual)
    };
    let jwt_secret_bits = bits("jwt_secret_bits", 256, 256);
    let api_key_bits = bits("api_key_bits", 128, 128);
    if let Some(node) = get("storage_permissions") {
        let owner_only = match &node.value {
            Value::Text(mode) => mode == "0600" || mode == "600" || mode == "0o600",
            // YAML 1.1 reads `0600` as octal, YAML 1.2 as decimal: both mean the same here.
            Value::Integer(mode) => *mode == 600 || *mode == 0o600,
            Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Map(_) => {
                false
            }
        };
        if !owner_only {
            let message = "credentials are kept with `storage_permissions: \"0600\"` and no others";
            reader.problem(node.at, message);
        }
    }
    CredentialSettings {
        jwt_secret_bits,
        api_key_bits,
        storage_path: reader
            .text(get("storage_path"), "storage_path")
            // The path that the documents give is where every environment keeps its own anyway.
            .filter(|path| path != ".chora/credentials.json")
            .map(PathBuf::from),
    }
}

fn logging(reader: &mut Reader, node: Option<&Node>) -> Logging {
    let node = reader.map(node, "logging", &["level", "keep_runs"]);
    let get = |key: &str| node.and_then(|node| node.get(key));
    let level = reader
        .word(
            get("level"),
            "level",
            &["error", "warn", "info", "debug", "trace"],
        )
        .unwrap_or_else(|| "info".to_owned());
    let keep_runs = reader
        .integer(get("keep_runs"), "keep_runs", 1, MOST_RUNS)
        .and_then(|runs| usize::try_from(runs).ok())
        .unwrap_or(KEEP_RUNS);
    Logging { level, keep_runs }
}
