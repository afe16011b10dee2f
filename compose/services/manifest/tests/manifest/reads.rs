//! Listing, filtering, health and metrics.

use chora_manifest::Timing;
use serde_json::{Value, json};

use crate::server::{Server, body, record, token};

fn names(page: &Value) -> Vec<String> {
    page["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| {
            format!(
                "{}/{}",
                service["name"].as_str().unwrap(),
                service["id"].as_str().unwrap()
            )
        })
        .collect()
}

#[tokio::test]
async fn a_record_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let sent = record("alpha", "one");
    server.register("key-alpha", &sent).await;
    let list = body(server.get("/v1/services/alpha").await).await;
    assert_eq!(
        (&list["name"], &list["total"]),
        (&json!("alpha"), &json!(1))
    );
    let read = &list["services"][0];
    for key in ["name", "id", "version", "interfaces", "metadata"] {
        assert_eq!(read[key], sent[key], "{key}");
    }
    assert_eq!(read["status"], "up");
    assert!(
        read["registered_at"].is_string() && read["last_heartbeat"].is_string(),
        "{read}"
    );
    assert_eq!(server.get("/v1/services/nobody").await.status(), 404);
    assert_eq!(server.get("/v1/services/alpha/two").await.status(), 404);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    let token = token();
    for n in 0..5 {
        server
            .register(&token, &record("alpha", &format!("i{n}")))
            .await;
    }
    let mut other = record("beta", "i0");
    other["metadata"] =
        json!({"tags": ["image"], "environment": "prod", "dependencies": ["alpha"]});
    server.register(&token, &other).await;
    let list = async |query: &str| body(server.get(&format!("/v1/services?{query}")).await).await;

    let all = list("").await;
    assert_eq!(
        (&all["total"], &all["limit"], &all["offset"]),
        (&json!(6), &json!(100), &json!(0))
    );
    for query in [
        "tag=image",
        "environment=prod",
        "dependency=alpha",
        "status=up&tag=image",
    ] {
        assert_eq!(names(&list(query).await), ["beta/i0"], "{query}");
    }
    for query in ["tag=none", "status=unhealthy", "tag=image&environment=dev"] {
        assert_eq!(list(query).await["total"], 0, "{query}");
    }
    let page = list("limit=2&offset=3").await;
    assert_eq!(
        (names(&page), &page["total"]),
        (
            vec!["alpha/i3".to_owned(), "alpha/i4".to_owned()],
            &json!(6)
        )
    );
    assert_eq!(names(&list("offset=9").await), [""; 0]);
    for query in [
        "limit=0",
        "limit=1001",
        "limit=x",
        "offset=-1",
        "status=fine",
        "colour=red",
    ] {
        assert_eq!(
            server.get(&format!("/v1/services?{query}")).await.status(),
            400,
            "{query}"
        );
    }
}

#[tokio::test]
async fn health_and_metrics_are_answered_at_both_places() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), Timing::default()).await;
    server.register("key-alpha", &record("alpha", "one")).await;
    server.heartbeat("key-alpha", "alpha", "one").await;
    for path in ["/health", "/v1/health"] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 200);
        let health = body(response).await;
        assert_eq!(
            (&health["status"], &health["checks"]["storage"]["status"]),
            (&json!("healthy"), &json!("healthy"))
        );
    }
    for path in ["/metrics", "/v1/metrics"] {
        let text = server.get(path).await.text().await.unwrap();
        assert!(text.contains("chora_manifest_heartbeats_total 1"), "{text}");
        assert!(
            text.contains(r#"route="/v1/services/{name}/{id}/heartbeat",status="204""#),
            "{text}"
        );
    }
}
