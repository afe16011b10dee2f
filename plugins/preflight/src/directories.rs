//! The environment's directories, and the credentials that are kept there.

use chora_plugin::machine::Directory;
use chora_plugin::{Change, Error, Outcome, credentials, machine};

pub(crate) fn make() -> Result<Outcome, Error> {
    let mut change = Change::Unchanged;
    for directory in [Directory::Home, Directory::Logs, Directory::Data] {
        change = change.and(machine::ensure_directory(directory)?);
    }
    Ok(made(change))
}

pub(crate) fn make_credentials() -> Result<Outcome, Error> {
    Ok(made(credentials::ensure()?))
}

fn made(change: Change) -> Outcome {
    Outcome::new(
        change,
        match change {
            Change::Changed => "made",
            Change::Unchanged => "there already",
            Change::Planned => "would be made",
        },
    )
}
