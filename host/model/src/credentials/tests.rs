//! Making, keeping and hiding credentials.

use std::borrow::Cow;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

const SETTINGS: CredentialSettings = CredentialSettings {
    jwt_secret_bits: 256,
    api_key_bits: 128,
    storage_path: None,
};

struct Place {
    folder: TempDir,
    path: PathBuf,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home/credentials.json");
        Self { folder, path }
    }

    /// Where the data would be that is made with the credentials.
    fn data(&self) -> PathBuf {
        self.folder.path().join("home/data")
    }

    /// A place with a private file that holds this.
    fn holding(text: &str) -> Self {
        let place = Self::new();
        fs::create_dir_all(place.path.parent().unwrap()).unwrap();
        file::write_atomic(&place.path, text.as_bytes(), 0o600).unwrap();
        place
    }

    fn ensure(&self, services: &[&str]) -> Ensured {
        self.try_ensure(services).unwrap()
    }

    fn try_ensure(&self, services: &[&str]) -> Result<Ensured, CredentialError> {
        ensure(&self.path, &SETTINGS, &owned(services), &self.data())
    }

    fn error(&self) -> CredentialError {
        load(&self.path).unwrap_err()
    }
}

fn owned(services: &[&str]) -> Vec<String> {
    services.iter().map(|name| (*name).to_owned()).collect()
}

fn value<'a>(credentials: &'a Credentials, name: &str) -> &'a str {
    credentials.get(name).unwrap().expose()
}

#[test]
fn no_file_is_no_credentials() {
    assert_eq!(load(&Place::new().path).unwrap(), None);
}

#[test]
fn what_is_made_is_for_its_owner_only_and_read_again() {
    let place = Place::new();
    let made = place.ensure(&["manifest", "edge-gateway"]);
    let names = ["jwt_secret", "api_key_manifest", "api_key_edge_gateway"];
    assert_eq!(made.created, names);
    let mode = fs::metadata(&place.path).unwrap().mode() & 0o7777;
    assert_eq!(mode, 0o600);
    assert_eq!(load(&place.path).unwrap(), Some(made.credentials));
}

