//! JSON for programs, and for people who look at it on a terminal: harmless there, and still JSON.

use std::borrow::Cow;

use anyhow::Context;
use chora_model::text::is_hidden;
use serde::Serialize;

/// A value as one document of several lines, with its last line end. `what` is how an error calls it.
pub(crate) fn document(value: &impl Serialize, what: &str) -> anyhow::Result<String> {
    let json = serde_json::to_string_pretty(value)
        .with_context(|| format!("failed to write {what} as JSON"))?;
    Ok(format!("{}\n", harmless(&json)))
}

/// JSON writes out the common control characters; the rest is written out here, which stays JSON because they occur in strings only.
pub(crate) fn harmless(json: &str) -> Cow<'_, str> {
    if !json.chars().any(needs_escape) {
        return Cow::Borrowed(json);
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if needs_escape(character) {
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// None of these is beyond the basic plane, so that four digits are enough.
fn needs_escape(character: char) -> bool {
    character != '\n' && is_hidden(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_is_written_out_and_read_back() {
        let text = "a\u{9b}2J \u{202e}b\u{1b}[0m\n\tö";
        let json = document(&[text], "a text").unwrap();
        assert!(
            json.contains("\\u009b") && json.contains("\\u202e"),
            "{json}"
        );
        assert!(!json.contains('\u{9b}'));
        let back: Vec<String> = serde_json::from_str(&json).unwrap();
        assert_eq!(back, [text]);
    }
}
