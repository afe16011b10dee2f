//! Reading and writing grants.

use url::Url;

use super::http::Origin;
use super::{
    Access, CredentialVerb, Grant, HttpScope, MachinePart, Selector, ServiceVerb, TcpScope, docker,
    is_plain_word,
};
use crate::text::is_hidden;

/// Why a line is no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// There is no `=`.
    #[error(
        "`{0}` is no grant: it has the form `CAPABILITY=SCOPE`, for example `services=analyzer:start+stop`"
    )]
    NoScope(String),
    /// The capability does not exist.
    #[error("`{0}` is no capability{hint}", hint = nearest(.0, CAPABILITIES))]
    UnknownCapability(String),
    /// The verb does not exist.
    #[error("`{verb}` is nothing that `{capability}` can be granted for; it knows {known}")]
    UnknownVerb {
        /// The capability.
        capability: &'static str,
        /// What was written.
        verb: String,
        /// What could be.
        known: &'static str,
    },
    /// The scope is malformed.
    #[error("the scope of `{grant}` is malformed: {reason}")]
    Malformed {
        /// The whole grant.
        grant: String,
        /// What is wrong.
        reason: &'static str,
    },
}

const CAPABILITIES: &[&str] = &[
    "services",
    "health",
    "http",
    "tcp",
    "credentials",
    "machine",
    "docker",
];
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

fn nearest(word: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_else(|| format!("; there are `{}`", known.join("`, `")))
}

impl Grant {
    /// Reads a grant such as `http=GET @role:registry/v1/services/*`.
    pub fn parse(text: &str) -> Result<Self, GrantError> {
        let malformed = |reason| GrantError::Malformed {
            grant: text.to_owned(),
            reason,
        };
        // A grant is read by who decides over it.
        if text.chars().any(is_hidden) {
            return Err(malformed("it has characters that nobody would see"));
        }
        let Some((capability, scope)) = text.split_once('=') else {
            return Err(GrantError::NoScope(text.to_owned()));
        };
        if scope.is_empty() {
            return Err(malformed("nothing stands after the `=`"));
        }
        match capability {
            "services" => {
                let (selector, verbs) =
                    service_scope(scope).ok_or_else(|| malformed("it is `SERVICE:VERB+VERB`"))?;
                let selector = selector_of(selector).map_err(malformed)?;
                let verbs = verbs
                    .into_iter()
                    .map(service_verb)
                    .collect::<Result<_, _>>()?;
                Ok(Self::Services(selector, verbs))
            }
            "health" => Ok(Self::Health(selector_of(scope).map_err(malformed)?)),
            "http" => http_scope(scope).map(Self::Http).map_err(malformed),
            "tcp" => tcp_scope(scope).map(Self::Tcp).map_err(malformed),
            "credentials" => {
                let (selector, verbs) = scope
                    .rsplit_once(':')
                    .ok_or_else(|| malformed("it is `NAME:VERB+VERB`"))?;
                let selector = selector_of(selector).map_err(malformed)?;
                let verbs = verbs
                    .split('+')
                    .map(credential_verb)
                    .collect::<Result<_, _>>()?;
                Ok(Self::Credentials(selector, verbs))
            }
            "machine" => scope
                .split('+')
                .map(machine_part)
                .collect::<Result<_, _>>()
                .map(Self::Machine),
            "docker" => docker::parse::scope(scope, malformed).map(Self::Docker),
            other => Err(GrantError::UnknownCapability(other.to_owned())),
        }
    }
}

/// The grants of a list such as `health=db,services=db:start`. A comma belongs to a grant unless the next one begins behind it.
///
/// # Errors
/// Of the first that is no grant.
pub fn parse_list(text: &str) -> Result<Vec<Grant>, GrantError> {
    let begins = |rest: &str| {
        let capability = rest.split_once('=').map(|(capability, _)| capability);
        capability
            .is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()))
    };
    let mut grants: Vec<String> = Vec::new();
    for part in text.split(',') {
        match grants.last_mut() {
            Some(last) if !begins(part.trim_start()) => {
                last.push(',');
                last.push_str(part);
            }
            Some(_) | None => grants.push(part.trim_start().to_owned()),
        }
    }
    grants.iter().map(|grant| Grant::parse(grant)).collect()
}

