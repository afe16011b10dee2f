//! What of a message's head is for the next hop only, and what the next hop is told about the client.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Uri,
    header::{self, HeaderName, HeaderValue},
};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// RFC 9110, 7.6.1, and those that were in use before it. An `Upgrade` is not passed on: the gateway speaks HTTP only.
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Drops what is for one connection only, with all that `Connection` names.
pub(crate) fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        // A client must not be able to strip what says who it is, nor how long its body is.
        .filter(|name| {
            ![
                FORWARDED_FOR,
                FORWARDED_PROTO,
                FORWARDED_HOST,
                header::HOST,
                header::CONTENT_LENGTH,
            ]
            .contains(name)
        })
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// Makes a client's headers those of a request of ours: the instance's own `Host`, and the client's address, protocol and host appended to `X-Forwarded-*`.
pub(crate) fn forward(headers: &mut HeaderMap, uri: &Uri, client: IpAddr) {
    drop_hop_by_hop(headers);
    // The server has answered it already, as soon as the body is asked for.
    headers.remove(header::EXPECT);
    let host = headers
        .remove(header::HOST)
        .or_else(|| HeaderValue::from_str(uri.authority()?.as_str()).ok());
    append(
        headers,
        FORWARDED_FOR,
        HeaderValue::from_str(&client.to_canonical().to_string()).ok(),
    );
    append(
        headers,
        FORWARDED_PROTO,
        Some(HeaderValue::from_static("http")),
    );
    append(headers, FORWARDED_HOST, host);
}

fn append(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    let Some(value) = value else { return };
    let mut joined = Vec::new();
    for part in headers.get_all(&name).iter().chain([&value]) {
        if !joined.is_empty() {
            joined.extend_from_slice(b", ");
        }
        joined.extend_from_slice(part.as_bytes());
    }
    // Parts that were values make a value when joined; if not, ours alone is the truth.
    headers.insert(name, HeaderValue::from_bytes(&joined).unwrap_or(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn headers_of_the_connection_are_dropped_with_those_it_names() {
        let mut headers = map(&[
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("authorization", "kept"),
        ]);
        drop_hop_by_hop(&mut headers);
        assert_eq!(headers, map(&[("authorization", "kept")]));
    }

    #[test]
    fn forwarded_headers_are_appended_and_cannot_be_stripped() {
        let mut headers = map(&[
            ("connection", "x-forwarded-for"),
            ("x-forwarded-for", "10.0.0.1"),
            ("host", "example.org"),
        ]);
        forward(
            &mut headers,
            &Uri::from_static("/x"),
            IpAddr::from([127, 0, 0, 1]),
        );
        let expected = [
            ("x-forwarded-for", "10.0.0.1, 127.0.0.1"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-host", "example.org"),
        ];
        assert_eq!(headers, map(&expected));
    }
}
