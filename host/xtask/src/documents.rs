//! What README.md and docs/*.md name exists: linked and quoted paths, `cargo xtask` subcommands, `chora` subcommands and their options.
//! Part of `cargo xtask ci`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::CommandFactory;

use crate::Xtask;

mod extract;

use extract::{Mention, mentions, unbacked};

/// Where each rule names a test, and the heading behind which none is asked for.
const BACKED: (&str, &str) = ("docs/security.md", "## What chora does not protect");

/// Fails with one line per thing that is named and does not exist.
pub(crate) fn check(root: &Path, chora: &Path) -> Result<()> {
    let mut helps = Helps {
        chora,
        known: BTreeMap::new(),
    };
    let mut problems = Vec::new();
    for document in documents(root)? {
        let text = std::fs::read_to_string(&document)
            .with_context(|| format!("failed to read `{}`", document.display()))?;
        let name = document.strip_prefix(root).unwrap_or(&document).display();
        for (line, mention) in mentions(&text) {
            let problem = match mention {
                Mention::Link(path) => missing(document.parent().unwrap_or(root), &path),
                Mention::Test(path, name) => {
                    no_test(document.parent().unwrap_or(root), &path, &name)
                }
                Mention::Path(path) => missing(root, &path),
                Mention::Xtask(words) => unknown_xtask(&words),
                Mention::Chora(words) => helps.problem(&words)?,
            };
            problems.extend(problem.map(|problem| format!("{name}:{line}: {problem}")));
        }
        let (backed, until) = BACKED;
        if document == root.join(backed) {
            let unbacked = unbacked(&text, until);
            problems.extend(
                unbacked
                    .iter()
                    .map(|line| format!("{name}:{line}: this rule names no test")),
            );
        }
    }
    if !problems.is_empty() {
        bail!(
            "documents name what does not exist:\n{}",
            problems.join("\n")
        );
    }
    Ok(())
}

fn documents(root: &Path) -> Result<Vec<PathBuf>> {
    let mut found = vec![root.join("README.md")];
    let docs = root.join("docs");
    if docs.is_dir() {
        let entries = std::fs::read_dir(&docs)
            .with_context(|| format!("failed to list `{}`", docs.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn missing(base: &Path, path: &str) -> Option<String> {
    (!base.join(path).exists()).then(|| format!("there is no `{path}`"))
}

/// A test is a function behind an attribute that makes it one.
fn no_test(base: &Path, path: &str, name: &str) -> Option<String> {
    let Ok(text) = std::fs::read_to_string(base.join(path)) else {
        return Some(format!("there is no `{path}`"));
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let function = format!("fn {name}(");
    let is_test = lines.windows(2).any(|pair| match pair {
        [before, line] => {
            before.starts_with("#[") && before.contains("test") && line.contains(&function)
        }
        _ => false,
    });
    (!is_test).then(|| format!("`{path}` has no test `{name}`"))
}

fn unknown_xtask(words: &[String]) -> Option<String> {
    let task = words.first()?;
    Xtask::command()
        .find_subcommand(task)
        .is_none()
        .then(|| format!("`cargo xtask` has no subcommand `{task}`"))
}

/// The help texts of `chora`, each asked for once.
struct Helps<'a> {
    chora: &'a Path,
    known: BTreeMap<Vec<String>, Option<String>>,
}

impl Helps<'_> {
    /// Subcommands stand before the options; an option must be in the help of the subcommand.
    fn problem(&mut self, words: &[String]) -> Result<Option<String>> {
        let subcommands: Vec<String> = words
            .iter()
            .take_while(|word| !word.starts_with('-'))
            .cloned()
            .collect();
        let shown = format!("chora {}", subcommands.join(" "));
        let Some(help) = self.help(&subcommands)? else {
            return Ok(Some(format!("`{}` is no command", shown.trim_end())));
        };
        let unknown = words
            .iter()
            .filter(|word| word.starts_with("--"))
            .filter_map(|word| word.split('=').next())
            .find(|option| {
                !help
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                    .any(|word| word == *option)
            });
        Ok(unknown.map(|option| format!("`{}` has no option `{option}`", shown.trim_end())))
    }

    fn help(&mut self, subcommands: &[String]) -> Result<&Option<String>> {
        if !self.known.contains_key(subcommands) {
            let output = Command::new(self.chora)
                .args(subcommands)
                .arg("--help")
                .output()
                .with_context(|| format!("failed to run `{}`", self.chora.display()))?;
            let help = output
                .status
                .success()
                .then(|| String::from_utf8_lossy(&output.stdout).into_owned());
            self.known.insert(subcommands.to_vec(), help);
        }
        self.known
            .get(subcommands)
            .context("the help was just stored")
    }
}

#[cfg(test)]
mod tests {
    use super::{Helps, check, unknown_xtask};
    use std::collections::BTreeMap;
    use std::path::Path;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn an_unknown_task_is_a_problem() {
        assert_eq!(unknown_xtask(&words("test -p chora-model")), None);
        assert!(unknown_xtask(&words("tset")).is_some_and(|problem| problem.contains("`tset`")));
    }

    #[test]
    fn commands_are_checked_against_their_help() {
        // Cargo stands in for chora: a program with subcommands, options and `--help`.
        let mut helps = Helps {
            chora: Path::new("cargo"),
            known: BTreeMap::new(),
        };
        assert_eq!(helps.problem(&words("tree --offline")).unwrap(), None);
        assert!(helps.problem(&words("frobnicate")).unwrap().is_some());
        let problem = helps.problem(&words("tree --off")).unwrap();
        assert_eq!(
            problem.as_deref(),
            Some("`chora tree` has no option `--off`")
        );
    }

    #[test]
    fn missing_paths_are_named_with_document_and_line() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("docs")).unwrap();
        std::fs::create_dir_all(root.path().join("host/model")).unwrap();
        std::fs::write(
            root.path().join("README.md"),
            "[guide](docs/guide.md) `host/model`\n",
        )
        .unwrap();
        std::fs::write(
            root.path().join("host/model/a.rs"),
            "#[test]\nfn holds() {}\n\nfn helps() {}\n",
        )
        .unwrap();
        std::fs::write(
            root.path().join("docs/security.md"),
            "* [test](../host/model/a.rs#holds)\n* [test](../host/model/a.rs#helps)\n* [test](../host/b.rs#holds)\n* nothing\n## What chora does not protect\n* time\n",
        )
        .unwrap();
        std::fs::write(
            root.path().join("docs/guide.md"),
            "\n[up](../README.md#top) [no](no.md)\n`host/none`\n",
        )
        .unwrap();
        let error = check(root.path(), Path::new("cargo"))
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "documents name what does not exist:\n\
             docs/guide.md:2: there is no `no.md`\n\
             docs/guide.md:3: there is no `host/none`\n\
             docs/security.md:2: `../host/model/a.rs` has no test `helps`\n\
             docs/security.md:3: there is no `../host/b.rs`\n\
             docs/security.md:4: this rule names no test"
        );
    }
}
