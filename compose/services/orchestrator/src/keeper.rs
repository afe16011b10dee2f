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

/// What is known of a deployment's ends. Locked for as long as an operation on it goes on.
#[derive(Default)]
pub(crate) struct Keeper {
    watcher: Option<JoinHandle<()>>,
    quick_ends: u32,
    restarts: u32,
    last_exit: Option<Exit>,
}

impl Keeper {
    /// Stops watching. Whoever changes what the deployment is meant to do calls this first.
    pub(crate) fn rest(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.abort();
        }
    }

    /// Forgets earlier ends, because somebody decided anew.
    pub(crate) fn forgive(&mut self) {
        self.quick_ends = 0;
        self.last_exit = None;
    }

    pub(crate) fn gave_up(&self) -> bool {
        self.quick_ends >= PATIENCE
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.restarts
    }

    pub(crate) fn last_exit(&self) -> Option<Exit> {
        self.last_exit
    }

    /// Watches the deployment from now on.
    pub(crate) fn watch(&mut self, fleet: Fleet, name: String) {
        self.rest();
        self.watcher = Some(tokio::spawn(
            async move { while keep(&fleet, &name).await {} },
        ));
    }

    /// Takes note of an end. The pause before the next start; none when it is to be left alone.
    fn ended(&mut self, exit: Exit, ran: Duration) -> Option<Duration> {
        self.last_exit = Some(exit);
        self.quick_ends = if ran < STEADY { self.quick_ends + 1 } else { 1 };
        let doublings = self.quick_ends.saturating_sub(1).min(PATIENCE);
        (!self.gave_up()).then(|| PAUSE * 2_u32.pow(doublings))
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
    let pause = {
        let turn = fleet.turn(name);
        let mut keeper = turn.lock().await;
        keeper.ended(exit, began.elapsed())
    };
    let Some(pause) = pause else {
        tracing::error!(name, %exit, "a deployment ends again and again and is left alone");
        return false;
    };
    tracing::warn!(name, %exit, ?pause, "a deployment ended and is started again");
    tokio::time::sleep(pause).await;
    let turn = fleet.turn(name);
    let mut keeper = turn.lock().await;
    // Whoever stops or deletes it aborts this task first; this is for the moment between.
    let kept = match fleet.deployed(name) {
        Ok(kept) if kept.desired == Desired::Running => kept,
        Ok(_) | Err(_) => return false,
    };
    keeper.restarts = keeper.restarts.saturating_add(1);
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
        let mut keeper = Keeper::default();
        let exit = Exit {
            code: Some(1),
            signal: None,
        };
        let pauses: Vec<_> = (0..5).map(|_| keeper.ended(exit, Duration::ZERO)).collect();
        let wanted = [100, 200, 400, 800].map(|pause| Some(Duration::from_millis(pause)));
        assert_eq!(pauses.get(..4), Some(wanted.as_slice()));
        assert_eq!(pauses.last(), Some(&None));
        assert!(keeper.gave_up());
        assert_eq!(keeper.ended(exit, STEADY), Some(PAUSE));
        assert!(!keeper.gave_up());
    }
}
