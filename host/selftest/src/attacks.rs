//! The attacks, one file per kind, and the ground on which they are made.

mod components;
mod crashes;
mod grants;
mod plans;
mod program;
mod requests;
mod room;
mod secrets;
#[cfg(test)]
mod tests;
mod time;
mod words;

pub use requests::ELSEWHERE;

use std::error::Error as StdError;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use chora_hostile_plugins::{BAD_CHECK, CALLS, MISDEEDS};
use chora_model::text::chain;
use chora_plugin_host::{CompileCache, HostOptions, Limits, Plugin, PluginError, PluginHost};

use crate::{Arena, Attack, Error, Kind, Options, Outcome};

/// What an attack answers. An error is a want of the machine's, not a success of the attack.
type Tried = Result<Outcome, Box<dyn StdError + Send + Sync>>;

/// The name under which every hostile plugin is loaded: whatever is told of one must name it.
const HOSTILE: &str = "hostile";

/// What all attacks share: one host with the limits that chora has, and the hostile plugins, loaded in it.
pub(crate) struct Ground {
    program: PathBuf,
    is_stopped: Box<dyn Fn() -> bool + Send + Sync>,
    cache: Option<CompileCache>,
    host: PluginHost,
    misdeeds: Arc<Plugin>,
    calls: Arc<Plugin>,
    bad_check: Arc<Plugin>,
}

impl Ground {
    pub(crate) async fn prepare(options: Options) -> Result<Self, Error> {
        let host = host(options.cache.clone(), options.limits)?;
        Ok(Self {
            misdeeds: host.load(HOSTILE, MISDEEDS).await?,
            calls: host.load(HOSTILE, CALLS).await?,
            bad_check: host.load(HOSTILE, BAD_CHECK).await?,
            program: options.program,
            is_stopped: options.is_stopped,
            cache: options.cache,
            host,
        })
    }

    /// Makes the attacks of a kind, one after the other.
    pub(crate) async fn attacked(&self, kind: Kind) -> Vec<Attack> {
        let mut tally = Tally {
            ground: self,
            kind,
            attacks: Vec::new(),
        };
        match kind {
            Kind::Components => components::all(self, &mut tally).await,
            Kind::Time => time::all(self, &mut tally).await,
            Kind::Room => room::all(self, &mut tally).await,
            Kind::Crashes => crashes::all(self, &mut tally).await,
            Kind::Grants => grants::all(self, &mut tally).await,
            Kind::Requests => requests::all(self, &mut tally).await,
            Kind::Words => words::all(self, &mut tally).await,
            Kind::Plans => plans::all(self, &mut tally).await,
            Kind::Secrets => secrets::all(self, &mut tally).await,
        }
        tally.attacks
    }

    /// A host with the same cache and other limits.
    fn host_with(&self, limits: Limits) -> Result<PluginHost, Error> {
        host(self.cache.clone(), limits)
    }

    fn arena(&self) -> Result<Arena, Error> {
        Arena::new(self.host.clone())
    }

    /// What becomes of an attack that was stopped like this: it got through all the same if the host does no good plugin's work any more.
    async fn none_the_worse(&self, how: String) -> Tried {
        let arena = self.arena()?;
        let good = arena.guest_of(Arc::clone(&self.misdeeds));
        let harm = match good.apply("good").await {
            Ok(outcome) if outcome.summary == "done" => return Ok(Outcome::Stopped(how)),
            Ok(outcome) => format!("a good plugin said `{}`", outcome.summary),
            Err(error) => chain(&error),
        };
        Ok(Outcome::GotThrough(format!(
            "{how}; after that the host does no good plugin's work: {harm}"
        )))
    }
}

/// A host; one that cannot keep compiled components does without.
fn host(cache: Option<CompileCache>, limits: Limits) -> Result<PluginHost, Error> {
    let options = |cache| HostOptions {
        cache,
        limits: limits.clone(),
    };
    let host = match PluginHost::new(options(cache)) {
        Err(PluginError::Cache { .. }) => PluginHost::new(options(None)),
        made => made,
    };
    Ok(host?)
}

/// The attacks of a kind that were made so far.
struct Tally<'a> {
    ground: &'a Ground,
    kind: Kind,
    attacks: Vec<Attack>,
}

impl Tally<'_> {
    /// Makes one, unless no more are wanted, and looks whether the host is none the worse for it.
    async fn attack(&mut self, what: impl Into<String>, trial: impl Future<Output = Tried>) {
        if (self.ground.is_stopped)() {
            return;
        }
        let tried = match trial.await {
            Ok(Outcome::Stopped(how)) => self.ground.none_the_worse(how).await,
            other => other,
        };
        let outcome = tried.unwrap_or_else(|error| Outcome::Untried(chain(&*error)));
        self.attacks.push(Attack {
            kind: self.kind,
            what: what.into(),
            outcome,
        });
    }
}

/// What a call's end means: it is stopped by the error that is right, told by the plugin's name, and by no other.
fn ended<T: Debug>(
    result: Result<T, PluginError>,
    is_right: impl FnOnce(&PluginError) -> bool,
) -> Tried {
    match result {
        Ok(value) => Ok(Outcome::GotThrough(format!(
            "it was let through: {value:?}"
        ))),
        Err(error @ PluginError::Host { .. }) => Err(error.into()),
        Err(error) if error.plugin() == HOSTILE && is_right(&error) => {
            Ok(Outcome::Stopped(chain(&error)))
        }
        Err(error) => Ok(Outcome::GotThrough(format!(
            "it ended otherwise: {}",
            chain(&error)
        ))),
    }
}

/// Stopped if all of this holds; else what does not.
fn judged(how: impl Into<String>, holds: &[(bool, &str)]) -> Tried {
    let how = how.into();
    let broken = holds.iter().find(|(holds, _)| !holds);
    Ok(match broken {
        None => Outcome::Stopped(how),
        Some((_, rule)) => Outcome::GotThrough(format!("{rule}: {how}")),
    })
}

/// The component `misdeeds`, whose `describe` does this.
fn that_describes(word: &str) -> Result<Vec<u8>, Error> {
    chora_hostile_plugins::that_describes(word)
        .ok_or(Error::Missing("marker in the component `misdeeds`"))
}
