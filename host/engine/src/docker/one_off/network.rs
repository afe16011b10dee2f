//! Networks that plugins make, and those that a container of theirs may join.

use std::collections::HashMap;

use bollard::models::NetworkCreateRequest;
use bollard::query_parameters::ListNetworksOptionsBuilder;

use crate::docker::connection::QUICK;
use crate::docker::error::{DockerError, in_use, status};
use crate::docker::labels::PLUGIN;

use super::OneOffs;
use super::body::Joined;
use super::error::OneOffError;
use super::find::Belongs;
use super::request::OneOff;

/// The engine's own network. It is nobody's, and everything is in it that says nothing else.
const BRIDGE: &str = "bridge";

/// A network of this environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkFacts {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub belongs: Belongs,
    /// Whether nothing leads out of it.
    pub internal: bool,
    /// The names of the containers in it.
    pub containers: Vec<String>,
}

impl OneOffs {
    /// The network of this name; absent where there is none.
    ///
    /// # Errors
    /// When it is somebody else's, or the engine does not answer.
    pub async fn network(&self, name: &str) -> Result<Option<NetworkFacts>, OneOffError> {
        let Some(found) = self.our_network(name).await? else {
            return Ok(None);
        };
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        let look = client.inspect_network(&found.id, None);
        let Some(looked) = connection.look("look at a network", look).await? else {
            return Ok(None);
        };
        let containers = looked.containers.unwrap_or_default().into_values();
        let mut containers: Vec<String> = containers.filter_map(|it| it.name).collect();
        containers.sort();
        Ok(Some(NetworkFacts {
            name: name.to_owned(),
            belongs: found.belongs,
            internal: found.internal,
            containers,
        }))
    }

    /// Makes the network where it is not there. True if it did.
    ///
    /// # Errors
    /// When the name is somebody else's or kept for services, or there is one that is closed otherwise.
    pub async fn ensure_network(
        &self,
        name: &str,
        plugin: &str,
        internal: bool,
    ) -> Result<bool, OneOffError> {
        // Two steps may want the same one, and engines allow two of one name.
        let _turn = self.engine.0.network_turn.lock().await;
        if !self.would_make_network(name, internal).await? {
            return Ok(false);
        }
        self.note().await?;
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        let owner = self.engine.0.owner.labels();
        let mut labels: HashMap<String, String> =
            owner.map(|(name, value)| (name.to_owned(), value)).into();
        labels.insert(PLUGIN.to_owned(), plugin.to_owned());
        self.engine.fault("network.create", "before", name)?;
        let made = client.create_network(NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some(BRIDGE.to_owned()),
            internal: Some(internal),
            labels: Some(labels),
            ..NetworkCreateRequest::default()
        });
        connection.call("make a network", QUICK, made).await?;
        self.engine.fault("network.create", "after", name)?;
        Ok(true)
    }

    /// Whether the network would be made.
    ///
    /// # Errors
    /// As [`Self::ensure_network`].
    pub async fn would_make_network(
        &self,
        name: &str,
        internal: bool,
    ) -> Result<bool, OneOffError> {
        self.not_reserved("network", name)?;
        match self.our_network(name).await? {
            None => Ok(true),
            Some(found) if found.internal == internal => Ok(false),
            Some(found) => Err(OneOffError::InUse {
                kind: "network",
                name: name.to_owned(),
                why: if found.internal {
                    "it is there, and nothing leads out of it".to_owned()
                } else {
                    "it is there, and something leads out of it".to_owned()
                },
            }),
        }
    }

    /// Removes a plugin's network. True if there was one.
    ///
    /// # Errors
    /// When it is somebody else's or the services', or a container is in it.
    pub async fn remove_network(&self, name: &str) -> Result<bool, OneOffError> {
        let _turn = self.engine.0.network_turn.lock().await;
        let Some(found) = self.plugins_network(name).await? else {
            return Ok(false);
        };
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        self.engine.fault("network.remove", "before", name)?;
        let key = self.engine.network_key(&found.id, name).await?;
        let removed = client.remove_network(key);
        match tokio::time::timeout(QUICK, removed).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if status(&error) == Some(404) => return Ok(false),
            Ok(Err(error)) => {
                return Err(match in_use(&error) {
                    Some(why) => OneOffError::InUse {
                        kind: "network",
                        name: name.to_owned(),
                        why,
                    },
                    None => connection.failed("remove a network", error).into(),
                });
            }
            Err(_) => {
                return Err(OneOffError::Docker(DockerError::TimedOut {
                    action: "remove a network",
                    limit: QUICK,
                }));
            }
        }
        self.engine.fault("network.remove", "after", name)?;
        Ok(true)
    }

    /// Whether the network would be removed.
    ///
    /// # Errors
    /// When it is somebody else's or the services'.
    pub async fn would_remove_network(&self, name: &str) -> Result<bool, OneOffError> {
        Ok(self.plugins_network(name).await?.is_some())
    }

    async fn plugins_network(&self, name: &str) -> Result<Option<Network>, OneOffError> {
        let found = self.our_network(name).await?;
        if let Some(found) = &found {
            found.belongs.plugins("network", name)?;
        }
        Ok(found)
    }

    /// The networks that a container is to join, all of them there and ours.
    pub(super) async fn joined(&self, one: &OneOff) -> Result<Vec<Joined>, OneOffError> {
        let mut joined = Vec::with_capacity(one.networks.len());
        for name in &one.networks {
            if name == BRIDGE {
                joined.push(Joined::Bridge);
                continue;
            }
            let found = self.our_network(name).await?;
            let found = found.ok_or_else(|| OneOffError::Missing {
                kind: "network",
                name: name.clone(),
            })?;
            joined.push(Joined::Ours(found.id));
        }
        Ok(joined)
    }

    /// The network of this name, by the list: a look by name also takes the beginning of an id for one.
    async fn our_network(&self, name: &str) -> Result<Option<Network>, OneOffError> {
        let connection = &self.engine.0.connection;
        let client = connection.client().await?;
        let filter = HashMap::from([("name", vec![name])]);
        let options = ListNetworksOptionsBuilder::default()
            .filters(&filter)
            .build();
        let listed = client.list_networks(Some(options));
        let listed = connection.call("list networks", QUICK, listed).await?;
        let mut ours = None;
        for network in listed {
            if network.name.as_deref() != Some(name) {
                continue;
            }
            let labels = network.labels.unwrap_or_default();
            if !self.engine.0.owner.owns(&labels) {
                return Err(OneOffError::NotOurs {
                    kind: "network",
                    name: name.to_owned(),
                });
            }
            let found = Network {
                id: network.id.unwrap_or_default(),
                belongs: Belongs::of(&labels),
                internal: network.internal.unwrap_or_default(),
            };
            ours = ours.or(Some(found));
        }
        Ok(ours)
    }
}

/// What a list says of a network of this environment.
struct Network {
    id: String,
    belongs: Belongs,
    internal: bool,
}
