//! `docs/compose.md` says what becomes of each key.

use crate::read::{Use, tables};

const DOCUMENT: &str = include_str!("../../../../docs/compose.md");

#[test]
fn each_key_stands_in_the_document() {
    for (table, keys) in tables() {
        for (key, _) in keys {
            assert!(DOCUMENT.contains(&format!("`{key}`")), "{table}: {key}");
        }
    }
}

#[test]
fn each_refused_key_of_a_service_stands_among_the_refused() {
    let (_, refused) = DOCUMENT.split_once("| refused |").unwrap();
    let (refused, _) = refused.split_once("\n## ").unwrap();
    let (_, without) = DOCUMENT.split_once("| no effect | why |").unwrap();
    let (without, _) = without.split_once("\n\n").unwrap();
    let (_, keys) = tables().find(|(table, _)| *table == "service").unwrap();
    for (key, what) in keys {
        let word = format!("`{key}`");
        match what {
            Use::Refused(_) => assert!(refused.contains(&word), "{key}"),
            Use::Without(_) => assert!(without.contains(&word), "{key}"),
            Use::Read => assert!(!without.contains(&format!("| {word} |")), "{key}"),
        }
    }
}
