//! Variables in the values of Compose files, and of the files of variables that they name.
//!
//! The grammar is Compose's: `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME?error}`, `${NAME+replacement}`, the same three with a colon where empty counts as unset, and `$$` for
//! one `$`. Defaults, errors and replacements may hold variables themselves. A `$` before anything else stands for itself.

/// The value of a variable, where it is set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// How deep variables may stand in each other's defaults.
const DEPTH: usize = 16;

/// Why a text cannot be interpolated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// `${` begins no variable.
    #[error("`{0}` is no variable; write `$$` for a `$` that stands for itself")]
    Invalid(String),
    /// A variable that has to be set is not.
    #[error("the variable `{variable}` has to be set{}", colon(.message))]
    Required {
        /// Its name.
        variable: String,
        /// What the file says about it.
        message: String,
    },
    /// Variables stand too deep in each other's defaults.
    #[error("variables are nested more than {DEPTH} levels deep")]
    TooDeep,
}

fn colon(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

/// A text with its variables replaced. `unset` gets the name of each that is not set and has no default.
///
/// # Errors
/// The first thing in the text that is no variable, or that has to be set and is not.
pub fn interpolate(
    text: &str,
    lookup: Lookup<'_>,
    unset: &mut Vec<String>,
) -> Result<String, Fault> {
    expand(text, lookup, unset, 0)
}

fn expand(
    text: &str,
    lookup: Lookup<'_>,
    unset: &mut Vec<String>,
    depth: usize,
) -> Result<String, Fault> {
    if depth > DEPTH {
        return Err(Fault::TooDeep);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(body) = after.strip_prefix('{') {
            let invalid = || Fault::Invalid(format!("${after}"));
            let (body, after) = closed(body).ok_or_else(invalid)?;
            out.push_str(&braced(body, lookup, unset, depth)?);
            rest = after;
        } else {
            let (name, after) = split_name(after);
            if name.is_empty() {
                out.push('$');
            } else {
                out.push_str(&plain(name, lookup, unset));
            }
            rest = after;
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn plain(name: &str, lookup: Lookup<'_>, unset: &mut Vec<String>) -> String {
    lookup(name).unwrap_or_else(|| {
        unset.push(name.to_owned());
        String::new()
    })
}

/// What stands between braces.
fn braced(
    body: &str,
    lookup: Lookup<'_>,
    unset: &mut Vec<String>,
    depth: usize,
) -> Result<String, Fault> {
    let invalid = || Fault::Invalid(format!("${{{body}}}"));
    let (name, rest) = split_name(body);
    if name.is_empty() {
        return Err(invalid());
    }
    if rest.is_empty() {
        return Ok(plain(name, lookup, unset));
    }
    let (empty_counts, rest) = match rest.strip_prefix(':') {
        Some(rest) => (false, rest),
        None => (true, rest),
    };
    let value = lookup(name).filter(|value| empty_counts || !value.is_empty());
    let mut operators = rest.chars();
    let operator = operators.next();
    let word = operators.as_str();
    match (operator, value) {
        (Some('-' | '?'), Some(value)) => Ok(value),
        (Some('-'), None) | (Some('+'), Some(_)) => expand(word, lookup, unset, depth + 1),
        (Some('+'), None) => Ok(String::new()),
        (Some('?'), None) => Err(Fault::Required {
            variable: name.to_owned(),
            message: expand(word, lookup, unset, depth + 1)?,
        }),
        (Some(_) | None, _) => Err(invalid()),
    }
}

/// The name at the beginning, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let proper = |(at, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit())
    };
    let end = text
        .char_indices()
        .find(|found| !proper(*found))
        .map_or(text.len(), |(at, _)| at);
    text.split_at(end)
}

/// What stands before the brace that closes the one just opened, and after it. Braces within count, as in `${A:-{}}`.
fn closed(text: &str) -> Option<(&str, &str)> {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            let (body, after) = text.split_at(at);
            return Some((body, after.strip_prefix('}').unwrap_or(after)));
        }
    }
    None
}
