//! From files to a project.

use std::path::{Path, PathBuf};

use chora_model::yaml::{self, Node, Problem, Value, Words};

use crate::dotenv::{self, Variables};
use crate::error::ComposeError;
use crate::interpolate::{Lookup, interpolate};
use crate::merge;
use crate::model::Project;
use crate::read::{self, Reader};
use crate::values;

/// One Compose file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path, as problems name it.
    pub path: PathBuf,
    /// What it says.
    pub text: String,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// The file that cannot be read.
    pub fn read(path: &Path) -> Result<Self, ComposeError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self {
                path: path.to_owned(),
                text,
            }),
            Err(source) => Err(ComposeError::Unreadable {
                path: path.to_owned(),
                source,
            }),
        }
    }
}

/// What does not stand in the files.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// The absolute directory that relative paths are relative to.
    pub directory: &'a Path,
    /// The project's name whatever the files say.
    pub name: Option<&'a str>,
    /// The project's name where no file says one. It is made into a proper one.
    pub default_name: &'a str,
    /// The variables: what the caller sets, the process's environment, `.env`.
    pub variables: Lookup<'a>,
}

/// A project, and what was noticed on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// What is no error and yet not as it may have been meant: variables that are not set, keys without effect.
    pub warnings: Vec<Problem>,
}

/// Reads Compose files, each laid over those before it, as one project.
///
/// # Errors
/// Everything that is wrong at once.
pub fn load(sources: &[Source], options: Options<'_>) -> Result<Loaded, ComposeError> {
    let mut reader = Reader {
        files: sources.iter().map(|source| source.path.clone()).collect(),
        directory: options.directory.to_owned(),
        lookup: options.variables,
        mounted: read::Files::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    let mut trees = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        match yaml::read(&source.text, number, &source.path, Words::Texts) {
            Ok(tree) if matches!(tree.value, Value::Map(_) | Value::Null) => trees.push(tree),
            Ok(tree) => {
                let message = format!(
                    "a compose file is a map, and here stands {}",
                    tree.value.kind()
                );
                reader.problem(tree.at, message);
            }
            Err(problem) => reader.problems.push(problem),
        }
    }
    let name = chosen_name(&mut reader, &trees, options);
    let lookup = |variable: &str| match variable {
        // As in Compose, the files know the project's name.
        "COMPOSE_PROJECT_NAME" => Some(name.clone()),
        _ => (options.variables)(variable),
    };
    reader.lookup = &lookup;
    let mut merged: Option<Node> = None;
    for mut tree in trees {
        expand(&mut reader, &mut tree);
        merged = Some(match merged {
            Some(base) => merge::merge(&mut reader, base, tree),
            None => tree,
        });
    }
    let project = merged.map(|mut tree| {
        merge::settle(&mut reader, &mut tree);
        read::project::read(&mut reader, &tree, &name)
    });
    let Reader {
        mut problems,
        mut warnings,
        ..
    } = reader;
    for told in [&mut problems, &mut warnings] {
        told.sort();
        told.dedup();
    }
    match project {
        Some(project) if problems.is_empty() => Ok(Loaded {
            project: Project {
                files: sources.iter().map(|source| source.path.clone()).collect(),
                ..project
            },
            warnings,
        }),
        Some(_) | None => {
            if problems.is_empty() {
                problems.push(Problem {
                    file: options.directory.to_owned(),
                    line: 1,
                    column: 1,
                    message: "there is no compose file to read".to_owned(),
                    hint: None,
                });
            }
            Err(ComposeError::Invalid { problems })
        }
    }
}

/// Reads the `.env` of a directory, whose variables come after those of `lookup`. A file that is not there sets none.
///
/// # Errors
/// The file that cannot be read, or the line of it that is wrong.
pub fn env_file(directory: &Path, lookup: Lookup<'_>) -> Result<Variables, ComposeError> {
    let path = directory.join(".env");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(Variables::default());
        }
        Err(source) => return Err(ComposeError::Unreadable { path, source }),
    };
    dotenv::parse(&text, lookup).map_err(|fault| ComposeError::Invalid {
        problems: vec![Problem {
            file: path,
            line: fault.line,
            column: 1,
            message: fault.message,
            hint: None,
        }],
    })
}

/// The name that files give to their project: that of the last one that has one. What is wrong with a file, or with the name, is told when they are loaded.
pub fn name(sources: &[Source], variables: Lookup<'_>) -> Option<String> {
    let trees = sources
        .iter()
        .filter_map(|source| yaml::read(&source.text, 0, &source.path, Words::Texts).ok());
    let trees: Vec<Node> = trees.collect();
    let names = names(&trees, variables);
    names.last().map(|(_, name)| name)
}

/// The names that stand in files, each with its node. A variable that is wrong is told when the whole file is interpolated.
fn names<'a>(trees: &'a [Node], variables: Lookup<'a>) -> impl Iterator<Item = (&'a Node, String)> {
    let nodes = trees.iter().filter_map(|tree| tree.get("name"));
    nodes.filter_map(move |node| {
        let text = interpolate(&merge::text(node), variables, &mut Vec::new()).ok()?;
        (!text.is_empty()).then_some((node, text))
    })
}

/// The project's name: the caller's, that of the last file that has one, or the default.
fn chosen_name(reader: &mut Reader<'_>, trees: &[Node], options: Options<'_>) -> String {
    let default = || match values::project_name(options.default_name) {
        name if name.is_empty() => "default".to_owned(),
        name => name,
    };
    let mut found = None;
    for (node, text) in names(trees, options.variables) {
        if text != values::project_name(&text) {
            let message = format!(
                "`{text}` is no name of a project: it has lower-case letters, digits, `_` and `-`, and begins with a letter or digit"
            );
            reader.problem(node.at, message);
        }
        found = Some(text);
    }
    let forced = options.name.map(str::to_owned);
    forced.or(found).unwrap_or_else(default)
}

/// Replaces the variables in all values of a file.
fn expand(reader: &mut Reader<'_>, tree: &mut Node) {
    let lookup = reader.lookup;
    merge::interpolate(tree, &mut |at, text| {
        let mut unset = Vec::new();
        let changed = interpolate(text, lookup, &mut unset);
        for name in unset {
            reader.warn(at, read::unset(&name));
        }
        match changed {
            Ok(changed) => Some(changed),
            Err(fault) => {
                reader.problem(at, fault.to_string());
                None
            }
        }
    });
}
