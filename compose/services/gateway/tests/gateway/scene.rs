//! A registry whose answers the test sets, instances, and a gateway in front of them.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chora_gateway::GatewaySettings;
use chora_service_kit::{
    CancellationToken, ServiceSettings,
    axum::{
        self, Json, Router, extract::Path, http::StatusCode, response::IntoResponse, routing::get,
    },
    http_client,
};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

/// What the registry knows: URL and status of each instance.
type Instances = Arc<Mutex<HashMap<String, Vec<(String, &'static str)>>>>;

pub(crate) struct Scene {
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) known: Instances,
    /// How often the registry was asked.
    pub(crate) asked: Arc<AtomicUsize>,
    registry: tokio::task::AbortHandle,
    // Ends with the scene.
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Scene {
    /// A gateway that remembers the registry's answers for `ttl` and waits half a second for instances.
    pub(crate) async fn start(ttl: Duration) -> Self {
        let known = Instances::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let (answers, count) = (Arc::clone(&known), Arc::clone(&asked));
        let lookup = move |Path(name): Path<String>| {
            count.fetch_add(1, Ordering::SeqCst);
            let found = answers.lock().unwrap().get(&name).cloned();
            async move {
                let Some(found) = found else {
                    return StatusCode::NOT_FOUND.into_response();
                };
                let list: Vec<Value> = found.iter().map(|(url, status)| json!({"status": status, "interfaces": [{"type": "http", "url": url}]})).collect();
                Json(json!({"services": list})).into_response()
            }
        };
        let mut tasks = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let manifest = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/v1/services/{name}", get(lookup))
            .fallback(|| async { Json(json!({"heartbeat_interval": 10})) });
        let registry = tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });

        let variables = [
            ("PORT", "0"),
            ("MANIFEST_URL", &manifest),
            ("API_KEY_GATEWAY", "key"),
        ];
        let mut settings = GatewaySettings::new(
            ServiceSettings::from_variables("gateway", 0, variables).unwrap(),
            Some("0.5"),
        )
        .unwrap();
        settings.discovery_ttl = ttl;
        let bound = chora_gateway::bind(settings).await.unwrap();
        let url = format!("http://{}/api/v1", bound.local_addr());
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        tasks.spawn(async move { bound.serve(stopping).await.unwrap() });
        Self {
            url,
            client: http_client(Duration::from_secs(30)).unwrap(),
            known,
            asked,
            registry,
            tasks,
            stop,
        }
    }

    /// Takes the registry away.
    pub(crate) async fn end_registry(&mut self) {
        self.registry.abort();
        // Its task is the only one that ends.
        self.tasks.join_next().await;
    }

    /// Starts an instance that is not registered.
    pub(crate) async fn serve(&mut self, router: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.tasks
            .spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    pub(crate) fn know(&self, service: &str, instances: &[(SocketAddr, &'static str)]) {
        let list = instances
            .iter()
            .map(|(address, status)| (format!("http://{address}"), *status))
            .collect();
        self.known.lock().unwrap().insert(service.to_owned(), list);
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let response = self
            .client
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Status and code of an error answer.
    pub(crate) async fn error(&self, path: &str) -> (u16, String) {
        let (status, text) = self.get(path).await;
        let body: Value = serde_json::from_str(&text).unwrap();
        assert!(body["message"].is_string(), "{body}");
        (status, body["error"].as_str().unwrap().to_owned())
    }
}

/// An address where nobody listens.
pub(crate) async fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Answers its name to everything.
pub(crate) fn named(name: &'static str) -> Router {
    Router::new().fallback(move || async move { name })
}
