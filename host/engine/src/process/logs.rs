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
/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The last lines of a log; none when there is no log.
pub(super) fn tail(service: &str, path: &Path, tail: usize) -> Result<Vec<String>, EngineError> {
    match read_tail(path, tail) {
        Ok((lines, _)) => Ok(lines),
        Err(source) => Err(failed(service, path, source)),
    }
}

/// The last lines, and where the log ended.
fn read_tail(path: &Path, tail: usize) -> io::Result<(Vec<String>, u64)> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let end = file.seek(SeekFrom::End(0))?;
    let mut begin = end;
    let mut bytes = Vec::new();
    // One line feed more than lines: the one before the first.
    while begin > 0 && bytes.iter().filter(|byte| **byte == b'\n').count() <= tail {
        let size = CHUNK.min(begin);
        begin -= size;
        file.seek(SeekFrom::Start(begin))?;
        let mut chunk = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
        file.read_exact(&mut chunk)?;
        chunk.append(&mut bytes);
        bytes = chunk;
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(tail);
    let lines = lines
        .iter()
        .skip(from)
        .map(|line| (*line).to_owned())
        .collect();
    Ok((lines, end))
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
    let (lines, at, path) = super::blocking(service, move || {
        let (lines, at) = read_tail(&path, tail).map_err(|source| failed(&name, &path, source))?;
        Ok((lines, at, path))
    })
    .await?;
    let following = Following {
        service: service.to_owned(),
        path,
        at,
        ready: lines.into(),
        rest: Vec::new(),
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
        while let Some(feed) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=feed).collect();
            let line = String::from_utf8_lossy(&line);
            self.ready
                .push_back(line.trim_end_matches(['\n', '\r']).to_owned());
        }
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
