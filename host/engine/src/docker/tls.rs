//! TLS to a Docker Engine: the user's three files, and what an engine's refusal means.
//!
//! Only the authority in `ca.pem` is trusted and none of the machine's, as by Docker's own client. The files are read here, so that one that cannot be used is told by its name before anything is
//! sent.

mod error;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bollard::errors::Error as ApiError;
use bollard::{BollardRequest, ClientVersion, Docker};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, Error as Fault, InvalidMessage, RootCertStore,
};

use super::error::DockerError;

pub use error::TlsError;

/// A file of the user's.
struct File {
    name: &'static str,
    what: &'static str,
}

const AUTHORITY: File = File {
    name: "ca.pem",
    what: "the certificate of the engine's authority",
};
const CERTIFICATE: File = File {
    name: "cert.pem",
    what: "your certificate",
};
const KEY: File = File {
    name: "key.pem",
    what: "the key of your certificate",
};

/// What TLS to one engine needs.
pub(super) struct Tls<'a> {
    /// Where the engine is, as a user would write it.
    pub(super) host: &'a str,
    /// The directory of the three files.
    pub(super) directory: &'a Path,
}

impl Tls<'_> {
    /// A client that speaks TLS only.
    pub(super) fn client(
        &self,
        address: &str,
        timeout: u64,
        version: &ClientVersion,
    ) -> Result<Docker, DockerError> {
        let config = self.config()?;
        let mut tcp = HttpConnector::new();
        // Otherwise it wants the scheme to be its own.
        tcp.enforce_http(false);
        let mut connector = HttpsConnector::from((tcp, config));
        connector.enforce_https();
        // As bollard does for its own: a connection for each request.
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        let transport = move |request: BollardRequest| {
            let answer = client.request(request);
            async move { answer.await.map_err(ApiError::from) }
        };
        let address = format!("https://{address}");
        Docker::connect_with_custom_transport(transport, Some(address), timeout, version).map_err(
            |error| DockerError::WrongHost {
                host: self.host.to_owned(),
                reason: error.to_string(),
            },
        )
    }

    fn config(&self) -> Result<ClientConfig, TlsError> {
        let authority = self.needed(&AUTHORITY)?;
        let authority = self.certificates(&AUTHORITY, &authority)?;
        let mut trusted = RootCertStore::empty();
        for certificate in authority {
            trusted
                .add(certificate)
                .map_err(|source| self.unusable(&AUTHORITY, source))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| self.failed(source))?
            .with_root_certificates(trusted);
        let Some((certificates, key)) = self.identity()? else {
            return Ok(config.with_no_client_auth());
        };
        config
            .with_client_auth_cert(certificates, key)
            .map_err(|source| match source {
                Fault::InconsistentKeys(_) => TlsError::Unpaired {
                    key: self.path(&KEY),
                    certificate: self.path(&CERTIFICATE),
                    source,
                },
                Fault::InvalidCertificate(_) => self.unusable(&CERTIFICATE, source),
                _ => self.unusable(&KEY, source),
            })
    }

    /// The user's certificate with its key. Nobody needs one whom the engine does not ask; but there is no one without the other.
    fn identity(
        &self,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, TlsError> {
        let (certificate, key) = match (self.read(&CERTIFICATE)?, self.read(&KEY)?) {
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(self.missing(&CERTIFICATE)),
            (Some(_), None) => return Err(self.missing(&KEY)),
            (Some(certificate), Some(key)) => (certificate, key),
        };
        let certificates = self.certificates(&CERTIFICATE, &certificate)?;
        if key.windows(9).any(|word| word == b"ENCRYPTED") {
            return Err(TlsError::Encrypted {
                path: self.path(&KEY),
            });
        }
        let key = PrivateKeyDer::from_pem_slice(&key);
        let key = key.map_err(|source| self.not_pem(&KEY, source))?;
        Ok(Some((certificates, key)))
    }

    /// All certificates of a file, which has one or more.
    fn certificates(
        &self,
        file: &File,
        text: &[u8],
    ) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => {
                Err(self.not_pem(file, pem::Error::NoItemsFound))
            }
            Ok(certificates) => Ok(certificates),
            Err(source) => Err(self.not_pem(file, source)),
        }
    }

    fn path(&self, file: &File) -> PathBuf {
        self.directory.join(file.name)
    }

    /// What a file holds; absent where there is none.
    fn read(&self, file: &File) -> Result<Option<Vec<u8>>, TlsError> {
        let path = self.path(file);
        match std::fs::read(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(TlsError::Unreadable {
                path,
                what: file.what,
                source,
            }),
        }
    }

    fn needed(&self, file: &File) -> Result<Vec<u8>, TlsError> {
        self.read(file)?.ok_or_else(|| self.missing(file))
    }

    fn missing(&self, file: &File) -> TlsError {
        TlsError::Missing {
            host: self.host.to_owned(),
            path: self.path(file),
            what: file.what,
        }
    }

    fn not_pem(&self, file: &File, source: pem::Error) -> TlsError {
        TlsError::NotPem {
            path: self.path(file),
            what: file.what,
            source,
        }
    }

    fn unusable(&self, file: &File, source: Fault) -> TlsError {
        TlsError::Unusable {
            path: self.path(file),
            what: file.what,
            source,
        }
    }

    fn failed(&self, source: Fault) -> TlsError {
        TlsError::Failed {
            host: self.host.to_owned(),
            directory: self.directory.to_owned(),
            source,
        }
    }

    /// What it means that TLS ended like this.
    pub(super) fn ended(&self, source: Fault) -> DockerError {
        let host = self.host.to_owned();
        let error = match &source {
            Fault::InvalidCertificate(error) => self.of_certificate(error, source.clone()),
            Fault::AlertReceived(alert) if is_about_certificate(*alert) => {
                if self.path(&CERTIFICATE).exists() {
                    TlsError::Refused {
                        host,
                        certificate: self.path(&CERTIFICATE),
                        source,
                    }
                } else {
                    TlsError::Wanted {
                        host,
                        directory: self.directory.to_owned(),
                        source,
                    }
                }
            }
            // What was received is no record of TLS at all.
            Fault::InvalidMessage(InvalidMessage::InvalidContentType) => {
                TlsError::Plain { host, source }
            }
            _ => self.failed(source),
        };
        error.into()
    }

    /// What is wrong with the engine's certificate.
    fn of_certificate(&self, error: &CertificateError, source: Fault) -> TlsError {
        let host = self.host.to_owned();
        match error {
            // An authority of the same name with another key signs, as it seems, wrongly.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                TlsError::Authority {
                    host,
                    authority: self.path(&AUTHORITY),
                    source,
                }
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                TlsError::Expired { host, source }
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                TlsError::Early { host, source }
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsError::Name { host, source }
            }
            _ => TlsError::Unfit { host, source },
        }
    }
}

/// Whether the other side says by this that it does not accept a certificate, or the lack of one.
fn is_about_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}
