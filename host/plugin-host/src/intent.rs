//! The record that a step is about to act, on its way to the disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::watch;

/// What a call waits for before the first host function that changes something: that the intent to do its step is durable. Until then the plugin may look, compute and prepare.
#[derive(Debug, Clone)]
pub struct Intent {
    durable: watch::Receiver<u64>,
    number: u64,
    waited_us: Arc<AtomicU64>,
}

impl Intent {
    /// The intent with this number: durable once `durable` has reached it. What is waited for it is added to `waited_us`, in microseconds.
    pub fn new(durable: watch::Receiver<u64>, number: u64, waited_us: Arc<AtomicU64>) -> Self {
        Self {
            durable,
            number,
            waited_us,
        }
    }

    /// Resolves once the intent is durable; never if it cannot become so, and then whoever keeps it ends the call.
    pub async fn durable(&self) {
        if *self.durable.borrow() >= self.number {
            return;
        }
        let begun = Instant::now();
        let mut durable = self.durable.clone();
        if durable
            .wait_for(|number| *number >= self.number)
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
        let waited = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.waited_us.fetch_add(waited, Ordering::Relaxed);
        // The benchmarks read this.
        tracing::debug!(waited_us = waited, "the intent is durable");
    }
}
