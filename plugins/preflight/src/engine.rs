//! Whether the engine answers and is new enough.

use chora_plugin::machine::EngineReport;
use chora_plugin::{Error, Failure, Outcome, machine};

/// The oldest Docker that is supported.
const DOCKER: (u32, u32) = (20, 10);

pub(crate) fn check() -> Result<Outcome, Error> {
    judge(&machine::engine()?)
}

fn judge(report: &EngineReport) -> Result<Outcome, Error> {
    let kind = &report.kind;
    let Some(version) = &report.version else {
        let outcome = Outcome::unchanged(format!("{kind} engine"));
        return Ok(match kind.as_str() {
            "process" => outcome,
            _ => outcome.warning(format!("the {kind} engine does not tell its version")),
        });
    };
    let outcome = Outcome::unchanged(format!("{kind} engine {version}"));
    if !matches!(kind.as_str(), "docker" | "swarm") {
        return Ok(outcome);
    }
    let (major, minor) = DOCKER;
    match release(version) {
        None => Ok(outcome.warning(format!(
            "the engine's version `{version}` cannot be compared"
        ))),
        Some(found) if found >= DOCKER => Ok(outcome),
        Some(_) => Err(Failure::new(format!(
            "docker {version} is too old: chora needs {major}.{minor} or newer"
        ))
        .cause("the distribution's own package of Docker is often years old")
        .next("Install a current Docker Engine: https://docs.docker.com/engine/install/")
        .next("Or run the services as processes, with `chora bootstrap --engine process`.")
        .into()),
    }
}

/// The first two numbers of a version such as `20.10.24+dfsg1`, to be compared as numbers.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version
        .trim_start_matches('v')
        .split(|c: char| !c.is_ascii_digit());
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next().and_then(|minor| minor.parse().ok());
    Some((major, minor.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use chora_plugin::machine::EngineReport;

    use super::judge;

    fn report(kind: &str, version: Option<&str>) -> EngineReport {
        EngineReport {
            kind: kind.to_owned(),
            version: version.map(str::to_owned),
        }
    }

    #[test]
    fn docker_versions_are_compared_as_numbers() {
        for version in [
            "20.10",
            "20.10.24+dfsg1",
            "20.11.0",
            "100.0",
            "v27.1.1",
            "27",
            "28-rc1",
        ] {
            let outcome = judge(&report("docker", Some(version))).unwrap();
            assert_eq!(outcome.warnings, [""; 0], "{version}");
        }
        for version in ["20.9.9", "19.03.15", "9.0", "20", "1.13.1"] {
            assert!(
                judge(&report("docker", Some(version))).is_err(),
                "{version}"
            );
        }
    }

    #[test]
    fn a_version_that_is_missing_or_strange_is_a_warning() {
        assert_eq!(judge(&report("docker", None)).unwrap().warnings.len(), 1);
        assert_eq!(
            judge(&report("docker", Some("dev")))
                .unwrap()
                .warnings
                .len(),
            1
        );
    }

    #[test]
    fn other_engines_have_no_minimum() {
        assert_eq!(
            judge(&report("process", None)).unwrap().summary,
            "process engine"
        );
        assert!(judge(&report("podman", Some("1.0"))).is_ok());
    }
}
