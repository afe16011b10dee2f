//! Who is calling: API keys and short-lived tokens, read again when the credentials file changes.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};

use crate::{ApiError, Secret, ServiceSettings, settings::service_of_key, verify_token};

/// Who proved to be calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// The holder of a service's API key.
    Service(String),
    /// The holder of a token, with its subject.
    Token(String),
}

impl Caller {
    /// Whether the caller may change what belongs to `name`, seen from the service `registry`: a token may, the registry's own key may, any other key only its own.
    pub fn may_write(&self, name: &str, registry: &str) -> bool {
        match self {
            Self::Service(service) => service == name || service == registry,
            Self::Token(_) => true,
        }
    }
}

/// The credentials cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is nothing to check a caller against.
    #[error(
        "neither `JWT_SECRET` nor `CREDENTIALS_FILE` is set, so no caller could be trusted; set one of them (chora does this for the services it starts)"
    )]
    Nothing,
    /// The file cannot be read.
    #[error("cannot read the credentials file `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The file is not a flat JSON object of texts.
    #[error("the credentials file `{}` is not a flat JSON object of texts", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What the parser says; it quotes no value.
        #[source]
        source: serde_json::Error,
    },
}

type Fingerprint = (u64, u64, i64, i64, u64);
type Sum = [u8; 32];

struct Keys {
    jwt: Vec<Secret>,
    api: Vec<(String, Sum)>,
}

/// The keys and the secret that callers are checked against; clones share them.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    file: Option<PathBuf>,
    jwt_secret: Option<Secret>,
    api_keys: Vec<(String, Secret)>,
    // Invariant: the keys are those of the file that had this fingerprint, laid over those of the environment.
    current: Mutex<(Option<Fingerprint>, Arc<Keys>)>,
}

impl Keyring {
    /// The keys of the environment and of `CREDENTIALS_FILE`. What the file holds goes before the environment, so that a rotated key is no longer good.
    pub fn open(settings: &ServiceSettings) -> Result<Self, KeyringError> {
        if settings.jwt_secret.is_none() && settings.credentials_file.is_none() {
            return Err(KeyringError::Nothing);
        }
        let mut inner = Inner {
            file: settings.credentials_file.clone(),
            jwt_secret: settings.jwt_secret.clone(),
            api_keys: settings.api_keys.clone(),
            current: Mutex::new((
                None,
                Arc::new(Keys {
                    jwt: Vec::new(),
                    api: Vec::new(),
                }),
            )),
        };
        let first = inner.load()?;
        inner.current = Mutex::new(first);
        Ok(Self(Arc::new(inner)))
    }

    /// Who sends these headers; 401 for nobody we know.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Caller, ApiError> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Err(ApiError::unauthorized(
                "a bearer token is needed: `Authorization: Bearer <API key or token>`",
            ));
        };
        let token = value.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Err(ApiError::unauthorized(
                "the `Authorization` header is not `Bearer <API key or token>`",
            ));
        };
        let keys = self.0.keys();
        // API keys are URL-safe base64, which has no dots; a token has two.
        if token.contains('.') {
            return match keys
                .jwt
                .iter()
                .find_map(|secret| verify_token(secret, token).ok())
            {
                Some(subject) => Ok(Caller::Token(subject)),
                None => Err(ApiError::unauthorized(
                    "the token is not signed by this ecosystem, is out of date or lives too long",
                )),
            };
        }
        let sum: Sum = Sha256::digest(token.as_bytes()).into();
        let mut found = None;
        // Every key is compared in full, so the time tells nothing about any of them.
        for (service, key) in &keys.api {
            if same(key, &sum) {
                found = Some(service);
            }
        }
        found
            .map(|service| Caller::Service(service.clone()))
            .ok_or_else(|| ApiError::unauthorized("the API key is not known"))
    }

    /// Like [`Keyring::authenticate`], but takes tokens only: 403 for an API key.
    pub fn authenticate_token(&self, headers: &HeaderMap) -> Result<String, ApiError> {
        match self.authenticate(headers)? {
            Caller::Token(subject) => Ok(subject),
            Caller::Service(_) => Err(ApiError::forbidden(
                "this needs a signed token; an API key is not enough",
            )),
        }
    }
}

