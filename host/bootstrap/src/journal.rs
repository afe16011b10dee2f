//! The journal of a run: one line of JSON for each event, appended, each with its number and a checksum of itself.
//!
//! What is read back is every whole line; a torn tail, as a crash leaves it, ends the reading and is no error.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use chora_model::event::Event;
use chora_model::fault;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What stands before the checksum.
const HEAD: &str = "{\"sum\":\"";
/// What stands between it and the rest.
const NECK: &str = "\",";
/// Hexadecimal digits of the checksum.
const SUM: usize = 16;

#[derive(Serialize, Deserialize)]
struct Numbered<E> {
    seq: u64,
    #[serde(flatten)]
    event: E,
}

/// Turns events into numbered lines. Lines are collected here until they are taken to be written.
#[derive(Debug, Default)]
pub struct Lines {
    next: u64,
    pending: Vec<u8>,
}

impl Lines {
    /// Adds an event.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn push(&mut self, event: &Event) -> serde_json::Result<()> {
        let seq = self.next;
        let text = serde_json::to_string(&Numbered { seq, event })?;
        // The checksum covers everything after itself, as it stands there.
        let rest = text.get(1..).unwrap_or_default();
        self.pending.extend_from_slice(HEAD.as_bytes());
        self.pending.extend_from_slice(sum(rest).as_bytes());
        self.pending.extend_from_slice(NECK.as_bytes());
        self.pending.extend_from_slice(rest.as_bytes());
        self.pending.push(b'\n');
        self.next += 1;
        Ok(())
    }

    /// Everything that was not taken yet.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }
}

fn sum(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    base16ct::lower::encode_string(digest.get(..SUM / 2).unwrap_or(&digest))
}

/// Opens a new journal for appending; its directory must exist. Its name is durable when this returns.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    fault::around("journal.create", &"journal", || {
        let file = OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(path)?;
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        Ok(file)
    })
}

/// Hands lines to the system.
pub(crate) fn append(file: &mut File, lines: &[u8]) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    fault::step("journal.write", &"journal", || file.write_all(lines))
}

/// Makes durable what was appended.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    fault::step("journal.sync", &"journal", || file.sync_data())
}

/// What a journal holds.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// Every event up to the first line that is not whole.
    pub(crate) events: Vec<Event>,
    /// Whether something stood after them.
    pub(crate) torn: bool,
}

/// Reads a journal.
///
/// # Errors
/// When the file cannot be opened or read. A line that is cut, altered or out of order is no error; it ends what is read.
pub(crate) fn read(path: &Path) -> io::Result<Read> {
    let mut found = Read::default();
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(found);
        }
        let expected = found.events.len() as u64;
        match parse(&line) {
            Some(numbered) if numbered.seq == expected => found.events.push(numbered.event),
            Some(_) | None => {
                found.torn = true;
                return Ok(found);
            }
        }
    }
}

/// Everything in a journal that can be trusted, whatever became of the rest.
#[derive(Debug, Default)]
pub(crate) struct Salvaged {
    /// Every whole event, in order.
    pub(crate) events: Vec<Event>,
    /// The numbers, from 1, of lines that were altered or are out of order.
    pub(crate) altered: Vec<usize>,
    /// How many lines are gone from between others.
    pub(crate) missing: u64,
    /// Whether the last line is cut off, as a crash leaves it.
    pub(crate) torn: bool,
}

/// Reads a journal beyond lines that are not whole: for looking back, where [`read`] is for going on.
///
/// # Errors
/// When the file cannot be opened or read.
pub(crate) fn salvage(path: &Path) -> io::Result<Salvaged> {
    let mut found = Salvaged::default();
    let mut reader = BufReader::new(File::open(path)?);
    let mut line = Vec::new();
    // The number that the next line should have, and the least that it may have.
    let (mut expected, mut least) = (0_u64, 0_u64);
    for number in 1.. {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match parse(&line) {
            Some(numbered) if numbered.seq >= least => {
                found.missing += numbered.seq.saturating_sub(expected);
                found.events.push(numbered.event);
                least = numbered.seq.saturating_add(1);
                expected = least;
            }
            Some(_) | None if line.ends_with(b"\n") => {
                found.altered.push(number);
                expected = expected.saturating_add(1);
            }
            Some(_) | None => found.torn = true,
        }
    }
    Ok(found)
}

