//! Starts a registry and talks to it.

use std::{path::Path, time::Duration};

use chora_manifest::{ManifestSettings, StorageSettings, Timing};
use chora_service_kit::{
    CancellationToken, Secret, ServeError, ServiceSettings, http_client, sign_token,
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

pub(crate) const SECRET: &str = "00112233445566778899aabbccddeeff";

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) client: Client,
    stop: CancellationToken,
    ended: Option<JoinHandle<Result<(), ServeError>>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn settings(folder: &Path, timing: Timing) -> ManifestSettings {
    let variables = [
        ("PORT", "0"),
        ("JWT_SECRET", SECRET),
        ("API_KEY_MANIFEST", "key-manifest"),
        ("API_KEY_ALPHA", "key-alpha"),
        ("API_KEY_BETA", "key-beta"),
    ];
    ManifestSettings {
        service: ServiceSettings::from_variables("manifest", 8500, variables).unwrap(),
        storage: StorageSettings::Sqlite {
            path: folder.join("manifest.db"),
        },
        timing,
    }
}

impl Server {
    pub(crate) async fn start(folder: &Path, timing: Timing) -> Self {
        let bound = chora_manifest::bind(settings(folder, timing))
            .await
            .unwrap();
        let url = format!("http://{}", bound.local_addr());
        let stop = CancellationToken::new();
        let ended = Some(tokio::spawn(bound.serve(stop.clone())));
        Self {
            url,
            client: http_client(Duration::from_secs(30)).unwrap(),
            stop,
            ended,
        }
    }

    /// Ends it in good order, so that another may open its database.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        self.ended.take().unwrap().await.unwrap().unwrap();
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn register(&self, key: &str, body: &Value) -> Response {
        self.request(Method::POST, "/v1/services")
            .bearer_auth(key)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    pub(crate) async fn heartbeat(&self, key: &str, name: &str, id: &str) -> u16 {
        let path = format!("/v1/services/{name}/{id}/heartbeat");
        self.request(Method::PUT, &path)
            .bearer_auth(key)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    pub(crate) async fn delete(&self, key: &str, name: &str, id: &str) -> u16 {
        self.request(Method::DELETE, &format!("/v1/services/{name}/{id}"))
            .bearer_auth(key)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    }

    /// The status of an instance, or none when it is not there.
    pub(crate) async fn status(&self, name: &str, id: &str) -> Option<String> {
        let response = self.get(&format!("/v1/services/{name}/{id}")).await;
        if response.status() != 200 {
            return None;
        }
        Some(body(response).await["status"].as_str().unwrap().to_owned())
    }
}

pub(crate) fn token() -> String {
    sign_token(&Secret::new(SECRET), "chora").unwrap()
}

pub(crate) fn record(name: &str, id: &str) -> Value {
    json!({
        "name": name, "id": id, "version": "1.2.3",
        "interfaces": [{"type": "http", "url": "http://127.0.0.1:9000"}],
        "metadata": {"description": "made for a test", "dependencies": ["manifest"], "tags": ["text"], "environment": "dev", "team": "blue"},
    })
}

pub(crate) async fn body(response: Response) -> Value {
    response.json().await.unwrap()
}
