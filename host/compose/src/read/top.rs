//! The networks and volumes of a file.

use chora_model::yaml::Value;

use super::environment::texts;
use super::keys::{IPAM, NETWORK, POOL, VOLUME};
use super::{At, Reader};
use crate::model::{Ipam, IpamPool, Network, Volume};

/// Whether something is not the project's own, and its name in the engine.
fn naming(reader: &mut Reader<'_>, at: &At<'_>, project: &str, key: &str) -> (bool, String) {
    let external = at.get("external");
    let mut name = reader.filled(at.get("name").as_ref());
    let is_external = match &external {
        // The old form, `external: { name: … }`.
        Some(external) if matches!(external.node.value, Value::Map(_)) => {
            reader.keys(external, &[("name", super::Use::Read)]);
            name = name.or_else(|| reader.filled(external.get("name").as_ref()));
            true
        }
        Some(external) => reader.flag(Some(external)).unwrap_or(false),
        None => false,
    };
    if is_external {
        for entry in reader.entries(at) {
            let own = matches!(entry.key.as_str(), "name" | "external");
            if !own && !entry.key.starts_with("x-") && entry.value.value != Value::Null {
                let message = format!(
                    "`{}` is external, so that `{}` cannot be set",
                    at.path, entry.key
                );
                reader.problem(entry.at, message);
            }
        }
        return (true, name.unwrap_or_else(|| key.to_owned()));
    }
    (false, name.unwrap_or_else(|| format!("{project}_{key}")))
}

pub(super) fn network(reader: &mut Reader<'_>, at: &At<'_>, project: &str, key: &str) -> Network {
    reader.keys(at, NETWORK);
    let (external, name) = naming(reader, at, project, key);
    Network {
        key: key.to_owned(),
        name,
        external,
        driver: reader.filled(at.get("driver").as_ref()),
        options: texts(reader, at.get("driver_opts")),
        internal: reader.flag(at.get("internal").as_ref()).unwrap_or(false),
        attachable: reader.flag(at.get("attachable").as_ref()).unwrap_or(false),
        enable_ipv4: reader.flag(at.get("enable_ipv4").as_ref()),
        enable_ipv6: reader.flag(at.get("enable_ipv6").as_ref()),
        labels: texts(reader, at.get("labels")),
        ipam: ipam(reader, at.get("ipam")),
    }
}

fn ipam(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<Ipam> {
    let at = at?;
    if !reader.keys(&at, IPAM) {
        return None;
    }
    let mut config = Vec::new();
    for item in reader.items(at.get("config")) {
        reader.keys(&item, POOL);
        config.push(IpamPool {
            subnet: cidr(reader, item.get("subnet")),
            ip_range: cidr(reader, item.get("ip_range")),
            gateway: reader.filled(item.get("gateway").as_ref()),
            aux_addresses: texts(reader, item.get("aux_addresses")),
        });
    }
    Some(Ipam {
        driver: reader.filled(at.get("driver").as_ref()),
        config,
        options: texts(reader, at.get("options")),
    })
}

fn cidr(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Option<String> {
    let at = at?;
    let text = reader.filled(Some(&at))?;
    let good = text.split_once('/').is_some_and(|(address, bits)| {
        let most = match address.parse() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse::<u8>().is_ok_and(|bits| bits <= most)
    });
    if !good {
        reader.bad(&at, &text, "a subnet such as `10.1.0.0/16`");
    }
    Some(text)
}

pub(super) fn volume(reader: &mut Reader<'_>, at: &At<'_>, project: &str, key: &str) -> Volume {
    reader.keys(at, VOLUME);
    let (external, name) = naming(reader, at, project, key);
    Volume {
        key: key.to_owned(),
        name,
        external,
        driver: reader.filled(at.get("driver").as_ref()),
        options: texts(reader, at.get("driver_opts")),
        labels: texts(reader, at.get("labels")),
    }
}
