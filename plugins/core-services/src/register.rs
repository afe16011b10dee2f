//! Registering the registry in itself, through its own API.

use chora_plugin::http::{Request, Response};
use chora_plugin::registry::{Instance, Registry};
use chora_plugin::{Context, Error, Failure, Outcome, ResultExt, Service, credentials};
use serde_json::{Value, json};

/// What a service without a version is registered with; the registry wants one.
const NO_VERSION: &str = "0.0.0";

pub(crate) fn apply(context: &Context, service: &Service) -> Result<Outcome, Error> {
    let registry = Registry::of(context)
        .filter(|registry| registry.service == service.name)
        .ok_or_else(|| Error::UnknownStep(format!("register:{}", service.name)))?;
    if holds(service, &registry.instances(&service.name)?) {
        return Ok(Outcome::unchanged("already registered"));
    }
    let bearer = credentials::bearer_of(&service.api_key_name()).about(&service.name)?;
    let answer = Request::post(format!("{}/v1/services", registry.origin))
        .bearer(&bearer)
        .json(&record(context, service, &registry.origin))
        .send()
        .about(&service.name)?;
    judge(service, &answer)
}

fn id(service: &Service) -> String {
    format!("{}-bootstrap", service.name)
}

fn version(service: &Service) -> &str {
    service.version.as_deref().unwrap_or(NO_VERSION)
}

fn holds(service: &Service, instances: &[Instance]) -> bool {
    instances.iter().any(|instance| {
        instance.id == id(service) && instance.is_up() && instance.version == version(service)
    })
}

fn record(context: &Context, service: &Service, origin: &str) -> Value {
    json!({
        "id": id(service),
        "name": service.name,
        "version": version(service),
        "interfaces": [{ "type": "http", "url": origin }],
        "metadata": {
            "description": "the registry itself, registered by the bootstrap",
            "dependencies": service.dependencies,
            "environment": context.environment,
        },
    })
}

fn judge(service: &Service, answer: &Response) -> Result<Outcome, Error> {
    if answer.is_success() {
        return Ok(Outcome::changed("registered"));
    }
    let name = &service.name;
    let failure = Failure::new(format!(
        "service `{name}` could not be registered in itself: {}",
        answer.problem()
    ))
    .service(name);
    Err(match answer.status {
        401 | 403 => failure
            .cause("the service was started with other credentials than there are now")
            .next(format!(
                "See that `{}` is in the credential file, then run `chora bootstrap` again.",
                service.api_key_name()
            )),
        _ => failure.cause("it is no registry, or not of a version that this phase knows"),
    }
    .next(format!("Read its log with `chora logs {name}`."))
    .into())
}

#[cfg(test)]
mod tests {
    use chora_plugin::http::Response;
    use chora_plugin::registry::Instance;
    use chora_plugin::{Change, Error};

    use super::{holds, judge, record};
    use crate::tests::{context, service};

    fn answer(status: u16) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: br#"{"error":"unauthorized","message":"the token is not valid"}"#.to_vec(),
        }
    }

    #[test]
    fn the_record_has_what_a_registry_wants() {
        let mut registry = service("names", 1, Some("registry"));
        registry.version = Some("1.2.3".to_owned());
        let record = record(&context(Vec::new()), &registry, "http://localhost:8500");
        assert_eq!(record["id"], "names-bootstrap");
        assert_eq!(record["version"], "1.2.3");
        assert_eq!(record["interfaces"][0]["url"], "http://localhost:8500");
        assert_eq!(record["metadata"]["environment"], "dev");
    }

    #[test]
    fn it_holds_when_this_very_instance_is_up_in_this_version() {
        let registry = service("names", 1, Some("registry"));
        let mut instance = Instance {
            id: "names-bootstrap".to_owned(),
            status: "up".to_owned(),
            version: "0.0.0".to_owned(),
        };
        assert!(holds(&registry, std::slice::from_ref(&instance)));
        instance.status = "unknown".to_owned();
        assert!(!holds(&registry, &[instance]));
        assert!(!holds(&registry, &[]));
    }

    #[test]
    fn refusals_name_the_credential() {
        let registry = service("my-names", 1, Some("registry"));
        assert_eq!(
            judge(&registry, &answer(201)).unwrap().change,
            Change::Changed
        );
        let Err(Error::Failed(failure)) = judge(&registry, &answer(401)) else {
            panic!("a failure");
        };
        assert!(
            failure
                .message
                .ends_with("status 401: the token is not valid")
        );
        assert!(failure.next_actions[0].contains("api_key_my_names"));
    }
}
