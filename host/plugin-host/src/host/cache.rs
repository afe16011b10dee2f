//! The compile cache: machine code of components that were compiled before.
//!
//! wasmtime runs such code as it is. So each entry bears a tag (HMAC-SHA-256, [RFC 2104]) of its bytes and of what they were compiled from, made with a key that never leaves the user's state directory.
//!
//! **Invariant:** only [`Verified`] bytes become code, and only [`Entry::verified`] makes those. A cache that was restored from elsewhere, shared or written to by others costs compiling anew.
//!
//! [RFC 2104]: https://www.rfc-editor.org/rfc/rfc2104

use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use ring::hmac;
use rustix::fs::OFlags;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::PluginError;

/// What an entry is made of. Another number wherever that changes.
const FORMAT: &[u8] = b"chora compile cache 1";
/// The bytes of the key, and of a tag.
const LENGTH: usize = 32;
/// How much the entries may have together; beyond that the oldest go.
const ROOM: u64 = 512 << 20;
/// How much of that is left of them then, in percent.
const LEFT: u64 = 70;

/// Where compiled components are kept.
#[derive(Debug, Clone)]
pub struct CompileCache {
    /// The directory of the entries; made for the owner only.
    pub directory: PathBuf,
    /// The file of the key that entries are authenticated with; made where there is none. Not to be where caches are saved and restored: whoever has it can make entries.
    pub key: PathBuf,
}

/// A cache that is in use. Clones share its count.
#[derive(Clone)]
pub(super) struct Cache {
    directory: Arc<Path>,
    key: Arc<hmac::Key>,
    hits: Arc<AtomicUsize>,
}

impl Cache {
    /// Opens the directory and reads the key, or makes them.
    pub(super) fn open(at: &CompileCache) -> Result<Self, PluginError> {
        owner_only(&at.directory)?;
        Ok(Self {
            directory: at.directory.as_path().into(),
            key: Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &key(&at.key)?)),
            hits: Arc::default(),
        })
    }

    /// How many components were taken from it.
    pub(super) fn hits(&self) -> usize {
        self.hits.load(Ordering::Relaxed)
    }

    /// The entry of the component with this SHA-256, as this engine compiles it.
    pub(super) fn entry(&self, engine: &Engine, digest: &str) -> Entry<'_> {
        let mut name = Digesting(Sha256::new());
        name.write(FORMAT);
        name.write(env!("CARGO_PKG_VERSION").as_bytes());
        name.write(digest.as_bytes());
        engine.precompile_compatibility_hash().hash(&mut name);
        let name = name.0.finalize();
        // A key for each entry: no entry passes for another.
        let own = hmac::sign(&self.key, &[FORMAT, &name].concat());
        let name = base16ct::lower::encode_string(&name);
        Entry {
            cache: self,
            path: self.directory.join(name),
            key: hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()),
        }
    }

    /// Makes room when there is too much.
    fn tidy(&self) -> io::Result<()> {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&self.directory)?.flatten() {
            if let Ok(metadata) = entry.metadata()
                && metadata.is_file()
            {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                entries.push((used, metadata.len(), entry.path()));
            }
        }
        let mut total: u64 = entries.iter().map(|(_, bytes, _)| bytes).sum();
        if total <= ROOM {
            return Ok(());
        }
        entries.sort();
        for (_, bytes, path) in entries {
            if total <= ROOM / 100 * LEFT {
                break;
            }
            // Whoever tidies as well may have been first.
            let _ = std::fs::remove_file(path);
            total -= bytes;
        }
        Ok(())
    }
}

/// One component's place in the cache.
pub(super) struct Entry<'a> {
    cache: &'a Cache,
    path: PathBuf,
    key: hmac::Key,
}

