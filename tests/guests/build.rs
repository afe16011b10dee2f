//! Compiles every guest below this directory and writes the constants of their bytes that `lib.rs` includes.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chora_guest_build::Error;

/// How the packages of these guests are called before their own name.
const PREFIX: &str = "chora-test-";

fn main() -> ExitCode {
    chora_guest_build::build_script(below, table)
}

fn below(directory: &Path) -> Result<Vec<String>, Error> {
    let all = chora_guest_build::guests(directory)?;
    let ours = all
        .into_iter()
        .filter(|guest| guest.directory.starts_with(directory));
    Ok(ours.map(|guest| guest.package).collect())
}

/// A constant for each guest, and the macro that names them all.
fn table(components: &[(String, PathBuf)]) -> String {
    let mut constants = String::new();
    let mut names = String::new();
    for (package, component) in components {
        let name = package.strip_prefix(PREFIX).unwrap_or(package);
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
