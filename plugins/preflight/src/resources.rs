//! Whether the machine is large enough: less than the minimum fails, less than the recommendation is a warning.

use chora_plugin::machine::ResourceReport;
use chora_plugin::{Error, Failure, Outcome, machine, settings};
use serde_json::Value;

/// A gigabyte as machines are sold: what the system keeps for itself is forgiven.
const GB: f64 = 1e9;

/// Amounts in the order of [`NAMES`].
#[derive(Debug, Clone, Copy, PartialEq)]
struct Amounts([f64; 3]);

const KEYS: [&str; 3] = ["cpu_cores", "memory_gb", "disk_gb"];
const NAMES: [&str; 3] = ["processor cores", "GB of memory", "GB of free disk space"];
const MINIMUM: Amounts = Amounts([1.0, 1.0, 1.0]);
const RECOMMENDED: Amounts = Amounts([4.0, 8.0, 20.0]);

/// What is asked of the machine.
pub(crate) struct Requirements {
    minimum: Amounts,
    recommended: Amounts,
}

impl Requirements {
    /// From the settings `minimum` and `recommended`.
    pub(crate) fn from_settings() -> Result<Self, Error> {
        Ok(Self {
            minimum: read("minimum", settings::value("minimum"), MINIMUM)?,
            recommended: read("recommended", settings::value("recommended"), RECOMMENDED)?,
        })
    }
}

pub(crate) fn check() -> Result<Outcome, Error> {
    judge(&machine::resources()?, &Requirements::from_settings()?)
}

fn read(key: &str, value: Option<Value>, mut amounts: Amounts) -> Result<Amounts, Error> {
    let object = match value {
        None | Some(Value::Null) => return Ok(amounts),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(settings::invalid(key, "it is a map")),
    };
    for (name, value) in object {
        let slot = KEYS
            .iter()
            .zip(&mut amounts.0)
            .find(|(known, _)| **known == name);
        let Some((_, slot)) = slot else {
            let problem = format!("it has no `{name}`; there are `{}`", KEYS.join("`, `"));
            return Err(settings::invalid(key, problem));
        };
        *slot = value
            .as_f64()
            .filter(|amount| *amount >= 0.0)
            .ok_or_else(|| settings::invalid(key, format!("`{name}` is a number")))?;
    }
    Ok(amounts)
}

fn judge(report: &ResourceReport, required: &Requirements) -> Result<Outcome, Error> {
    let found = [
        f64::from(report.cpus),
        report.memory_total as f64 / GB,
        report.disk_free as f64 / GB,
    ];
    let told = |amount: f64| format!("{:.1}", amount).trim_end_matches(".0").to_owned();
    let mut missing = Vec::new();
    let mut warnings = Vec::new();
    let wanted = required.minimum.0.iter().zip(&required.recommended.0);
    for ((name, found), (minimum, recommended)) in NAMES.iter().zip(found).zip(wanted) {
        if found < *minimum {
            missing.push(format!(
                "{} {name}, of at least {}",
                told(found),
                told(*minimum)
            ));
        } else if found < *recommended {
            warnings.push(format!(
                "{} {name}; {} are recommended",
                told(found),
                told(*recommended)
            ));
        }
    }
    let available = report.memory_available as f64 / GB;
    let [_, minimum, _] = required.minimum.0;
    if missing.is_empty() && available < minimum {
        warnings.push(format!(
            "only {} GB of memory are free at the moment",
            told(available)
        ));
    }
    if !missing.is_empty() {
        return Err(Failure::new(format!(
            "the machine is too small: it has {}",
            missing.join(", and ")
        ))
        .next("Use a larger machine, or free what others use.")
        .next("Or lower `preflight.minimum` in the configuration, if the services need less.")
        .into());
    }
    let [cpus, memory, disk] = found.map(told);
    let mut outcome = Outcome::unchanged(format!(
        "{cpus} cores, {memory} GB memory, {disk} GB disk free"
    ));
    outcome.warnings = warnings;
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use chora_plugin::Error;
    use chora_plugin::machine::ResourceReport;
    use serde_json::json;

    use super::{Amounts, MINIMUM, RECOMMENDED, Requirements, judge, read};

    fn machine(cpus: u32, memory_gb: u64, disk_gb: u64) -> ResourceReport {
        ResourceReport {
            cpus,
            memory_total: memory_gb * 1_000_000_000,
            memory_available: memory_gb * 1_000_000_000,
            disk_free: disk_gb * 1_000_000_000,
        }
    }

    const USUAL: Requirements = Requirements {
        minimum: MINIMUM,
        recommended: RECOMMENDED,
    };

    #[test]
    fn below_the_recommendation_warns_and_below_the_minimum_fails() {
        assert_eq!(judge(&machine(4, 8, 20), &USUAL).unwrap().warnings.len(), 0);
        let small = judge(&machine(2, 8, 3), &USUAL).unwrap();
        assert_eq!(
            small.warnings,
            [
                "2 processor cores; 4 are recommended",
                "3 GB of free disk space; 20 are recommended",
            ]
        );
        let Err(Error::Failed(failure)) = judge(&machine(4, 0, 0), &USUAL) else {
            panic!("a failure");
        };
        assert!(
            failure
                .message
                .contains("0 GB of memory, of at least 1, and 0 GB of free disk")
        );
    }

    #[test]
    fn settings_replace_single_amounts() {
        let read = |value| read("minimum", Some(value), MINIMUM);
        assert_eq!(
            read(json!({"memory_gb": 2.5})),
            Ok(Amounts([1.0, 2.5, 1.0]))
        );
        for bad in [
            json!([1]),
            json!({"memory": 1}),
            json!({"memory_gb": "8"}),
            json!({"disk_gb": -1}),
        ] {
            assert!(read(bad).is_err());
        }
    }
}