impl Entry<'_> {
    /// The compiled component, if it is there and was put there with the same key.
    pub(super) fn take(&self, engine: &Engine) -> Option<Component> {
        let path = self.path.display();
        let bytes = match self.read() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::debug!(%path, %error, "an entry of the compile cache cannot be read");
                return None;
            }
        };
        let Some(verified) = self.verified(&bytes) else {
            tracing::debug!(%path, "an entry of the compile cache was not made with this key");
            return None;
        };
        match verified.component(engine) {
            Ok(component) => {
                self.cache.hits.fetch_add(1, Ordering::Relaxed);
                Some(component)
            }
            Err(error) => {
                tracing::debug!(%path, %error, "an entry of the compile cache is of no use");
                None
            }
        }
    }

    /// Keeps a compiled component. What goes wrong costs compiling it again.
    pub(super) fn put(&self, component: &Component) {
        let kept = component
            .serialize()
            .map_err(io::Error::other)
            .and_then(|code| self.write(&code))
            .and_then(|()| self.cache.tidy());
        if let Err(error) = kept {
            tracing::debug!(path = %self.path.display(), %error, "a compiled component is not kept");
        }
    }

    fn read(&self) -> io::Result<Vec<u8>> {
        let file = open_plain(&self.path)?;
        let mut bytes = Vec::new();
        (&file).take(ROOM).read_to_end(&mut bytes)?;
        // For whoever tidies: it is in use.
        let _ = file.set_modified(SystemTime::now());
        Ok(bytes)
    }

    /// The code after the tag, if the tag is of this entry and this code.
    fn verified<'b>(&self, bytes: &'b [u8]) -> Option<Verified<'b>> {
        let (tag, code) = bytes.split_at_checked(LENGTH)?;
        hmac::verify(&self.key, code, tag).ok()?;
        Some(Verified(code))
    }

    /// Puts it there as a whole. It is not made durable: what a power cut leaves of it has no valid tag.
    fn write(&self, code: &[u8]) -> io::Result<()> {
        let tag = hmac::sign(&self.key, code);
        let mut file = NamedTempFile::new_in(&self.cache.directory)?;
        file.write_all(tag.as_ref())?;
        file.write_all(code)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

/// Code whose tag says that whoever has the key compiled it.
struct Verified<'a>(&'a [u8]);

impl Verified<'_> {
    #[expect(unsafe_code, reason = "wasmtime cannot see that the code is its own")]
    fn component(&self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: the bytes have to be what `Component::serialize` gave. `Entry::write` signs nothing else, and the key is readable for the user alone.
        unsafe { Component::deserialize(engine, self.0) }
    }
}

/// Takes what is hashed into a digest.
struct Digesting(Sha256);

impl Hasher for Digesting {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |all, byte| all << 8 | u64::from(*byte))
    }
}

/// Opens a file that is a plain one: no link is followed, and nothing is waited for.
fn open_plain(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no plain file")),
    }
}

/// Reads the key, or makes one. Whichever of two that make one at once is first, both have its.
fn key(path: &Path) -> Result<[u8; LENGTH], PluginError> {
    if let Some(key) = read_key(path)? {
        return Ok(key);
    }
    let shown = path.display();
    let writable = "make its directory writable, or name another in `XDG_STATE_HOME`";
    make_key(path).map_err(|error| {
        let problem = format!("cannot make the key of the compile cache `{shown}`");
        refused(problem, Some(error), writable)
    })?;
    read_key(path)?.ok_or_else(|| {
        let problem =
            format!("the key of the compile cache `{shown}` is gone as soon as it is made");
        refused(problem, None, writable)
    })
}

fn read_key(path: &Path) -> Result<Option<[u8; LENGTH]>, PluginError> {
    let shown = path.display();
    let delete = format!("run `rm {shown}`, and another is made");
    let unreadable = |error| {
        let problem = format!("cannot read the key of the compile cache `{shown}`");
        refused(problem, Some(error), "delete it, and another is made")
    };
    let file = match open_plain(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = file.metadata().map_err(unreadable)?;
    if !is_ours_alone(&metadata, 0o077) {
        let problem = format!("others may know the key of the compile cache `{shown}`");
        return Err(refused(problem, None, delete));
    }
    let mut bytes = Vec::new();
    let most = LENGTH as u64 + 1;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    match bytes.try_into() {
        Ok(key) => Ok(Some(key)),
        Err(_) => {
            let problem = format!("the key of the compile cache `{shown}` is damaged");
            Err(refused(problem, None, delete))
        }
    }
}

fn make_key(path: &Path) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    make_directory(directory)?;
    let mut key = [0; LENGTH];
    getrandom::fill(&mut key)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(&key)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Whoever can write to the directory can make it useless, and fill the disk in the owner's name.
fn owner_only(directory: &Path) -> Result<(), PluginError> {
    let shown = directory.display();
    let unusable = |error| {
        refused(
            format!("cannot make the compile cache `{shown}`"),
            Some(error),
            "make the directory around it writable, or name another in `XDG_CACHE_HOME`",
        )
    };
    make_directory(directory).map_err(unusable)?;
    let metadata = std::fs::metadata(directory).map_err(unusable)?;
    if !is_ours_alone(&metadata, 0o022) {
        return Err(refused(
            format!("others can write to the compile cache `{shown}`"),
            None,
            format!("run `chmod 700 {shown}` as its owner, or delete it"),
        ));
    }
    Ok(())
}

/// Whether it is this user's, and nobody else may do what these bits of the mode stand for.
fn is_ours_alone(metadata: &Metadata, others: u32) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & others == 0
}

fn refused(problem: String, error: Option<io::Error>, mend: impl Into<String>) -> PluginError {
    PluginError::Cache {
        problem,
        error,
        mend: mend.into(),
    }
}
