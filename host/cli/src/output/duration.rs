//! Durations for people.

use std::time::Duration;

use chora_model::event::millis;

/// Three digits or so, in the unit that fits: `120 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`, `4 d 2 h`.
pub(crate) fn human(duration: Duration) -> String {
    let ms = millis(duration);
    let seconds = ms / 1000;
    match seconds {
        0 => format!("{ms} ms"),
        // Tenths are cut, not rounded, so that 59.96 s is not 60.0 s.
        1..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => pair(seconds / 86_400, "d", seconds % 86_400 / 3600, "h"),
    }
}

/// The same of a number of milliseconds.
pub(crate) fn human_ms(ms: u64) -> String {
    human(Duration::from_millis(ms))
}

/// The same of a number of microseconds, told where there are no more than that.
pub(crate) fn human_us(us: u64) -> String {
    match us {
        0 => "0 ms".to_owned(),
        1..1_000 => format!("{us} µs"),
        _ => human_ms(us / 1_000),
    }
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_size_has_its_unit() {
        let table = [
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1.0 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min"),
            (125_000, "2 min 5 s"),
            (3_600_000, "1 h"),
            (90_000_000, "1 d 1 h"),
        ];
        for (ms, text) in table {
            assert_eq!(human_ms(ms), text);
        }
        for (us, text) in [(0, "0 ms"), (999, "999 µs"), (1_500, "1 ms")] {
            assert_eq!(human_us(us), text);
        }
    }
}
