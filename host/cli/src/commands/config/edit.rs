//! `chora config edit`: the editor gets a copy, and only a valid copy takes the place of the configuration.

use std::fs;
use std::io::{IsTerminal, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, anyhow};
use chora_model::config;
use chora_model::file;

use crate::app::App;
use crate::commands::bootstrap::default_path;
use crate::exit::Exit;
use crate::failure::{Ended, usage};
use crate::project;

/// Runs the command.
pub(crate) fn run(app: &App) -> Result<Exit, Ended> {
    let source = project::source(app)?;
    let named = source.path.clone().unwrap_or_else(|| default_path(&source));
    // A link stays a link: what it points to is replaced.
    let path = fs::canonicalize(&named).unwrap_or(named);
    let editor = editor()?;
    let before = read(&path)?;
    let text = before.as_deref().unwrap_or(config::DEFAULT);

    let copy = copy(&path, text)?;
    let after = match edit(&editor, copy.path()) {
        Ok(after) => after,
        Err(mut ended) => {
            // What was typed before the editor failed is not thrown away.
            if fs::read_to_string(copy.path()).is_ok_and(|typed| typed != text) {
                let kept = keep(copy)?;
                ended.failure.next_actions.extend(way_on(&kept, &path));
            }
            return Err(ended);
        }
    };
    if before.as_deref() == Some(after.as_str()) {
        app.output.line("nothing was changed");
        return Ok(Exit::DONE);
    }
    if let Err(error) = config::check_text(&after, copy.path(), &source) {
        let kept = keep(copy)?;
        let mut failure = chora_bootstrap::config_failure(&error);
        failure.next_actions = way_on(&kept, &path);
        return Err(failure.into());
    }
    if read(&path)? != before {
        let kept = keep(copy)?;
        let mut failure = usage(format!(
            "`{}` was changed by somebody else in the meantime",
            path.display()
        ));
        failure.next_actions = way_on(&kept, &path);
        return Err(failure.into());
    }
    if let Err(error) = replace(&path, &after) {
        let kept = keep(copy)?;
        return Err(error
            .context(format!("the edited copy is kept as `{}`", kept.display()))
            .into());
    }
    app.output.line(&format!(
        "`{}` was replaced; `chora bootstrap` puts it into effect",
        path.display()
    ));
    Ok(Exit::DONE)
}

fn way_on(kept: &Path, path: &Path) -> Vec<String> {
    let (kept, path) = (kept.display(), path.display());
    vec![
        format!("your edited copy is kept as `{kept}`; `{path}` is as it was"),
        format!("correct the copy and check it with `chora config validate --config {kept}`"),
        format!("put it in place with `cp {kept} {path}`"),
    ]
}

fn editor() -> Result<String, Ended> {
    let given = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| !value.trim().is_empty())
    };
    if let Some(editor) = given("VISUAL").or_else(|| given("EDITOR")) {
        return Ok(editor);
    }
    if std::io::stdin().is_terminal() {
        return Ok("vi".to_owned());
    }
    Err(
        usage("no editor is named, and standard input is not a terminal")
            .next("name one with `EDITOR`, for example `EDITOR=nano chora config edit`")
            .into(),
    )
}

fn read(path: &Path) -> Result<Option<String>, Ended> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(anyhow!(error)
            .context(format!("failed to read `{}`", path.display()))
            .into()),
    }
}

/// A copy that editors recognise by its ending, readable by its owner only.
fn copy(path: &Path, text: &str) -> Result<tempfile::NamedTempFile, Ended> {
    let name = path
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut copy = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .suffix(".yml")
        .tempfile()
        .context("failed to make a copy to edit")?;
    copy.write_all(text.as_bytes())
        .context("failed to write the copy to edit")?;
    Ok(copy)
}

/// Runs the editor as git does, through a shell, because the variable may hold arguments. Reads the file by its name: editors replace files.
fn edit(editor: &str, copy: &Path) -> Result<String, Ended> {
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$@\""))
        .arg(editor)
        .arg(copy)
        .status()
        .context("failed to start the editor")?;
    if !status.success() {
        let failure = usage(format!(
            "the editor `{editor}` ended with {status}; nothing was changed"
        ));
        return Err(failure
            .next("see to it that `$VISUAL` or `$EDITOR` names an editor that works")
            .into());
    }
    Ok(fs::read_to_string(copy).context("failed to read the edited copy")?)
}

fn keep(copy: tempfile::NamedTempFile) -> Result<PathBuf, Ended> {
    let (_file, path) = copy.keep().context("failed to keep the edited copy")?;
    Ok(path)
}

fn replace(path: &Path, text: &str) -> Result<(), anyhow::Error> {
    let mode = fs::metadata(path).map_or(0o644, |metadata| metadata.permissions().mode() & 0o777);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("failed to make the directory `{}`", directory.display()))?;
    }
    file::write_atomic(path, text.as_bytes(), mode)
        .with_context(|| format!("failed to replace `{}`", path.display()))
}