/// A selector and its verbs. A program's name, between parentheses, may hold `:` and `+` itself.
fn service_scope(scope: &str) -> Option<(&str, Vec<&str>)> {
    let before = scope.split_once('(').map_or(scope, |(before, _)| before);
    let (selector, _) = before.rsplit_once(':')?;
    let verbs = scope.get(selector.len() + 1..)?;
    Some((selector, split_verbs(verbs)))
}

/// The verbs of `VERB+VERB`. A `+` between parentheses is a part of a verb.
pub(super) fn split_verbs(verbs: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    let split = verbs.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == '+' && depth == 0
    });
    split.collect()
}

fn selector_of(text: &str) -> Result<Selector, &'static str> {
    match text.strip_prefix('@') {
        None if text.is_empty() => Err("a name or pattern is missing"),
        None if text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_*".contains(c)) =>
        {
            Ok(Selector::Name(text.to_owned()))
        }
        None => Err("names have lower-case letters, digits, `-`, `_`, and `*` as a wildcard"),
        Some("deployed") => Ok(Selector::Deployed),
        Some("target") => Ok(Selector::Target),
        Some(place) => {
            if let Some(phase) = place.strip_prefix("phase:") {
                match phase.parse() {
                    Ok(phase @ 0..=4) => Ok(Selector::Phase(phase)),
                    Ok(_) | Err(_) => Err("phases are numbered 0 to 4"),
                }
            } else if let Some(role) = place.strip_prefix("role:") {
                let is_plain =
                    |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c);
                if role.is_empty() {
                    Err("the role is missing")
                } else if role.chars().all(is_plain) {
                    Ok(Selector::Role(role.to_owned()))
                } else {
                    Err("roles have lower-case letters, digits, `-` and `_`")
                }
            } else {
                Err("after `@` stands `phase:N`, `role:ROLE`, `deployed` or `target`")
            }
        }
    }
}

fn service_verb(text: &str) -> Result<ServiceVerb, GrantError> {
    match text {
        "inspect" => Ok(ServiceVerb::Inspect),
        "start" => Ok(ServiceVerb::Start),
        "stop" => Ok(ServiceVerb::Stop),
        "remove" => Ok(ServiceVerb::Remove),
        "logs" => Ok(ServiceVerb::Logs),
        other => other
            .strip_prefix("exec(")
            .and_then(|rest| rest.strip_suffix(')'))
            .filter(|program| is_plain_word(program))
            .map(|program| ServiceVerb::Exec(program.to_owned()))
            .ok_or_else(|| GrantError::UnknownVerb {
                capability: "services",
                verb: other.to_owned(),
                known: "`inspect`, `start`, `stop`, `remove`, `logs` and `exec(PROGRAM)`",
            }),
    }
}

fn credential_verb(text: &str) -> Result<CredentialVerb, GrantError> {
    match text {
        "ensure" => Ok(CredentialVerb::Ensure),
        "use" => Ok(CredentialVerb::Use),
        "reveal" => Ok(CredentialVerb::Reveal),
        other => Err(GrantError::UnknownVerb {
            capability: "credentials",
            verb: other.to_owned(),
            known: "`ensure`, `use` and `reveal`",
        }),
    }
}

fn machine_part(text: &str) -> Result<MachinePart, GrantError> {
    match text {
        "resources" => Ok(MachinePart::Resources),
        "ports" => Ok(MachinePart::Ports),
        "directories" => Ok(MachinePart::Directories),
        "engine" => Ok(MachinePart::Engine),
        other => Err(GrantError::UnknownVerb {
            capability: "machine",
            verb: other.to_owned(),
            known: "`resources`, `ports`, `directories` and `engine`",
        }),
    }
}

