//! Where a component or its signature comes from: a file of this machine, a URL or a registry. Everything that is read has an end, and nothing is written.

mod registry;

use std::path::Path;
use std::time::Duration;

use chora_model::failure::{Code, Failure};
use futures_util::StreamExt as _;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::Url;

use crate::report;

pub(super) use registry::SCHEME as REGISTRY_SCHEME;

/// The most redirects that are followed.
const REDIRECTS: usize = 5;
/// How long a server may take to accept a connection, and how long it may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long fetching may take as a whole.
const WHOLE: Duration = Duration::from_secs(600);
/// What servers are told.
const USER_AGENT: &str = concat!("chora/", env!("CARGO_PKG_VERSION"));

/// What takes its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Doing {
    /// Fetching a component.
    Fetching {
        /// From where, without what a query may hold.
        from: String,
        /// Bytes that have come.
        received: u64,
        /// Bytes that there are, where the server says so.
        total: Option<u64>,
    },
    /// Compiling it, or taking it from the cache, and letting it describe itself.
    Compiling {
        /// Its size in bytes.
        size: u64,
    },
}

/// What is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A component.
    Component,
    /// Its signature.
    Signature,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Component => "component",
            Self::Signature => "signature",
        })
    }
}

/// Why there are no bytes.
#[derive(Debug)]
pub(super) struct Unfetched {
    pub(super) failure: Failure,
    /// Whether there is nothing at this place, as far as can be told.
    pub(super) is_absent: bool,
}

impl From<Failure> for Unfetched {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            is_absent: false,
        }
    }
}

/// The bytes of a component or a signature.
pub(super) struct Fetched {
    /// Where they came from, as it is recorded.
    pub(super) source: String,
    /// What the component is called until it has said its name.
    pub(super) label: String,
    /// What deserves attention about where they came from.
    pub(super) warning: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// Reads a component or a signature of at most `most` bytes.
pub(super) async fn fetch(
    project: &Path,
    source: &str,
    kind: Kind,
    most: usize,
    hear: &(dyn Fn(Doing) + Sync),
) -> Result<Fetched, Unfetched> {
    match source.split_once("://") {
        Some(("http" | "https", _)) => from_url(source, kind, most, hear).await,
        Some(("oci", _)) => registry::fetch(source, kind, most, hear).await,
        Some((scheme, _)) => Err(Failure::new(
            Code::ConfigError,
            format!("a {kind} cannot be fetched over `{scheme}`"),
        )
        .next(
            "give the path of a file, an `http` or `https` URL, or `oci://REGISTRY/REPOSITORY:TAG`",
        )
        .into()),
        None => from_file(project, source, kind, most).await,
    }
}

async fn from_file(
    project: &Path,
    source: &str,
    kind: Kind,
    most: usize,
) -> Result<Fetched, Unfetched> {
    let path = project.join(source);
    let shown = path.display().to_string();
    let refused = |message: String| {
        Failure::new(Code::ConfigError, message).next(match kind {
            Kind::Component => "give the path of a component, `….wasm`",
            Kind::Signature => "give the path of a signature, `….minisig`",
        })
    };
    let absent = || Unfetched {
        failure: refused(format!("there is no file `{shown}`")),
        is_absent: true,
    };
    let metadata = match tokio::fs::metadata(&path).await {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(absent());
        }
        Err(error) => return Err(report::io_failure("look at", &path, &error).into()),
    };
    if metadata.is_dir() {
        return Err(refused(format!("`{shown}` is a directory")).into());
    }
    if !metadata.is_file() {
        return Err(refused(format!("`{shown}` is no regular file")).into());
    }
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    if metadata.len() > limit {
        return Err(too_big(&shown, kind, most).into());
    }
    let reading = path.clone();
    let read =
        tokio::task::spawn_blocking(move || chora_model::file::read_capped(&reading, limit)).await;
    let bytes = match read {
        Ok(Ok(Some(bytes))) => bytes,
        Ok(Ok(None)) => return Err(absent()),
        Ok(Err(error)) => return Err(report::file_failure(&error).into()),
        Err(error) => {
            let message = format!("reading `{shown}` did not end: {error}");
            return Err(Failure::new(Code::IoError, message).into());
        }
    };
    // Below the project it is recorded so that it is right in everybody's copy of the project.
    let below = path.strip_prefix(project).ok();
    let source = match below.filter(|_| Path::new(source).is_absolute()) {
        Some(below) => below.display().to_string(),
        None => source.to_owned(),
    };
    let label = path.file_name().unwrap_or_default();
    Ok(Fetched {
        source,
        label: label.to_string_lossy().into_owned(),
        warning: None,
        bytes,
    })
}

