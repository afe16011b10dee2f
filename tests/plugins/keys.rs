//! Keys of people who sign components.

use minisign::KeyPair;

pub(crate) const UNTRUSTED: &str = "error[PLUGIN_UNTRUSTED]";

/// A key of somebody, with the name that it has in the configuration.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) pair: KeyPair,
}

impl Key {
    pub(crate) fn new(name: &'static str) -> Self {
        let pair = KeyPair::generate_unencrypted_keypair().expect("a key");
        Self { name, pair }
    }

    pub(crate) fn signs(&self, bytes: &[u8], comment: &str) -> String {
        let signed = minisign::sign(None, &self.pair.sk, bytes, Some(comment), None);
        signed.expect("a signature").to_string()
    }

    /// Its id, as minisign writes it into the file of a public key.
    pub(crate) fn id(&self) -> String {
        let public = self.pair.pk.to_box().expect("a public key").to_string();
        let line = public.lines().next().expect("a comment");
        line.rsplit(' ').next().expect("an id").to_owned()
    }

    pub(crate) fn named(&self) -> String {
        format!("{} (key id {})", self.name, self.id())
    }
}

/// The list of these keys.
pub(crate) fn keys(keys: &[&Key]) -> String {
    let mut text = "plugin_keys:\n".to_owned();
    for key in keys {
        let public = key.pair.pk.to_base64();
        text.push_str(&format!("  - {{name: {}, key: {public}}}\n", key.name));
    }
    text
}
