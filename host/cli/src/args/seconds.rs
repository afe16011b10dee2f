//! Numbers of seconds, as typed.

use std::time::Duration;

/// A week: whoever asks for more means something else.
const LONGEST: f64 = 7.0 * 24.0 * 3600.0;

/// Reads a positive number of seconds, fractions allowed.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text
        .trim()
        .parse()
        .map_err(|_| "expected a number of seconds, such as `90` or `2.5`".to_owned())?;
    if !seconds.is_finite() || seconds <= 0.0 || seconds > LONGEST {
        return Err("expected more than 0 and at most 604800 seconds".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// The same, or 0 for not at all.
pub(super) fn parse_or_none(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_seconds_and_nonsense_is_refused() {
        assert_eq!(parse("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1800"), Ok(Duration::from_secs(1800)));
        for bad in ["", "0", "-1", "inf", "nan", "1e300", "10s"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
