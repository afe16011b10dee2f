//! The whole of a build script that compiles guests: what differs between two of them is which packages they want and what table they make of the components.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::{Built, Error, GuestBuild};

/// Builds guests from a build script and writes `table.rs` into its output directory. Tells cargo what the components are made of, or why there are none.
///
/// `choose` is given the directory of the script's own package and names the packages; `table` makes the text of `table.rs` out of each package and its component.
pub fn build_script(
    choose: impl FnOnce(&Path) -> Result<Vec<String>, Error>,
    table: impl FnOnce(&[(String, PathBuf)]) -> String,
) -> ExitCode {
    let mut out = String::new();
    let code = match run(choose, table) {
        Ok(built) => {
            for input in built.inputs {
                out.push_str(&format!("cargo::rerun-if-changed={}\n", input.display()));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            out.push_str(&told(&error));
            ExitCode::FAILURE
        }
    };
    write(&out);
    code
}

#[expect(
    clippy::print_stdout,
    reason = "it is how a build script speaks to cargo"
)]
fn write(lines: &str) {
    print!("cargo::rerun-if-changed=build.rs\n{lines}");
}

fn told(error: &Error) -> String {
    let mut lines = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        for line in error.to_string().lines().filter(|line| !line.is_empty()) {
            lines.push_str(&format!("cargo::error={line}\n"));
        }
        cause = error.source();
    }
    lines
}

/// The same for every guest below the directory of the script's own package. `table.rs` has a constant for each, called after its package without `prefix`, and the macro `every_guest!`,
/// which calls another with the names of all.
pub fn script_for_guests_below(prefix: &str) -> ExitCode {
    build_script(below, |components| constants(prefix, components))
}

fn below(directory: &Path) -> Result<Vec<String>, Error> {
    let all = crate::guests(directory)?;
    let ours = all
        .into_iter()
        .filter(|guest| guest.directory.starts_with(directory));
    Ok(ours.map(|guest| guest.package).collect())
}

fn constants(prefix: &str, components: &[(String, PathBuf)]) -> String {
    let mut constants = String::new();
    let mut names = String::new();
    for (package, component) in components {
        let name = package.strip_prefix(prefix).unwrap_or(package);
        let name = name.replace('-', "_");
        constants.push_str(&format!(
            "/// The component of `{package}`.\npub const {}: &[u8] = include_bytes!({component:?});\n",
            name.to_uppercase()
        ));
        names.push_str(&format!(" {name}"));
    }
    format!(
        "{constants}
/// Calls a macro with the names of all guests, in lower case with underscores.
#[macro_export]
macro_rules! every_guest {{
    ($macro:ident) => {{
        $macro!({names} );
    }};
}}
"
    )
}

fn run(
    choose: impl FnOnce(&Path) -> Result<Vec<String>, Error>,
    table: impl FnOnce(&[(String, PathBuf)]) -> String,
) -> Result<Built, Error> {
    let manifest_dir = of_cargo("CARGO_MANIFEST_DIR")?;
    let out_dir = of_cargo("OUT_DIR")?;
    let packages = choose(&manifest_dir)?;
    let guests = packages
        .into_iter()
        .fold(GuestBuild::new(manifest_dir), GuestBuild::package);
    let built = guests.build(&out_dir)?;
    let path = out_dir.join("table.rs");
    std::fs::write(&path, table(&built.components)).map_err(Error::io(&path))?;
    Ok(built)
}

fn of_cargo(name: &'static str) -> Result<PathBuf, Error> {
    std::env::var_os(name)
        .map(PathBuf::from)
        .ok_or(Error::NoBuildScript { variable: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_every_line_of_every_cause() {
        let error = Error::Io {
            path: "a.wasm".into(),
            source: std::io::Error::other("the disk\nis full"),
        };
        assert_eq!(
            told(&error),
            "cargo::error=failed to use `a.wasm`\ncargo::error=the disk\ncargo::error=is full\n"
        );
    }
}
