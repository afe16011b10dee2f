//! Grants as anybody may write them, or a component ask for them.

use bolero::check;
use chora_model::grant::{Grant, parse_list};
use chora_model::text::is_hidden;

use crate::pieces::{Piece, text};

/// What grants are made of, and what does not belong into them.
const PARTS: [&str; 44] = [
    "services",
    "health",
    "http",
    "tcp",
    "credentials",
    "machine",
    "docker",
    "=",
    "=",
    ":",
    "+",
    "/",
    "*",
    "@",
    "@target",
    "@phase:",
    "@role:registry",
    "@deployed",
    "db",
    "inspect",
    "start",
    "exec(",
    ")",
    "GET",
    " ",
    "POST",
    "http://",
    "https://",
    "localhost",
    ":8800",
    "127.0.0.1",
    "[::1]",
    "/v1/",
    "..",
    "%2e",
    "container",
    "image",
    "run(",
    "bind(",
    "use",
    ",",
    "\u{202e}",
    "\u{1b}[31m",
    "\u{0}",
];

fn is_written_as_read(text: &str) {
    let Ok(grant) = Grant::parse(text) else {
        return;
    };
    let written = grant.to_string();
    assert!(
        !written.chars().any(is_hidden),
        "{text:?} is taken, and is written as {written:?}"
    );
    assert_eq!(Grant::parse(&written).as_ref(), Ok(&grant), "{text:?}");
    assert_eq!(parse_list(&written), Ok(vec![grant]), "{text:?}");
}

#[test]
fn a_grant_of_any_text_is_refused_or_is_written_as_it_was_read() {
    check!()
        .with_type::<Vec<Piece>>()
        .with_test_time(crate::BOUND)
        .for_each(|pieces| is_written_as_read(&text(&PARTS, pieces)));
}

#[test]
fn a_grant_of_any_capability_is_refused_or_is_written_as_it_was_read() {
    check!()
        .with_type::<(u8, Vec<Piece>)>()
        .with_test_time(crate::BOUND)
        .for_each(|(capability, pieces)| {
            let capability = PARTS[usize::from(*capability) % 7];
            is_written_as_read(&format!("{capability}={}", text(&PARTS, pieces)));
        });
}
