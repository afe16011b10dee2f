//! Service discovery: everybody who should be registered is found at the registry and up.

use std::time::Duration;

use chora_plugin::registry::Registry;
use chora_plugin::{Context, Error, Failure, Outcome, Service, progress};

/// Longer than a heartbeat interval: after its own restart a registry says `unknown` until the next heartbeat.
const PATIENCE: Duration = Duration::from_secs(15);

pub(crate) fn check(context: &Context) -> Result<Outcome, Error> {
    let registry =
        Registry::of(context).ok_or_else(|| Error::UnknownStep("discovery".to_owned()))?;
    let mut found = 0_usize;
    let mut missing = Vec::new();
    for service in registered(context) {
        progress::doing(format!("looking for {}", service.name));
        // Only the first who is missing is waited for: the others had the same time.
        let patience = if missing.is_empty() {
            PATIENCE
        } else {
            Duration::ZERO
        };
        match registry.await_up(service, patience) {
            Ok(_) => found += 1,
            Err(Error::Failed(failure)) => missing.push((service.name.clone(), failure)),
            Err(error) => return Err(error),
        }
    }
    judge(&registry, found, missing)
}

/// Who registers: the services with a role, the registry among them, and those that were deployed.
fn registered(context: &Context) -> impl Iterator<Item = &Service> {
    context
        .services
        .iter()
        .filter(|service| service.role.is_some() || service.deploy_via.is_some())
}

fn judge(
    registry: &Registry,
    found: usize,
    mut missing: Vec<(String, Failure)>,
) -> Result<Outcome, Error> {
    match missing.len() {
        0 => Ok(Outcome::unchanged(format!("{found} services found and up"))),
        1 => Err(missing.remove(0).1.into()),
        several => {
            let names: Vec<&str> = missing.iter().map(|(name, _)| name.as_str()).collect();
            let mut failure = Failure::new(format!(
                "{several} services are not `up` at `{}`: `{}`",
                registry.service,
                names.join("`, `")
            ));
            for (_, one) in &missing {
                failure = failure.cause(&one.message);
            }
            for name in names {
                failure = failure.next(format!("Read its log with `chora logs {name}`."));
            }
            Err(failure
                .next("Run `chora bootstrap` again; it goes on from here.")
                .into())
        }
    }
}

#[cfg(test)]
mod tests {
    use chora_plugin::registry::Registry;
    use chora_plugin::{Error, Failure};

    use super::{judge, registered};
    use crate::plan::tests::{context, service, whole};

    #[test]
    fn who_has_a_role_or_was_deployed_should_be_registered() {
        let context = context(vec![
            service("names", 1, Some("registry"), None),
            service("store", 1, None, None),
            service("search", 3, None, Some("boss")),
        ]);
        let names: Vec<_> = registered(&context)
            .map(|service| service.name.as_str())
            .collect();
        assert_eq!(names, ["names", "search"]);
    }

    #[test]
    fn everybody_who_is_missing_is_named() {
        let registry = Registry::of(&whole()).unwrap();
        assert_eq!(
            judge(&registry, 5, Vec::new()).unwrap().summary,
            "5 services found and up"
        );
        let one = |name: &str| (name.to_owned(), Failure::new(format!("`{name}` is gone")));
        let message = |missing| match judge(&registry, 0, missing) {
            Err(Error::Failed(failure)) => failure.message,
            other => panic!("{other:?}"),
        };
        assert_eq!(message(vec![one("a")]), "`a` is gone");
        assert_eq!(
            message(vec![one("a"), one("b")]),
            "2 services are not `up` at `names`: `a`, `b`"
        );
    }
}