impl Inner {
    fn keys(&self) -> Arc<Keys> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &self.file
            && let Ok(now) = fingerprint(file)
            && current.0 != Some(now)
        {
            match self.load() {
                Ok(fresh) => {
                    tracing::info!(file = %file.display(), "read the changed credentials");
                    *current = fresh;
                }
                Err(error) => {
                    tracing::error!(error = %error, "the changed credentials cannot be used; those from before stay in force");
                    current.0 = Some(now);
                }
            }
        }
        Arc::clone(&current.1)
    }

    fn load(&self) -> Result<(Option<Fingerprint>, Arc<Keys>), KeyringError> {
        let mut print = None;
        let mut file = BTreeMap::<String, String>::new();
        if let Some(path) = &self.file {
            let read = |source| KeyringError::Read {
                path: path.clone(),
                source,
            };
            // The fingerprint comes first: a change in between is then seen at the next call.
            print = Some(fingerprint(path).map_err(read)?);
            let text = fs::read(path).map_err(read)?;
            file = serde_json::from_slice(&text).map_err(|source| KeyringError::Parse {
                path: path.clone(),
                source,
            })?;
        }
        let mut api: BTreeMap<String, Sum> = self
            .api_keys
            .iter()
            .map(|(name, key)| (name.clone(), sum(key.expose())))
            .collect();
        api.extend(file.iter().filter_map(|(name, key)| {
            Some((service_of_key(name.strip_prefix("api_key_")?), sum(key)))
        }));
        let jwt = file
            .get("jwt_secret")
            .map(Secret::new)
            .or_else(|| self.jwt_secret.clone());
        Ok((
            print,
            Arc::new(Keys {
                jwt: jwt.into_iter().collect(),
                api: api.into_iter().collect(),
            }),
        ))
    }
}

fn sum(key: &str) -> Sum {
    Sha256::digest(key.as_bytes()).into()
}

fn same(left: &Sum, right: &Sum) -> bool {
    std::hint::black_box(
        left.iter()
            .zip(right)
            .fold(0, |differences, (left, right)| differences | (left ^ right)),
    ) == 0
}

fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let metadata = fs::metadata(path)?;
    Ok((
        metadata.dev(),
        metadata.ino(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.size(),
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;
    use crate::sign_token;

    fn bearer(token: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            header::AUTHORIZATION,
            HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
        )])
    }

    fn settings(variables: &[(&str, &str)]) -> ServiceSettings {
        ServiceSettings::from_variables("manifest", 0, variables.iter().copied()).unwrap()
    }

    #[test]
    fn keys_and_tokens_tell_who_calls() {
        let ring = Keyring::open(&settings(&[
            ("JWT_SECRET", "5ec7e7"),
            ("API_KEY_TEXT_TOOLS", "k-1"),
        ]))
        .unwrap();
        assert_eq!(
            ring.authenticate(&bearer("k-1")),
            Ok(Caller::Service("text-tools".to_owned()))
        );
        let token = sign_token(&Secret::new("5ec7e7"), "chora").unwrap();
        assert_eq!(
            ring.authenticate(&bearer(&token)),
            Ok(Caller::Token("chora".to_owned()))
        );
        assert_eq!(
            ring.authenticate_token(&bearer("k-1")).unwrap_err().status,
            403
        );
        for wrong in ["k-2", "5ec7e7", "a.b.c", ""] {
            assert_eq!(
                ring.authenticate(&bearer(wrong)).unwrap_err().status,
                401,
                "{wrong}"
            );
        }
        assert_eq!(
            ring.authenticate(&HeaderMap::new()).unwrap_err().status,
            401
        );
    }

    #[test]
    fn a_replaced_file_replaces_the_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("credentials.json");
        fs::write(&file, r#"{"jwt_secret": "aa", "api_key_gateway": "old"}"#).unwrap();
        let path = file.to_str().unwrap();
        let ring = Keyring::open(&settings(&[
            ("CREDENTIALS_FILE", path),
            ("API_KEY_GATEWAY", "env"),
        ]))
        .unwrap();
        assert!(ring.authenticate(&bearer("old")).is_ok());
        assert!(
            ring.authenticate(&bearer("env")).is_err(),
            "the file goes before the environment"
        );
        let next = folder.path().join("next");
        fs::write(&next, r#"{"jwt_secret": "bb", "api_key_gateway": "new"}"#).unwrap();
        fs::rename(&next, &file).unwrap();
        assert!(ring.authenticate(&bearer("old")).is_err());
        assert!(ring.authenticate(&bearer("new")).is_ok());
        assert!(
            ring.authenticate(&bearer(&sign_token(&Secret::new("aa"), "x").unwrap()))
                .is_err()
        );
        fs::write(&file, "{ broken").unwrap();
        assert!(
            ring.authenticate(&bearer("new")).is_ok(),
            "a broken file leaves the last good keys in force"
        );
    }

    #[test]
    fn a_missing_file_and_missing_secrets_are_errors_that_name_the_fix() {
        assert!(
            Keyring::open(&settings(&[]))
                .err()
                .unwrap()
                .to_string()
                .contains("JWT_SECRET")
        );
        let missing = settings(&[("CREDENTIALS_FILE", "/nonexistent/credentials.json")]);
        assert!(
            Keyring::open(&missing)
                .err()
                .unwrap()
                .to_string()
                .contains("/nonexistent/credentials.json")
        );
    }
}
