//! Components in OCI registries, laid out as the [tools for wasm packages](https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/) put them there: a manifest with one layer,
//! which is the component. A signature is an annotation of the manifest.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chora_engine::docker::image::{Login, login_file, login_for};
use chora_model::failure::{Code, Failure};
use futures_util::StreamExt as _;
use oci_client::client::{ClientConfig, ClientProtocol, SizedStream};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::{OciDescriptor, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use oci_wasm::{WASM_LAYER_MEDIA_TYPE, WasmClient};

use super::{
    Doing, Fetched, Kind, SILENCE, USER_AGENT, Unfetched, WHOLE, by_other_means, install_tls,
    too_big, unfetched, user_information,
};
use crate::report;

/// How an address of a registry begins.
pub(in crate::store) const SCHEME: &str = "oci://";
/// The annotation of a manifest that holds the signature of its component: minisign's file in Base64, for not every tool writes an annotation of several lines as it should.
const SIGNATURE: &str = "dev.chora.minisig";
/// How long a registry may take to give a manifest, logins included. The client reads a manifest whole, and this is what ends one without end.
const MANIFEST: Duration = Duration::from_secs(60);

/// An address that was read, and the client for its registry.
struct Source {
    reference: Reference,
    /// The address as it is shown and recorded, with the tag.
    shown: String,
    kind: Kind,
    client: WasmClient,
}

/// Reads a component, or a component's signature, of at most `most` bytes.
pub(super) async fn fetch(
    address: &str,
    kind: Kind,
    most: usize,
    hear: &(dyn Fn(Doing) + Sync),
) -> Result<Fetched, Unfetched> {
    let reference = parse(address, kind)?;
    let shown = format!("{SCHEME}{}", reference.whole());
    hear(Doing::Fetching {
        from: shown.clone(),
        received: 0,
        total: None,
    });
    let auth = authentication(&reference).await?;
    let (source, manifest) = connect(reference, &shown, kind, &auth).await?;
    let bytes = match kind {
        Kind::Component => source.component(&manifest, most, hear).await?,
        Kind::Signature => source.signature(&manifest, most)?,
    };
    let label = source.reference.repository().rsplit('/').next();
    Ok(Fetched {
        label: label.unwrap_or_default().to_owned(),
        source: shown,
        warning: None,
        bytes,
    })
}

/// The reference of an address. The registry is in it: which one is meant otherwise is a custom of Docker's, and not of components.
fn parse(address: &str, kind: Kind) -> Result<Reference, Failure> {
    let wrong = |why: String| {
        Failure::new(Code::ConfigError, why).next(
            "write it as `oci://REGISTRY/REPOSITORY:TAG`, or with `@sha256:…` for the digest of a manifest",
        )
    };
    let text = address.strip_prefix(SCHEME).unwrap_or(address);
    let (registry, repository) = text.split_once('/').unwrap_or((text, ""));
    if registry.contains('@') {
        return Err(user_information(kind));
    }
    if !registry.contains(['.', ':']) && registry != "localhost" {
        return Err(wrong(format!("`{address}` names no registry")));
    }
    if repository.is_empty() {
        return Err(wrong(format!("`{address}` names no repository")));
    }
    Reference::try_from(text).map_err(|error| wrong(format!("`{address}` is no address: {error}")))
}

/// The user's login for the registry, from where `docker login` keeps it.
async fn authentication(reference: &Reference) -> Result<RegistryAuth, Failure> {
    let registry = reference.registry();
    let login = login_for(registry, login_file().as_deref())
        .await
        .map_err(|error| {
            Failure::new(
                Code::FetchFailed,
                format!("there is no login to be had for the registry `{registry}`"),
            )
            .next(error.to_string())
        })?;
    match login {
        None => Ok(RegistryAuth::Anonymous),
        Some(Login::Password { name, password }) => Ok(RegistryAuth::Basic(name, password)),
        Some(Login::IdentityToken(_)) => Err(Failure::new(
            Code::FetchFailed,
            format!(
                "the login for the registry `{registry}` is an identity token, which chora cannot use"
            ),
        )
        .next(format!(
            "log in with a name and an access token: `docker login --username NAME {registry}`"
        ))),
    }
}

/// Gets the manifest, and answers how it was got. As with Docker, a registry on this machine may do without TLS, and no other.
async fn connect(
    reference: Reference,
    shown: &str,
    kind: Kind,
    auth: &RegistryAuth,
) -> Result<(Source, OciImageManifest), Unfetched> {
    let protocols: &[ClientProtocol] = if is_of_this_machine(reference.registry()) {
        &[ClientProtocol::Https, ClientProtocol::Http]
    } else {
        &[ClientProtocol::Https]
    };
    let mut over_tls = Vec::new();
    for protocol in protocols {
        let client =
            client(protocol.clone()).map_err(|error| refusal(shown, &reference, kind, &error))?;
        let getting = client.pull_image_manifest(&reference, auth);
        let Ok(answer) = tokio::time::timeout(MANIFEST, getting).await else {
            let message = format!("`{shown}` was not answered within {MANIFEST:?}");
            return Err(unfetched(message, kind).into());
        };
        let error = match answer {
            Ok((manifest, _)) => {
                let source = Source {
                    shown: shown.to_owned(),
                    reference,
                    kind,
                    client,
                };
                return Ok((source, manifest));
            }
            Err(error) => error,
        };
        let mut refused = refusal(shown, &reference, kind, &error);
        let details = &mut refused.failure.details;
        let is_last = protocols.last() == Some(protocol);
        if !is_last && is_unconnected(&error) {
            over_tls = details.iter().map(|it| format!("over TLS: {it}")).collect();
        } else {
            // Where both ways were tried, either may be the one that was meant.
            details.append(&mut over_tls);
            return Err(refused);
        }
    }
    Err(unfetched(format!("`{shown}` was not asked for"), kind).into())
}

fn is_unconnected(error: &OciDistributionError) -> bool {
    matches!(error, OciDistributionError::RequestError(error) if error.is_connect())
}

fn client(protocol: ClientProtocol) -> Result<WasmClient, OciDistributionError> {
    install_tls();
    let client = Client::try_from(ClientConfig {
        protocol,
        read_timeout: Some(SILENCE),
        connect_timeout: Some(SILENCE),
        user_agent: USER_AGENT,
        // A component is for every machine: there is nothing to choose by.
        platform_resolver: None,
        ..ClientConfig::default()
    })?;
    Ok(WasmClient::new(client))
}

/// Whether a registry is at an address of this machine alone.
fn is_of_this_machine(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => registry,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|it: IpAddr| it.is_loopback())
}

