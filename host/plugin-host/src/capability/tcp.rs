//! `tcp`: whether something listens.

use std::time::Duration;

use chora_model::grant::Access;
use tokio::net::TcpStream;

use crate::bindings::imports::chora::bootstrap::tcp::{Error, Host};
use crate::call::CallState;
use crate::gate::{Decision, HostFunction};

/// The longest that a connection may take.
const LONGEST: Duration = Duration::from_secs(60);

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
        let connecting = TcpStream::connect((host.as_str(), port));
        let answer = match tokio::time::timeout(limit, connecting).await {
            Err(_) => Err(Error::TimedOut),
            Ok(Ok(_connection)) => Ok(()),
            Ok(Err(error)) => Err(Error::Refused(format!("{host}:{port}: {error}"))),
        };
        self.leave(permit, 0);
        Ok(answer)
    }
}
