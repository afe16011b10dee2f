//! The health of all: each service is asked once, and each that is not healthy is named.

use chora_plugin::health::{self, Verdict};
use chora_plugin::{Context, Error, Failure, Outcome, ResultExt};

pub(crate) fn check(context: &Context) -> Result<Outcome, Error> {
    let mut verdicts = Vec::new();
    for service in &context.services {
        let verdict = health::probe(&service.name).about(&service.name)?;
        verdicts.push((service.name.as_str(), verdict));
    }
    let outcome = judge(&verdicts)?;
    // Where a dry run has planned a change, nothing was asked and each verdict is only hoped for; a wait tells, a probe does not.
    if let (true, Some(service)) = (context.dry_run, context.services.first())
        && health::wait(&service.name).about(&service.name)?.planned
    {
        return Err(Error::Planned);
    }
    Ok(outcome)
}

fn judge(verdicts: &[(&str, Verdict)]) -> Result<Outcome, Error> {
    if verdicts.is_empty() {
        return Err(
            Failure::new("no service is configured, so nothing can be healthy")
                .next("Add the services to `services:` in the configuration.")
                .into(),
        );
    }
    let sick: Vec<_> = verdicts
        .iter()
        .filter(|(_, verdict)| !verdict.healthy)
        .collect();
    let [(first, _), rest @ ..] = sick.as_slice() else {
        return Ok(Outcome::unchanged(match verdicts.len() {
            1 => "1 service healthy".to_owned(),
            all => format!("all {all} services healthy"),
        }));
    };
    let told: Vec<String> = sick
        .iter()
        .map(|(name, verdict)| format!("`{name}` ({})", verdict.summary))
        .collect();
    let mut failure = Failure::new(format!(
        "{} of {} services {} not healthy: {}",
        sick.len(),
        verdicts.len(),
        if rest.is_empty() { "is" } else { "are" },
        told.join(", ")
    ));
    if rest.is_empty() {
        failure = failure.service(*first);
    }
    for (name, _) in &sick {
        failure = failure.next(format!("Read its log with `chora logs {name}`."));
    }
    Err(failure
        .next("Run `chora bootstrap` again; it goes on from here.")
        .into())
}

#[cfg(test)]
mod tests {
    use chora_plugin::Error;
    use chora_plugin::health::Verdict;

    use super::judge;

    fn verdict(healthy: bool) -> Verdict {
        Verdict {
            healthy,
            summary: "503".to_owned(),
        }
    }

    #[test]
    fn nothing_is_not_healthy() {
        assert!(judge(&[]).is_err());
    }

    #[test]
    fn everyone_who_is_sick_is_named() {
        let all = [("a", verdict(true)), ("b", verdict(true))];
        assert_eq!(judge(&all).unwrap().summary, "all 2 services healthy");
        let some = [
            ("a", verdict(false)),
            ("b", verdict(true)),
            ("c", verdict(false)),
        ];
        let Err(Error::Failed(failure)) = judge(&some) else {
            panic!("a failure");
        };
        assert_eq!(
            failure.message,
            "2 of 3 services are not healthy: `a` (503), `c` (503)"
        );
        assert_eq!(failure.service, None);
    }
}
