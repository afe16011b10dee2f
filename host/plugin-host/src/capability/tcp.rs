//! `tcp`: whether something listens.

use std::time::Duration;

use chora_model::grant::Access;
use tokio::net::TcpStream;

use crate::bindings::imports::chora::bootstrap::tcp::{Error, Host};
use crate::call::CallState;
use crate::gate::{Decision, HostFunction};
use crate::scene::Scene;

/// The longest that a connection may take.
const LONGEST: Duration = Duration::from_secs(60);
/// How soon a connection is closed again that only the engine's helper has accepted: it takes every connection to a published port, and only then looks whether anybody in the container listens.
const HELPER: Duration = Duration::from_millis(15);

impl Host for CallState {
    async fn reach(
        &mut self,
        host: String,
        port: u16,
        timeout: u64,
    ) -> wasmtime::Result<Result<(), Error>> {
        let access = Access::Tcp(&host, port);
        let arguments: [&[u8]; 2] = [host.as_bytes(), &port.to_le_bytes()];
        let permit = match self
            .enter(HostFunction::TCP_REACH, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) | Decision::Planned(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
        };
        let limit = Duration::from_millis(timeout).min(LONGEST);
        let connecting = async {
            let addresses = permit.scene.names.follow(&host).await;
            let addresses = addresses.map_err(|error| error.to_string())?;
            let addresses: Vec<_> = addresses.into_iter().map(|it| (it, port).into()).collect();
            let connected = TcpStream::connect(addresses.as_slice()).await;
            connected.map_err(|error| error.to_string())
        };
        let answer = match tokio::time::timeout(limit, connecting).await {
            Err(_) => Err(Error::TimedOut),
            Ok(Ok(connection)) if is_published(&permit.scene, port) => {
                match kept(&connection).await {
                    true => Ok(()),
                    false => Err(Error::Refused(format!(
                        "{host}:{port}: the connection was closed at once, as it is where nothing in the container listens"
                    ))),
                }
            }
            Ok(Ok(_connection)) => Ok(()),
            Ok(Err(error)) => Err(Error::Refused(format!("{host}:{port}: {error}"))),
        };
        self.leave(permit, 0);
        Ok(answer)
    }
}

/// Whether the engine may have published this port.
fn is_published(scene: &Scene, port: u16) -> bool {
    let mut services = scene.config.services.iter();
    scene.engine.kind() == "docker" && services.any(|service| service.port == Some(port))
}

/// Whether a new connection is still open after a moment, or was written to.
async fn kept(connection: &TcpStream) -> bool {
    let mut byte = [0];
    match tokio::time::timeout(HELPER, connection.peek(&mut byte)).await {
        Err(_) => true,
        Ok(read) => read.is_ok_and(|read| read > 0),
    }
}