fn http_scope(scope: &str) -> Result<HttpScope, &'static str> {
    let (methods, place) = scope
        .split_once(' ')
        .ok_or("it is `METHOD URL`, for example `GET http://localhost:8800/*`")?;
    let methods: Vec<String> = match methods {
        "*" => Vec::new(),
        listed => listed.split('+').map(str::to_owned).collect(),
    };
    if methods
        .iter()
        .any(|method| !METHODS.contains(&method.as_str()))
    {
        return Err("methods are GET, HEAD, POST, PUT, PATCH, DELETE, or `*` for all");
    }
    let (place, prefix) = match place.strip_suffix('*') {
        Some(place) => (place, true),
        None => (place, false),
    };
    if place.contains('*') {
        return Err("a `*` may stand only at the end of the path");
    }
    if place.starts_with('@') {
        let (selector, path) = place
            .find('/')
            .and_then(|at| place.split_at_checked(at))
            .ok_or("a path such as `/*` is missing")?;
        return Ok(HttpScope {
            methods,
            origin: Origin::Services(selector_of(selector)?),
            path: path.to_owned(),
            prefix,
        });
    }
    let url = Url::parse(place).map_err(|_| "the URL is not valid")?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("the URL is an absolute `http` or `https` one");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
        return Err("the URL has no user information and no query");
    }
    // `http://host:80*` would otherwise cover `http://host:8080`, once the pattern's `*` were taken for part of the port.
    let after_scheme = place.split_once("://").map_or("", |(_, rest)| rest);
    if !after_scheme.contains('/') {
        return Err("a path such as `/*` is missing");
    }
    Ok(HttpScope {
        methods,
        path: url.path().to_owned(),
        origin: Origin::Url(url),
        prefix,
    })
}

fn tcp_scope(scope: &str) -> Result<TcpScope, &'static str> {
    if scope.starts_with('@') {
        return selector_of(scope).map(TcpScope::Services);
    }
    let (host, port) = scope.rsplit_once(':').ok_or("it is `HOST:PORT`")?;
    let port = port
        .parse()
        .map_err(|_| "the port is a number up to 65535")?;
    if host.is_empty() {
        return Err("the host is missing");
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.parse::<std::net::IpAddr>().is_err() && !host.chars().all(is_plain) {
        return Err(
            "the host is an address, or a name of letters, digits, `.`, `-` and `_`; other names are written in their ASCII form (`xn--…`)",
        );
    }
    Ok(TcpScope::Address(host.to_owned(), port))
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Services(selector, verbs) => write!(f, "services={selector}:{}", plus(verbs)),
            Self::Health(selector) => write!(f, "health={selector}"),
            Self::Http(scope) => write!(f, "http={scope}"),
            Self::Tcp(TcpScope::Address(host, port)) => write!(f, "tcp={host}:{port}"),
            Self::Tcp(TcpScope::Services(selector)) => write!(f, "tcp={selector}"),
            Self::Credentials(selector, verbs) => {
                write!(f, "credentials={selector}:{}", plus(verbs))
            }
            Self::Machine(parts) => write!(f, "machine={}", plus(parts)),
            Self::Docker(scope) => write!(f, "docker={scope}"),
        }
    }
}

pub(super) fn plus(words: &[impl ToString]) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    words.join("+")
}

impl std::fmt::Display for ServiceVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inspect => f.write_str("inspect"),
            Self::Start => f.write_str("start"),
            Self::Stop => f.write_str("stop"),
            Self::Remove => f.write_str("remove"),
            Self::Logs => f.write_str("logs"),
            Self::Exec(program) => write!(f, "exec({program})"),
        }
    }
}

impl std::fmt::Display for CredentialVerb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ensure => "ensure",
            Self::Use => "use",
            Self::Reveal => "reveal",
        })
    }
}

impl std::fmt::Display for MachinePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resources => "resources",
            Self::Ports => "ports",
            Self::Directories => "directories",
            Self::Engine => "engine",
        })
    }
}

impl std::fmt::Display for Access<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.grant_needed())
    }
}
