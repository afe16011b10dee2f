//! The hostile suite of `chora plugin selftest`: plugins that try to get out or to harm, against the host that is installed, on the machine that it is installed on.
//!
//! Each attack is a real component in a project of its own; it is stopped if the host says so in the words that it should, nothing of the project is different, and the host does a good
//! plugin's work right after it. Plans and secrets are attacked through the whole program, in runs of it. The tests of the sandbox use the same [`Arena`].
//!
//! **Invariant:** nothing outside of the attacks' own temporary directories and the compile cache is written, no port but the attacks' own on the loopback is asked, and no Docker Engine is talked to.

mod arena;
mod attacks;
mod error;
mod guest;
mod place;
mod report;
mod server;

pub use arena::Arena;
pub use attacks::ELSEWHERE;
pub use error::Error;
pub use guest::{Guest, PATIENCE};
pub use place::Snapshot;
pub use report::{Attack, Kind, Outcome};
pub use server::Server;

use std::path::PathBuf;

use chora_plugin_host::{CompileCache, Limits};
use futures_util::StreamExt as _;

/// What the suite runs against.
pub struct Options {
    /// The program `chora`, for the attacks that are runs of it.
    pub program: PathBuf,
    /// Where compiled components are kept.
    pub cache: Option<CompileCache>,
    /// The ceilings of the host: chora's own, unless it is to be seen that weaker ones are noticed.
    pub limits: Limits,
    /// Whether to begin no attack any more. Those that have begun end by themselves, within seconds.
    pub is_stopped: Box<dyn Fn() -> bool + Send + Sync>,
}

/// Makes every attack, some at once, and tells of each kind when all of it has ended, in the order of [`Kind::ALL`]. It is stopped through [`Options::is_stopped`] and then answers what was done; who drops
/// it leaves behind what an attack was just making.
pub async fn run(
    options: Options,
    mut hear: impl FnMut(Kind, &[Attack]),
) -> Result<Vec<Attack>, Error> {
    let ground = attacks::Ground::prepare(options).await?;
    let kinds = Kind::ALL.into_iter();
    let tried = kinds.map(async |kind| (kind, ground.attacked(kind).await));
    let mut tried = futures_util::stream::iter(tried).buffered(Kind::ALL.len());
    let mut all = Vec::new();
    while let Some((kind, attacks)) = tried.next().await {
        hear(kind, &attacks);
        all.extend(attacks);
    }
    Ok(all)
}
