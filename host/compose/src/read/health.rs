//! `healthcheck`, `depends_on` and `restart`.

use std::collections::BTreeMap;

use chora_model::yaml::{Place, Value};

use super::keys::{DEPENDENCY, HEALTHCHECK, RESTART_POLICY};
use super::{At, Reader};
use crate::model::{Condition, Dependency, HealthTest, Healthcheck, Restart};

pub(super) fn healthcheck(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<Healthcheck> {
    let at = at?;
    if !reader.keys(&at, HEALTHCHECK) {
        return None;
    }
    let disabled = reader.flag(at.get("disable").as_ref()).unwrap_or(false);
    let test = test(reader, at.get("test"));
    Some(Healthcheck {
        test: if disabled {
            Some(HealthTest::Disabled)
        } else {
            test
        },
        interval: reader.duration(at.get("interval").as_ref()),
        timeout: reader.duration(at.get("timeout").as_ref()),
        retries: reader.number(at.get("retries").as_ref(), 0, i64::from(i32::MAX)),
        start_period: reader.duration(at.get("start_period").as_ref()),
        start_interval: reader.duration(at.get("start_interval").as_ref()),
    })
}

fn test(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<HealthTest> {
    let at = at?;
    if let Value::Text(line) = &at.node.value {
        return (!line.is_empty()).then(|| HealthTest::Shell(line.clone()));
    }
    let words = reader.texts(Some(at.clone()));
    let mut rest = words.iter();
    match (rest.next().map(String::as_str), rest.as_slice()) {
        (Some("NONE"), []) => Some(HealthTest::Disabled),
        (Some("CMD"), [_, ..]) => Some(HealthTest::Command(rest.cloned().collect())),
        (Some("CMD-SHELL"), [line]) => Some(HealthTest::Shell(line.clone())),
        (None, _) => None,
        (Some(_), _) => {
            let message = format!("`{}` does not say how it is run", at.path);
            let hint =
                "write `[CMD, PROGRAM, ARGUMENT…]`, `[CMD-SHELL, LINE]` or `[NONE]`".to_owned();
            reader.problem_with(at.place(), message, Some(hint));
            None
        }
    }
}

/// What a service depends on, with the place of each name.
pub(super) fn depends_on(
    reader: &mut Reader<'_>,
    at: Option<At<'_>>,
) -> BTreeMap<String, (Dependency, Place)> {
    let mut found = BTreeMap::new();
    let Some(at) = at else {
        return found;
    };
    let node = crate::merge::by_key(at.node.clone());
    let map = At {
        node: &node,
        path: at.path,
    };
    for entry in reader.entries(&map) {
        let item = At {
            node: &entry.value,
            path: map.join(&entry.key),
        };
        reader.keys(&item, DEPENDENCY);
        let words = [
            "service_started",
            "service_healthy",
            "service_completed_successfully",
        ];
        let condition = match reader.word(item.get("condition").as_ref(), &words) {
            Some("service_healthy") => Condition::Healthy,
            Some("service_completed_successfully") => Condition::CompletedSuccessfully,
            Some(_) | None => Condition::Started,
        };
        let dependency = Dependency {
            condition,
            restart: reader.flag(item.get("restart").as_ref()).unwrap_or(false),
            required: reader.flag(item.get("required").as_ref()).unwrap_or(true),
        };
        found.insert(entry.key.clone(), (dependency, entry.at));
    }
    found
}

/// `restart`, or `deploy.restart_policy`, which wins as it does in Compose.
pub(super) fn restart(
    reader: &mut Reader<'_>,
    at: Option<At<'_>>,
    policy: Option<At<'_>>,
) -> Option<Restart> {
    let own = at.and_then(|at| word(reader, &at));
    let Some(policy) = policy else {
        return own;
    };
    reader.keys(&policy, RESTART_POLICY);
    let attempts = reader.number(policy.get("max_attempts").as_ref(), 0, i64::from(i32::MAX));
    let condition = policy.get("condition");
    let words = [
        "none",
        "on-failure",
        "any",
        "no",
        "always",
        "unless-stopped",
    ];
    Some(match reader.word(condition.as_ref(), &words) {
        Some("none" | "no") => Restart::No,
        Some("on-failure") => Restart::OnFailure(attempts.unwrap_or(0)),
        Some("unless-stopped") => Restart::UnlessStopped,
        Some(_) | None => Restart::Always,
    })
}

fn word(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Restart> {
    if at.node.value == Value::Bool(false) {
        return Some(Restart::No);
    }
    let text = reader.filled(Some(at))?;
    if let Some(times) = text.strip_prefix("on-failure:") {
        let times = times.parse().ok();
        if times.is_none() {
            reader.bad(at, &text, "`on-failure:TIMES`");
        }
        return times.map(Restart::OnFailure);
    }
    let words = ["no", "always", "unless-stopped", "on-failure"];
    Some(match reader.word(Some(at), &words)? {
        "always" => Restart::Always,
        "unless-stopped" => Restart::UnlessStopped,
        "on-failure" => Restart::OnFailure(0),
        _ => Restart::No,
    })
}
