//! From what a user typed to a run: identifiers are long, and nobody types them whole. Pure.

use chora_model::failure::{Code, Failure};

/// The fewest characters of an identifier that are shown.
const SHORTEST: usize = 8;
/// The most candidates that are named.
const CANDIDATES: usize = 5;

/// How many characters of an identifier tell all of them apart.
pub(super) fn short_length(runs: &[String]) -> usize {
    let mut sorted: Vec<&String> = runs.iter().collect();
    sorted.sort_unstable();
    let common = |pair: &[&String]| match pair {
        [one, other] => one
            .chars()
            .zip(other.chars())
            .take_while(|(one, other)| one == other)
            .count(),
        _ => 0,
    };
    let longest = sorted.windows(2).map(common).max().unwrap_or(0);
    (longest + 1).max(SHORTEST)
}

/// The run that is meant; `runs` are the newest first.
pub(super) fn choose<'a>(runs: &'a [String], wanted: &str) -> Result<&'a str, Failure> {
    if let Some(back) = steps_back(wanted) {
        return runs.get(back).map(String::as_str).ok_or_else(|| {
            let message = match runs.len() {
                0 => "there is no run on record yet".to_owned(),
                1 => format!("there is no run `{wanted}`: only one is on record"),
                count => format!("there is no run `{wanted}`: only {count} are on record"),
            };
            unknown(message, runs)
        });
    }
    if let Some(exact) = runs.iter().find(|run| *run == wanted) {
        return Ok(exact);
    }
    let prefix = plain(wanted);
    let fitting: Vec<&String> = runs
        .iter()
        .filter(|run| !prefix.is_empty() && plain(run).starts_with(&prefix))
        .collect();
    match fitting.as_slice() {
        [only] => Ok(only),
        [] => Err(unknown(format!("there is no run `{wanted}`"), runs)),
        several => {
            let candidates: Vec<String> = several.iter().map(|run| (*run).clone()).collect();
            let message = format!("`{wanted}` is the beginning of {} runs", several.len());
            let next = format!("type more of it: {}", named(&candidates, runs));
            Err(Failure::new(Code::ConfigError, message).next(next))
        }
    }
}

/// `latest` is 0, `latest~2` is 2.
fn steps_back(wanted: &str) -> Option<usize> {
    match wanted.strip_prefix("latest")? {
        "" => Some(0),
        back => back.strip_prefix('~')?.parse().ok(),
    }
}

/// As it is compared: people leave hyphens out and shift letters.
fn plain(run: &str) -> String {
    run.chars()
        .filter(|character| *character != '-')
        .map(|character| character.to_ascii_lowercase())
        .collect()
}

fn unknown(message: String, runs: &[String]) -> Failure {
    let failure = Failure::new(Code::ConfigError, message);
    if runs.is_empty() {
        return failure.next("begin one with `chora bootstrap`");
    }
    failure
        .next(format!("choose one of: {}", named(runs, runs)))
        .next("see them all with `chora runs list --limit 1000`")
}

/// The candidates, cut to what tells all runs apart.
fn named(candidates: &[String], runs: &[String]) -> String {
    let length = short_length(runs);
    let short = |run: &String| run.chars().take(length).collect::<String>();
    let mut names: Vec<String> = candidates.iter().take(CANDIDATES).map(short).collect();
    if candidates.len() > CANDIDATES {
        names.push("…".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs() -> Vec<String> {
        [
            "019a-3000-77",
            "019a-2000-66",
            "019a-1fff-55",
            "018f-0000-44",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    #[test]
    fn a_run_is_found_by_its_identifier_its_beginning_or_its_age() {
        let runs = runs();
        for (wanted, expected) in [
            ("latest", "019a-3000-77"),
            ("latest~0", "019a-3000-77"),
            ("latest~3", "018f-0000-44"),
            ("018", "018f-0000-44"),
            ("019a-2", "019a-2000-66"),
            ("019A2", "019a-2000-66"),
            ("019a-3000-77", "019a-3000-77"),
        ] {
            assert_eq!(choose(&runs, wanted).unwrap(), expected, "{wanted}");
        }
    }

    #[test]
    fn a_whole_identifier_is_meant_even_when_another_begins_with_it() {
        let runs = ["abcd".to_owned(), "abc".to_owned()];
        assert_eq!(choose(&runs, "abc").unwrap(), "abc");
    }

    #[test]
    fn what_fits_none_or_several_is_refused_with_candidates() {
        let runs = runs();
        let several = choose(&runs, "019a").unwrap_err();
        assert_eq!(several.code, Code::ConfigError);
        assert_eq!(several.message, "`019a` is the beginning of 3 runs");
        let next = &several.next_actions[0];
        assert!(
            next.contains("019a-1ff") && !next.contains("018f"),
            "{next}"
        );
        for wanted in ["77", "", "-", "latest~", "latest~x", "latest~-1"] {
            let none = choose(&runs, wanted).unwrap_err();
            assert!(none.next_actions[0].contains("018f-000"), "{none:?}");
        }
        let old = choose(&runs, "latest~4").unwrap_err();
        assert!(old.message.contains("only 4 are on record"), "{old:?}");
        let first = choose(&[], "latest").unwrap_err();
        assert!(first.next_actions[0].contains("chora bootstrap"));
    }

    #[test]
    fn identifiers_are_shown_as_long_as_it_takes_to_tell_them_apart() {
        assert_eq!(short_length(&[]), 8);
        assert_eq!(short_length(&runs()), 8);
        let close = ["019a-3000-77".to_owned(), "019a-3000-78".to_owned()];
        assert_eq!(short_length(&close), 12);
    }
}
