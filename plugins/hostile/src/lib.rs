//! The guests that attack their host, as the components that this crate's build script made of every guest crate below its directory: for `chora plugin selftest`, which is part of the
//! binary, and for the tests.
//!
//! `every_guest!` names them all. The sandbox suite demands a module of the same name for each, so a guest that no test uses does not compile.

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// How the component `misdeeds` marks what its `describe` is to do.
const MARKER: &[u8; 24] = b"describe:honestly.......";

/// The component `misdeeds` with another word in the place of its marker; `describe` is told nothing, so what it is to do stands in its bytes. Absent where there is not one place for the word.
#[must_use]
pub fn that_describes(word: &str) -> Option<Vec<u8>> {
    let windows = MISDEEDS.windows(MARKER.len()).enumerate();
    let mut marked = windows.filter_map(|(at, part)| (part == MARKER).then_some(at));
    let (Some(at), None) = (marked.next(), marked.next()) else {
        return None;
    };
    let text = format!("{:.<24}", format!("describe:{word}"));
    let mut component = MISDEEDS.to_vec();
    let marker = component.get_mut(at..at + text.len())?;
    marker.copy_from_slice(text.as_bytes());
    Some(component)
}
