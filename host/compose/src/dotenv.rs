//! Files of variables as Compose reads them: `.env`, and what `env_file` and `label_file` name.
//!
//! The crates that read such files know other dialects: none has Compose's `${NAME:?error}`, its lines without a value that are taken from the environment, and unquoted values with
//! blanks at once, and none says whether a value stood in single quotes, in which nothing is interpolated.

use crate::interpolate::{Fault, Lookup, interpolate};

/// What is wrong with a file of variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvFault {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
}

/// A variable that a file sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The line, from 1.
    pub line: usize,
}

/// What a file held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    /// In the order of the file; the last of a name holds.
    pub set: Vec<Variable>,
    /// Names that were used, are not set and have no default, each with its line.
    pub unset: Vec<(String, usize)>,
}

impl Variables {
    /// The value of a name: the last one that is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        let set = self.set.iter().rev().find(|set| set.name == name);
        set.map(|set| set.value.as_str())
    }
}

/// Reads a file of variables: comments, `export`, quotes, several lines within quotes, and variables of `lookup` or of the file itself in values.
///
/// # Errors
/// The first line that is wrong.
pub fn parse(text: &str, lookup: Lookup<'_>) -> Result<Variables, EnvFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Variables::default();
    let mut rest = text;
    let mut line = 1;
    loop {
        let blank = rest.len() - rest.trim_start().len();
        let (skipped, statement) = rest.split_at(blank);
        line += skipped.matches('\n').count();
        if statement.is_empty() {
            return Ok(found);
        }
        if statement.starts_with('#') {
            rest = statement
                .find('\n')
                .map_or("", |end| statement.split_at(end).1);
            continue;
        }
        let (name, value) = name(statement, line)?;
        let Some(value) = value else {
            if let Some(value) = lookup(name) {
                push(&mut found, name, value, line);
            }
            rest = statement
                .find('\n')
                .map_or("", |end| statement.split_at(end).1);
            continue;
        };
        let (value, after) = self::value(value, line, lookup, &mut found)?;
        push(&mut found, name, value, line);
        line += statement
            .len()
            .checked_sub(after.len())
            .map_or(0, |read| statement.split_at(read).0.matches('\n').count());
        rest = after;
    }
}

/// Reads a file of `format: raw`: everything after the first `=` of a line is the value.
///
/// # Errors
/// The first line that is wrong.
pub fn parse_raw(text: &str, lookup: Lookup<'_>) -> Result<Variables, EnvFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Variables::default();
    for (at, raw) in text.lines().enumerate() {
        let line = at + 1;
        let raw = raw.trim_start();
        if raw.is_empty() || raw.starts_with('#') {
            continue;
        }
        let (name, value) = match raw.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (raw.trim_end(), lookup(raw.trim_end())),
        };
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(no_name(name, line));
        }
        if let Some(value) = value {
            push(&mut found, name, value, line);
        }
    }
    Ok(found)
}

fn push(found: &mut Variables, name: &str, value: String, line: usize) {
    found.set.push(Variable {
        name: name.to_owned(),
        value,
        line,
    });
}

fn no_name(name: &str, line: usize) -> EnvFault {
    EnvFault {
        line,
        message: format!("`{name}` is no name of a variable"),
    }
}

/// The name at the beginning of a statement, and what follows its `=` or `:`, where there is one.
fn name(statement: &str, line: usize) -> Result<(&str, Option<&str>), EnvFault> {
    let statement = match statement.strip_prefix("export") {
        Some(rest) if rest.starts_with([' ', '\t']) => rest.trim_start_matches([' ', '\t']),
        Some(_) | None => statement,
    };
    let end = statement.find(['=', ':', '\n']).unwrap_or(statement.len());
    let (name, rest) = statement.split_at(end);
    let name = name.trim_end();
    let proper = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '[' | ']');
    if name.is_empty() || !name.chars().all(proper) {
        return Err(no_name(name, line));
    }
    let value = rest.strip_prefix(['=', ':']);
    Ok((
        name,
        value.map(|value| value.trim_start_matches([' ', '\t'])),
    ))
}

/// A value, and what follows it.
fn value<'t>(
    text: &'t str,
    line: usize,
    lookup: Lookup<'_>,
    found: &mut Variables,
) -> Result<(String, &'t str), EnvFault> {
    let mut chars = text.chars();
    match chars.next() {
        Some('\'') => {
            let (value, after) = quoted(chars.as_str(), '\'', line)?;
            Ok((value, after))
        }
        Some('"') => {
            let (value, after) = quoted(chars.as_str(), '"', line)?;
            Ok((expanded(&unescape(&value), line, lookup, found)?, after))
        }
        Some(_) | None => {
            let end = text.find('\n').unwrap_or(text.len());
            let (value, after) = text.split_at(end);
            let value = value.split(" #").next().unwrap_or(value).trim_end();
            Ok((expanded(value, line, lookup, found)?, after))
        }
    }
}

/// What stands before the closing quote, with `\` before that quote taken away, and what follows.
fn quoted(text: &str, quote: char, line: usize) -> Result<(String, &str), EnvFault> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == quote {
            return Ok((value, chars.as_str()));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        match chars.next() {
            Some(next) if next == quote => value.push(quote),
            Some(next) => value.extend(['\\', next]),
            None => value.push('\\'),
        }
    }
    Err(EnvFault {
        line,
        message: format!("the `{quote}` that opens this value is not closed"),
    })
}

/// What `\n`, `\$` and their like stand for within double quotes.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('v') => out.push('\u{b}'),
            Some('f') => out.push('\u{c}'),
            Some('a') => out.push('\u{7}'),
            Some('b') => out.push('\u{8}'),
            Some('"') => out.push('"'),
            Some('\\') => out.push('\\'),
            Some('$') => out.push_str("$$"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

fn expanded(
    text: &str,
    line: usize,
    lookup: Lookup<'_>,
    found: &mut Variables,
) -> Result<String, EnvFault> {
    let mut unset = Vec::new();
    let own = |name: &str| lookup(name).or_else(|| found.get(name).map(str::to_owned));
    let value = interpolate(text, &own, &mut unset).map_err(|fault: Fault| EnvFault {
        line,
        message: fault.to_string(),
    })?;
    found
        .unset
        .extend(unset.into_iter().map(|name| (name, line)));
    Ok(value)
}
