//! Asking the service with the role `registry` who is registered. Grant: `http=GET @role:registry/v1/services/*`.

use std::time::Duration;

use serde_json::Value;

use crate::http::{self, Request};
use crate::{Context, Error, Failure, ResultExt, Service, poll};

/// The registry of an ecosystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// The service that it is.
    pub service: String,
    /// Its origin, without a slash at the end.
    pub origin: String,
}

/// One registered instance of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its identifier.
    pub id: String,
    /// `up`, `unhealthy` or `unknown`.
    pub status: String,
    /// The version that it registered.
    pub version: String,
}

impl Instance {
    /// Whether it is there and does its work.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.status == "up"
    }
}

impl Registry {
    /// The registry of this ecosystem; absent where no service has the role, or it has no address.
    #[must_use]
    pub fn of(context: &Context) -> Option<Self> {
        let service = context.with_role("registry")?;
        Some(Self {
            service: service.name.clone(),
            origin: service.origin()?,
        })
    }

    /// The registered instances of a service; none is an answer too.
    ///
    /// # Errors
    /// The registry does not answer, or not as a registry does.
    pub fn instances(&self, name: &str) -> Result<Vec<Instance>, Error> {
        let url = format!("{}/v1/services/{name}", self.origin);
        let answer = Request::get(url).send().about(&self.service)?;
        self.read(&answer)
    }

    fn read(&self, answer: &http::Response) -> Result<Vec<Instance>, Error> {
        if answer.status == 404 {
            return Ok(Vec::new());
        }
        let found = answer.json().filter(|_| answer.is_success());
        found.as_ref().and_then(instances_in).ok_or_else(|| {
            Failure::new(format!(
                "registry `{}` gave an answer that is none: {}",
                self.service,
                answer.problem()
            ))
            .service(&self.service)
            .cause("another program answers on its port")
            .next(format!("Read its log with `chora logs {}`.", self.service))
            .into()
        })
    }

    /// Waits until an instance of the service is `up`, and answers with the number of those that are. A registry that does not answer
    /// for a moment is asked again.
    ///
    /// # Errors
    /// None was up in time.
    pub fn await_up(&self, service: &Service, limit: Duration) -> Result<usize, Error> {
        let mut last = Ok(Vec::new());
        let found = poll::until(limit, || {
            last = self.instances(&service.name);
            match &last {
                Ok(instances) => {
                    let up = instances.iter().filter(|instance| instance.is_up()).count();
                    Ok((up > 0).then_some(up))
                }
                Err(Error::Planned) => Err(Error::Planned),
                Err(_) => Ok(None),
            }
        })?;
        match found {
            Some(up) => Ok(up),
            None => Err(self.not_up(service, limit, last)),
        }
    }

    fn not_up(
        &self,
        service: &Service,
        limit: Duration,
        last: Result<Vec<Instance>, Error>,
    ) -> Error {
        let (name, registry) = (&service.name, &self.service);
        let limit = poll::said(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        let failure = match last {
            Err(Error::Failed(failure)) => return Error::Failed(failure),
            Err(other) => return other,
            Ok(instances) if instances.is_empty() => Failure::new(format!(
                "service `{name}` did not register with `{registry}` within {limit}"
            ))
            .cause(format!(
                "it does not use the MANIFEST_URL that chora gives it, or cannot reach `{registry}`"
            ))
            .cause(format!("its API key is not accepted by `{registry}`")),
            Ok(instances) => {
                let found: Vec<String> = instances
                    .iter()
                    .map(|instance| format!("`{}` is {}", instance.id, instance.status))
                    .collect();
                Failure::new(format!(
                    "no instance of service `{name}` was `up` at `{registry}` within {limit}: {}",
                    found.join(", ")
                ))
                .cause("it does not send heartbeats, or they are refused")
            }
        };
        failure
            .service(name)
            .next(format!("Read its log with `chora logs {name}`, and that of the registry with `chora logs {registry}`."))
            .next("Run `chora bootstrap` again; it goes on from here.")
            .into()
    }
}

/// Reads a list of instances: the list itself, the list under `instances` or `services`, or one bare instance.
fn instances_in(body: &Value) -> Option<Vec<Instance>> {
    let list = match body {
        Value::Array(list) => list.as_slice(),
        Value::Object(object) => {
            let list = object.get("instances").or_else(|| object.get("services"));
            match list {
                Some(list) => list.as_array()?.as_slice(),
                None => std::slice::from_ref(body),
            }
        }
        _ => return None,
    };
    let text = |instance: &Value, key: &str| Some(instance.get(key)?.as_str()?.to_owned());
    list.iter()
        .map(|instance| {
            Some(Instance {
                id: text(instance, "id")?,
                status: text(instance, "status")?,
                version: text(instance, "version").unwrap_or_default(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::{Instance, Registry, instances_in};
    use crate::service::tests::service;
    use crate::{Error, http};

    fn registry() -> Registry {
        Registry {
            service: "r".to_owned(),
            origin: "http://localhost:1".to_owned(),
        }
    }

    fn answer(status: u16, body: &str) -> http::Response {
        http::Response {
            status,
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn instances_are_read_in_each_shape() {
        let one = json!({"id": "a-1", "status": "up", "version": "1.0.0"});
        let expected = vec![Instance {
            id: "a-1".to_owned(),
            status: "up".to_owned(),
            version: "1.0.0".to_owned(),
        }];
        for body in [
            json!([one]),
            json!({"name": "a", "instances": [one]}),
            json!({"services": [one], "total": 1}),
            one.clone(),
        ] {
            assert_eq!(instances_in(&body), Some(expected.clone()));
        }
        assert_eq!(instances_in(&json!({"services": 3})), None);
        assert_eq!(instances_in(&json!({"status": "healthy"})), None);
        assert_eq!(instances_in(&json!([])), Some(Vec::new()));
    }

    #[test]
    fn unknown_names_have_no_instances_and_strange_answers_fail() {
        assert_eq!(registry().read(&answer(404, "{}")), Ok(Vec::new()));
        assert!(registry().read(&answer(200, "<html>")).is_err());
        assert!(registry().read(&answer(500, "[]")).is_err());
    }

    #[test]
    fn who_is_not_up_is_told_with_what_was_found() {
        let instance = Instance {
            id: "a-1".to_owned(),
            status: "unhealthy".to_owned(),
            version: String::new(),
        };
        let limit = Duration::from_secs(2);
        let told = |last| match registry().not_up(&service("a", 2), limit, last) {
            Error::Failed(failure) => failure.message,
            other => panic!("{other:?}"),
        };
        assert!(told(Ok(vec![instance])).ends_with("within 2.0 s: `a-1` is unhealthy"));
        assert!(told(Ok(Vec::new())).contains("did not register with `r`"));
    }
}
