//! What a container may use: the service's own keys, and `deploy.resources`.

use std::collections::BTreeMap;

use chora_model::yaml::Value;

use super::keys::{BLKIO, DEPLOY, LIMITS, ONE_COPY, RESERVATIONS, RESOURCES, ULIMIT};
use super::{At, Reader};
use crate::model::{BlockLimit, Limits, Reservations, Resources, Ulimit};
use crate::values;

/// `deploy` besides its resources: only one container of each service is run.
pub(super) fn deploy(reader: &mut Reader<'_>, service: &At<'_>) {
    let deploy = service.get("deploy");
    if let Some(deploy) = &deploy {
        reader.keys(deploy, DEPLOY);
        let mode = deploy.get("mode");
        if let Some("global" | "replicated-job" | "global-job") = reader.word(
            mode.as_ref(),
            &["replicated", "global", "replicated-job", "global-job"],
        ) && let Some(mode) = mode
        {
            let message = format!("`{}` is only `replicated` outside a swarm", mode.path);
            reader.problem(mode.place(), message);
        }
    }
    let replicas = deploy.and_then(|deploy| deploy.get("replicas"));
    for at in [service.get("scale"), replicas].into_iter().flatten() {
        if let Some(number) = reader.integer(Some(&at), 0, i64::MAX)
            && number != 1
        {
            let message = format!("`{}` is only 1, and not {number}", at.path);
            reader.problem_with(at.place(), message, Some(ONE_COPY.to_owned()));
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, service: &At<'_>) -> Resources {
    let deploy = service.get("deploy").and_then(|at| at.get("resources"));
    if let Some(at) = &deploy {
        reader.keys(at, RESOURCES);
    }
    let limits = deploy.as_ref().and_then(|at| at.get("limits"));
    let reservations = deploy.as_ref().and_then(|at| at.get("reservations"));
    if let Some(at) = &limits {
        reader.keys(at, LIMITS);
    }
    if let Some(at) = &reservations {
        reader.keys(at, RESERVATIONS);
    }
    let limit = |key: &str| limits.as_ref().and_then(|at| at.get(key));
    let reserved = |key: &str| reservations.as_ref().and_then(|at| at.get(key));
    let mut found = Resources {
        limits: Limits {
            nano_cpus: either(reader, service.get("cpus"), limit("cpus"), cpus),
            memory: either(reader, service.get("mem_limit"), limit("memory"), bytes),
            pids: either(reader, service.get("pids_limit"), limit("pids"), pids),
        },
        reservations: Reservations {
            nano_cpus: reserved("cpus").and_then(|at| cpus(reader, &at)),
            memory: either(
                reader,
                service.get("mem_reservation"),
                reserved("memory"),
                bytes,
            ),
        },
        memory_swap: service
            .get("memswap_limit")
            .and_then(|at| swap(reader, &at)),
        memory_swappiness: reader.number(service.get("mem_swappiness").as_ref(), 0, 100),
        oom_kill_disable: reader
            .flag(service.get("oom_kill_disable").as_ref())
            .unwrap_or(false),
        oom_score_adj: reader.number(service.get("oom_score_adj").as_ref(), -1000, 1000),
        cpu_shares: reader.number(service.get("cpu_shares").as_ref(), 0, i64::MAX),
        cpu_period: micros(reader, service.get("cpu_period")),
        cpu_quota: micros(reader, service.get("cpu_quota"))
            .and_then(|quota| i64::try_from(quota).ok()),
        cpu_rt_period: micros(reader, service.get("cpu_rt_period")),
        cpu_rt_runtime: micros(reader, service.get("cpu_rt_runtime")),
        cpuset: reader.filled(service.get("cpuset").as_ref()),
        ..Resources::default()
    };
    if let Some(at) = service.get("blkio_config") {
        reader.keys(&at, BLKIO);
        found.blkio_weight = reader.number(at.get("weight").as_ref(), 10, 1000);
        found.blkio_weight_device = blocks(reader, at.get("weight_device"), "weight");
        found.device_read_bps = blocks(reader, at.get("device_read_bps"), "rate");
        found.device_read_iops = blocks(reader, at.get("device_read_iops"), "rate");
        found.device_write_bps = blocks(reader, at.get("device_write_bps"), "rate");
        found.device_write_iops = blocks(reader, at.get("device_write_iops"), "rate");
    }
    found
}

/// A limit that can be written in two places, which then have to agree.
fn either<T: PartialEq>(
    reader: &mut Reader<'_>,
    own: Option<At<'_>>,
    deploy: Option<At<'_>>,
    read: fn(&mut Reader<'_>, &At<'_>) -> Option<T>,
) -> Option<T> {
    let one = own.as_ref().and_then(|at| read(reader, at));
    let other = deploy.as_ref().and_then(|at| read(reader, at));
    if let (Some(own), Some(deploy)) = (&own, &deploy)
        && one != other
    {
        let message = format!("`{}` and `{}` differ", own.path, deploy.path);
        let hint = "remove one of them".to_owned();
        reader.problem_with(own.place(), message, Some(hint));
    }
    one.or(other)
}

fn cpus(reader: &mut Reader<'_>, at: &At<'_>) -> Option<u64> {
    let text = reader.filled(Some(at))?;
    let cpus = values::nano_cpus(&text);
    if cpus.is_none() {
        reader.bad(at, &text, "a number of processors such as `0.5`");
    }
    cpus
}

fn bytes(reader: &mut Reader<'_>, at: &At<'_>) -> Option<u64> {
    reader.bytes(Some(at))
}

fn pids(reader: &mut Reader<'_>, at: &At<'_>) -> Option<i64> {
    reader.integer(Some(at), -1, i64::MAX)
}

fn swap(reader: &mut Reader<'_>, at: &At<'_>) -> Option<i64> {
    if reader.text(Some(at)).as_deref() == Some("-1") {
        return Some(-1);
    }
    reader
        .bytes(Some(at))
        .and_then(|bytes| i64::try_from(bytes).ok())
}

/// Microseconds, as a number or as a duration.
fn micros(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<u64> {
    let at = at?;
    if let Ok(number) = reader.text(Some(&at))?.parse() {
        return Some(number);
    }
    let duration = reader.duration(Some(&at))?;
    u64::try_from(duration.as_micros()).ok()
}

fn blocks(reader: &mut Reader<'_>, at: Option<At<'_>>, value: &'static str) -> Vec<BlockLimit> {
    let mut found = Vec::new();
    for item in reader.items(at) {
        use super::Use::Read;
        reader.keys(&item, &[("path", Read), (value, Read)]);
        let path = reader.filled(item.get("path").as_ref());
        let limit = reader.bytes(item.get(value).as_ref());
        match (path, limit) {
            (Some(path), Some(value)) => found.push(BlockLimit { path, value }),
            (Some(_) | None, Some(_) | None) => {
                let message = format!("`{}` needs `path` and `{value}`", item.path);
                reader.problem(item.place(), message);
            }
        }
    }
    found
}

pub(super) fn ulimits(reader: &mut Reader<'_>, at: Option<At<'_>>) -> BTreeMap<String, Ulimit> {
    let mut found = BTreeMap::new();
    let Some(at) = at else {
        return found;
    };
    for entry in reader.entries(&at) {
        let item = At {
            node: &entry.value,
            path: at.join(&entry.key),
        };
        let limits = if matches!(item.node.value, Value::Map(_)) {
            reader.keys(&item, ULIMIT);
            let soft = reader.integer(item.get("soft").as_ref(), -1, i64::MAX);
            let hard = reader.integer(item.get("hard").as_ref(), -1, i64::MAX);
            soft.zip(hard)
        } else {
            let both = reader.integer(Some(&item), -1, i64::MAX);
            both.map(|both| (both, both))
        };
        match limits {
            Some((soft, hard)) => {
                found.insert(entry.key.clone(), Ulimit { soft, hard });
            }
            None => {
                let message = format!("`{}` needs a number, or `soft` and `hard`", item.path);
                reader.problem(item.place(), message);
            }
        }
    }
    found
}
