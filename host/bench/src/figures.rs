//! Durations, and what is said of them.

use std::time::Duration;

/// Prints the median and the 95th percentile.
pub(crate) fn report(name: &str, durations: &mut [Duration]) {
    durations.sort_unstable();
    let median = percentile(durations, 50);
    let p95 = percentile(durations, 95);
    println!(
        "{name:<46} median {median:>10.2?}   p95 {p95:>10.2?}   ({} runs)",
        durations.len()
    );
}

/// The smallest duration that this many of a hundred do not exceed. The durations are sorted.
pub(crate) fn percentile(durations: &[Duration], percent: usize) -> Duration {
    let at = (durations.len() * percent).div_ceil(100).saturating_sub(1);
    durations.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_members_of_what_was_measured() {
        let durations: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&durations, 50), Duration::from_millis(10));
        assert_eq!(percentile(&durations, 95), Duration::from_millis(19));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }
}
