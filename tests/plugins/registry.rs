//! A real OCI registry on this machine, and the client of the tools for wasm packages that puts components there.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use oci_client::client::{ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::{
    ImageIndexEntry, OCI_IMAGE_INDEX_MEDIA_TYPE, OciImageIndex, OciImageManifest, OciManifest,
};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use oci_wasm::{WASM_MANIFEST_MEDIA_TYPE, WasmClient, WasmConfig};
use rcgen::CertifiedKey;
use tempfile::TempDir;

use crate::scene::sha256;

const USER: &str = "user";
const PASSWORD: &str = "hunter2";
/// The same for the registry, by `htpasswd -B`.
const LOGINS: &str = "user:$2b$04$szRHfEyfFW004TdzAOPBbuTltRK/2pniQu8h1hUs1qHgRcCnkaMqO\n";

/// What a registry asks of who comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// Nothing.
    Nothing,
    /// The login of [`USER`].
    Login,
    /// Nothing but that they speak TLS.
    Tls,
}

/// Serves until it is dropped.
pub(crate) struct Registry {
    child: Child,
    address: String,
    directory: TempDir,
    asks: Asks,
}

impl Registry {
    pub(crate) fn start(asks: Asks) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let at = |name: &str| directory.path().join(name).display().to_string();
        let mut config = format!(
            "version: 0.1
log: {{accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {}}}
  cache: {{blobdescriptor: \"\"}}
http:
  addr: 127.0.0.1:0
",
            at("data")
        );
        match asks {
            Asks::Nothing => {}
            Asks::Login => {
                fs::write(at("logins"), LOGINS).expect("logins");
                let login = format!("auth: {{htpasswd: {{realm: r, path: {}}}}}\n", at("logins"));
                config.push_str(&login);
            }
            Asks::Tls => {
                let names = vec!["127.0.0.1".to_owned()];
                let CertifiedKey { cert, signing_key } =
                    rcgen::generate_simple_self_signed(names).expect("a certificate");
                fs::write(at("certificate.pem"), cert.pem()).expect("a certificate");
                fs::write(at("key.pem"), signing_key.serialize_pem()).expect("a key");
                let tls = format!(
                    "  tls: {{certificate: {}, key: {}}}\n",
                    at("certificate.pem"),
                    at("key.pem")
                );
                config.push_str(&tls);
            }
        }
        fs::write(at("config.yml"), config).expect("a configuration");
        let mut child = Command::new("docker-registry")
            .args(["serve", &at("config.yml")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`docker-registry` can be started: `cargo xtask setup` installs it");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let address = said
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, address) = line.split_once("listening on ")?;
                let end = address.find([',', '"'])?;
                Some(address[..end].to_owned())
            })
            .expect("an address");
        // A registry whose words nobody takes would stop.
        std::thread::spawn(move || said.for_each(drop));
        Self {
            child,
            address,
            directory,
            asks,
        }
    }

    /// The host and the port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The address of what is there under a name: `courier:1`.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("oci://{}/team/{name}", self.address)
    }

    /// The certificate by which it is known.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// Where it keeps what has this digest.
    pub(crate) fn blob(&self, bytes: &[u8]) -> PathBuf {
        let digest = sha256(bytes);
        let blobs = Path::new("data/docker/registry/v2/blobs/sha256");
        let below = blobs.join(&digest[..2]).join(digest).join("data");
        self.directory.path().join(below)
    }

    /// Puts a component there as the tools for wasm packages do. The digest of its manifest.
    pub(crate) fn publish(
        &self,
        name: &str,
        component: &[u8],
        annotations: &[(&str, &str)],
    ) -> String {
        let (config, layer) =
            WasmConfig::from_raw_component(component.to_vec(), None).expect("a component");
        let annotations = annotations
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect::<BTreeMap<_, _>>();
        self.with_client(
            async |client, reference, auth| {
                client
                    .push(&reference, &auth, layer, config, Some(annotations))
                    .await
                    .expect("a component can be published");
                let digest = client.fetch_manifest_digest(&reference, &auth).await;
                digest.expect("a digest")
            },
            name,
        )
    }

    /// Puts an artifact there with layers of this type.
    pub(crate) fn publish_layers(&self, name: &str, media_type: &str, layers: &[&[u8]]) {
        let layers: Vec<ImageLayer> = layers
            .iter()
            .map(|bytes| ImageLayer::new(bytes.to_vec(), media_type.to_owned(), None))
            .collect();
        let config = Config::new(
            &b"{}"[..],
            "application/vnd.oci.empty.v1+json".to_owned(),
            None,
        );
        let manifest = OciImageManifest::build(&layers, &config, None);
        self.with_client(
            async |client, reference, auth| {
                let pushed = client
                    .as_ref()
                    .push(&reference, &layers, config, &auth, Some(manifest))
                    .await;
                pushed.expect("an artifact can be published");
            },
            name,
        );
    }

    /// Puts a list there of the one manifest that is known by this name.
    pub(crate) fn publish_list(&self, name: &str, of: &str) {
        self.with_client(
            async |client, reference, auth| {
                let one = Reference::with_tag(
                    reference.registry().to_owned(),
                    reference.repository().to_owned(),
                    of.to_owned(),
                );
                let manifest = client
                    .pull_manifest_raw(&one, &auth, &[WASM_MANIFEST_MEDIA_TYPE])
                    .await;
                let (manifest, digest) = manifest.expect("a manifest");
                let list = OciManifest::ImageIndex(OciImageIndex {
                    schema_version: 2,
                    media_type: Some(OCI_IMAGE_INDEX_MEDIA_TYPE.to_owned()),
                    artifact_type: None,
                    manifests: vec![ImageIndexEntry {
                        media_type: WASM_MANIFEST_MEDIA_TYPE.to_owned(),
                        digest,
                        size: i64::try_from(manifest.len()).expect("a size"),
                        platform: None,
                        annotations: None,
                        artifact_type: None,
                    }],
                    annotations: None,
                });
                let pushed = client.push_manifest(&reference, &list).await;
                pushed.expect("a list can be published");
            },
            name,
        );
    }

    fn with_client<T>(
        &self,
        act: impl AsyncFnOnce(WasmClient, Reference, RegistryAuth) -> T,
        name: &str,
    ) -> T {
        assert!(self.asks != Asks::Tls, "only what needs no certificate");
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = WasmClient::new(Client::new(ClientConfig {
            protocol: ClientProtocol::Http,
            ..ClientConfig::default()
        }));
        let reference = self.url(name);
        let reference = reference.trim_start_matches("oci://").parse();
        let auth = match self.asks {
            Asks::Login => RegistryAuth::Basic(USER.to_owned(), PASSWORD.to_owned()),
            Asks::Nothing | Asks::Tls => RegistryAuth::Anonymous,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(act(client, reference.expect("a reference"), auth))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
