//! Keeping secrets out of text: each byte that belongs to one is covered, also where two overlap, and where the text was cut off within one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use super::Credentials;
use crate::text::CUT;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Shorter values would blot out ordinary words.
const SHORTEST: usize = 8;

/// Replaces every secret that it knows by [`REDACTED`], and the beginning of one, of eight bytes or more, that a text ends with or that stands before its cut. The time it takes does not grow with the number of secrets.
///
/// Secrets hold no line breaks, so that a stream may be redacted line by line.
#[derive(Clone, Default)]
pub struct Redactor {
    // Invariant: secrets by their first bytes, each list with the longest first.
    by_beginning: HashMap<[u8; SHORTEST], Vec<Box<[u8]>>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor of these credentials' values, of those with at least eight characters.
    pub fn new(credentials: &Credentials) -> Self {
        let mut by_beginning: HashMap<_, Vec<Box<[u8]>>> = HashMap::new();
        for secret in credentials.0.values() {
            let value = secret.expose().as_bytes();
            if let Some(beginning) = value.first_chunk() {
                by_beginning
                    .entry(*beginning)
                    .or_default()
                    .push(value.into());
            }
        }
        for secrets in by_beginning.values_mut() {
            secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
        Self { by_beginning }
    }

    /// The text without secrets; borrowed when there were none in it.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Whole characters were replaced by whole characters, so that nothing is lost here.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The bytes without secrets, for lines that need not be text; borrowed when there were none in it.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let found = self.find(bytes);
        if found.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut clean = Vec::with_capacity(bytes.len());
        let mut copied = 0;
        for range in found {
            clean.extend_from_slice(bytes.get(copied..range.start).unwrap_or_default());
            clean.extend_from_slice(REDACTED.as_bytes());
            copied = range.end;
        }
        clean.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        Cow::Owned(clean)
    }

    fn find(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        if self.by_beginning.is_empty() {
            return found;
        }
        for (start, window) in bytes.windows(SHORTEST).enumerate() {
            let Some(secrets) = self.by_beginning.get(window) else {
                continue;
            };
            let rest = bytes.get(start..).unwrap_or_default();
            let Some(length) = secrets.iter().filter_map(|it| beginning(rest, it)).max() else {
                continue;
            };
            let end = start + length;
            match found.last_mut() {
                Some(last) if start < last.end => last.end = last.end.max(end),
                Some(_) | None => found.push(start..end),
            }
        }
        found
    }
}

/// How much of this secret a text begins with: all of it, or what is left where the text ends or was cut off within it.
fn beginning(text: &[u8], secret: &[u8]) -> Option<usize> {
    if text.starts_with(secret) {
        return Some(secret.len());
    }
    let mut mark = [0; 4];
    let mark = CUT.encode_utf8(&mut mark).as_bytes();
    let pairs = text.iter().zip(secret);
    let same = pairs.take_while(|(one, other)| one == other).count();
    // Not only where they part: the first byte of the mark may be that of the secret's next character.
    (SHORTEST..=same).rev().find(|end| {
        let after = text.get(*end..).unwrap_or_default();
        after.is_empty() || after.starts_with(mark)
    })
}
