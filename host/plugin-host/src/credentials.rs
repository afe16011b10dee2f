//! The credentials of a run: read once, made when asked for, and handed to nobody but the host's own functions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chora_model::config::CredentialSettings;
use chora_model::credentials::{self, CredentialError, Credentials, Redactor};
use chora_model::plan::Change;
use serde::Serialize;

/// How long a signed token lives.
const TOKEN_LIFE: Duration = Duration::from_secs(60);

/// What goes into an `authorization` header and cannot be read by the guest.
pub struct Bearer(pub(crate) String);

/// The credential file of an environment, and what was read from it.
pub struct CredentialVault {
    path: PathBuf,
    data: PathBuf,
    settings: CredentialSettings,
    services: Vec<String>,
    read: Mutex<Option<Known>>,
}

/// What was read, and what blots it out.
#[derive(Clone)]
struct Known {
    credentials: Arc<Credentials>,
    redactor: Arc<Redactor>,
}

impl Known {
    fn of(credentials: Credentials) -> Self {
        Self {
            redactor: Arc::new(Redactor::new(&credentials)),
            credentials: Arc::new(credentials),
        }
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
}

impl CredentialVault {
    /// A vault over the file; nothing is read yet. `data` is where the data lies that is made with the credentials.
    pub fn new(
        path: PathBuf,
        data: PathBuf,
        settings: CredentialSettings,
        services: Vec<String>,
    ) -> Self {
        Self {
            path,
            data,
            settings,
            services,
            read: Mutex::new(None),
        }
    }

    /// Where the file is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// What the file holds; absent when there is none.
    pub fn current(&self) -> Result<Option<Arc<Credentials>>, CredentialError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is_none() {
            *read = credentials::load(&self.path)?.map(Known::of);
        }
        let known = read.as_ref();
        Ok(known.map(|known| Arc::clone(&known.credentials)))
    }

    /// Makes what is missing.
    pub fn ensure(&self) -> Result<Change, CredentialError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let ensured = credentials::ensure(&self.path, &self.settings, &self.services, &self.data)?;
        *read = Some(Known::of(ensured.credentials));
        Ok(if ensured.created.is_empty() {
            Change::Unchanged
        } else {
            Change::Changed
        })
    }

    /// Whether [`Self::ensure`] would make anything.
    pub fn is_incomplete(&self) -> Result<bool, CredentialError> {
        let missing = credentials::missing(&self.path, &self.services, &self.data)?;
        Ok(!missing.is_empty())
    }

    /// Makes all of them anew, and answers their names. The caller sees to it that no data depends on the old ones.
    pub fn rotate(&self) -> Result<Vec<String>, CredentialError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let rotated = credentials::rotate(&self.path, &self.settings, &self.services)?;
        *read = Some(Known::of(rotated.credentials));
        Ok(rotated.created)
    }

    /// Forgets what was read, for example after the file was deleted.
    pub fn forget(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Blots out every secret that is known now.
    pub fn redactor(&self) -> Option<Arc<Redactor>> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read.as_ref();
        known.map(|known| Arc::clone(&known.redactor))
    }

    /// The bearer token for a credential: a signed token for the signing secret, the key itself for all others.
    pub(crate) fn bearer(&self, name: &str) -> Result<Option<Bearer>, CredentialError> {
        let Some(current) = self.current()? else {
            return Ok(None);
        };
        let Some(secret) = current.get(name) else {
            return Ok(None);
        };
        let token = if name == "jwt_secret" {
            sign(secret.expose())
        } else {
            Some(secret.expose().to_owned())
        };
        Ok(token.map(Bearer))
    }
}

fn sign(secret: &str) -> Option<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    let claims = Claims {
        iss: "chora",
        sub: "chora",
        iat: now,
        exp: now + TOKEN_LIFE.as_secs(),
    };
    let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).ok()
}