impl Source {
    async fn component(
        &self,
        manifest: &OciImageManifest,
        most: usize,
        hear: &(dyn Fn(Doing) + Sync),
    ) -> Result<Vec<u8>, Unfetched> {
        let layer = self.layer(manifest)?;
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        // A registry that calls it negative is wrong, and found out by the digest.
        let size = u64::try_from(layer.size).unwrap_or_default();
        if size > limit {
            return Err(too_big(&self.shown, self.kind, most).into());
        }
        let receiving = async {
            // By its digest alone: other places that a manifest names are not gone to.
            let stream = self
                .client
                .pull_blob_stream(&self.reference, layer.digest.as_str())
                .await
                .map_err(|error| refusal(&self.shown, &self.reference, self.kind, &error))?;
            self.receive(stream, size, most, hear).await
        };
        match tokio::time::timeout(WHOLE, receiving).await {
            Ok(bytes) => bytes,
            Err(_) => {
                let message = format!("`{}` was not fetched within {WHOLE:?}", self.shown);
                Err(unfetched(message, self.kind).into())
            }
        }
    }

    /// The layer that is the component.
    fn layer<'a>(&self, manifest: &'a OciImageManifest) -> Result<&'a OciDescriptor, Failure> {
        let what = match manifest.layers.as_slice() {
            [layer] if layer.media_type == WASM_LAYER_MEDIA_TYPE => return Ok(layer),
            [layer] => format!("one layer of the type `{}`", layer.media_type),
            layers => format!("{} layers", layers.len()),
        };
        Err(Failure::new(
            Code::PluginInvalid,
            format!(
                "`{}` is no component: its manifest has {what}, and that of a component has one of the type `{WASM_LAYER_MEDIA_TYPE}`",
                self.shown
            ),
        )
        .next("correct the address, or push the component as one: `wkg oci push REFERENCE FILE`"))
    }

    /// The stream ends with an error where the bytes are not those of the digest.
    async fn receive(
        &self,
        mut stream: SizedStream,
        size: u64,
        most: usize,
        hear: &(dyn Fn(Doing) + Sync),
    ) -> Result<Vec<u8>, Unfetched> {
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| {
                let mut failure = self.unfetched();
                failure.details.push(error.to_string());
                failure.details.extend(report::causes(&error));
                failure
            })?;
            if bytes.len() + chunk.len() > most {
                return Err(too_big(&self.shown, self.kind, most).into());
            }
            bytes.extend_from_slice(&chunk);
            hear(Doing::Fetching {
                from: self.shown.clone(),
                received: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                total: Some(size),
            });
        }
        Ok(bytes)
    }

    fn signature(&self, manifest: &OciImageManifest, most: usize) -> Result<Vec<u8>, Unfetched> {
        let annotations = manifest.annotations.as_ref();
        let Some(signature) = annotations.and_then(|all| all.get(SIGNATURE)) else {
            let message = format!(
                "the manifest of `{}` has no annotation `{SIGNATURE}`",
                self.shown
            );
            return Err(Unfetched {
                failure: unfetched(message, self.kind),
                is_absent: true,
            });
        };
        let signature = BASE64.decode(signature.trim()).map_err(|error| {
            Failure::new(
                Code::PluginUntrusted,
                format!(
                    "the annotation `{SIGNATURE}` of `{}` is no Base64: {error}",
                    self.shown
                ),
            )
            .next("write it with `base64 --wrap=0 FILE.minisig`")
        })?;
        if signature.len() > most {
            return Err(too_big(&self.shown, self.kind, most).into());
        }
        Ok(signature)
    }

    fn unfetched(&self) -> Failure {
        unfetched(format!("`{}` cannot be fetched", self.shown), self.kind)
    }
}

