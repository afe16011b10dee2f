//! `credentials`: making them, sending them unseen, and, for who was granted it, reading them.

use chora_model::credentials::CredentialError;
use chora_model::grant::{Access, CredentialVerb};
use chora_model::text::chain;
use wasmtime::component::Resource;

use crate::bindings::imports::chora::bootstrap::credentials::{Error, Host, HostBearer};
use crate::bindings::imports::chora::bootstrap::types::Change;
use crate::call::CallState;
use crate::credentials::Bearer;
use crate::gate::{Decision, HostFunction};

impl From<CredentialError> for Error {
    fn from(error: CredentialError) -> Self {
        Self::Storage(chain(&error))
    }
}

impl Host for CallState {
    async fn ensure(&mut self) -> wasmtime::Result<Result<Change, Error>> {
        let access = Access::Credential("*", CredentialVerb::Ensure);
        let permit = match self
            .enter(HostFunction::CREDENTIALS_ENSURE, &access, &[])
            .await?
        {
            Decision::Allowed(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
            Decision::Planned(permit) => {
                let missing = permit.scene.credentials.is_incomplete();
                return Ok(match missing {
                    Ok(missing) => Ok(self.leave_planned(permit, missing)),
                    Err(error) => {
                        self.leave(permit, 0);
                        Err(error.into())
                    }
                });
            }
        };
        let scene = std::sync::Arc::clone(&permit.scene);
        let ensured = tokio::task::spawn_blocking(move || scene.credentials.ensure()).await;
        let answer = match ensured {
            Ok(Ok(change)) => Ok(change.into()),
            Ok(Err(error)) => Err(error.into()),
            Err(error) => Err(Error::Other(error.to_string())),
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn bearer_of(
        &mut self,
        name: String,
    ) -> wasmtime::Result<Result<Resource<Bearer>, Error>> {
        let access = Access::Credential(&name, CredentialVerb::Use);
        let arguments: [&[u8]; 1] = [name.as_bytes()];
        let permit = match self
            .enter(HostFunction::CREDENTIALS_BEARER_OF, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
            Decision::Planned(permit) => {
                self.leave(permit, 0);
                return Ok(Err(Error::Planned));
            }
        };
        let bearer = permit.scene.credentials.bearer(&name);
        let answer = match bearer {
            Ok(Some(bearer)) => Ok(self.table.push(bearer)?),
            Ok(None) => Err(Error::UnknownCredential(name)),
            Err(error) => Err(error.into()),
        };
        self.leave(permit, 0);
        Ok(answer)
    }

    async fn reveal(&mut self, name: String) -> wasmtime::Result<Result<String, Error>> {
        let access = Access::Credential(&name, CredentialVerb::Reveal);
        let arguments: [&[u8]; 1] = [name.as_bytes()];
        let permit = match self
            .enter(HostFunction::CREDENTIALS_REVEAL, &access, &arguments)
            .await?
        {
            Decision::Allowed(permit) => permit,
            Decision::Denied(text) => return Ok(Err(Error::Denied(text))),
            Decision::Planned(permit) => {
                self.leave(permit, 0);
                return Ok(Err(Error::Planned));
            }
        };
        let answer = match permit.scene.credentials.current() {
            Ok(current) => current
                .and_then(|current| current.get(&name).map(|secret| secret.expose().to_owned()))
                .ok_or(Error::UnknownCredential(name)),
            Err(error) => Err(error.into()),
        };
        self.leave(permit, 0);
        Ok(answer)
    }
}

impl HostBearer for CallState {
    async fn drop(&mut self, bearer: Resource<Bearer>) -> wasmtime::Result<()> {
        self.table.delete(bearer)?;
        Ok(())
    }
}
