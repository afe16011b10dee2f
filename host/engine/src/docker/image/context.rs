//! The context of a build on its way to the engine: a tar that is made while it is sent, so that its size does not matter.

use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chora_compose::Build;
use futures_util::Stream;
use tar::{Builder, EntryType, Header};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use walkdir::WalkDir;

use super::error::ImageError;
use super::ignore::Ignored;

/// The name of a Dockerfile that is no file of the context.
const ASIDE: &str = ".chora.Dockerfile";
const IGNORE: &str = ".dockerignore";
/// How much is made before it is sent.
const PIECE: usize = 256 * 1024;

/// What is to be sent.
pub(super) struct Context {
    root: PathBuf,
    /// The Dockerfile's name in the tar.
    pub(super) dockerfile: PathBuf,
    /// Its text, where it is no file of the context.
    aside: Option<Vec<u8>>,
    ignored: Ignored,
    /// The text of `.dockerignore`, which the engine wants to see too: with it, it tells its own files from the image's.
    list: Option<Vec<u8>>,
}

impl Context {
    /// Looks at what there is; nothing is read but the Dockerfile and `.dockerignore`. It blocks.
    pub(super) fn open(build: &Build) -> Result<Self, ImageError> {
        let root = build.context.clone();
        let unreadable = |path: &Path, source| ImageError::Context {
            path: path.to_owned(),
            source,
        };
        let kind = std::fs::metadata(&root).map_err(|error| unreadable(&root, error))?;
        if !kind.is_dir() {
            return Err(unreadable(&root, std::io::ErrorKind::NotADirectory.into()));
        }
        if let Some(text) = &build.dockerfile_inline {
            let text = text.clone().into_bytes();
            return Self::with_aside(root, None, text);
        }
        let path = root.join(build.dockerfile.as_deref().unwrap_or("Dockerfile".as_ref()));
        let real = path
            .canonicalize()
            .map_err(|error| unreadable(&path, error))?;
        let real_root = root
            .canonicalize()
            .map_err(|error| unreadable(&root, error))?;
        match real.strip_prefix(&real_root) {
            Ok(inside) => Ok(Self {
                dockerfile: inside.to_owned(),
                aside: None,
                ignored: Ignored::read(&root, Some(&path))?,
                list: list(&root)?,
                root,
            }),
            Err(_) => {
                let text = std::fs::read(&real).map_err(|error| unreadable(&path, error))?;
                Self::with_aside(root, Some(&path), text)
            }
        }
    }

    /// With a Dockerfile that is no file of the context, and does not become one of the image either.
    fn with_aside(root: PathBuf, path: Option<&Path>, text: Vec<u8>) -> Result<Self, ImageError> {
        let mut list = list(&root)?.unwrap_or_default();
        list.extend(format!("\n{ASIDE}\n.dockerignore\n").into_bytes());
        Ok(Self {
            dockerfile: PathBuf::from(ASIDE),
            aside: Some(text),
            ignored: Ignored::read(&root, path)?,
            list: Some(list),
            root,
        })
    }

    /// The tar, made on a thread of its own while it is read; that thread ends when the stream is dropped. A file that cannot be read ends the stream with an error that names it.
    pub(super) fn stream(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = channel(8);
        tokio::task::spawn_blocking(move || {
            let written = self.write(Pipe {
                sender: sender.clone(),
                buffer: Vec::with_capacity(PIECE),
            });
            if let Err(error) = written {
                // Nobody listens any more: then nobody is to be told.
                let _gone = sender.blocking_send(Err(error));
            }
        });
        futures_util::stream::unfold(receiver, |mut receiver: Receiver<_>| async move {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        })
    }

    fn write(&self, pipe: Pipe) -> std::io::Result<()> {
        let mut tar = Builder::new(pipe);
        let walk = WalkDir::new(&self.root)
            .min_depth(1)
            .sort_by_file_name()
            .into_iter();
        let relative = |path: &Path| path.strip_prefix(&self.root).unwrap_or(path).to_owned();
        let walk = walk.filter_entry(|entry| {
            let path = relative(entry.path());
            self.is_sent(&path) || !self.ignored.can_be_skipped(&path)
        });
        for entry in walk {
            let entry = entry?;
            let path = relative(entry.path());
            if self.is_sent(&path) {
                append(&mut tar, entry.path(), &path)
                    .map_err(|error| named(&error, entry.path()))?;
            }
        }
        let extra = [
            (self.dockerfile.as_path(), &self.aside),
            (Path::new(IGNORE), &self.list),
        ];
        for (path, text) in extra {
            if let Some(text) = text {
                let mut header = Header::new_gnu();
                header.set_mode(0o644);
                header.set_size(text.len() as u64);
                tar.append_data(&mut header, path, text.as_slice())?;
            }
        }
        tar.into_inner()?.flush()
    }

    /// The Dockerfile is sent even when it is ignored: the engine needs it.
    fn is_sent(&self, path: &Path) -> bool {
        path == self.dockerfile || (path != Path::new(IGNORE) && !self.ignored.is_ignored(path))
    }
}

fn list(root: &Path) -> Result<Option<Vec<u8>>, ImageError> {
    let path = root.join(IGNORE);
    match std::fs::read(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ImageError::Context { path, source }),
    }
}

fn named(error: &std::io::Error, path: &Path) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}

/// One file, directory or link. In the image it belongs to root, as with any other builder.
fn append(tar: &mut Builder<Pipe>, source: &Path, path: &Path) -> std::io::Result<()> {
    let metadata = std::fs::symlink_metadata(source)?;
    let mut header = Header::new_gnu();
    header.set_metadata(&metadata);
    header.set_uid(0);
    header.set_gid(0);
    match header.entry_type() {
        EntryType::Symlink => tar.append_link(&mut header, path, std::fs::read_link(source)?),
        EntryType::Regular => {
            let file = std::fs::File::open(source)?;
            // A file that grows meanwhile would spoil all that follows.
            tar.append_data(&mut header, path, std::io::Read::take(file, metadata.len()))
        }
        EntryType::Directory => tar.append_data(&mut header, path, std::io::empty()),
        // Sockets and the like mean nothing elsewhere.
        _ => Ok(()),
    }
}

/// Hands on what is written, in pieces. It waits where the reader is slower.
struct Pipe {
    sender: Sender<std::io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.sender
            .blocking_send(Ok(Bytes::from(piece)))
            .map_err(|_| std::io::ErrorKind::BrokenPipe.into())
    }
}
