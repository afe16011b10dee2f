//! A public key, as the configuration lists it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minisign_verify::PublicKey;

/// A key whose signatures are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// Its name, `[a-z0-9-]{1,64}`.
    pub name: String,
    /// Its id, as minisign writes it: 16 hexadecimal digits.
    pub id: String,
    /// The key as minisign writes it.
    pub text: String,
    key: PublicKey,
}

/// The text of a key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no public key of minisign")]
pub struct KeyError;

impl TrustedKey {
    /// Reads a key.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(name: &str, text: &str) -> Result<Self, KeyError> {
        let key = PublicKey::from_base64(text).map_err(|_| KeyError)?;
        Ok(Self {
            name: name.to_owned(),
            id: id(text).ok_or(KeyError)?,
            text: text.to_owned(),
            key,
        })
    }

    /// What verifies with it.
    pub(super) fn verifier(&self) -> &PublicKey {
        &self.key
    }
}

impl std::fmt::Display for TrustedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (key id {})", self.name, self.id)
    }
}

/// The id in a key or a signature: after two bytes for the kind, a number with its lowest byte first.
pub(super) fn id(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text).ok()?;
    let id: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
    Some(format!("{:016X}", u64::from_le_bytes(id)))
}

/// Whether a text is an id as [`id`] writes it.
pub(crate) fn is_id(text: &str) -> bool {
    let is_digit = |c: char| c.is_ascii_digit() || ('A'..='F').contains(&c);
    text.len() == 16 && text.chars().all(is_digit)
}
