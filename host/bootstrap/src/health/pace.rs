//! When to probe next. Pure: told how each probe ended and how long was waited so far, it answers with a delay.
//!
//! The rule: a service that has become ready is declared healthy within max(50 ms, 10 % of the time waited until then).

use std::time::Duration;

use chora_model::config::Retry;

/// Between probes that confirm.
const CONFIRMING: Duration = Duration::from_millis(7);
/// Never probe a failing service more often than this.
const DENSEST: Duration = Duration::from_millis(10);
/// What the rule allows for a service that is ready soon.
const LEAST_ALLOWED: Duration = Duration::from_millis(50);
/// A successful probe is taken to last at least this long when the time for the confirming ones is set aside.
const LEAST_PROBE: Duration = Duration::from_millis(3);

/// What to do after a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Declare it healthy.
    Healthy,
    /// Probe again after this long.
    After(Duration),
    /// The patience for failing probes is used up.
    GiveUp,
}

/// The pace of one wait.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    retry: Retry,
    wanted: u32,
    streak: u32,
    backoff: Duration,
    patience: Option<Duration>,
}

impl Pace {
    /// A wait that ends after `successes` good answers in a row.
    pub(crate) fn new(retry: &Retry, successes: u32) -> Self {
        Self {
            wanted: successes.max(1),
            streak: 0,
            backoff: retry.initial_delay.min(retry.max_delay),
            patience: patience(retry),
            retry: retry.clone(),
        }
    }

    /// How long failing probes are borne; absent when only the service's timeout ends them.
    pub(crate) fn patience(&self) -> Option<Duration> {
        self.patience
    }

    /// A probe that took `took` has ended, `waited` after the wait began.
    pub(crate) fn probed(&mut self, healthy: bool, waited: Duration, took: Duration) -> Next {
        if healthy {
            self.streak += 1;
            return if self.streak >= self.wanted {
                Next::Healthy
            } else {
                Next::After(CONFIRMING)
            };
        }
        self.streak = 0;
        if self.patience.is_some_and(|patience| waited >= patience) {
            return Next::GiveUp;
        }
        let backoff = self.backoff;
        self.backoff = grown(backoff, &self.retry);
        let mut delay = backoff.min(self.allowed(waited, took));
        if let Some(patience) = self.patience {
            // The last probe is made when the patience ends, not long after it.
            delay = delay.min(patience.saturating_sub(waited));
        }
        Next::After(delay)
    }

    /// The longest delay that still keeps the rule, with the probes that must follow set aside.
    fn allowed(&self, waited: Duration, took: Duration) -> Duration {
        let bound = LEAST_ALLOWED.max(waited / 10);
        let probe = took.max(LEAST_PROBE).min(bound / 10);
        let probes = probe.saturating_mul(self.wanted.saturating_add(1));
        let pauses = CONFIRMING.saturating_mul(self.wanted.saturating_sub(1));
        let rest = bound.saturating_sub(probes).saturating_sub(pauses);
        // A fifth is kept for a machine that is busy with what is being started.
        rest.mul_f64(0.8).max(DENSEST)
    }
}

fn grown(delay: Duration, retry: &Retry) -> Duration {
    let grown = delay.as_secs_f64() * retry.backoff_factor.max(1.0);
    Duration::try_from_secs_f64(grown)
        .unwrap_or(retry.max_delay)
        .min(retry.max_delay)
}

