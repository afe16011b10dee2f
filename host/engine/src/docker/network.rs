//! The networks that a service joins: made if they are missing, never touched if they are somebody else's.

use std::collections::HashMap;
use std::time::Duration;

use bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest,
    NetworkCreateRequest,
};
use bollard::query_parameters::ListNetworksOptionsBuilder;
use chora_compose::{Attachment, Network};

use super::DockerEngine;
use super::connection::QUICK;
use super::daemon::Maker;
use super::error::{DockerError, is_name_taken, status};
use super::labels::{COMPOSE_VERSION, NETWORK, PROJECT, VERSION};
use super::project::{Composed, unsorted};

/// How often two choras that make the same network look again, and after what pause.
const ROUNDS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(50);

impl DockerEngine {
    /// Sees to all networks of a service.
    pub(super) async fn ensure_networks(&self, composed: &Composed) -> Result<(), DockerError> {
        for (network, _) in composed.networks() {
            // Two services that start at once need the same network, and engines allow two of one name.
            let _turn = self.0.network_turn.lock().await;
            self.ensure_network(network).await?;
        }
        Ok(())
    }

    async fn ensure_network(&self, network: &Network) -> Result<(), DockerError> {
        for _ in 0..ROUNDS {
            if self.network_is_there(network).await? || self.make_network(network).await? {
                return Ok(());
            }
            // Another chora makes it as well; one of the two stays.
            tokio::time::sleep(PAUSE).await;
        }
        Err(DockerError::Contended {
            kind: "network",
            name: network.name.clone(),
        })
    }

