//! HTTP requests, made by the host. Grant: `http=METHOD ORIGIN/PATH`.
//!
//! ```no_run
//! use chora_plugin::credentials;
//! use chora_plugin::http::Request;
//!
//! # fn main() -> Result<(), chora_plugin::Error> {
//! let bearer = credentials::bearer_of("jwt_secret")?;
//! let answer = Request::post("http://localhost:8600/v1/deploy")
//!     .bearer(&bearer)
//!     .json(&serde_json::json!({ "name": "analyzer" }))
//!     .send()?;
//! # Ok(())
//! # }
//! ```

use serde_json::Value;

use crate::bindings::imports::chora::bootstrap::http as imported;
use crate::credentials::Bearer;

pub use imported::{Error, Response};

/// A request that is being put together.
#[derive(Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request<'a> {
    request: imported::Request,
    bearer: Option<&'a Bearer>,
}

impl<'a> Request<'a> {
    /// A request with any method: `GET`, `HEAD`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        Self {
            request: imported::Request {
                method: method.to_owned(),
                url: url.into(),
                headers: Vec::new(),
                body: None,
                timeout: None,
            },
            bearer: None,
        }
    }

    /// A `GET` of an absolute `http` or `https` URL.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST`.
    pub fn post(url: impl Into<String>) -> Self {
        Self::new("POST", url)
    }

    /// A `DELETE`.
    pub fn delete(url: impl Into<String>) -> Self {
        Self::new("DELETE", url)
    }

    /// Adds a header. `authorization`, `host` and what frames the message are the host's.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request
            .headers
            .push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends the credential as a bearer token.
    pub fn bearer(mut self, bearer: &'a Bearer) -> Self {
        self.bearer = Some(bearer);
        self
    }

    /// Sends a JSON body.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Sends a body, at most 1 MiB.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.request.body = Some(body.into());
        self
    }

    /// How long the whole exchange may take, in milliseconds; 5,000 unless said, and at most 60,000.
    pub fn timeout(mut self, milliseconds: u64) -> Self {
        self.request.timeout = Some(milliseconds);
        self
    }

    /// Sends it and waits for the answer. Any status is an answer; redirects are not followed.
    ///
    /// # Errors
    /// There was no answer, no grant, or this is a dry run.
    pub fn send(&self) -> Result<Response, Error> {
        imported::send(&self.request, self.bearer)
    }
}

impl Response {
    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The first header of this name, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; absent where it is none.
    #[must_use]
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// An answer that was not hoped for, in one line: its status, and the `message` or `error` of a JSON body or how another body begins.
    #[must_use]
    pub fn problem(&self) -> String {
        let text = match self.json() {
            Some(Value::Object(object)) => ["message", "error"]
                .into_iter()
                .find_map(|key| object.get(key)?.as_str().map(str::to_owned)),
            _ => {
                let text = String::from_utf8_lossy(&self.body);
                let line = text.trim().lines().next().unwrap_or_default();
                Some(line.chars().take(200).collect::<String>())
            }
        };
        match text.filter(|text| !text.is_empty()) {
            Some(text) => format!("status {}: {text}", self.status),
            None => format!("status {}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Response;

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![("retry-after".to_owned(), "1".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn problems_are_told_in_one_line() {
        for (body, told) in [
            (
                r#"{"error":"conflict","message":"the name is taken"}"#,
                "status 409: the name is taken",
            ),
            (r#"{"error":"conflict"}"#, "status 409: conflict"),
            ("<h1>no</h1>\n<p>", "status 409: <h1>no</h1>"),
            ("", "status 409"),
        ] {
            assert_eq!(answer(409, body).problem(), told);
        }
    }

    #[test]
    fn success_is_2xx_only() {
        assert!(answer(204, "").is_success());
        assert!(!answer(302, "").is_success());
        assert_eq!(answer(204, "").header("retry-after"), Some("1"));
    }
}
