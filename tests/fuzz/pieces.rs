//! Texts of parts that mean something, and of characters that need not.

use bolero::generator::TypeGenerator;

/// A piece of a text: one of the parts that the target has, or a character.
#[derive(Debug, Clone, TypeGenerator)]
pub(crate) enum Piece {
    Part(u8),
    Character(char),
}

pub(crate) fn text(parts: &[&str], pieces: &[Piece]) -> String {
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Part(number) => parts[usize::from(*number) % parts.len()].to_owned(),
        Piece::Character(character) => character.to_string(),
    });
    shown.collect()
}
