//! What counts as signed, and what does not.

use minisign::{KeyPair, SignatureBox};

use super::*;

const BYTES: &[u8] = b"a component";

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

fn listed(keys: &[(&str, &KeyPair)]) -> TrustedKeys {
    let mut all = TrustedKeys::default();
    for (name, pair) in keys {
        let key = TrustedKey::parse(name, &pair.pk.to_base64()).unwrap();
        all.list(key).unwrap();
    }
    all
}

fn signature(pair: &KeyPair, comment: &str) -> SignatureBox {
    minisign::sign(None, &pair.sk, BYTES, Some(comment), None).unwrap()
}

#[test]
fn the_key_that_signed_is_found_among_several() {
    let (one, two) = (pair(), pair());
    let keys = listed(&[("one", &one), ("two", &two)]);
    let signed = signature(&two, "a\tb").to_string();
    let signer = keys.signer(BYTES, signed.as_bytes()).unwrap();
    assert_eq!(signer.name, "two");
    assert_eq!(signer.comment, "a b");
    let id = keys.iter().nth(1).unwrap().id.clone();
    assert_eq!(signer.to_string(), format!("two (key id {id})"));
    assert!(key::is_id(&id), "{id}");
    // The id is the one that minisign itself writes.
    let public = two.pk.to_box().unwrap().to_string();
    assert!(public.contains(&id), "{id} in {public}");
}

#[test]
fn whatever_is_another_does_not_fit() {
    let own = pair();
    let keys = listed(&[("own", &own)]);
    let good = signature(&own, "version 1").to_string();
    let unfit = |bytes: &[u8], text: &str| {
        let refused = keys.signer(bytes, text.as_bytes()).unwrap_err();
        assert!(
            matches!(refused, SignatureError::Unfit { .. }),
            "{refused:?} of {text}"
        );
    };
    unfit(b"another component", &good);
    unfit(BYTES, &good.replace("version 1", "version 2"));
    // The parts of two good signatures do not make a third one.
    let other = minisign::sign(None, &own.sk, &b"x"[..], Some("version 1"), None).unwrap();
    let other = other.to_string();
    for line in [1, 3] {
        let mut lines: Vec<&str> = good.lines().collect();
        lines[line] = other.lines().nth(line).unwrap();
        unfit(BYTES, &lines.join("\n"));
    }
}

#[test]
fn a_key_that_is_not_listed_is_told_with_those_that_are() {
    let (own, other) = (pair(), pair());
    let keys = listed(&[("own", &own)]);
    let signed = signature(&other, "x").to_string();
    let refused = keys.signer(BYTES, signed.as_bytes()).unwrap_err();
    let id = &listed(&[("other", &other)]).0[0].id;
    let told = refused.to_string();
    assert!(told.contains(id) && told.contains("own (key id "), "{told}");
    // Another key that says to be a listed one has its id and nothing else.
    let mut lines: Vec<String> = signed.lines().map(str::to_owned).collect();
    let own_line = signature(&own, "x").to_string();
    let own_line = own_line.lines().nth(1).unwrap();
    // 16 characters are the first 12 bytes: the kind, the id, and two bytes of the signature.
    lines[1].replace_range(..16, &own_line[..16]);
    let refused = keys.signer(BYTES, lines.join("\n").as_bytes()).unwrap_err();
    assert!(matches!(refused, SignatureError::Unfit { .. }));
}

#[test]
fn a_signature_of_the_legacy_kind_is_told_as_such() {
    let own = pair();
    let keys = listed(&[("own", &own)]);
    // The first two bytes say the kind.
    let legacy = signature(&own, "x").to_string().replace("\nRU", "\nRW");
    let refused = keys.signer(BYTES, legacy.as_bytes()).unwrap_err();
    assert!(
        matches!(refused, SignatureError::Legacy { .. }),
        "{refused}"
    );
}

#[test]
fn what_is_no_signature_is_told_as_such() {
    let own = pair();
    let keys = listed(&[("own", &own)]);
    let good = signature(&own, "x").to_string();
    let cut = &good[..good.len() / 2];
    let kind = good.replace("\nRU", "\nAA");
    for text in [
        &b""[..],
        b"\xff\xfe",
        b"a\nb\nc\nd\n",
        cut.as_bytes(),
        kind.as_bytes(),
    ] {
        assert_eq!(keys.signer(BYTES, text), Err(SignatureError::Malformed));
    }
}

#[test]
fn one_key_is_listed_once_and_under_one_name() {
    let (one, two) = (pair(), pair());
    let key = |name: &str, pair: &KeyPair| TrustedKey::parse(name, &pair.pk.to_base64()).unwrap();
    let mut keys = listed(&[("one", &one)]);
    assert!(
        keys.list(key("one", &two))
            .unwrap_err()
            .contains("two keys named")
    );
    assert!(
        keys.list(key("two", &one))
            .unwrap_err()
            .contains("listed once")
    );
    keys.list(key("two", &two)).unwrap();
    for text in ["", "RWQ", "untrusted comment: x", "Zm9v"] {
        assert_eq!(TrustedKey::parse("x", text), Err(KeyError), "{text}");
    }
}

#[test]
fn a_comment_moves_no_cursor_and_has_an_end() {
    assert_eq!(
        shown("a\u{1b}[2Jb\u{202e}\rc"),
        "a\\u{1b}[2Jb\\u{202e}\\u{d}c"
    );
    let long = shown(&"x".repeat(COMMENT + 1));
    assert!(long.ends_with("x…") && long.chars().count() == COMMENT + 1);
}
