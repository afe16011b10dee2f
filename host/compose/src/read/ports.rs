//! `ports` and `expose`.

use chora_model::yaml::Value;

use super::keys::PORT;
use super::{At, Reader};
use crate::model::{Port, PortRange, Protocol};

const PROTOCOLS: &[&str] = &["tcp", "udp", "sctp"];

/// Published ports, each with the place of its line, in the order of the files.
pub(super) fn read<'a>(reader: &mut Reader<'_>, at: Option<At<'a>>) -> Vec<(Port, At<'a>)> {
    let mut ports = Vec::new();
    for item in reader.items(at) {
        let found = match &item.node.value {
            Value::Map(_) => long(reader, &item),
            Value::Text(_) | Value::Integer(_) => {
                let text = crate::merge::text(item.node);
                let found = short(&text);
                if let Err(message) = &found {
                    let message = format!("`{}` is no port, {message}: `{text}`", item.path);
                    let hint = "write `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`".to_owned();
                    reader.problem_with(item.place(), message, Some(hint));
                }
                found.unwrap_or_default()
            }
            Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) => {
                reader.wrong_kind(&item, "a port");
                Vec::new()
            }
        };
        for port in found {
            // The same line twice publishes once.
            if !ports.iter().any(|(known, _)| *known == port) {
                ports.push((port, item.clone()));
            }
        }
    }
    ports
}

fn long(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Port> {
    reader.keys(at, PORT);
    reader.word(at.get("mode").as_ref(), &["host", "ingress"]);
    let protocol = reader.word(at.get("protocol").as_ref(), PROTOCOLS);
    let host_ip = reader.filled(at.get("host_ip").as_ref());
    if let Some(ip) = &host_ip
        && ip.parse::<std::net::IpAddr>().is_err()
    {
        let message = format!("`{}.host_ip` is an address, and not `{ip}`", at.path);
        reader.problem(at.place(), message);
    }
    let published = at.get("published");
    let range = reader.filled(published.as_ref());
    let published = published.and_then(|published| {
        let range = range?;
        let parsed = port_range(&range);
        if parsed.is_none() && range != "0" {
            reader.bad(
                &published,
                &range,
                "a port from 1 to 65535 or a range of them",
            );
        }
        parsed
    });
    let Some(target) = at.get("target") else {
        let message = format!("`{}` has no `target`, the port inside", at.path);
        reader.problem(at.place(), message);
        return Vec::new();
    };
    let Some(target) = reader.number(Some(&target), 1, 65_535) else {
        return Vec::new();
    };
    vec![Port {
        target,
        protocol: protocol.map(transport).unwrap_or_default(),
        host_ip,
        published,
    }]
}

fn transport(word: &str) -> Protocol {
    match word {
        "udp" => Protocol::Udp,
        "sctp" => Protocol::Sctp,
        _ => Protocol::Tcp,
    }
}

/// The ports of one line; ranges on both sides are paired.
fn short(text: &str) -> Result<Vec<Port>, String> {
    let (text, protocol) = match text.split_once('/') {
        Some((text, protocol)) => (text, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    if !PROTOCOLS.contains(&protocol.as_str()) {
        return Err(format!("there is no protocol `{protocol}`"));
    }
    let (rest, target) = match text.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, text),
    };
    let (host_ip, published) = match rest.map(|rest| (rest.rsplit_once(':'), rest)) {
        None => (None, ""),
        Some((Some((ip, published)), _)) => (Some(ip), published),
        Some((None, published)) => (None, published),
    };
    let host_ip = host_ip.map(|ip| ip.trim_start_matches('[').trim_end_matches(']'));
    if let Some(ip) = host_ip
        && !ip.is_empty()
        && ip.parse::<std::net::IpAddr>().is_err()
    {
        return Err(format!("`{ip}` is no address"));
    }
    let host_ip = host_ip.filter(|ip| !ip.is_empty()).map(str::to_owned);
    let wrong = |text: &str| format!("`{text}` is no port from 1 to 65535 and no range of them");
    let target = port_range(target).ok_or_else(|| wrong(target))?;
    let published = match published {
        "" | "0" => None,
        text => Some(port_range(text).ok_or_else(|| wrong(text))?),
    };
    let one = |target: u16, published: Option<PortRange>| Port {
        target,
        protocol: transport(&protocol),
        host_ip: host_ip.clone(),
        published,
    };
    let targets = target.first..=target.last;
    match published {
        None => Ok(targets.map(|target| one(target, None)).collect()),
        Some(range) if target.first == target.last => Ok(vec![one(target.first, Some(range))]),
        Some(range) if range.last - range.first == target.last - target.first => {
            let pairs = targets.zip(range.first..=range.last);
            Ok(pairs
                .map(|(target, port)| one(target, Some(PortRange::one(port))))
                .collect())
        }
        Some(range) => Err(format!("`{range}` and `{target}` are of different length")),
    }
}

fn port_range(text: &str) -> Option<PortRange> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let range = match text.split_once('-') {
        Some((first, last)) => PortRange {
            first: port(first)?,
            last: port(last)?,
        },
        None => PortRange::one(port(text)?),
    };
    (range.first <= range.last).then_some(range)
}

/// Ports that are offered only, as `8080` or `53/udp`, sorted; ranges are written out.
pub(super) fn expose(reader: &mut Reader<'_>, at: Option<At<'_>>) -> Vec<String> {
    let mut ports = Vec::new();
    for item in reader.items(at) {
        let Some(text) = reader.text(Some(&item)) else {
            continue;
        };
        let (range, protocol) = match text.split_once('/') {
            Some((range, protocol)) => (range, Some(protocol)),
            None => (text.as_str(), None),
        };
        let known = protocol.is_none_or(|protocol| PROTOCOLS.contains(&protocol));
        match port_range(range).filter(|_| known) {
            Some(range) => ports.extend((range.first..=range.last).map(|port| match protocol {
                Some(protocol) if protocol != "tcp" => format!("{port}/{protocol}"),
                Some(_) | None => port.to_string(),
            })),
            None => reader.bad(&item, &text, "a port such as `8080` or `53/udp`"),
        }
    }
    ports.sort();
    ports.dedup();
    ports
}
