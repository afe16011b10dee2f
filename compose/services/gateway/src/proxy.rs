//! Passing a request on, and its answer back, without holding either in memory.
//!
//! 404 no such service, 503 it has no live instance (or the registry is away and nothing is remembered), 502 its instances cannot be reached or broke off, 504 it took too long.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use chora_service_kit::{
    ApiError, Metrics,
    axum::{
        Router,
        body::Body,
        extract::{ConnectInfo, State},
        http::{StatusCode, uri::PathAndQuery},
        response::Response,
        routing::any,
    },
};
use hyper::{HeaderMap, Method, Request, Uri, body::Body as _, http::uri::Scheme};
use hyper_util::{
    client::legacy::{Client, Error, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
};
use tokio::time::{Instant, sleep_until};
use url::Url;

use crate::{
    body::{Passing, Progress},
    discovery::{Discovery, Instance, NoInstance, chain},
    headers::{drop_hop_by_hop, forward},
};

const PREFIX: &str = "/api/v1/";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many instances a request is tried with.
const ATTEMPTS: usize = 3;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabel {
    reason: &'static str,
}

#[derive(Clone)]
pub(crate) struct Gateway(Arc<Inner>);

struct Inner {
    discovery: Discovery,
    client: Client<HttpConnector, Passing>,
    timeout: Duration,
    failures: Family<FailureLabel, Counter>,
}

/// Why one instance gave no answer.
enum Failure {
    /// Nothing was sent.
    Connect(Error),
    /// It went away after something was sent.
    Broken(Error),
    Timeout,
}

impl Gateway {
    pub(crate) fn new(registry: &Url, timeout: Duration, ttl: Duration, metrics: &Metrics) -> Self {
        let failures = Family::default();
        metrics.register(
            "gateway_upstream_failures",
            "Attempts that gave no answer, by reason",
            failures.clone(),
        );
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT.min(timeout)));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(15))
            .build(connector);
        Self(Arc::new(Inner {
            discovery: Discovery::new(registry, ttl),
            client,
            timeout,
            failures,
        }))
    }
}

pub(crate) fn routes(gateway: Gateway) -> Router {
    // The parameters are for the metrics' labels only: what is sent on is the path as it came, undecoded.
    Router::new()
        .route("/api/v1/{service}", any(pass))
        .route("/api/v1/{service}/", any(pass))
        .route("/api/v1/{service}/{*path}", any(pass))
        .with_state(gateway)
}

async fn pass(
    State(gateway): State<Gateway>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let (service, target) = split(&parts.uri);
    let service = service.to_owned();
    let target = target.to_owned();
    forward(&mut parts.headers, &parts.uri, client.ip());

    // A body can be sent once only; what has none can be sent again where that does no harm.
    let bodiless = body.is_end_stream();
    let repeatable = bodiless
        && matches!(
            parts.method,
            Method::GET
                | Method::HEAD
                | Method::OPTIONS
                | Method::PUT
                | Method::DELETE
                | Method::TRACE
        );
    let mut body = Some(body);
    let mut tried: Vec<Instance> = Vec::new();
    loop {
        let instances = match gateway.0.discovery.instances(&service).await {
            Ok(instances) => instances,
            Err(error) => return Err(nobody(&service, &error)),
        };
        // A service with fewer instances than attempts is tried once more: it may have restarted and closed the connection that was kept.
        let Some(instance) = instances
            .iter()
            .find(|instance| !tried.contains(instance))
            .or(instances.first())
            .cloned()
        else {
            return Err(nobody(&service, &NoInstance::NoneUp));
        };
        let outgoing = outgoing(&parts.method, &parts.headers, &instance, &target)?;
        let failure = match gateway
            .0
            .send(outgoing, body.take().unwrap_or_default())
            .await
        {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        tried.push(instance.clone());
        gateway
            .0
            .failures
            .get_or_create(&FailureLabel {
                reason: failure.reason(),
            })
            .inc();
        tracing::warn!(service, instance = %instance.authority, error = failure.text(gateway.0.timeout), "no answer from an instance");
        // With a body it may have been the client who broke off.
        if matches!(failure, Failure::Connect(_))
            || (bodiless && matches!(failure, Failure::Broken(_)))
        {
            gateway.0.discovery.unreachable(&service, &instance);
        }
        let again = match failure {
            Failure::Connect(_) => bodiless,
            Failure::Broken(_) => repeatable,
            Failure::Timeout => false,
        };
        if !again || tried.len() >= ATTEMPTS {
            return Err(failure.into_error(&service, gateway.0.timeout));
        }
    }
}

/// The service's name and what is to be asked of it, both as the client wrote them. Dots and encoded slashes stay what they are: the instance makes of them what it will, but it
/// remains the one that was addressed.
fn split(uri: &Uri) -> (&str, &str) {
    let whole = uri.path_and_query().map_or("", PathAndQuery::as_str);
    let rest = whole.strip_prefix(PREFIX).unwrap_or_default();
    rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()))
}

