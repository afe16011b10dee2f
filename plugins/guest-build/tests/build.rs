//! Builds scratch guests with the real toolchain.

use std::path::{Path, PathBuf};

use chora_guest_build::{Error, GuestBuild};

/// A workspace of one guest, in a directory of its own.
#[expect(clippy::unwrap_used, reason = "a test's set-up")]
fn workspace(root: &Path, crate_type: &str, source: &str) -> PathBuf {
    let guest = root.join("guest");
    std::fs::create_dir_all(guest.join("src")).unwrap();
    let files = [
        (
            root.join("Cargo.toml"),
            "[workspace]\nresolver = \"3\"\nmembers = [\"guest\"]\n\n[profile.guest]\ninherits = \"release\"\nlto = true\n".to_owned(),
        ),
        (
            root.join("Cargo.lock"),
            "version = 4\n\n[[package]]\nname = \"scratch-guest\"\nversion = \"0.1.0\"\n".to_owned(),
        ),
        (
            guest.join("Cargo.toml"),
            format!(
                "[package]\nname = \"scratch-guest\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"{crate_type}\"]\n"
            ),
        ),
        (guest.join("src/lib.rs"), source.to_owned()),
    ];
    for (path, text) in files {
        std::fs::write(path, text).unwrap();
    }
    guest
}

const SOURCE: &str = r#"
#[unsafe(no_mangle)]
pub extern "C" fn answer(input: u32) -> u32 {
    std::panic::Location::caller().file().len() as u32 / input
}
"#;

fn build(guest: &Path, out: &Path) -> Result<chora_guest_build::Built, Error> {
    GuestBuild::new(guest).package("scratch-guest").build(out)
}

#[test]
fn a_guest_becomes_the_same_component_wherever_it_is_built() {
    let root = tempfile::tempdir().unwrap();
    let mut built = Vec::new();
    for place in ["here", "some/where else"] {
        let place = root.path().join(place);
        std::fs::create_dir_all(&place).unwrap();
        let guest = workspace(&place, "cdylib", SOURCE);
        let out = place.join("out");
        let result = build(&guest, &out).unwrap();
        let component = out.join("scratch-guest.wasm");
        assert_eq!(
            result.components,
            [("scratch-guest".to_owned(), component.clone())]
        );
        assert!(
            result.inputs.contains(&guest.join("src/lib.rs")),
            "{:?}",
            result.inputs
        );
        assert!(
            result.inputs.contains(&guest.join("Cargo.toml")),
            "{:?}",
            result.inputs
        );
        assert!(
            result.inputs.contains(&place.join("Cargo.lock")),
            "{:?}",
            result.inputs
        );
        assert!(!result.inputs.iter().any(|input| input.starts_with(&out)));
        built.push(std::fs::read(component).unwrap());
    }
    assert!(built[0].starts_with(b"\0asm\x0d\0\x01\0"));
    assert!(built[0] == built[1], "the two components differ");
}

#[test]
fn a_package_that_is_no_cdylib_is_named() {
    let root = tempfile::tempdir().unwrap();
    let guest = workspace(root.path(), "rlib", SOURCE);
    let error = build(&guest, &root.path().join("out")).unwrap_err();
    assert!(matches!(&error, Error::NotAComponent { package, .. } if package == "scratch-guest"));
    assert!(error.to_string().contains("crate-type = [\"cdylib\"]"));
}

#[test]
fn a_compile_error_is_passed_on() {
    let root = tempfile::tempdir().unwrap();
    let guest = workspace(root.path(), "cdylib", "pub fn broken() -> u32 { \"text\" }");
    let error = build(&guest, &root.path().join("out")).unwrap_err();
    assert!(error.to_string().contains("mismatched types"), "{error}");
}
