//! The user's own three files: each that cannot be used is named before anything is sent, so no engine is needed.

use std::path::Path;

use chora_engine::docker::TlsError;
use tempfile::TempDir;

use super::authority::{Authority, Of, Valid, directory, write};
use super::daemon::{refusal, secured};

const FILES: [&str; 3] = ["ca.pem", "cert.pem", "key.pem"];

fn complete() -> TempDir {
    let authority = Authority::named("authority");
    directory(&authority, Some(&authority.sign(Of::Client, Valid::Now)))
}

async fn refused(certificates: &Path) -> TlsError {
    refusal(&secured("tcp://127.0.0.1:1", certificates)).await
}

#[tokio::test]
async fn a_file_that_is_missing_is_named_with_what_belongs_there() {
    for (name, what) in FILES.into_iter().zip(["authority", "certificate", "key"]) {
        let folder = complete();
        let path = folder.path().join(name);
        std::fs::remove_file(&path).unwrap();
        let error = refused(folder.path()).await;
        assert!(matches!(error, TlsError::Missing { .. }), "{error:?}");
        let told = error.to_string();
        for part in [path.to_str().unwrap(), what, "DOCKER_CERT_PATH"] {
            assert!(told.contains(part), "{told}");
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_named() {
    for name in FILES {
        let folder = complete();
        let path = folder.path().join(name);
        std::fs::remove_file(&path).unwrap();
        // To root as well.
        std::fs::create_dir(&path).unwrap();
        let error = refused(folder.path()).await;
        assert!(matches!(error, TlsError::Unreadable { .. }), "{error:?}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_pem_is_named() {
    for name in FILES {
        for text in ["", "something else", "-----BEGIN CERTIFICATE-----\nAA"] {
            let folder = complete();
            write(folder.path(), name, text);
            let error = refused(folder.path()).await;
            assert!(matches!(error, TlsError::NotPem { .. }), "{error:?}");
            let path = folder.path().join(name);
            assert!(
                error.to_string().contains(path.to_str().unwrap()),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn files_that_were_mixed_up_are_named() {
    let folder = complete();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    let text = std::fs::read_to_string(&certificate).unwrap();
    std::fs::rename(&key, &certificate).unwrap();
    write(folder.path(), "key.pem", &text);
    let error = refused(folder.path()).await;
    let TlsError::NotPem { path, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(*path, certificate);
}

#[tokio::test]
async fn pem_around_something_else_is_named_as_what_it_should_be() {
    for (name, label) in [
        ("ca.pem", "CERTIFICATE"),
        ("cert.pem", "CERTIFICATE"),
        ("key.pem", "PRIVATE KEY"),
    ] {
        let folder = complete();
        let text = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
        write(folder.path(), name, &text);
        let error = refused(folder.path()).await;
        let TlsError::Unusable { path, .. } = &error else {
            panic!("{error:?}");
        };
        assert!(path.ends_with(name), "{error}");
    }
}

#[tokio::test]
async fn a_key_of_another_certificate_is_told_as_that() {
    let folder = complete();
    let another = Authority::named("another").sign(Of::Client, Valid::Now);
    write(folder.path(), "key.pem", &another.key);
    let error = refused(folder.path()).await;
    assert!(matches!(error, TlsError::Unpaired { .. }), "{error:?}");
    let told = error.to_string();
    assert!(
        told.contains("key.pem") && told.contains("cert.pem"),
        "{told}"
    );
}

#[tokio::test]
async fn an_encrypted_key_is_told_with_the_way_to_decrypt_it() {
    for text in [
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
    ] {
        let folder = complete();
        write(folder.path(), "key.pem", text);
        let error = refused(folder.path()).await;
        assert!(matches!(error, TlsError::Encrypted { .. }), "{error:?}");
        assert!(error.to_string().contains("openssl pkey"), "{error}");
    }
}
