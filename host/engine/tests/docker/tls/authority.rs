//! Certificates made for a test, and the directories that Docker's own client would find them in.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// Who signs certificates.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, as text.
pub(super) struct Signed {
    pub(super) certificate: String,
    pub(super) key: String,
}

/// Whose a certificate is.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// A server's, for 127.0.0.1 only.
    Server,
    Client,
}

/// When a certificate is valid.
#[derive(Clone, Copy)]
pub(super) enum Valid {
    Now,
    LongAgo,
    FarAhead,
}

impl Authority {
    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(super) fn sign(&self, of: Of, valid: Valid) -> Signed {
        let (names, usage) = match of {
            Of::Server => (vec!["127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth),
            Of::Client => (vec![], ExtendedKeyUsagePurpose::ClientAuth),
        };
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![usage];
        (params.not_before, params.not_after) = match valid {
            Valid::Now => (date_time_ymd(2000, 1, 1), date_time_ymd(3000, 1, 1)),
            Valid::LongAgo => (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1)),
            Valid::FarAhead => (date_time_ymd(2999, 1, 1), date_time_ymd(3000, 1, 1)),
        };
        let key = KeyPair::generate().unwrap();
        Signed {
            certificate: params.signed_by(&key, &self.0).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }
}

/// A directory with an authority, and the certificate that there is.
pub(super) fn directory(authority: &Authority, identity: Option<&Signed>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write(path, "ca.pem", &authority.pem());
    if let Some(signed) = identity {
        write(path, "cert.pem", &signed.certificate);
        write(path, "key.pem", &signed.key);
    }
    folder
}

pub(super) fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}
