//! `http`: requests in the host's name, to where the plugin was granted to go.

use std::sync::OnceLock;
use std::time::Duration;

use chora_model::fault;
use chora_model::grant::Access;
use chora_model::text::chain;
use futures_util::StreamExt as _;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use url::Url;
use wasmtime::component::Resource;

use crate::bindings::imports::chora::bootstrap::http::{Error, Host, Request, Response};
use crate::call::CallState;
use crate::credentials::Bearer;
use crate::gate::{Decision, HostFunction};
use crate::names::Names;

/// What an exchange may take when the guest does not say.
const USUAL: Duration = Duration::from_secs(5);
/// The longest that an exchange may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Headers that are the host's business: who is spoken to, in whose name, and how the message is framed.
const RESERVED: &[&str] = &[
    "authorization",
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The most headers of a request.
const HEADERS: usize = 100;

/// The HTTP clients of a scene, made when they are first needed: reading the system's certificates takes longer than a whole health check, and plain HTTP needs none.
#[derive(Default)]
pub(crate) struct Clients {
    plain: OnceLock<Client>,
    tls: OnceLock<Client>,
}

impl Clients {
    fn get(&self, url: &Url, names: &Names) -> Result<Client, reqwest::Error> {
        let (slot, plain) = match url.scheme() {
            "https" => (&self.tls, false),
            _ => (&self.plain, true),
        };
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        // Fails when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A connection kept from an earlier answer would tell nothing of the service that listens now, so none is kept. A proxy would go where no grant allows.
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(names.clone())
            .pool_max_idle_per_host(0)
            .user_agent(concat!("chora/", env!("CARGO_PKG_VERSION")));
        if plain {
            builder = builder.tls_certs_only([]);
        }
        // Nothing stands in for a client that cannot be made: any other would follow redirects.
        let client = builder.build()?;
        Ok(slot.get_or_init(|| client).clone())
    }
}

impl Host for CallState {
    async fn send(
        &mut self,
        request: Request,
        authorization: Option<Resource<Bearer>>,
    ) -> wasmtime::Result<Result<Response, Error>> {
        let checked = match Checked::of(&request, self.limits.body) {
            Ok(checked) => checked,
            Err(error) => {
                self.count_host_call()?;
                return Ok(Err(error));
            }
        };
        let function = if matches!(checked.method, Method::GET | Method::HEAD) {
            HostFunction::HTTP_SEND_READING
        } else {
            HostFunction::HTTP_SEND_CHANGING
        };
        let access = Access::Http(checked.method.as_str(), &checked.url);
        let body: &[u8] = request.body.as_deref().unwrap_or_default();
        let arguments = [request.method.as_bytes(), request.url.as_bytes(), body];
        let permit = match self.enter(function, &access, &arguments).await? {
            Decision::Allowed(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
            Decision::Planned(permit) => {
                self.leave_planned(permit, true);
                return Ok(Err(Error::Planned));
            }
        };
        let scene = std::sync::Arc::clone(&permit.scene);
        // What a dry run would have started cannot be asked.
        if self.mode == crate::gate::Mode::DryRun && scene.has_planned() {
            self.leave(permit, 0);
            return Ok(Err(Error::Planned));
        }
        let mut headers = checked.headers;
        if let Some(bearer) = authorization {
            let bearer = self.table.get(&bearer)?;
            match HeaderValue::from_str(&format!("Bearer {}", bearer.0)) {
                Ok(mut value) => {
                    value.set_sensitive(true);
                    headers.insert(AUTHORIZATION, value);
                }
                Err(_) => {
                    self.leave(permit, 0);
                    return Ok(Err(Error::Invalid(
                        "the credential does not fit into a header".to_owned(),
                    )));
                }
            }
        }
        let limit = request
            .timeout
            .map_or(USUAL, |timeout| Duration::from_millis(timeout).min(LONGEST));
        let exchange = async {
            lost("before")?;
            let client = scene.clients.get(&checked.url, &scene.names);
            let client = client.map_err(failed)?;
            let sent = client
                .request(checked.method, checked.url)
                .headers(headers)
                .body(request.body.unwrap_or_default())
                .send()
                .await
                .map_err(failed)?;
            let answer = receive(sent, self.limits.body).await?;
            lost("after")?;
            Ok(answer)
        };
        let answer = match tokio::time::timeout(limit, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(Error::TimedOut),
        };
        let bytes = answer.as_ref().map_or(0, |answer| answer.body.len());
        self.leave(permit, bytes);
        Ok(answer)
    }
}

/// A request whose parts are well-formed.
struct Checked {
    method: Method,
    url: Url,
    headers: HeaderMap,
}

impl Checked {
    fn of(request: &Request, most: usize) -> Result<Self, Error> {
        let invalid = |text: &str| Error::Invalid(text.to_owned());
        let method = match request.method.as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => {
                return Err(invalid(
                    "the method is none of GET, HEAD, POST, PUT, PATCH, DELETE",
                ));
            }
        };
        let url = Url::parse(&request.url)
            .map_err(|error| Error::Invalid(format!("the URL is not valid: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("the URL's scheme is neither `http` nor `https`"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("the URL has user information"));
        }
        if request.body.as_ref().is_some_and(|body| body.len() > most) {
            return Err(Error::Invalid(format!(
                "the body has more than {most} bytes"
            )));
        }
        if request.headers.len() > HEADERS {
            return Err(Error::Invalid(format!(
                "it has more than {HEADERS} headers"
            )));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid("a header's name is not valid"))?;
            if RESERVED.contains(&name.as_str()) {
                return Err(Error::Invalid(format!(
                    "the header `{name}` is the host's to set"
                )));
            }
            let value = HeaderValue::from_str(value)
                .map_err(|_| invalid("a header's value is not valid"))?;
            headers.append(name, value);
        }
        Ok(Self {
            method,
            url,
            headers,
        })
    }
}

async fn receive(response: reqwest::Response, most: usize) -> Result<Response, Error> {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            let value = value.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        })
        .collect();
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(failed)?;
        if body.len() + chunk.len() > most {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Response {
        status,
        headers,
        body,
    })
}

/// A request or an answer that gets lost in a test.
fn lost(side: &'static str) -> Result<(), Error> {
    fault::reach("http.send", side, &"").map_err(|error| Error::Unreachable(error.to_string()))
}

fn failed(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::TimedOut;
    }
    // reqwest repeats the URL in its message; the guest knows it.
    Error::Unreachable(chain(&error.without_url()))
}
