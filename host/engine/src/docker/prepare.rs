//! What has to be on this machine before a container starts: its data directory, and a private copy of the credentials where it mounts one.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use chora_compose::{MountKind, Service};
use chora_model::file;
use chora_model::layout::Layout;
use rustix::fs::{AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, chownat, openat, statat};
use rustix::io::Errno;
use rustix::path::Arg;

use super::project::{Composed, user};
use crate::{EngineError, ServiceSpec};

/// The most that a credential file may hold.
const MOST: u64 = 1 << 20;

/// Makes the directories of the environment that the service mounts, for the user that it runs as.
pub(super) fn directories(
    layout: &Layout,
    spec: &ServiceSpec,
    composed: &Composed,
) -> Result<(), EngineError> {
    let data = layout.data();
    for mount in &composed.service.mounts {
        let MountKind::Bind(bind) = &mount.kind else {
            continue;
        };
        let source = Path::new(&bind.source);
        if source.starts_with(&data) {
            own(source, 0o700)
                .and_then(|()| give_below(source, &composed.service))
                .map_err(|error| failed(spec, source, error))?;
        }
    }
    let directory = layout.secrets().join(&spec.name);
    let mounted = |mount: &chora_compose::Mount| {
        let MountKind::Bind(bind) = &mount.kind else {
            return false;
        };
        Path::new(&bind.source) == directory
    };
    if let Some(credentials) = spec.set.get("CREDENTIALS_FILE")
        && composed.service.mounts.iter().any(mounted)
    {
        copy(spec, Path::new(credentials), &directory)?;
    }
    Ok(())
}

/// Makes a directory and gives it to the user of the containers. One that is there keeps what it has been given.
fn own(path: &Path, mode: u32) -> std::io::Result<()> {
    let made = !path.is_dir();
    if made {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(path)?;
    }
    give(path, made)
}

/// Gives what root owns to the user of the containers.
fn give(path: &Path, made: bool) -> std::io::Result<()> {
    let (uid, gid) = user();
    let owner = std::fs::metadata(path)?.uid();
    let is_root = rustix::process::geteuid().is_root();
    if is_root && owner != uid && (made || owner == 0) {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// Gives what root owns below a directory to the user of the containers, if it is the service's: it is what the service left when it ran as a process of root's.
fn give_below(directory: &Path, service: &Service) -> std::io::Result<()> {
    let (uid, gid) = user();
    let its_user = service.user.as_deref().and_then(|it| it.split(':').next());
    let is_its_user = its_user == Some(uid.to_string().as_str());
    if !is_its_user || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let (uid, gid) = (Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)));
    // No link is followed: who runs in a container can put one there.
    let mut open = vec![Dir::new(open_directory(CWD, directory)?)?];
    while let Some(within) = open.last_mut() {
        let Some(entry) = within.read() else {
            open.pop();
            continue;
        };
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let within = within.fd()?;
        let found = match statat(within, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            found => found?,
        };
        if found.st_uid == 0 {
            chownat(within, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if FileType::from_raw_mode(found.st_mode).is_dir() {
            match open_directory(within, name) {
                // It is gone, or something else by now.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                inner => open.push(Dir::new(inner?)?),
            }
        }
    }
    Ok(())
}

fn open_directory(at: impl AsFd, path: impl Arg) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(at, path, flags, Mode::empty())
}

/// Copies the credentials to where only the service's user reads them. The directory is mounted and not the file, so that a later copy is seen.
fn copy(spec: &ServiceSpec, from: &Path, directory: &Path) -> Result<(), EngineError> {
    let of_file = |source| EngineError::File {
        service: spec.name.clone(),
        source,
    };
    let Some(bytes) = file::read_capped(from, MOST).map_err(of_file)? else {
        // Nothing was made yet; the service says what it misses.
        return Ok(());
    };
    own(directory, 0o700).map_err(|error| failed(spec, directory, error))?;
    let to = directory.join("credentials.json");
    let same = file::read_capped(&to, MOST).map_err(of_file)? == Some(bytes.clone());
    if !same {
        file::write_atomic(&to, &bytes, 0o400).map_err(of_file)?;
    }
    give(&to, !same).map_err(|error| failed(spec, &to, error))
}

fn failed(spec: &ServiceSpec, path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Io {
        service: spec.name.clone(),
        path: PathBuf::from(path),
        source,
    }
}
