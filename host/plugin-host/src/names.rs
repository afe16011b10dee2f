//! Where the name of a host leads.
//!
//! A grant is for a name, and whoever answers for the name says where it leads, each time anew. So a name of somebody else could lead a plugin to what only this machine or its neighbours can reach: an
//! administration interface on the loopback, or the metadata of a cloud's machine with its keys. A name is not followed there ([DNS rebinding]); an address that was granted as an address is.
//!
//! [DNS rebinding]: https://en.wikipedia.org/wiki/DNS_rebinding

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use chora_model::config::Config;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

/// Who says where names lead.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of a host.
    ///
    /// # Errors
    /// When there is no such host, or nobody who would know.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The machine's own resolver, with its `hosts` file.
struct System;

#[async_trait]
impl Lookup for System {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Names, followed only to where a grant for a name leads.
#[derive(Clone)]
pub(crate) struct Names {
    lookup: Arc<dyn Lookup>,
    /// Hosts that the configuration says services are at. They may be this machine, under any name.
    services: Arc<BTreeSet<String>>,
}

impl Names {
    pub(crate) fn of(config: &Config) -> Self {
        let endpoints = config.services.iter();
        let endpoints = endpoints.filter_map(|service| service.health_endpoint.as_deref());
        let hosts = endpoints.filter_map(|endpoint| Url::parse(endpoint).ok());
        let hosts = hosts.filter_map(|url| url.host_str().map(str::to_owned));
        Self {
            lookup: Arc::new(System),
            services: Arc::new(hosts.collect()),
        }
    }

    pub(crate) fn asked_of(self, lookup: Arc<dyn Lookup>) -> Self {
        Self { lookup, ..self }
    }

    /// The addresses that a connection to this host may be made to: an address is its own.
    pub(crate) async fn follow(&self, host: &str) -> Result<Vec<IpAddr>, NotFollowed> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let found = self.lookup.addresses(host).await?;
        let mut refused = NotFollowed::Lookup(io::Error::other("the name has no address"));
        let mut allowed = Vec::new();
        for address in found {
            match Place::of(address) {
                None => allowed.push(address),
                Some(Place::ThisMachine) if self.may_be_here(host) => allowed.push(address),
                Some(place) => {
                    refused = NotFollowed::Place {
                        name: host.to_owned(),
                        address,
                        place,
                    };
                }
            }
        }
        if allowed.is_empty() {
            return Err(refused);
        }
        Ok(allowed)
    }

    /// Whether a name may be one of this machine's: `localhost` and what is below it ([RFC 6761]), a name without a dot, which only this machine's own files and network give a meaning, and a service's host.
    ///
    /// [RFC 6761]: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
    fn may_be_here(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let bare = name.strip_suffix('.').unwrap_or(&name);
        !bare.contains('.') || bare.ends_with(".localhost") || self.services.contains(bare)
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let addresses = names.follow(name.as_str()).await?;
            // The port is the client's to put in.
            let addresses = addresses.into_iter().map(|it| SocketAddr::new(it, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Why a name was not followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotFollowed {
    #[error(transparent)]
    Lookup(#[from] io::Error),
    #[error("`{name}` leads to {address}, {place}")]
    Place {
        name: String,
        address: IpAddr,
        place: Place,
    },
}

/// Where no name of somebody else leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// The loopback, or the address that stands for any of this machine.
    ThisMachine,
    /// What only neighbours on the same link have, among them the metadata of most clouds.
    Link,
    /// The metadata of a cloud that keeps it elsewhere.
    Metadata,
    /// No single machine.
    Many,
}

/// Where clouds keep the metadata of a machine, other than on the link: [EC2's by IPv6] and [Alibaba's].
///
/// [EC2's by IPv6]: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
/// [Alibaba's]: https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata
const METADATA: [IpAddr; 2] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
];

impl Place {
    /// What an address is, unless it is one that any name may lead to.
    fn of(address: IpAddr) -> Option<Self> {
        let address = within(address);
        if METADATA.contains(&address) {
            return Some(Self::Metadata);
        }
        let (here, link, many) = match address {
            IpAddr::V4(it) => (
                // All of 0.0.0.0/8 is "this host on this network", by RFC 1122.
                it.is_loopback() || it.octets().starts_with(&[0]),
                it.is_link_local(),
                it.is_multicast() || it.is_broadcast(),
            ),
            IpAddr::V6(it) => (
                it.is_loopback() || it.is_unspecified(),
                it.is_unicast_link_local(),
                it.is_multicast(),
            ),
        };
        match (here, link, many) {
            (true, _, _) => Some(Self::ThisMachine),
            (_, true, _) => Some(Self::Link),
            (_, _, true) => Some(Self::Many),
            _ => None,
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ThisMachine => {
                "this machine, which only `localhost`, a name without a dot or the host of a service's `health_endpoint` may be; to allow it, grant the address itself"
            }
            Self::Link => {
                "an address of the local link, where no name is followed to; to allow it, grant the address itself"
            }
            Self::Metadata => {
                "where a cloud keeps the keys of its machines and no name is followed to; to allow it, grant the address itself"
            }
            Self::Many => "which is no single machine",
        })
    }
}

/// The address of IPv4 that is written within one of IPv6: mapped, or for a [translator].
///
/// [translator]: https://www.rfc-editor.org/rfc/rfc6052#section-2.1
fn within(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else {
        return address;
    };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            IpAddr::V4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        _ => address.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_it_is_in_every_spelling() {
        for (place, addresses) in [
            (
                Some(Place::ThisMachine),
                "127.0.0.1 127.255.0.9 0.0.0.0 0.1.2.3 ::1 :: ::ffff:127.0.0.1 ::ffff:0.0.0.0 64:ff9b::7f00:1",
            ),
            (
                Some(Place::Link),
                "169.254.169.254 169.254.0.1 fe80::1 febf::1 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe",
            ),
            (
                Some(Place::Metadata),
                "fd00:ec2::254 100.100.100.200 ::ffff:100.100.100.200",
            ),
            (
                Some(Place::Many),
                "224.0.0.1 239.255.255.255 255.255.255.255 ff02::1",
            ),
            (
                None,
                "10.0.0.1 172.16.0.1 192.168.1.1 100.64.0.1 128.0.0.1 126.255.255.255 169.253.0.1 1.1.1.1 fd00::1 fec0::1 2001:db8::1 64:ff9b::a00:1",
            ),
        ] {
            for address in addresses.split(' ') {
                assert_eq!(Place::of(address.parse().unwrap()), place, "{address}");
            }
        }
    }
}
