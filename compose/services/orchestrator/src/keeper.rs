//! Keeps one deployment running: notices its end at once, starts it again, and gives up on one that ends again and again.

use std::time::{Duration, Instant};

use chora_engine::Exit;
use tokio::task::JoinHandle;

use crate::deployment::Desired;
use crate::fleet::{Fleet, STEADY};

/// After this many quick ends in a row a deployment is left alone.
const PATIENCE: u32 = 5;
/// The pause before the first restart; it doubles with each quick end.
const PAUSE: Duration = Duration::from_millis(100);

/// How a deployment ended, and how often.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends {
    /// Quick ones in a row.
    quick: u32,
    /// How often it was started again because of one.
    pub(crate) restarts: u32,
    pub(crate) last: Option<Exit>,
}

impl Ends {
    /// Forgets earlier ends, because somebody decided anew.
    pub(crate) fn forgive(&mut self) {
        self.quick = 0;
        self.last = None;
    }

    pub(crate) fn gave_up(self) -> bool {
        self.quick >= PATIENCE
    }

    /// Takes note of an end. The pause before the next start; none when it is to be left alone.
    fn ended(&mut self, exit: Exit, ran: Duration) -> Option<Duration> {
        self.last = Some(exit);
        self.quick = if ran < STEADY { self.quick + 1 } else { 1 };
        let doublings = self.quick.saturating_sub(1).min(PATIENCE);
        (!self.gave_up()).then(|| PAUSE * 2_u32.pow(doublings))
    }
}

/// Watches one deployment. Locked for as long as an operation on it goes on.
#[derive(Default)]
pub(crate) struct Keeper(Option<JoinHandle<()>>);

impl Keeper {
    /// Stops watching. Whoever changes what the deployment is meant to do calls this first.
    pub(crate) fn rest(&mut self) {
        if let Some(watcher) = self.0.take() {
            watcher.abort();
        }
    }

    /// Watches the deployment from now on.
    pub(crate) fn watch(&mut self, fleet: Fleet, name: String) {
        self.rest();
        self.0 = Some(tokio::spawn(
            async move { while keep(&fleet, &name).await {} },
        ));
    }
}

/// Waits for one end and starts the deployment again; false when there is no more to do.
async fn keep(fleet: &Fleet, name: &str) -> bool {
    let began = Instant::now();
    let exit = match fleet.engine().wait_exit(name).await {
        Ok(exit) => exit,
        Err(error) => {
            tracing::error!(name, error = %error, "a deployment cannot be watched");
            return false;
        }
    };
    let turn = fleet.turn(name);
    let pause = {
        // An operation that is under way ends it for its own reasons, and this task with it.
        let _keeper = turn.lock().await;
        fleet.ends(name, |ends| ends.ended(exit, began.elapsed()))
    };
    let Some(pause) = pause else {
        tracing::error!(name, %exit, "a deployment ends again and again and is left alone");
        return false;
    };
    tracing::warn!(name, %exit, ?pause, "a deployment ended and is started again");
    tokio::time::sleep(pause).await;
    let _keeper = turn.lock().await;
    // Whoever stops or deletes it aborts this task first; this is for the moment between.
    let kept = match fleet.deployed(name) {
        Ok(kept) if kept.desired == Desired::Running => kept,
        Ok(_) | Err(_) => return false,
    };
    fleet.ends(name, |ends| ends.restarts = ends.restarts.saturating_add(1));
    if let Err(error) = fleet.run(&kept.deployment).await {
        tracing::error!(name, error = %error.message, "a deployment cannot be started again");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_ends_are_answered_ever_later_and_then_not_at_all() {
        let mut ends = Ends::default();
        let exit = Exit::of_code(1);
        let pauses: Vec<_> = (0..5).map(|_| ends.ended(exit, Duration::ZERO)).collect();
        let wanted = [100, 200, 400, 800].map(|pause| Some(Duration::from_millis(pause)));
        assert_eq!(pauses.get(..4), Some(wanted.as_slice()));
        assert_eq!(pauses.last(), Some(&None));
        assert!(ends.gave_up());
        assert_eq!(ends.ended(exit, STEADY), Some(PAUSE));
        assert!(!ends.gave_up());
    }
}