#[test]
fn each_credential_has_as_much_entropy_as_configured() {
    for (jwt_secret_bits, api_key_bits) in [(256, 128), (512, 256), (257, 129)] {
        let place = Place::new();
        let settings = CredentialSettings {
            jwt_secret_bits,
            api_key_bits,
            storage_path: None,
        };
        let made = ensure(&place.path, &settings, &owned(&["web"]), &place.data()).unwrap();
        let secret = value(&made.credentials, JWT_SECRET);
        assert!(secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(secret.len() * 4, (jwt_secret_bits as usize).div_ceil(8) * 8);
        let key = URL_SAFE_NO_PAD
            .decode(value(&made.credentials, "api_key_web"))
            .unwrap();
        assert_eq!(key.len(), (api_key_bits as usize).div_ceil(8));
    }
}

#[test]
fn no_two_credentials_are_the_same() {
    let made: Vec<Credentials> = (0..2)
        .map(|_| Place::new().ensure(&["a", "b"]).credentials)
        .collect();
    let values: std::collections::BTreeSet<&str> = made
        .iter()
        .flat_map(|credentials| credentials.0.values().map(Secret::expose))
        .collect();
    assert_eq!(values.len(), 6);
}

#[test]
fn only_the_missing_ones_are_added() {
    let place = Place::holding(r#"{"api_key_web": "of-the-user", "database_password": "kept"}"#);
    let made = place.ensure(&["web", "worker"]);
    assert_eq!(made.created, ["jwt_secret", "api_key_worker"]);
    assert_eq!(value(&made.credentials, "api_key_web"), "of-the-user");
    assert_eq!(value(&made.credentials, "database_password"), "kept");
    let inode = fs::metadata(&place.path).unwrap().ino();
    let again = place.ensure(&["web", "worker"]);
    assert!(again.created.is_empty());
    assert_eq!(again.credentials, made.credentials);
    assert_eq!(
        fs::metadata(&place.path).unwrap().ino(),
        inode,
        "a complete file is not written"
    );
}

#[test]
fn rotating_changes_what_chora_made_and_nothing_else() {
    let place = Place::holding(r#"{"database_password": "kept"}"#);
    let before = place.ensure(&["web"]).credentials;
    let after = rotate(&place.path, &SETTINGS, &owned(&["web"])).unwrap();
    assert_eq!(after.created, ["jwt_secret", "api_key_web"]);
    for name in ["jwt_secret", "api_key_web"] {
        assert_ne!(value(&before, name), value(&after.credentials, name));
    }
    assert_eq!(value(&after.credentials, "database_password"), "kept");
    assert_eq!(load(&place.path).unwrap(), Some(after.credentials));
}

#[test]
fn lost_credentials_are_not_made_anew_while_their_data_is_there() {
    let place = Place::new();
    fs::create_dir_all(place.data().join("web/empty")).unwrap();
    place.ensure(&["web"]);
    fs::write(place.data().join("web/table"), "rows").unwrap();
    place.ensure(&["web"]);
    let added = place.ensure(&["web", "worker"]);
    assert_eq!(added.created, ["api_key_worker"], "a new service gets one");

    for lost in ["", r#"{"api_key_web": "left"}"#] {
        remove(&place.path).unwrap();
        if !lost.is_empty() {
            file::write_atomic(&place.path, lost.as_bytes(), 0o600).unwrap();
        }
        let error = place.try_ensure(&["web"]).unwrap_err();
        assert!(
            matches!(error, CredentialError::DataWithout { .. }),
            "{error}"
        );
        let message = error.to_string();
        for part in ["home/data", "--despite-data", "chora reset --volumes"] {
            assert!(message.contains(part), "{part} in {message}");
        }
        assert_eq!(place.path.exists(), !lost.is_empty());
    }
    let made = rotate(&place.path, &SETTINGS, &owned(&["web"])).unwrap();
    assert_eq!(made.created, ["jwt_secret", "api_key_web"]);
}

#[test]
fn the_credentials_before_the_last_change_are_kept_for_their_owner() {
    let place = Place::new();
    let first = place.ensure(&["web"]).credentials;
    assert_eq!(last_good(&place.path), None);
    rotate(&place.path, &SETTINGS, &owned(&["web"])).unwrap();
    let good = last_good(&place.path).unwrap();
    assert_eq!(load(&good).unwrap(), Some(first));
    fs::write(&place.path, "{").unwrap();
    assert_eq!(last_good(&place.path), Some(good.clone()));
    remove(&place.path).unwrap();
    assert!(!good.exists());
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_way_to_mend_it() {
    let place = Place::holding(r#"{"jwt_secret": "0011223344"}"#);
    for mode in [0o644, 0o640, 0o602, 0o601] {
        fs::set_permissions(&place.path, Permissions::from_mode(mode)).unwrap();
        let message = place.error().to_string();
        let fix = format!("`chmod 600 {}`", place.path.display());
        assert!(message.contains(&fix), "{message}");
        assert!(message.contains(&format!("mode {mode:04o}")), "{message}");
        let refused = place.try_ensure(&[]).unwrap_err();
        assert!(matches!(refused, CredentialError::Mode { .. }));
    }
    fs::set_permissions(&place.path, Permissions::from_mode(0o400)).unwrap();
    assert!(load(&place.path).unwrap().is_some());
}

#[test]
fn a_corrupt_file_is_an_error_that_shows_nothing_of_it_and_is_not_replaced() {
    for (text, reason) in [
        ("", "it ends too early"),
        (r#"{"jwt_secret": "hush-hush"#, "it ends too early"),
        (r#"{"jwt_secret": hush-hush}"#, "it is not JSON"),
        (
            r#"{"jwt_secret": ["hush-hush"]}"#,
            "it is not an object of strings",
        ),
        (r#"["hush-hush"]"#, "it is not an object of strings"),
        (r#""hush-hush""#, "it is not an object of strings"),
    ] {
        let place = Place::holding(text);
        let error = place.error();
        let message = format!("{error} {error:?}");
        assert!(message.contains(reason), "{text}: {message}");
        assert!(!message.contains("hush"), "{message}");
        let refused = place.try_ensure(&["web"]).unwrap_err();
        assert!(matches!(refused, CredentialError::Corrupt { .. }));
        assert_eq!(fs::read_to_string(&place.path).unwrap(), text);
    }
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let place = Place::new();
    place.ensure(&["web"]);
    let whole = fs::read_to_string(&place.path).unwrap();
    for length in 0..whole.trim_end().len() {
        let cut = Place::holding(&whole[..length]);
        assert!(
            matches!(cut.error(), CredentialError::Corrupt { .. }),
            "cut off after {length} bytes"
        );
    }
}

#[test]
fn a_value_that_no_header_can_carry_is_refused_by_name() {
    for text in [r#"{"api_key_web": ""}"#, r#"{"api_key_web": "hush\nhush"}"#] {
        let message = Place::holding(text).error().to_string();
        assert!(message.contains("`api_key_web`"), "{message}");
        assert!(!message.contains("hush"), "{message}");
    }
}

#[test]
fn removing_is_fine_when_there_is_nothing() {
    let place = Place::holding("{}");
    remove(&place.path).unwrap();
    assert!(!place.path.exists());
    remove(&place.path).unwrap();
}

#[test]
fn a_secret_shows_nothing_of_itself() {
    let place = Place::holding(r#"{"jwt_secret": "hush-hush"}"#);
    let credentials = load(&place.path).unwrap().unwrap();
    let secret = credentials.get(JWT_SECRET).unwrap();
    let redactor = Redactor::new(&credentials);
    let shown = format!("{secret} {secret:?} {credentials:?} {redactor:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn every_secret_is_covered_and_all_else_is_left() {
    let place = Place::holding(
        r#"{"a": "secret-one", "b": "secret-one-and-more", "c": "more-of-it", "d": "shört-gé", "e": "short", "f": "costs: 9€ each"}"#,
    );
    let redactor = Redactor::new(&load(&place.path).unwrap().unwrap());
    for (text, wanted) in [
        ("", ""),
        ("nothing here", "nothing here"),
        ("secret-one", "[redacted]"),
        ("<secret-one|secret-one>", "<[redacted]|[redacted]>"),
        (
            "the longer: secret-one-and-more!",
            "the longer: [redacted]!",
        ),
        ("secret-one-and-more-of-it", "[redacted]"),
        ("ä shört-gé ö", "ä [redacted] ö"),
        ("short words stay", "short words stay"),
        ("cut off: secret-o", "cut off: [redacted]"),
        (
            "cut off: secret-on… and more",
            "cut off: [redacted]… and more",
        ),
        ("secret-one-and-mo…", "[redacted]…"),
        ("costs: 9…", "[redacted]…"),
        ("secret-", "secret-"),
        ("secret-…", "secret-…"),
        ("secret-on is another", "secret-on is another"),
        (
            "secret-one-and-mo is another",
            "[redacted]-and-mo is another",
        ),
    ] {
        assert_eq!(redactor.redact(text), wanted);
    }
    assert!(matches!(redactor.redact("nothing"), Cow::Borrowed(_)));
    let bytes = redactor.redact_bytes(b"\xff secret-one \xfe");
    assert_eq!(bytes.as_ref(), b"\xff [redacted] \xfe");
    assert_eq!(Redactor::default().redact("secret-one"), "secret-one");
}