/// What a registry, or the way to it, said.
fn refusal(
    shown: &str,
    reference: &Reference,
    kind: Kind,
    error: &OciDistributionError,
) -> Unfetched {
    let said = |code: &[OciErrorCode]| match error {
        OciDistributionError::RegistryError { envelope, .. } => envelope
            .errors
            .iter()
            .any(|error| code.contains(&error.code)),
        _ => false,
    };
    let registry = reference.registry();
    let is_unauthorised = matches!(
        error,
        OciDistributionError::UnauthorizedError { .. }
            | OciDistributionError::AuthenticationFailure(_)
    ) || said(&[OciErrorCode::Unauthorized, OciErrorCode::Denied]);
    let is_unknown = said(&[
        OciErrorCode::ManifestUnknown,
        OciErrorCode::NameUnknown,
        OciErrorCode::NotFound,
    ]) || matches!(error, OciDistributionError::ServerError { code: 404, .. });
    let mut failure = if is_unauthorised {
        Failure::new(
            Code::FetchFailed,
            format!("the registry does not give `{shown}` to who asks for it with this login, or without one"),
        )
        .next(format!(
            "log in with `docker login {registry}`, and see to it that the user may read it"
        ))
        .next(format!("or {}", by_other_means(kind)))
    } else if is_unknown {
        unfetched(format!("the registry has no `{shown}`"), kind)
    } else if matches!(
        error,
        OciDistributionError::ImageIndexParsingNoPlatformResolverError
    ) {
        Failure::new(
            Code::PluginInvalid,
            format!("`{shown}` is no component, but a list of several manifests"),
        )
        .next("give the address of one of them, with its digest: `oci://REGISTRY/REPOSITORY@sha256:…`")
    } else {
        unfetched(format!("`{shown}` cannot be fetched"), kind)
    };
    failure.details.push(error.to_string());
    failure.details.extend(report::causes(error));
    Unfetched {
        failure,
        is_absent: is_unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_registry_of_this_machine_may_do_without_tls() {
        for registry in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.0.1",
            "[::1]:5000",
        ] {
            assert!(is_of_this_machine(registry), "{registry}");
        }
        for registry in [
            "ghcr.io",
            "localhost.example.org",
            "10.0.0.1:5000",
            "127.0.0.1.example.org",
        ] {
            assert!(!is_of_this_machine(registry), "{registry}");
        }
    }

    #[test]
    fn an_address_names_its_registry_and_holds_no_password() {
        for (address, why) in [
            ("oci://courier", "names no registry"),
            ("oci://team/courier:1", "names no registry"),
            ("oci://", "names no registry"),
            ("oci://host:5000", "names no repository"),
            ("oci://host:5000/", "names no repository"),
            ("oci://host.example/Courier:1", "is no address"),
            ("oci://host.example/courier:1:2", "is no address"),
            ("oci://host.example/courier@sha256:12", "is no address"),
            (
                "oci://me:hunter2@host.example/courier:1",
                "user information",
            ),
        ] {
            let failure = parse(address, Kind::Component).unwrap_err();
            assert_eq!(failure.code, Code::ConfigError, "{address}");
            assert!(
                failure.message.contains(why),
                "{address}: {}",
                failure.message
            );
            assert!(!failure.message.contains("hunter2"), "{}", failure.message);
            assert!(!failure.next_actions.is_empty(), "{address}");
        }
        let reference = parse("oci://ghcr.io/team/courier", Kind::Component).unwrap();
        assert_eq!(reference.whole(), "ghcr.io/team/courier:latest");
    }
}
