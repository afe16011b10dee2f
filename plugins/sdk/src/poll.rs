//! Asking again until the answer is there, for what no host function can wait for. The health of services is waited for with
//! [`health::wait`](crate::health::wait).

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(250);

/// Asks at once and then again, after 20 ms at first and 250 ms at most, until there is an answer or the time is up (`None`). The
/// question is always asked once, and a last time when the time is up.
///
/// # Errors
/// The first error of the question.
pub fn until<T, E>(
    limit: Duration,
    mut ask: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Option<T>, E> {
    let begun = Instant::now();
    let mut pause = FIRST;
    loop {
        if let Some(answer) = ask()? {
            return Ok(Some(answer));
        }
        let left = limit.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        std::thread::sleep(pause.min(left));
        pause = (pause * 3 / 2).min(LONGEST);
    }
}

/// A length of time as a person would say it: `80 ms`, `1.2 s`, `3 min 20 s`.
#[must_use]
pub fn said(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!(
            "{} min {} s",
            milliseconds / 60_000,
            milliseconds % 60_000 / 1_000
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{said, until};

    #[test]
    fn asks_until_there_is_an_answer() {
        let mut asked = 0;
        let answer: Result<_, ()> = until(Duration::from_secs(60), || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(answer, Ok(Some(3)));
    }

    #[test]
    fn asks_once_even_without_time_and_passes_errors_on() {
        assert_eq!(until(Duration::ZERO, || Ok::<_, ()>(None::<()>)), Ok(None));
        assert_eq!(until(Duration::ZERO, || Ok::<_, ()>(Some(1))), Ok(Some(1)));
        assert_eq!(
            until(Duration::from_secs(9), || Err::<Option<()>, _>(1)),
            Err(1)
        );
    }

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        assert_eq!(said(80), "80 ms");
        assert_eq!(said(1_250), "1.2 s");
        assert_eq!(said(200_000), "3 min 20 s");
    }
}
