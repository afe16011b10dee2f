//! The user's logins for registries, from where `docker login` keeps them: `config.json`, or a credential helper that it names.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

use super::error::ImageError;
use super::reference::{login_name, registry};

/// The file that `docker login` writes: in `DOCKER_CONFIG`, or in `.docker` of the user's home.
pub fn login_file() -> Option<PathBuf> {
    let directory = match std::env::var_os("DOCKER_CONFIG") {
        Some(directory) if !directory.is_empty() => PathBuf::from(directory),
        _ => PathBuf::from(std::env::var_os("HOME")?).join(".docker"),
    };
    Some(directory.join("config.json"))
}

/// A login for a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// A name and a password.
    Password {
        /// The name.
        name: String,
        /// The password, or a token in its place.
        password: String,
    },
    /// A token that the registry's authorization server changes into one for a request.
    IdentityToken(String),
}

/// The user's login for a registry, from the file that [`login_file`] names; none where there is none.
///
/// # Errors
/// When the file cannot be read, or its credential helper gives an answer that is none.
pub async fn login_for(registry: &str, file: Option<&Path>) -> Result<Option<Login>, ImageError> {
    let Some(path) = file.map(Path::to_owned) else {
        return Ok(None);
    };
    let registry = registry.to_owned();
    let failed = {
        let (registry, path) = (registry.clone(), path.clone());
        move |message: String| ImageError::Login {
            registry,
            path,
            message,
        }
    };
    // A helper is a program that may take its time.
    let read = tokio::task::spawn_blocking(move || read(&path, login_name(&registry))).await;
    match read {
        Ok(Ok(login)) => Ok(login),
        Ok(Err(message)) => Err(failed(message)),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The login for the registry of this image, as the engine takes it.
pub(super) async fn login(
    reference: &str,
    file: Option<&Path>,
) -> Result<Option<DockerCredentials>, ImageError> {
    let registry = registry(reference);
    let login = login_for(registry, file).await?;
    Ok(login.map(|login| {
        let mut credentials = DockerCredentials {
            serveraddress: Some(login_name(registry).to_owned()),
            ..DockerCredentials::default()
        };
        match login {
            Login::IdentityToken(token) => credentials.identitytoken = Some(token),
            Login::Password { name, password } => {
                credentials.username = Some(name);
                credentials.password = Some(password);
            }
        }
        credentials
    }))
}

fn read(path: &Path, server: &str) -> Result<Option<Login>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    match get_credential_from_reader(BufReader::new(file), server) {
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Login::IdentityToken(token))),
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            Ok(Some(Login::Password { name, password }))
        }
        // A helper that has nothing for this registry says so by failing: the pull goes on without, and the registry has the last word.
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::HelperFailure { .. }
            | CredentialRetrievalError::HelperCommunicationError,
        ) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[tokio::test]
    async fn a_login_is_found_by_the_registry_of_the_image() {
        // `user:secret`
        let (_directory, path) =
            config(r#"{"auths": {"localhost:5000": {"auth": "dXNlcjpzZWNyZXQ="}}}"#);
        let found = login("localhost:5000/a:1", Some(&path)).await.unwrap();
        let found = found.unwrap();
        assert_eq!(
            (found.username.as_deref(), found.password.as_deref()),
            (Some("user"), Some("secret"))
        );
        assert!(login("quay.io/a:1", Some(&path)).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn without_the_file_there_is_no_login() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        assert!(login("redis", Some(&path)).await.unwrap().is_none());
        assert!(login("redis", None).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_damaged_file_is_named() {
        let (_directory, path) = config("{");
        let error = login("redis", Some(&path)).await.unwrap_err().to_string();
        assert!(error.contains(&path.display().to_string()), "{error}");
        assert!(error.contains("docker login docker.io"), "{error}");
    }
}
