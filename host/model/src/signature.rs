//! Signatures of plugins, in minisign's format: which of the keys that the configuration lists has signed these very bytes.
//!
//! Only signatures of the prehashed kind count, which is what minisign makes; those of the kind before it are told as such. A signature has a trusted comment, which is signed too, and is
//! still a stranger's text: it is handed on with every character written out that a reader would not see.

mod key;
#[cfg(test)]
mod tests;

use minisign_verify::{Error, Signature};
use serde::Serialize;

pub(crate) use key::is_id as is_key_id;
pub use key::{KeyError, TrustedKey};

/// The longest signature that is read, in bytes.
pub const MOST: u64 = 16 << 10;

/// What the name of a component's signature has after the component's.
pub const SUFFIX: &str = ".minisig";

/// The longest comment that is handed on, in characters.
const COMMENT: usize = 256;

/// The keys that the configuration lists. Where there are none, nothing has to be signed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedKeys(
    // Invariant: names and ids are unique.
    Vec<TrustedKey>,
);

/// Who signed something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// The name of the key in the configuration.
    #[serde(rename = "by")]
    pub name: String,
    /// The id of the key.
    pub key_id: String,
    /// The trusted comment, fit to be shown on one line.
    pub comment: String,
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It is no signature of minisign.
    #[error("its signature is none that minisign makes")]
    Malformed,
    /// It is of a key that is not listed.
    #[error("it is signed with key id {found}, which is not among the keys in the configuration: {}", .listed.join(", "))]
    UnknownKey {
        /// The id of the key.
        found: String,
        /// The keys that are listed, with their ids.
        listed: Vec<String>,
    },
    /// It was made without hashing before.
    #[error("its signature by {key} is of minisign's legacy kind, which is not taken")]
    Legacy {
        /// The key, with its id.
        key: String,
    },
    /// It is of a listed key, or says so, and was not made of these bytes and this comment.
    #[error(
        "its signature by {key} does not fit it: the component, the signature or its trusted comment is another"
    )]
    Unfit {
        /// The key, with its id.
        key: String,
    },
}

impl TrustedKeys {
    /// Whether nothing has to be signed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedKey> {
        self.0.iter()
    }

    /// Lists one more key.
    ///
    /// # Errors
    /// What is wrong with it, where its name or its id is that of a key that is listed.
    pub(crate) fn list(&mut self, key: TrustedKey) -> Result<(), String> {
        if self.iter().any(|other| other.name == key.name) {
            return Err(format!("there are two keys named `{}`", key.name));
        }
        if let Some(other) = self.iter().find(|other| other.id == key.id) {
            return Err(format!(
                "key `{}` has the id {} of key `{}`: one key is listed once",
                key.name, key.id, other.name
            ));
        }
        self.0.push(key);
        Ok(())
    }

    /// Finds out which key has signed these bytes.
    ///
    /// # Errors
    /// Why the signature does not count.
    pub fn signer(&self, bytes: &[u8], signature: &[u8]) -> Result<Signer, SignatureError> {
        let text = std::str::from_utf8(signature).map_err(|_| SignatureError::Malformed)?;
        let decoded = Signature::decode(text).map_err(|_| SignatureError::Malformed)?;
        // The crate keeps the id to itself; it stands where it stands in a key.
        let line = text.lines().nth(1).unwrap_or_default();
        let found = key::id(line).ok_or(SignatureError::Malformed)?;
        let Some(key) = self.iter().find(|key| key.id == found) else {
            let listed = self.iter().map(ToString::to_string).collect();
            return Err(SignatureError::UnknownKey { found, listed });
        };
        let named = key.to_string();
        match key.verifier().verify(bytes, &decoded, false) {
            Ok(()) => Ok(Signer {
                name: key.name.clone(),
                key_id: found,
                comment: shown(decoded.trusted_comment()),
            }),
            Err(Error::UnexpectedAlgorithm | Error::UnsupportedLegacyMode) => {
                Err(SignatureError::Legacy { key: named })
            }
            Err(
                Error::InvalidSignature
                | Error::InvalidEncoding
                | Error::IoError(_)
                | Error::UnexpectedKeyId
                | Error::UnsupportedAlgorithm,
            ) => Err(SignatureError::Unfit { key: named }),
        }
    }
}

impl std::fmt::Display for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (key id {})", self.name, self.key_id)
    }
}

/// A comment as it is shown: on one line, and nothing in it that moves a cursor, hides or turns the direction of writing.
fn shown(comment: &str) -> String {
    let mut text = String::new();
    for (at, character) in comment.chars().enumerate() {
        if at == COMMENT {
            text.push('…');
            break;
        }
        let is_hidden = character.is_control()
            || matches!(
                character,
                '\u{00ad}' | '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
            );
        match character {
            // minisign's own way to part its facts.
            '\t' => text.push(' '),
            _ if is_hidden => text.extend(character.escape_unicode()),
            _ => text.push(character),
        }
    }
    text
}
