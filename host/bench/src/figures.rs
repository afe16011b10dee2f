//! What was measured, and what is said of it: always a median, never a single run.

use std::time::Duration;

/// Prints the median and the 95th percentile of durations.
pub(crate) fn report(name: &str, durations: &mut [Duration]) {
    println!("{}", line(name, durations));
}

/// The same, with the median as a multiple of another one that was measured in the same run: the machine's own speed falls out of it.
pub(crate) fn report_against(name: &str, durations: &mut [Duration], than: &str, other: Duration) {
    let line = line(name, durations);
    let times = ratio(percentile(durations, 50), other);
    println!("{line}   {times:.2} × {than}");
}

/// Prints the median and the 95th percentile of shares of a whole, in percent.
pub(crate) fn report_shares(name: &str, shares: &mut [f64]) {
    shares.sort_unstable_by(f64::total_cmp);
    let median = 100.0 * percentile(shares, 50);
    let p95 = 100.0 * percentile(shares, 95);
    println!(
        "{name:<46} median {median:>9.1}%   p95 {p95:>9.1}%   ({} runs)",
        shares.len()
    );
}

fn line(name: &str, durations: &mut [Duration]) -> String {
    durations.sort_unstable();
    let median = percentile(durations, 50);
    let p95 = percentile(durations, 95);
    format!(
        "{name:<46} median {median:>10.2?}   p95 {p95:>10.2?}   ({} runs)",
        durations.len()
    )
}

/// How many times the one is in the other.
pub(crate) fn ratio(of: Duration, to: Duration) -> f64 {
    if to.is_zero() {
        return 0.0;
    }
    of.as_secs_f64() / to.as_secs_f64()
}

/// The smallest value that this many of a hundred do not exceed. The values are sorted.
pub(crate) fn percentile<T: Copy + Default>(values: &[T], percent: usize) -> T {
    let at = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(at).copied().unwrap_or_default()
}

/// The median of values in any order.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    percentile(&values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_members_of_what_was_measured() {
        let durations: Vec<_> = (1..=20).map(Duration::from_millis).collect();
        assert_eq!(percentile(&durations, 50), Duration::from_millis(10));
        assert_eq!(percentile(&durations, 95), Duration::from_millis(19));
        assert_eq!(percentile::<Duration>(&[], 50), Duration::ZERO);
        assert_eq!(median([9.0, 1.0, 5.0]).to_bits(), 5.0_f64.to_bits());
    }

    #[test]
    fn a_line_has_the_median_whatever_the_order() {
        let mut durations = [30, 10, 20].map(Duration::from_millis);
        let line = line("a thing", &mut durations);
        assert!(line.starts_with("a thing "), "{line}");
        assert!(line.contains("median    20.00ms"), "{line}");
        assert!(line.contains("p95    30.00ms"), "{line}");
    }
}
