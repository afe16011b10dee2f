//! Why there is no TLS connection to a Docker Engine, with what to do next.

use std::path::PathBuf;

use rustls::pki_types::pem;

/// Why there is no TLS connection to a Docker Engine.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there.
    #[error(
        "the Docker Engine at `{host}` is to be spoken to over TLS, and `{}`, {what}, is not there; put it there, or set DOCKER_CERT_PATH to the directory that has it",
        path.display()
    )]
    Missing {
        /// Where the engine is.
        host: String,
        /// The file.
        path: PathBuf,
        /// What it is to hold.
        what: &'static str,
    },
    /// A file cannot be read.
    #[error(
        "`{}`, {what}, cannot be read; let the user who runs chora read it, or set DOCKER_CERT_PATH to another directory",
        path.display()
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it is to hold.
        what: &'static str,
        /// What the system answered.
        #[source]
        source: std::io::Error,
    },
    /// A file does not hold what it is to hold, as text.
    #[error(
        "`{}` is not {what}; put it there in PEM form, as text between lines of BEGIN and END",
        path.display()
    )]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What it is to hold.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: pem::Error,
    },
    /// A file holds text of the right form, with something in it that makes no sense.
    #[error("`{}` cannot be used as {what}; put another there", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What it is to hold.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The key is encrypted, and nobody is asked for its passphrase.
    #[error(
        "the key in `{}` is encrypted; put it there as it is, for example with `openssl pkey -in ENCRYPTED -out {}`",
        path.display(),
        path.display()
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The key is another certificate's.
    #[error(
        "the key in `{}` is not that of the certificate in `{}`; put the two there that were made together",
        key.display(),
        certificate.display()
    )]
    Unpaired {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        /// How it showed.
        #[source]
        source: rustls::Error,
    },
    /// The engine's certificate was signed by somebody else.
    #[error(
        "the certificate of the Docker Engine at `{host}` was not signed by the authority in `{}`; put the certificate of the engine's own authority there, and see to it that DOCKER_HOST names the engine that you mean",
        authority.display()
    )]
    Authority {
        /// Where the engine is.
        host: String,
        /// The file of the authority that is trusted.
        authority: PathBuf,
        /// How it showed.
        #[source]
        source: rustls::Error,
    },
    /// The engine's certificate has expired.
    #[error(
        "the certificate of the Docker Engine at `{host}` has expired; give the engine a new one, and see to it that the clock of this machine is right"
    )]
    Expired {
        /// Where the engine is.
        host: String,
        /// When it expired.
        #[source]
        source: rustls::Error,
    },
    /// The engine's certificate is for the future.
    #[error(
        "the certificate of the Docker Engine at `{host}` is not valid yet; see to it that the clocks of both machines are right"
    )]
    Early {
        /// Where the engine is.
        host: String,
        /// From when it is valid.
        #[source]
        source: rustls::Error,
    },
    /// The engine's certificate is for other names.
    #[error(
        "the certificate of the Docker Engine at `{host}` is for another host; name the host in DOCKER_HOST as the certificate does, or give the engine a certificate for this name as well"
    )]
    Name {
        /// Where the engine is.
        host: String,
        /// For which it is.
        #[source]
        source: rustls::Error,
    },
    /// There is something else about the engine's certificate.
    #[error(
        "the certificate of the Docker Engine at `{host}` cannot be accepted; give the engine another one"
    )]
    Unfit {
        /// Where the engine is.
        host: String,
        /// What is wrong with it.
        #[source]
        source: rustls::Error,
    },
    /// The engine does not accept the certificate that it was shown.
    #[error(
        "the Docker Engine at `{host}` refuses the certificate in `{}`; put one there, with its key, that the engine's own authority (`dockerd --tlscacert`) signed for clients and that has not expired",
        certificate.display()
    )]
    Refused {
        /// Where the engine is.
        host: String,
        /// The file of the certificate.
        certificate: PathBuf,
        /// What the engine answered.
        #[source]
        source: rustls::Error,
    },
    /// The engine wants a certificate, and there is none.
    #[error(
        "the Docker Engine at `{host}` accepts only who shows a certificate, and there is none in `{}`; put cert.pem and key.pem there, or set DOCKER_CERT_PATH to the directory that has them",
        directory.display()
    )]
    Wanted {
        /// Where the engine is.
        host: String,
        /// Where it was looked for.
        directory: PathBuf,
        /// What the engine answered.
        #[source]
        source: rustls::Error,
    },
    /// TLS was asked of an engine that does not speak it.
    #[error(
        "the Docker Engine at `{host}` does not speak TLS; {}",
        unsecured(host)
    )]
    Plain {
        /// Where the engine is.
        host: String,
        /// How it showed.
        #[source]
        source: rustls::Error,
    },
    /// An engine that speaks TLS was asked without.
    #[error(
        "the Docker Engine at `{host}` speaks nothing but TLS; set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the directory of ca.pem, cert.pem and key.pem"
    )]
    Needed {
        /// Where the engine is.
        host: String,
    },
    /// The two sides cannot agree.
    #[error(
        "no TLS connection to the Docker Engine at `{host}`; see its log, and check the certificates in `{}`",
        directory.display()
    )]
    Failed {
        /// Where the engine is.
        host: String,
        /// Where the certificates are.
        directory: PathBuf,
        /// What went wrong.
        #[source]
        source: rustls::Error,
    },
}

/// How to ask without TLS.
fn unsecured(host: &str) -> &'static str {
    if host.starts_with("https://") {
        "write `tcp://` for `https://` in DOCKER_HOST, and unset DOCKER_TLS_VERIFY, or name the port where it does"
    } else {
        "unset DOCKER_TLS_VERIFY, or name the port where it does in DOCKER_HOST"
    }
}
