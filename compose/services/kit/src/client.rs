//! The HTTP client for calls between services.

use std::{sync::Once, time::Duration};

use url::Url;

use crate::ServeError;

static PROVIDER: Once = Once::new();

/// A client for plain HTTP, which goes to the address it is told: no proxy of the environment, no redirects. `timeout` bounds a whole call. It trusts no certificate.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, ServeError> {
    let builder = builder(timeout).tls_certs_only([]);
    builder.build().map_err(ServeError::Client)
}

/// The same for this address. The system's certificates are read only if they are needed: that takes longer than the rest of a service's start.
pub fn http_client_for(url: &Url, timeout: Duration) -> Result<reqwest::Client, ServeError> {
    if url.scheme() != "https" {
        return http_client(timeout);
    }
    // An image has no certificates of a system, and without any there is no client. TLS says itself that it trusts nobody.
    builder(timeout).build().or_else(|_| http_client(timeout))
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    PROVIDER.call_once(|| {
        // An error means that the program has installed one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(timeout.min(Duration::from_secs(2)))
        .timeout(timeout)
}