    /// Whether there is a network of the name that may be used.
    async fn network_is_there(&self, network: &Network) -> Result<bool, DockerError> {
        let client = self.0.connection.client().await?;
        let found = client.inspect_network(&network.name, None);
        let found = match tokio::time::timeout(QUICK, found).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if status(&error) == Some(404) => return Ok(false),
            // There are two; this is looked into by whoever made the later one.
            Ok(Err(error)) if is_ambiguous(&error) => return Ok(false),
            Ok(Err(error)) => return Err(self.0.connection.failed("look for a network", error)),
            Err(_) => {
                return Err(DockerError::TimedOut {
                    action: "look for a network",
                    limit: QUICK,
                });
            }
        };
        let labels = found.labels.unwrap_or_default();
        if network.external || self.0.owner.owns(&labels) {
            return Ok(true);
        }
        Err(DockerError::Foreign {
            kind: "network",
            name: network.name.clone(),
            id: short(&found.id.unwrap_or_default()),
        })
    }

    /// Makes a network; false when somebody else made one of the same name as well, which then stays.
    async fn make_network(&self, network: &Network) -> Result<bool, DockerError> {
        let client = self.0.connection.client().await?;
        let name = &network.name;
        self.fault("network.create", "before", name)?;
        let made = client.create_network(self.network_request(network));
        let made = match tokio::time::timeout(QUICK, made).await {
            Ok(Ok(made)) => made,
            Ok(Err(error)) if is_name_taken(&error) => return Ok(false),
            Ok(Err(error)) => return Err(self.0.connection.failed("make a network", error)),
            Err(_) => {
                return Err(DockerError::TimedOut {
                    action: "make a network",
                    limit: QUICK,
                });
            }
        };
        self.fault("network.create", "after", name)?;
        // Some engines let two networks have one name, and then no container can join either by it.
        let filter = HashMap::from([("name", vec![name.as_str()])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let listed = client.list_networks(Some(options));
        let listed = self
            .0
            .connection
            .call("list networks", QUICK, listed)
            .await?;
        let mut same: Vec<_> = listed
            .into_iter()
            .filter(|it| it.name.as_deref() == Some(name))
            .collect();
        same.sort_by_key(|it| (it.created.clone(), it.id.clone()));
        let stays = same
            .first()
            .is_none_or(|it| it.id.as_ref() == Some(&made.id));
        for other in same.into_iter().skip(1) {
            // Also what another chora left that was killed just here.
            let ours = other.labels.is_some_and(|it| self.0.owner.owns(&it));
            if let Some(id) = other.id.filter(|_| ours) {
                // One that is in use stays, and the next start says so.
                let _ = tokio::time::timeout(QUICK, client.remove_network(&id)).await;
            }
        }
        Ok(stays)
    }

    /// What a network is to be removed by. An id is never ambiguous, but podman then removes a network that is in use.
    pub(super) async fn network_key<'a>(
        &self,
        id: &'a str,
        name: &'a str,
    ) -> Result<&'a str, DockerError> {
        let podman = self.0.connection.maker().await? == Maker::Podman;
        Ok(if podman { name } else { id })
    }

    fn network_request(&self, network: &Network) -> NetworkCreateRequest {
        let mut labels = network.labels.clone();
        // A missing external network is made all the same; it is then removed with the rest once nobody uses it.
        labels.extend(
            self.0
                .owner
                .labels()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        if !network.external {
            let compose = [
                (PROJECT, self.0.owner.project.as_str()),
                (NETWORK, &network.key),
                (VERSION, COMPOSE_VERSION),
            ];
            labels.extend(compose.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        NetworkCreateRequest {
            name: network.name.clone(),
            driver: network.driver.clone().or(Some("bridge".to_owned())),
            internal: Some(network.internal),
            attachable: Some(network.attachable),
            enable_ipv4: network.enable_ipv4,
            enable_ipv6: network.enable_ipv6,
            options: unsorted(&network.options),
            labels: unsorted(&labels),
            ipam: network.ipam.as_ref().map(|ipam| Ipam {
                driver: ipam.driver.clone(),
                options: unsorted(&ipam.options),
                config: Some(
                    ipam.config
                        .iter()
                        .map(|pool| IpamConfig {
                            subnet: pool.subnet.clone(),
                            ip_range: pool.ip_range.clone(),
                            gateway: pool.gateway.clone(),
                            auxiliary_addresses: unsorted(&pool.aux_addresses),
                        })
                        .collect(),
                ),
            }),
            ..NetworkCreateRequest::default()
        }
    }

    /// Joins the networks after the first: older engines take only one when a container is made.
    pub(super) async fn join_networks(
        &self,
        container: &str,
        composed: &Composed,
    ) -> Result<(), DockerError> {
        let client = self.0.connection.client().await?;
        for (network, attachment) in composed.networks().into_iter().skip(1) {
            let request = NetworkConnectRequest {
                container: container.to_owned(),
                endpoint_config: Some(endpoint(&composed.service.name, attachment)),
            };
            let joined = client.connect_network(&network.name, request);
            self.0
                .connection
                .call("join a network", QUICK, joined)
                .await?;
        }
        Ok(())
    }
}

/// Whether the engine found two networks of one name.
pub(super) fn is_ambiguous(error: &bollard::errors::Error) -> bool {
    error.to_string().contains("is ambiguous")
}

/// A service's place in a network: it is found there by its name.
pub(super) fn endpoint(service: &str, attachment: &Attachment) -> EndpointSettings {
    let mut aliases = vec![service.to_owned()];
    for alias in &attachment.aliases {
        if !aliases.contains(alias) {
            aliases.push(alias.clone());
        }
    }
    let fixed = attachment.ipv4_address.is_some()
        || attachment.ipv6_address.is_some()
        || !attachment.link_local_ips.is_empty();
    let mut driver_opts = attachment.driver_opts.clone();
    if let Some(name) = &attachment.interface_name {
        driver_opts.insert(
            "com.docker.network.endpoint.ifname".to_owned(),
            name.clone(),
        );
    }
    EndpointSettings {
        aliases: Some(aliases),
        mac_address: attachment.mac_address.clone(),
        driver_opts: unsorted(&driver_opts),
        gw_priority: Some(attachment.gw_priority).filter(|priority| *priority != 0),
        ipam_config: fixed.then(|| EndpointIpamConfig {
            ipv4_address: attachment.ipv4_address.clone(),
            ipv6_address: attachment.ipv6_address.clone(),
            link_local_ips: Some(attachment.link_local_ips.clone()),
        }),
        ..EndpointSettings::default()
    }
}

/// The first characters of an id, as Docker's own commands show it.
pub(super) fn short(id: &str) -> String {
    let id = id.strip_prefix("sha256:").unwrap_or(id);
    id.chars().take(12).collect()
}
