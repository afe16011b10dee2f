//! The small languages within values: durations, sizes, names and commands.

use std::time::Duration;

/// A duration such as `1m30s` or `1.5h`; absent where it is none.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, after) = split_number(rest);
        let end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            "w" => 604_800.0,
            _ => return None,
        };
        let part = number.parse::<f64>().ok()? * seconds;
        total = total.checked_add(Duration::try_from_secs_f64(part).ok()?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

/// A number of bytes such as `512`, `64m` or `1.5GiB`, all in powers of 1024; absent where it is none.
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_number(text);
    let unit = unit.trim().to_ascii_lowercase();
    let power = match unit.as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return None,
    };
    let factor = 1_u64 << (10 * power);
    if let Ok(number) = number.parse::<u64>() {
        return number.checked_mul(factor);
    }
    let number = number.parse::<f64>().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a fraction is no exact size")]
    let bytes = number * factor as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is checked to fit, and no sign is read"
    )]
    (bytes < 9e18).then_some(bytes as u64)
}

/// Processors in billionths; absent where it is no number of them.
pub(crate) fn nano_cpus(text: &str) -> Option<u64> {
    let number = text.parse::<f64>().ok()?;
    let nanos = (number * 1e9).round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is checked to fit"
    )]
    (nanos.is_finite() && (0.0..9e18).contains(&nanos)).then_some(nanos as u64)
}

fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    text.split_at(end)
}

/// The name of a project out of any text, as Compose makes it of a directory's name.
pub fn project_name(text: &str) -> String {
    let proper = |c: &char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let name: String = text.to_lowercase().chars().filter(proper).collect();
    name.trim_start_matches(['_', '-']).to_owned()
}

/// Whether a text can name a service, a network or a volume in a file.
pub(crate) fn is_key(text: &str) -> bool {
    let proper = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    !text.is_empty() && text.chars().all(proper)
}

/// Whether a text can name something in the engine.
pub(crate) fn is_engine_name(text: &str) -> bool {
    is_key(text) && text.len() > 1 && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

/// Whether a text can name an image, `[host[:port]/]path[:tag][@digest]`.
pub(crate) fn is_image(text: &str) -> bool {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, Some(digest)),
        None => (text, None),
    };
    if digest.is_some_and(|digest| !is_digest(digest)) {
        return false;
    }
    let last = name.rfind('/').map_or(0, |at| at + 1);
    let (name, tag) = match name.rfind(':') {
        Some(at) if at >= last => {
            let (name, tag) = name.split_at(at);
            (name, tag.strip_prefix(':'))
        }
        Some(_) | None => (name, None),
    };
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(tag) = tag
        && !((1..=128).contains(&tag.len())
            && tag.starts_with(word)
            && tag.chars().all(|c| word(c) || matches!(c, '.' | '-')))
    {
        return false;
    }
    let path = match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        Some(_) | None => name,
    };
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    path.split('/').all(|part| {
        part.starts_with(lower)
            && part.ends_with(lower)
            && part
                .chars()
                .all(|c| lower(c) || matches!(c, '.' | '_' | '-'))
    })
}

fn is_digest(text: &str) -> bool {
    text.split_once(':').is_some_and(|(algorithm, hex)| {
        !algorithm.is_empty() && hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit())
    })
}

/// A command line as words, or why it is none.
///
/// Compose ends a command in silence at an operator or comment that stands outside quotes. Here that is an error.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut quote = None;
    let mut escaped = false;
    let mut fresh = true;
    for c in text.chars() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, ';' | '&' | '|' | '<' | '>' | '`') => {
                return Err(format!(
                    "no shell runs this, so that `{c}` has no meaning in it"
                ));
            }
            (None, '#') if fresh => {
                return Err("a word cannot begin with `#` outside quotes".to_owned());
            }
            _ => {}
        }
        fresh = c.is_whitespace();
    }
    shell_words::split(text).map_err(|_| "a quote in it is not closed".to_owned())
}
