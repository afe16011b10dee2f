//! The bundled health check of services that have a health endpoint: healthy is who answers a `GET` there with 2xx.
//!
//! Settings: `expect_status`, a status or a list of them in place of 2xx; `service`, the name that a `service` in the JSON answer must
//! have in place of the configured one, or `false` where it means something else.

use std::fmt;

use chora_plugin::http::{self, Request, Response};
use chora_plugin::{HealthCheck, Metadata, ProbeError, Target, Verdict, settings};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::Value;

struct HttpCheck;

impl HealthCheck for HttpCheck {
    fn describe() -> Metadata {
        Metadata::new(
            "http-check",
            env!("CARGO_PKG_VERSION"),
            "healthy is a service whose health endpoint answers with success",
        )
        .asks(
            "http=GET @target/*",
            "to ask the service at its health endpoint",
        )
    }

    fn probe(target: &Target) -> Result<Verdict, ProbeError> {
        let Some(url) = &target.endpoint else {
            return Err(ProbeError::Unsupported(format!(
                "service `{}` has no `health_endpoint`",
                target.service
            )));
        };
        let expected = Expected::from_settings(
            &target.service,
            settings::value("expect_status"),
            settings::value("service"),
        )?;
        let asked = Request::get(url)
            .header("accept", "application/json, */*")
            .timeout(target.timeout)
            .send();
        match asked {
            Ok(answer) => Ok(expected.judge(url, &answer)),
            Err(http::Error::Unreachable(text)) => {
                Ok(Verdict::unhealthy(format!("no answer from {url}: {text}")))
            }
            Err(http::Error::TimedOut) => Ok(Verdict::unhealthy(format!(
                "no answer from {url} within {} ms",
                target.timeout
            ))),
            Err(http::Error::TooLarge) => Ok(Verdict::unhealthy(format!(
                "the answer from {url} is too large"
            ))),
            Err(error) => Err(error.into()),
        }
    }
}

chora_plugin::export_health_check!(HttpCheck);

/// What a healthy service answers.
struct Expected {
    /// Empty means any 2xx.
    statuses: Vec<u64>,
    service: Option<String>,
}

impl Expected {
    fn from_settings(
        target: &str,
        status: Option<Value>,
        service: Option<Value>,
    ) -> Result<Self, ProbeError> {
        let listed = match status {
            None => Vec::new(),
            Some(Value::Array(listed)) => listed,
            Some(one) => vec![one],
        };
        let statuses: Option<Vec<u64>> = listed
            .iter()
            .map(|status| status.as_u64().filter(|status| (100..600).contains(status)))
            .collect();
        let unsupported = |text: &str| ProbeError::Unsupported(text.to_owned());
        Ok(Self {
            statuses: statuses.ok_or_else(|| {
                unsupported("the setting `expect_status` is a status or a list of them")
            })?,
            service: match service {
                None => Some(target.to_owned()),
                Some(Value::String(name)) => Some(name),
                Some(Value::Bool(false)) => None,
                Some(_) => return Err(unsupported("the setting `service` is a name or `false`")),
            },
        })
    }

    fn judge(&self, url: &str, answer: &Response) -> Verdict {
        let status = answer.status;
        let fits = if self.statuses.is_empty() {
            answer.is_success()
        } else {
            self.statuses.contains(&u64::from(status))
        };
        if !fits {
            return Verdict::unhealthy(match answer.header("location") {
                Some(location) if (300..400).contains(&status) => {
                    format!("{status} from {url}: redirected to {location}")
                }
                _ => format!(
                    "{} from {url}",
                    answer.problem().trim_start_matches("status ")
                ),
            });
        }
        match (&self.service, said_service(answer)) {
            (Some(expected), Some(said)) if *expected != said => Verdict::unhealthy(format!(
                "{status} from {url}, answered by wrong service `{said}`"
            )),
            // Without `format!`, because most checks end here: it calls through a table, which wasmtime fills anew in each call of a plugin, and that takes a quarter of the guest's time.
            _ => Verdict::healthy([status.to_string().as_str(), " from ", url].concat()),
        }
    }
}

fn said_service(answer: &Response) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_slice(&answer.body);
    let said = reader.deserialize_map(ServiceVisitor).ok()?;
    reader.end().ok()?;
    said
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Service,
    #[serde(other)]
    Other,
}

/// Finds the `service` of a JSON object; the rest is looked through and not kept. Of several the last counts, as with most readers of JSON.
struct ServiceVisitor;

impl<'de> Visitor<'de> for ServiceVisitor {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut said = None;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Service => said = map.next_value::<Value>()?.as_str().map(str::to_owned),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use chora_plugin::http::Response;
    use serde_json::json;

    use super::Expected;

    fn answer(status: u16, body: &str) -> Response {
        Response {
            status,
            headers: vec![("location".to_owned(), "/login".to_owned())],
            body: body.as_bytes().to_vec(),
        }
    }

    fn usual() -> Expected {
        Expected::from_settings("api", None, None).unwrap()
    }

    #[test]
    fn success_is_healthy_and_all_else_is_not() {
        let url = "http://localhost:1/health";
        assert_eq!(
            usual().judge(url, &answer(200, "ok")).summary,
            "200 from http://localhost:1/health"
        );
        assert!(usual().judge(url, &answer(204, "")).healthy);
        for status in [301, 302, 401, 404, 500, 503] {
            assert!(!usual().judge(url, &answer(status, "")).healthy, "{status}");
        }
        let told = usual()
            .judge(url, &answer(503, r#"{"error":"x","message":"no disk"}"#))
            .summary;
        assert_eq!(told, "503: no disk from http://localhost:1/health");
    }

    #[test]
    fn an_answer_that_names_no_service_is_healthy() {
        for body in [
            "",
            "ok",
            "[]",
            r#"["web"]"#,
            "{}",
            r#"{"service":7}"#,
            r#"{"service":null}"#,
            r#"{"part":{"service":"web"}}"#,
            r#"{"service":"web""#,
            r#"{"service":"web"} and more"#,
            r#"{"service":"web","service":7}"#,
        ] {
            assert!(usual().judge("u", &answer(200, body)).healthy, "{body}");
        }
    }

    #[test]
    fn expected_statuses_replace_success() {
        let expected = Expected::from_settings("api", Some(json!([401, 302])), None).unwrap();
        assert!(expected.judge("u", &answer(401, "")).healthy);
        assert!(!expected.judge("u", &answer(200, "")).healthy);
        assert!(
            Expected::from_settings("api", Some(json!(204)), None)
                .unwrap()
                .judge("u", &answer(204, ""))
                .healthy
        );
        assert!(Expected::from_settings("api", Some(json!(["ok"])), None).is_err());
    }

    #[test]
    fn another_service_on_the_port_is_not_healthy() {
        let other = answer(200, " \n{\"up\":1.5,\"service\":\"web\",\"of\":[{}]}");
        let verdict = usual().judge("u", &other);
        assert!(!verdict.healthy && verdict.summary.contains("wrong service `web`"));
        let twice = answer(200, r#"{"service":"api","\u0073ervice":"web"}"#);
        assert!(!usual().judge("u", &twice).healthy);
        for body in [
            r#"{"service":"api"}"#,
            r#"{"service":"web","service":"api"}"#,
        ] {
            assert!(usual().judge("u", &answer(200, body)).healthy, "{body}");
        }
        for setting in [json!("web"), json!(false)] {
            let expected = Expected::from_settings("api", None, Some(setting)).unwrap();
            assert!(expected.judge("u", &other).healthy);
        }
    }
}