async fn from_url(
    source: &str,
    kind: Kind,
    most: usize,
    hear: &(dyn Fn(Doing) + Sync),
) -> Result<Fetched, Unfetched> {
    let url = Url::parse(source).map_err(|error| {
        Failure::new(
            Code::ConfigError,
            format!("`{source}` is no valid URL: {error}"),
        )
        .next("correct it")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(user_information(kind).into());
    }
    let shown = without_query(&url);
    let client = client().map_err(|error| failed(&shown, kind, &error))?;
    hear(Doing::Fetching {
        from: shown.clone(),
        received: 0,
        total: None,
    });
    let fetching = async {
        let response = client
            .get(url.clone())
            .send()
            .await
            .map_err(|error| failed(&shown, kind, &error))?;
        receive(response, &shown, kind, most, hear).await
    };
    let bytes = match tokio::time::timeout(WHOLE, fetching).await {
        Ok(bytes) => bytes?,
        Err(_) => {
            let message = format!("`{shown}` was not fetched within {WHOLE:?}");
            return Err(unfetched(message, kind).into());
        }
    };
    let label = url.path_segments().and_then(|mut parts| parts.next_back());
    Ok(Fetched {
        source: url.to_string(),
        label: label.filter(|label| !label.is_empty()).map_or_else(
            || url.host_str().unwrap_or_default().to_owned(),
            str::to_owned,
        ),
        warning: url.query().map(|_| {
            "its URL has a query, which is recorded for all who can read the project".to_owned()
        }),
        bytes,
    })
}

/// What encrypts connections. Fails when one is installed already, which is as good.
fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn client() -> reqwest::Result<Client> {
    install_tls();
    let redirects = Policy::custom(|attempt| {
        let downgrades = attempt
            .previous()
            .last()
            .is_some_and(|from| from.scheme() == "https" && attempt.url().scheme() != "https");
        if downgrades {
            attempt.error("it redirects from `https` to an address without")
        } else if attempt.previous().len() > REDIRECTS {
            attempt.error(format!("it redirects more than {REDIRECTS} times"))
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .redirect(redirects)
        .connect_timeout(SILENCE)
        .read_timeout(SILENCE)
        .user_agent(USER_AGENT)
        .build()
}

async fn receive(
    response: Response,
    shown: &str,
    kind: Kind,
    most: usize,
    hear: &(dyn Fn(Doing) + Sync),
) -> Result<Vec<u8>, Unfetched> {
    let status = response.status();
    if !status.is_success() {
        return Err(Unfetched {
            failure: unfetched(format!("`{shown}` answered {status}"), kind),
            is_absent: matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE),
        });
    }
    let total = response.content_length();
    let limit = u64::try_from(most).unwrap_or(u64::MAX);
    if total.is_some_and(|total| total > limit) {
        return Err(too_big(shown, kind, most).into());
    }
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| failed(shown, kind, &error))?;
        if bytes.len() + chunk.len() > most {
            return Err(too_big(shown, kind, most).into());
        }
        bytes.extend_from_slice(&chunk);
        hear(Doing::Fetching {
            from: shown.to_owned(),
            received: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            total,
        });
    }
    Ok(bytes)
}

/// The URL as it is shown: a query may hold what opens the door.
fn without_query(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    bare.set_fragment(None);
    bare.to_string()
}

fn failed(shown: &str, kind: Kind, error: &reqwest::Error) -> Failure {
    let mut failure = unfetched(format!("`{shown}` cannot be fetched"), kind);
    failure.details.extend(report::causes(error));
    failure
}

fn user_information(kind: Kind) -> Failure {
    Failure::new(
        Code::ConfigError,
        "the address has user information, which would be recorded for all to see",
    )
    .next(by_other_means(kind))
}

fn unfetched(message: String, kind: Kind) -> Failure {
    Failure::new(Code::FetchFailed, message)
        .next("see to it that the URL is right and its server answers, then run the command again")
        .next(format!("or {}", by_other_means(kind)))
}

fn by_other_means(kind: Kind) -> String {
    let option = match kind {
        Kind::Component => "",
        Kind::Signature => " with `--signature`",
    };
    format!("fetch the {kind} by other means, and give the path of the file{option}")
}

fn too_big(shown: &str, kind: Kind, most: usize) -> Failure {
    let message = format!("`{shown}` has more than {most} bytes, the most that a {kind} may have");
    match kind {
        Kind::Component => Failure::new(Code::PluginInvalid, message)
            .next("build it in release mode, and strip what is not needed to run it"),
        Kind::Signature => Failure::new(Code::PluginUntrusted, message)
            .next("give a signature of minisign, which has four lines"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(source: &str) -> Failure {
        let directory = tempfile::tempdir().unwrap();
        let fetched = fetch(directory.path(), source, Kind::Component, 100, &|_| {}).await;
        fetched.err().unwrap().failure
    }

    #[tokio::test]
    async fn sources_that_are_none_are_named() {
        for (source, why) in [
            ("oci://registry/x:1", "names no registry"),
            ("ftp://host/x.wasm", "over `ftp`"),
            ("file:///x.wasm", "over `file`"),
            ("http://", "no valid URL"),
            ("http://me:hunter2@localhost/x", "user information"),
            ("none.wasm", "there is no file"),
            (".", "is a directory"),
            ("/dev/null", "is no regular file"),
        ] {
            let failure = refused(source).await;
            assert_eq!(failure.code, Code::ConfigError, "{source}");
            assert!(failure.message.contains(why), "{}", failure.message);
            assert!(!failure.message.contains("hunter2"), "{}", failure.message);
            assert!(!failure.next_actions.is_empty(), "{source}");
        }
    }

    #[tokio::test]
    async fn a_file_is_recorded_as_it_was_named_or_relative_to_the_project() {
        let directory = tempfile::tempdir().unwrap();
        let project = directory.path();
        std::fs::write(project.join("x.wasm"), "abc").unwrap();
        let absolute = project.join("x.wasm").display().to_string();
        for (source, recorded) in [("./x.wasm", "./x.wasm"), (&absolute, "x.wasm")] {
            let fetched = fetch(project, source, Kind::Component, 3, &|_| {})
                .await
                .ok()
                .unwrap();
            assert_eq!(
                (fetched.source.as_str(), fetched.label.as_str()),
                (recorded, "x.wasm")
            );
            assert_eq!(fetched.bytes, b"abc");
        }
        let fetched = fetch(project, "x.wasm", Kind::Component, 2, &|_| {}).await;
        let failure = fetched.err().unwrap().failure;
        assert!(failure.message.contains("more than 2 bytes"));
    }

    #[test]
    fn a_query_is_not_shown() {
        let url = Url::parse("https://host/x.wasm?token=abc#d").unwrap();
        assert_eq!(without_query(&url), "https://host/x.wasm");
    }
}
