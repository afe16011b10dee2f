//! Reading a service's log, from its end and onward.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use crate::{EngineError, LogLines};

/// How much is read at a time.
const CHUNK: u64 = 64 << 10;
/// The most that is looked through for the last lines, in bytes.
const MOST: u64 = 64 << 20;
/// The longest line that is handed on in one piece while it is followed, in bytes.
const LONGEST: usize = 1 << 20;
/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The last lines of a log; none when there is no log.
pub(super) fn tail(service: &str, path: &Path, tail: usize) -> Result<Vec<String>, EngineError> {
    match read_end(path, tail) {
        Ok((bytes, _)) => Ok(last(&bytes, tail)),
        Err(source) => Err(failed(service, path, source)),
    }
}

/// Enough of the end of a log to hold so many lines, and where it ended.
fn read_end(path: &Path, tail: usize) -> io::Result<(Vec<u8>, u64)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let end = file.seek(SeekFrom::End(0))?;
    let mut begin = end;
    let mut feeds = 0;
    let mut chunks = Vec::new();
    // One line feed more than lines: the one before the first.
    while begin > 0 && feeds <= tail && end - begin < MOST {
        let size = CHUNK.min(begin);
        begin -= size;
        file.seek(SeekFrom::Start(begin))?;
        let mut chunk = Vec::new();
        Read::by_ref(&mut file).take(size).read_to_end(&mut chunk)?;
        feeds += chunk.iter().filter(|byte| **byte == b'\n').count();
        chunks.push(chunk);
    }
    chunks.reverse();
    Ok((chunks.concat(), end))
}

/// The last lines of a text.
fn last(bytes: &[u8], tail: usize) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text.lines().rev().take(tail).map(str::to_owned).collect();
    lines.reverse();
    lines
}

/// Parts what ends with a line feed from the beginning of a line that is still being written.
fn part(mut bytes: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    let feed = bytes.iter().rposition(|byte| *byte == b'\n');
    let rest = bytes.split_off(feed.map_or(0, |feed| feed + 1));
    (bytes, rest)
}

struct Following {
    service: String,
    path: PathBuf,
    at: u64,
    ready: std::collections::VecDeque<String>,
    rest: Vec<u8>,
}

/// The last lines, and then each as it comes.
pub(super) async fn follow(
    service: &str,
    path: PathBuf,
    tail: usize,
) -> Result<LogLines, EngineError> {
    let name = service.to_owned();
    let (bytes, at, path) = super::blocking(service, move || {
        let (bytes, at) = read_end(&path, tail).map_err(|source| failed(&name, &path, source))?;
        Ok((bytes, at, path))
    })
    .await?;
    let (lines, rest) = part(bytes);
    let following = Following {
        service: service.to_owned(),
        path,
        at,
        ready: last(&lines, tail).into(),
        rest,
    };
    Ok(Box::pin(stream::unfold(following, |mut following| async {
        let next = following.next().await;
        Some((next, following))
    })))
}

impl Following {
    async fn next(&mut self) -> Result<String, EngineError> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Ok(line);
            }
            let grew = self.read_on().await;
            match grew {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(LOOK).await,
                Err(source) => return Err(failed(&self.service, &self.path, source)),
            }
        }
    }

    /// Reads what was written since; true if there was anything.
    async fn read_on(&mut self) -> io::Result<bool> {
        let mut file = match tokio::fs::File::open(&self.path).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let end = file.metadata().await?.len();
        if end < self.at {
            // Somebody cut the log off: what is there now is new.
            self.at = 0;
            self.rest.clear();
        }
        if end == self.at {
            return Ok(false);
        }
        file.seek(SeekFrom::Start(self.at)).await?;
        let mut bytes = Vec::new();
        file.take(CHUNK).read_to_end(&mut bytes).await?;
        self.at += bytes.len() as u64;
        self.rest.extend_from_slice(&bytes);
        let (mut lines, rest) = part(std::mem::take(&mut self.rest));
        self.rest = rest;
        if self.rest.len() > LONGEST {
            lines.append(&mut self.rest);
        }
        let text = String::from_utf8_lossy(&lines);
        self.ready.extend(text.lines().map(str::to_owned));
        Ok(true)
    }
}

fn failed(service: &str, path: &Path, source: io::Error) -> EngineError {
    EngineError::Io {
        service: service.to_owned(),
        path: path.to_owned(),
        source,
    }
}