fn parse(line: &[u8]) -> Option<Numbered<Event>> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (found, rest) = line.strip_prefix(HEAD)?.split_at_checked(SUM)?;
    let rest = rest.strip_prefix(NECK)?;
    if sum(rest) != found {
        return None;
    }
    serde_json::from_str(&format!("{{{rest}")).ok()
}

#[cfg(test)]
mod tests {
    use chora_model::event::EventKind;
    use jiff::Timestamp;

    use super::*;

    fn written(count: usize) -> Vec<u8> {
        let mut lines = Lines::default();
        for number in 0..count {
            let message = format!("number {number} of \"many\"\n");
            let event = Event {
                at: Timestamp::UNIX_EPOCH,
                elapsed_ms: 5,
                kind: EventKind::Notice { message },
            };
            lines.push(&event).unwrap();
        }
        lines.take()
    }

    fn read_bytes(bytes: &[u8]) -> Read {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.jsonl");
        std::fs::write(&path, bytes).unwrap();
        read(&path).unwrap()
    }

    #[test]
    fn what_was_appended_is_read_back_and_every_line_is_json() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run.jsonl");
        let bytes = written(3);
        let mut file = create(&path).unwrap();
        append(&mut file, &bytes).unwrap();
        sync(&file).unwrap();
        let found = read(&path).unwrap();
        assert_eq!((found.events.len(), found.torn), (3, false));
        for line in std::str::from_utf8(&bytes).unwrap().lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["event"], "notice");
        }
        assert!(create(&path).is_err(), "a journal is never begun twice");
    }

    #[test]
    fn a_tail_torn_anywhere_costs_only_the_torn_line() {
        let bytes = written(3);
        let two = bytes
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(1)
            .unwrap()
            .0
            + 1;
        for length in two..bytes.len() {
            let found = read_bytes(&bytes[..length]);
            assert_eq!(found.events.len(), 2, "cut at {length}");
            assert_eq!(found.torn, length > two, "cut at {length}");
        }
    }

    #[test]
    fn an_altered_line_ends_the_reading() {
        let mut bytes = written(3);
        let at = bytes
            .windows(8)
            .position(|window| window == b"number 1")
            .unwrap()
            + 7;
        bytes[at] = b'7';
        let found = read_bytes(&bytes);
        assert_eq!((found.events.len(), found.torn), (1, true));
    }

    #[test]
    fn what_stands_behind_damage_is_salvaged() {
        let salvaged = |bytes: &[u8]| {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("run.jsonl");
            std::fs::write(&path, bytes).unwrap();
            let found = salvage(&path).unwrap();
            (found.events.len(), found.altered, found.missing, found.torn)
        };
        let bytes = written(4);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(salvaged(&bytes), (4, vec![], 0, false));
        assert_eq!(salvaged(&[]), (0, vec![], 0, false));
        assert_eq!(salvaged(&bytes[..bytes.len() - 1]), (3, vec![], 0, true));
        assert_eq!(
            salvaged(&[lines[0], lines[3]].concat()),
            (2, vec![], 2, false)
        );
        assert_eq!(
            salvaged(&[lines[0], b"nonsense\n", lines[2]].concat()),
            (2, vec![2], 0, false)
        );
        assert_eq!(
            salvaged(&[lines[1], lines[0], lines[2]].concat()),
            (2, vec![2], 1, false),
            "a line out of order"
        );
        let mut flipped = bytes.clone();
        for at in 0..lines[0].len() - 1 {
            flipped[at] ^= 1;
            assert_eq!(salvaged(&flipped).0, 3, "flipped at {at}");
            flipped[at] ^= 1;
        }
    }

    #[test]
    fn a_missing_line_ends_the_reading() {
        let bytes = written(3);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let found = read_bytes(&[lines[0], lines[2]].concat());
        assert_eq!((found.events.len(), found.torn), (1, true));
    }
}
