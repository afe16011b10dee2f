//! What a caller sees while an image comes about.

/// Something happened to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Its registry is asked for it.
    Pulling {
        /// The image.
        reference: String,
    },
    /// A layer of an image that is being pulled.
    Layer {
        /// The beginning of its digest.
        id: String,
        /// What the engine does with it, in its own words.
        status: String,
        /// Bytes done.
        current: Option<u64>,
        /// Bytes in all.
        total: Option<u64>,
    },
    /// It is being built.
    Building {
        /// The image.
        reference: String,
        /// Why it is not simply there.
        why: Option<String>,
    },
    /// A line that the build printed.
    Output(String),
    /// What it is built from is on its way to the engine.
    Sending {
        /// Bytes sent.
        current: u64,
        /// Bytes in all.
        total: u64,
    },
}

/// Who is told. It is called often and must not block.
pub type Observer<'a> = &'a (dyn Fn(Progress) + Send + Sync);
