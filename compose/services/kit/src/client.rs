//! The HTTP client for calls between services.

use std::{sync::Once, time::Duration};

use crate::ServeError;

static PROVIDER: Once = Once::new();

/// A client that goes to the address it is told: no proxy of the environment, no redirects. `timeout` bounds a whole call.
pub fn http_client(timeout: Duration) -> Result<reqwest::Client, ServeError> {
    PROVIDER.call_once(|| {
        // An error means that the program has installed one already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    let builder = || {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeout.min(Duration::from_secs(2)))
            .timeout(timeout)
    };
    // An image has no certificates of a system, and without any there is no client. Plain HTTP needs none, and TLS says itself that it trusts nobody.
    builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build())
        .map_err(ServeError::Client)
}
