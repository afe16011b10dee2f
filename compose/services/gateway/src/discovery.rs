//! Who is alive: asks the registry, remembers the answer for a moment, and goes on with the last one while the registry is away.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use chora_service_kit::is_service_name;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{StatusCode, Uri, http::uri::Authority};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use serde::Deserialize;
use url::Url;

/// A registry that takes longer is taken to be away.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: usize = 8 << 20;
/// How many services are remembered before those that do not exist are forgotten.
const REMEMBERED: usize = 1024;
/// How long an instance that could not be reached goes last.
const AVOIDED: Duration = Duration::from_secs(1);

/// Where an instance answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Instance {
    pub(crate) authority: Authority,
    /// The path of its URL, without a slash at the end.
    pub(crate) base: String,
}

/// Why there is nobody to send a request to.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoInstance {
    #[error("no service of this name is registered")]
    UnknownService,
    #[error("the service is registered, but none of its instances is up")]
    NoneUp,
    #[error("the registry does not answer, and nothing is known of the service: {0}")]
    Registry(String),
}

#[derive(Debug, Clone, thiserror::Error)]
enum AskError {
    #[error("{0}")]
    Transport(String),
    #[error("no answer within 2 s")]
    Timeout,
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it answered what is not a list of instances: {0}")]
    Answer(String),
}

/// What the registry says of a service; `None` for one that it does not know.
type Known = Option<Arc<[Instance]>>;

#[derive(Default)]
struct Slot {
    state: Mutex<State>,
    /// Held while the registry is asked, so that a crowd asks once.
    asking: tokio::sync::Mutex<()>,
    turn: AtomicUsize,
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    /// When the registry was last asked, whatever came of it.
    asked: Option<Instant>,
    failure: Option<AskError>,
    unreachable: HashMap<Instance, Instant>,
}

/// All that is known of services.
pub(crate) struct Discovery {
    registry: String,
    ttl: Duration,
    client: Client<HttpConnector, Empty<Bytes>>,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

#[derive(Deserialize)]
struct Answer {
    services: Vec<Registered>,
}

#[derive(Deserialize)]
struct Registered {
    status: String,
    interfaces: Vec<Interface>,
}

#[derive(Deserialize)]
struct Interface {
    #[serde(rename = "type")]
    kind: Option<String>,
    url: Option<String>,
}

impl Discovery {
    pub(crate) fn new(registry: &Url, ttl: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(REGISTRY_TIMEOUT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(15))
            .build(connector);
        Self {
            registry: registry.as_str().trim_end_matches('/').to_owned(),
            ttl,
            client,
            slots: Mutex::default(),
        }
    }

    /// The instances that are up, in the order to try them: each call begins with the next one, and those that could not be reached lately go last.
    pub(crate) async fn instances(&self, service: &str) -> Result<Vec<Instance>, NoInstance> {
        // What cannot be a name need not be asked for, and must not become part of a URL.
        if !is_service_name(service) {
            return Err(NoInstance::UnknownService);
        }
        let slot = self.slot(service);
        let fresh_since = Instant::now().checked_sub(self.ttl);
        if !slot.asked_since(fresh_since) {
            self.refresh(service, &slot, fresh_since).await;
        }
        slot.order()
    }

    /// Notes that an instance could not be reached, and has the registry asked before the next request is sent.
    pub(crate) fn unreachable(&self, service: &str, instance: &Instance) {
        let slot = self.slot(service);
        let mut state = slot.state();
        state.unreachable.insert(instance.clone(), Instant::now());
        state.asked = None;
    }

    fn slot(&self, service: &str) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(service) {
            return Arc::clone(slot);
        }
        if slots.len() >= REMEMBERED {
            slots.retain(|_, slot| matches!(slot.state().known, Some(Some(_))));
        }
        Arc::clone(slots.entry(service.to_owned()).or_default())
    }

    async fn refresh(&self, service: &str, slot: &Slot, fresh_since: Option<Instant>) {
        let _asking = slot.asking.lock().await;
        // Somebody else may have asked while we waited for our turn.
        if slot.asked_since(fresh_since) {
            return;
        }
        let answer = tokio::time::timeout(REGISTRY_TIMEOUT, self.ask(service))
            .await
            .unwrap_or(Err(AskError::Timeout));
        let mut state = slot.state();
        state.asked = Some(Instant::now());
        match answer {
            Ok(known) => {
                state.known = Some(known);
                state.failure = None;
            }
            Err(error) => {
                tracing::warn!(service, error = %error, "the registry does not answer; going on with what it said last");
                state.failure = Some(error);
            }
        }
    }

    async fn ask(&self, service: &str) -> Result<Known, AskError> {
        let uri = format!("{}/v1/services/{service}", self.registry)
            .parse::<Uri>()
            .map_err(|error| AskError::Transport(error.to_string()))?;
        let response = self
            .client
            .get(uri)
            .await
            .map_err(|error| AskError::Transport(chain(&error)))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(AskError::Status(status)),
        }
        let body = Limited::new(response.into_body(), ANSWER_LIMIT)
            .collect()
            .await
            .map_err(|error| AskError::Transport(error.to_string()))?;
        let answer: Answer = serde_json::from_slice(&body.to_bytes())
            .map_err(|error| AskError::Answer(error.to_string()))?;
        let up = answer
            .services
            .into_iter()
            .filter(|registered| registered.status == "up");
        Ok(Some(
            up.filter_map(|registered| registered.interfaces.iter().find_map(instance))
                .collect(),
        ))
    }
}

/// The instance behind an interface that speaks plain HTTP.
fn instance(interface: &Interface) -> Option<Instance> {
    if interface.kind.as_deref().is_some_and(|kind| kind != "http") {
        return None;
    }
    let uri: Uri = interface.url.as_deref()?.parse().ok()?;
    if uri.scheme_str() != Some("http") {
        return None;
    }
    Some(Instance {
        authority: uri.authority()?.clone(),
        base: uri.path().trim_end_matches('/').to_owned(),
    })
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

impl Slot {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn asked_since(&self, since: Option<Instant>) -> bool {
        // `None` as a limit is a time before the machine started.
        self.state()
            .asked
            .is_some_and(|asked| since.is_none_or(|since| asked > since))
    }

    fn order(&self) -> Result<Vec<Instance>, NoInstance> {
        let mut state = self.state();
        let known = match (&state.known, &state.failure) {
            (Some(known), _) => known.clone(),
            (None, Some(failure)) => return Err(NoInstance::Registry(failure.to_string())),
            (None, None) => return Err(NoInstance::Registry("it was not asked".to_owned())),
        };
        let known = known.ok_or(NoInstance::UnknownService)?;
        if known.is_empty() {
            return Err(NoInstance::NoneUp);
        }
        state
            .unreachable
            .retain(|_, since| since.elapsed() < AVOIDED);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % known.len();
        let mut order: Vec<Instance> = known
            .iter()
            .cycle()
            .skip(turn)
            .take(known.len())
            .cloned()
            .collect();
        order.sort_by_key(|instance| state.unreachable.contains_key(instance));
        Ok(order)
    }
}
