//! Gateway routing: a real request to a service, through the gateway.

use std::time::Duration;

use chora_plugin::http::{Request, Response};
use chora_plugin::{Context, Error, Failure, Outcome, ResultExt, poll, settings};
use serde_json::{Map, Value};

use crate::plan::service_in;

/// A gateway may remember for a moment that a service was not there.
const PATIENCE: Duration = Duration::from_secs(5);
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The request that proves that the gateway routes.
#[derive(Debug, PartialEq)]
pub(crate) struct Route {
    /// The service that is to answer.
    pub(crate) service: String,
    method: String,
    url: String,
    body: Option<Value>,
    /// Absent means any 2xx.
    expect_status: Option<u16>,
}

impl Route {
    /// From the setting `routing`; without it, the health endpoint of the first service of phase 3 that has one.
    pub(crate) fn of(
        context: &Context,
        gateway: &str,
        setting: Option<Value>,
    ) -> Result<Option<Self>, Error> {
        let invalid = |problem: &str| settings::invalid("routing", problem);
        let service = match service_in("routing", setting.as_ref())? {
            Some(name) => Some(
                context
                    .service(name)
                    .ok_or_else(|| invalid(&format!("no service is called `{name}`")))?,
            ),
            None => context
                .in_phase(3)
                .find(|service| service.health_endpoint.is_some()),
        };
        let Some(service) = service else {
            return Ok(None);
        };
        let empty = Map::new();
        let map = setting
            .as_ref()
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let text = |key: &str, usual: &str| match map.get(key) {
            None | Some(Value::Null) => Ok(usual.to_owned()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(_) => Err(invalid(&format!("its `{key}` is a text"))),
        };
        let method = text("method", "GET")?.to_ascii_uppercase();
        if !METHODS.contains(&method.as_str()) {
            return Err(invalid(&format!(
                "its `method` is one of {}",
                METHODS.join(", ")
            )));
        }
        let path = text("path", service.health_path().unwrap_or("/health"))?;
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok(Some(Self {
            url: format!("{gateway}/api/v1/{}{slash}{path}", service.name),
            service: service.name.clone(),
            method,
            body: map.get("body").filter(|body| !body.is_null()).cloned(),
            expect_status: match map.get("expect_status") {
                None | Some(Value::Null) => None,
                Some(status) => Some(
                    status
                        .as_u64()
                        .and_then(|status| u16::try_from(status).ok())
                        .filter(|status| (100..600).contains(status))
                        .ok_or_else(|| invalid("its `expect_status` is a status code"))?,
                ),
            },
        }))
    }

    fn request(&self) -> Request<'_> {
        let request = Request::new(&self.method, &self.url);
        match &self.body {
            Some(Value::String(text)) => request.body(text.as_bytes()),
            Some(body) => request.json(body),
            None => request,
        }
    }

    fn fits(&self, answer: &Response) -> bool {
        match self.expect_status {
            Some(status) => answer.status == status,
            None => answer.is_success(),
        }
    }

    fn judge(&self, gateway: &str, answer: &Response) -> Result<Outcome, Error> {
        let Self {
            service,
            method,
            url,
            ..
        } = self;
        if self.fits(answer) {
            return Ok(Outcome::unchanged(format!(
                "{} from {method} {url}",
                answer.status
            )));
        }
        let failure = Failure::new(format!(
            "{method} {url} did not reach service `{service}`: {}",
            answer.problem()
        ))
        .service(service);
        let failure = match answer.status {
            404 => failure
                .cause(format!(
                    "`{gateway}` does not find `{service}` at the registry"
                ))
                .cause(format!(
                    "`{service}` knows no such path; see `routing` in the validation settings"
                )),
            502..=504 => failure.cause(format!(
                "`{gateway}` finds no instance of `{service}` that answers"
            )),
            _ => failure.cause(format!(
                "`{service}` refused the request; see `routing` in the validation settings"
            )),
        };
        Err(failure
            .next(format!(
                "Read the logs with `chora logs {gateway}` and `chora logs {service}`."
            ))
            .next("Run `chora bootstrap` again; it goes on from here.")
            .into())
    }
}

pub(crate) fn check(context: &Context, route: &Route) -> Result<Outcome, Error> {
    let gateway = context
        .with_role("gateway")
        .map_or("gateway", |gateway| &gateway.name);
    if context.dry_run && !matches!(route.method.as_str(), "GET" | "HEAD") {
        return Ok(Outcome::unchanged(format!(
            "a dry run sends no {}",
            route.method
        )));
    }
    let mut last = None;
    let fitting = poll::until(PATIENCE, || {
        let answer = route.request().send().about(gateway)?;
        if route.fits(&answer) || !is_passing(answer.status) {
            return Ok(Some(answer));
        }
        last = Some(answer);
        Ok::<_, Error>(None)
    })?;
    match fitting.or(last) {
        Some(answer) => route.judge(gateway, &answer),
        None => Err(Error::Other(format!("`{gateway}` was not asked"))),
    }
}

/// Whether a gateway may answer otherwise in a moment, and the service has not had the request.
fn is_passing(status: u16) -> bool {
    matches!(status, 404 | 502 | 503)
}

#[cfg(test)]
mod tests {
    use chora_plugin::Error;
    use chora_plugin::http::Response;
    use serde_json::{Value, json};

    use super::Route;
    use crate::plan::tests::{context, service, whole};

    const GATEWAY: &str = "http://localhost:8700";

    fn route(setting: Option<Value>) -> Result<Option<Route>, Error> {
        Route::of(&whole(), GATEWAY, setting)
    }

    fn answer(status: u16) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[test]
    fn without_settings_the_first_capability_is_asked_for_its_health() {
        let route = route(None).unwrap().unwrap();
        assert_eq!(
            route.url,
            "http://localhost:8700/api/v1/search/search/health"
        );
        assert_eq!((route.method.as_str(), &route.body), ("GET", &None));
        let none = context(vec![service("door", 2, Some("gateway"), None)]);
        assert_eq!(Route::of(&none, GATEWAY, None), Ok(None));
    }

    #[test]
    fn settings_choose_service_method_path_body_and_status() {
        let setting = json!({
            "service": "mail", "method": "post", "path": "send", "body": {"to": "a"}, "expect_status": 202,
        });
        let route = route(Some(setting)).unwrap().unwrap();
        assert_eq!(route.url, "http://localhost:8700/api/v1/mail/send");
        assert_eq!(
            (route.method.as_str(), &route.body),
            ("POST", &Some(json!({"to": "a"})))
        );
        assert!(route.fits(&answer(202)) && !route.fits(&answer(200)));
    }

    #[test]
    fn settings_that_make_no_sense_are_told() {
        for bad in [
            json!([1]),
            json!({"service": "nobody"}),
            json!({"method": "FETCH"}),
            json!({"path": 3}),
            json!({"expect_status": 7}),
        ] {
            assert!(route(Some(bad)).is_err());
        }
    }

    #[test]
    fn who_is_to_blame_follows_from_the_status() {
        let route = route(None).unwrap().unwrap();
        assert!(route.judge("door", &answer(200)).is_ok());
        for (status, cause) in [
            (404, "does not find"),
            (503, "no instance"),
            (400, "refused the request"),
        ] {
            let Err(Error::Failed(failure)) = route.judge("door", &answer(status)) else {
                panic!("a failure");
            };
            assert!(
                failure.causes[0].contains(cause),
                "{status}: {:?}",
                failure.causes
            );
        }
    }
}