fn patience(retry: &Retry) -> Option<Duration> {
    let mut delay = retry.initial_delay.min(retry.max_delay);
    let mut total = Duration::ZERO;
    let mut left = retry.max_attempts?;
    while left > 0 && delay < retry.max_delay {
        total = total.saturating_add(delay);
        let next = grown(delay, retry);
        left -= 1;
        if next == delay {
            break;
        }
        delay = next;
    }
    Some(total.saturating_add(delay.saturating_mul(left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(max_attempts: Option<u32>) -> Retry {
        Retry {
            initial_delay: Duration::from_secs(2),
            max_delay: Duration::from_secs(30),
            backoff_factor: 2.0,
            max_attempts,
        }
    }

    /// Runs a wait in virtual time: a service that is ready at `ready`, probes of the given lengths. Answers when it was declared healthy.
    fn simulate(retry: &Retry, ready: Duration, failing: Duration, good: Duration) -> Duration {
        let mut pace = Pace::new(retry, 3);
        let mut now = Duration::ZERO;
        loop {
            let healthy = now >= ready;
            let took = if healthy { good } else { failing };
            now += took;
            match pace.probed(healthy, now, took) {
                Next::Healthy => return now,
                Next::After(delay) => now += delay,
                Next::GiveUp => panic!("gave up at {now:?}"),
            }
        }
    }

    #[test]
    fn a_ready_service_is_declared_within_the_rule_whenever_it_becomes_ready() {
        for failing in [0, 1, 3] {
            for good in [1, 2, 4] {
                let mut ready = Duration::ZERO;
                while ready < Duration::from_secs(120) {
                    let retry = retry(None);
                    let failing = Duration::from_millis(failing);
                    let good = Duration::from_millis(good);
                    let late = simulate(&retry, ready, failing, good) - ready;
                    let bound = LEAST_ALLOWED.max(ready / 10);
                    assert!(
                        late <= bound,
                        "ready at {ready:?}: declared {late:?} later, probes {failing:?}/{good:?}"
                    );
                    ready += Duration::from_micros(1_733) + ready / 97;
                }
            }
        }
    }

    #[test]
    fn the_prototype_case_of_fourteen_seconds_is_found_before_fifteen_and_a_half() {
        let ready = Duration::from_secs(14);
        let millisecond = Duration::from_millis(1);
        let declared = simulate(&retry(None), ready, millisecond, millisecond);
        assert!(declared < Duration::from_millis(15_400), "{declared:?}");
    }

    #[test]
    fn a_service_that_is_healthy_already_is_confirmed_at_once() {
        let took = Duration::from_millis(2);
        let declared = simulate(&retry(None), Duration::ZERO, took, took);
        assert!(declared <= Duration::from_millis(25), "{declared:?}");
    }

    #[test]
    fn a_failure_between_successes_begins_anew() {
        let mut pace = Pace::new(&retry(None), 2);
        let (waited, took) = (Duration::from_millis(10), Duration::from_millis(1));
        assert_eq!(pace.probed(true, waited, took), Next::After(CONFIRMING));
        assert!(matches!(pace.probed(false, waited, took), Next::After(_)));
        assert_eq!(pace.probed(true, waited, took), Next::After(CONFIRMING));
        assert_eq!(pace.probed(true, waited, took), Next::Healthy);
    }

    #[test]
    fn patience_is_the_sum_of_the_delays() {
        let seconds = |retry: &Retry| patience(retry).map(|patience| patience.as_secs());
        assert_eq!(seconds(&retry(None)), None);
        assert_eq!(seconds(&retry(Some(0))), Some(0));
        assert_eq!(seconds(&retry(Some(3))), Some(2 + 4 + 8));
        assert_eq!(seconds(&retry(Some(6))), Some(2 + 4 + 8 + 16 + 30 + 30));
        let level = Retry {
            backoff_factor: 1.0,
            ..retry(Some(u32::MAX))
        };
        assert_eq!(seconds(&level), Some(2 * u64::from(u32::MAX)));
    }

    #[test]
    fn when_the_patience_ends_it_is_over() {
        let mut pace = Pace::new(&retry(Some(1)), 3);
        let took = Duration::ZERO;
        let next = pace.probed(false, Duration::from_millis(1_995), took);
        assert_eq!(next, Next::After(Duration::from_millis(5)));
        assert_eq!(
            pace.probed(false, Duration::from_secs(2), took),
            Next::GiveUp
        );
    }
}