fn outgoing(
    method: &Method,
    headers: &HeaderMap,
    instance: &Instance,
    target: &str,
) -> Result<Request<()>, ApiError> {
    let root = if target.starts_with('/') { "" } else { "/" };
    let unusable = |error: hyper::http::Error| {
        ApiError::bad_request(
            "invalid_path",
            format!("the path cannot be passed on: {error}"),
        )
    };
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(instance.authority.clone())
        .path_and_query(format!("{}{root}{target}", instance.base))
        .build()
        .map_err(unusable)?;
    let mut request = Request::builder()
        .method(method)
        .uri(uri)
        .body(())
        .map_err(unusable)?;
    *request.headers_mut() = headers.clone();
    Ok(request)
}

impl Inner {
    async fn send(&self, request: Request<()>, body: Body) -> Result<Response, Failure> {
        let progress = Progress::start();
        let request = request.map(|()| Passing {
            body,
            progress: progress.clone(),
        });
        let answering = self.client.request(request);
        tokio::pin!(answering);
        let mut deadline = Instant::from_std(progress.last()) + self.timeout;
        let result = loop {
            tokio::select! {
                result = &mut answering => break result,
                () = sleep_until(deadline) => {
                    // The clock starts anew with each piece of the body: a long upload is not a slow service.
                    let next = Instant::from_std(progress.last()) + self.timeout;
                    if next <= deadline {
                        return Err(Failure::Timeout);
                    }
                    deadline = next;
                }
            }
        };
        match result {
            Ok(response) => {
                let mut response = response.map(Body::new);
                drop_hop_by_hop(response.headers_mut());
                Ok(response)
            }
            Err(error) if error.is_connect() => Err(Failure::Connect(error)),
            Err(error) => Err(Failure::Broken(error)),
        }
    }
}

fn timed_out(error: &Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = source {
        if cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
        {
            return true;
        }
        source = cause.source();
    }
    false
}

fn nobody(service: &str, reason: &NoInstance) -> ApiError {
    match reason {
        NoInstance::UnknownService => ApiError::not_found(
            "unknown_service",
            format!("no service `{}` is registered", service.escape_default()),
        ),
        NoInstance::NoneUp => {
            ApiError::unavailable("no_instance", format!("no instance of `{service}` is up"))
        }
        NoInstance::Registry(_) => ApiError::unavailable(
            "registry_unavailable",
            format!("`{service}` cannot be looked up: {reason}"),
        ),
    }
    .with("service", service)
}

impl Failure {
    fn reason(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::Broken(_) => "broken",
            Self::Timeout => "timeout",
        }
    }

    fn text(&self, timeout: Duration) -> String {
        match self {
            Self::Connect(error) | Self::Broken(error) => chain(error),
            Self::Timeout => format!("no answer within {} s", timeout.as_secs_f64()),
        }
    }

    fn into_error(self, service: &str, timeout: Duration) -> ApiError {
        let (status, code, said) = match self {
            Self::Connect(error) if timed_out(&error) => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                "did not take the connection in time".to_owned(),
            ),
            Self::Connect(_) => (
                StatusCode::BAD_GATEWAY,
                "upstream_unreachable",
                "cannot be reached".to_owned(),
            ),
            Self::Broken(_) => (
                StatusCode::BAD_GATEWAY,
                "upstream_broken",
                "broke off before it answered".to_owned(),
            ),
            Self::Timeout => (
                StatusCode::GATEWAY_TIMEOUT,
                "upstream_timeout",
                format!("gave no answer within {} s", timeout.as_secs_f64()),
            ),
        };
        ApiError::new(status, code, format!("`{service}` {said}")).with("service", service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_split_as_it_was_written() {
        for (whole, service, target) in [
            ("/api/v1/a", "a", ""),
            ("/api/v1/a/", "a", "/"),
            ("/api/v1/a?x=1", "a", "?x=1"),
            ("/api/v1/a/b%2Fc/../d?x=%20", "a", "/b%2Fc/../d?x=%20"),
            ("/api/v1/../x", "..", "/x"),
        ] {
            assert_eq!(split(&whole.parse().unwrap()), (service, target), "{whole}");
        }
    }
}
