//! Text from strangers: where it is cut off, and which of its characters a reader would not see, or be misled by. And errors in one line.

use std::error::Error;

/// Stands where the rest of a text was cut off.
pub const CUT: char = '…';

/// Whether a character is not seen as what it is: control characters, line breaks of Unicode, marks that turn the direction of text around, and those without a width. None is beyond the basic plane.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00ad}'
                | '\u{061c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// An error with the whole chain of its causes, in one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
