//! Text from elsewhere, made harmless for a terminal: nothing that a service, a plugin or a file says may move the cursor, change colours or turn the direction of writing.

use std::borrow::Cow;
use std::fmt::Write;

use chora_model::text::is_hidden;

/// The text with every control character but the line break written out, such as `\u{1b}`. Tabs become blanks.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\t' => safe.push_str("    "),
            _ if is_harmful(character) => {
                // Writing to a string cannot fail.
                let _infallible = write!(safe, "{}", character.escape_unicode());
            }
            _ => safe.push(character),
        }
    }
    Cow::Owned(safe)
}

/// The text on one line: escaped, and its line breaks as blanks.
pub(crate) fn one_line(text: &str) -> String {
    escape(text)
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ")
}

fn is_harmful(character: char) -> bool {
    character != '\n' && is_hidden(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_ordinary_text_is_borrowed() {
        assert!(matches!(escape("ready: ✓ größer\nnext"), Cow::Borrowed(_)));
        assert_eq!(escape("\u{1b}[31mred\u{7}"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(escape("a\tb\r"), "a    b\\u{d}");
        assert_eq!(escape("\u{9b}2J\u{202e}txt"), "\\u{9b}2J\\u{202e}txt");
        assert_eq!(one_line("one\n  two\n"), "one two");
    }
}
