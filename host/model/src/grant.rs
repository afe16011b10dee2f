//! Grants: what a plugin may ask the host to do, as one line of text that is the same in the configuration, in a plugin's wishes and in a denial.
//!
//! A grant is `CAPABILITY=SCOPE`; the scope is as narrow as the thing itself. [`Grant::parse`] reads one, [`Grant::allows`] answers whether it covers an [`Access`], and
//! [`Access::grant_needed`] writes the narrowest grant that would. Nothing is granted by default.

mod docker;
mod http;
mod image;
mod parse;
mod select;

use url::Position;

use crate::config::Config;

pub use docker::{
    ContainerVerb, DockerAccess, DockerScope, ImageVerb, Namespace, NetworkVerb, VolumeVerb,
    is_kernel_capability, is_plain_path, is_plain_word,
};
pub use http::{HttpScope, Origin};
pub use image::complete_image;
pub use parse::{GrantError, parse_list};
pub use select::Selector;

/// A permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// `services=SELECTOR:VERB+VERB`.
    Services(Selector, Vec<ServiceVerb>),
    /// `health=SELECTOR`.
    Health(Selector),
    /// `http=METHOD+METHOD URL`.
    Http(HttpScope),
    /// `tcp=HOST:PORT` or `tcp=SELECTOR`.
    Tcp(TcpScope),
    /// `credentials=SELECTOR:VERB+VERB`; a selector that begins with `@` means the API keys of those services.
    Credentials(Selector, Vec<CredentialVerb>),
    /// `machine=WHAT+WHAT`.
    Machine(Vec<MachinePart>),
    /// `docker=KIND/PATTERN:VERB+VERB`.
    Docker(DockerScope),
}

/// What may be done with a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceVerb {
    /// See its definition and whether it runs.
    Inspect,
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Stop and forget it.
    Remove,
    /// Read its log.
    Logs,
    /// Run this program in its environment.
    Exec(String),
}

/// What may be done with a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialVerb {
    /// Make it if it is missing.
    Ensure,
    /// Send it as a bearer token, unseen.
    Use,
    /// Read it.
    Reveal,
}

/// A part of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachinePart {
    /// Processors, memory, disk.
    Resources,
    /// Who listens where.
    Ports,
    /// The environment's directories.
    Directories,
    /// The engine.
    Engine,
}

/// Where a TCP connection may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpScope {
    /// One host and port.
    Address(String, u16),
    /// The configured ports of these services, on this machine.
    Services(Selector),
}

/// Something that a plugin is about to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Access<'a> {
    /// A verb on a service.
    Service(&'a str, ServiceVerb),
    /// Health of a service.
    Health(&'a str),
    /// A request. The method is upper case.
    Http(&'a str, &'a url::Url),
    /// A connection.
    Tcp(&'a str, u16),
    /// A verb on a credential.
    Credential(&'a str, CredentialVerb),
    /// A look at, or change of, a part of the machine.
    Machine(MachinePart),
    /// Something on a Docker Engine.
    Docker(DockerAccess<'a>),
}

/// What selectors are resolved against.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The service being probed, for `@target`.
    pub target: Option<&'a str>,
}

impl Grant {
    /// The capability that it is about, which is also the name of the WIT interface.
    pub fn capability(&self) -> &'static str {
        match self {
            Self::Services(..) => "services",
            Self::Health(_) => "health",
            Self::Http(_) => "http",
            Self::Tcp(_) => "tcp",
            Self::Credentials(..) => "credentials",
            Self::Machine(_) => "machine",
            Self::Docker(_) => "docker",
        }
    }

    /// What it allows with what it is about: verbs, methods, parts of the machine. None where that is not told apart.
    pub fn verbs(&self) -> Vec<String> {
        match self {
            Self::Services(_, verbs) => verbs.iter().map(ToString::to_string).collect(),
            Self::Credentials(_, verbs) => verbs.iter().map(ToString::to_string).collect(),
            Self::Machine(parts) => parts.iter().map(ToString::to_string).collect(),
            Self::Http(scope) => scope.methods.clone(),
            Self::Docker(scope) => scope.verbs(),
            Self::Health(_) | Self::Tcp(_) => Vec::new(),
        }
    }

    /// Whether this grant covers the access.
    pub fn allows(&self, access: &Access<'_>, scene: Scene<'_>) -> bool {
        match (self, access) {
            (Self::Services(selector, verbs), Access::Service(name, verb)) => {
                verbs.contains(verb) && selector.selects(name, scene)
            }
            (Self::Health(selector), Access::Health(name)) => selector.selects(name, scene),
            (Self::Http(scope), Access::Http(method, url)) => scope.covers(method, url, scene),
            (Self::Tcp(TcpScope::Address(host, port)), Access::Tcp(to, to_port)) => {
                host.eq_ignore_ascii_case(to) && port == to_port
            }
            (Self::Tcp(TcpScope::Services(selector)), Access::Tcp(to, to_port)) => {
                is_this_machine(to)
                    && scene.config.services.iter().any(|service| {
                        service.port == Some(*to_port) && selector.selects(&service.name, scene)
                    })
            }
            (Self::Credentials(selector, verbs), Access::Credential(name, verb)) => {
                verbs.contains(verb) && selector.selects_credential(name, scene)
            }
            (Self::Machine(parts), Access::Machine(part)) => parts.contains(part),
            (Self::Docker(scope), Access::Docker(access)) => scope.covers(access),
            (
                Self::Services(..)
                | Self::Health(_)
                | Self::Http(_)
                | Self::Tcp(_)
                | Self::Credentials(..)
                | Self::Machine(_)
                | Self::Docker(_),
                _,
            ) => false,
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

impl Access<'_> {
    /// The narrowest grant that would allow this, exactly as it would be written.
    pub fn grant_needed(&self) -> String {
        match self {
            Self::Service(name, verb) => format!("services={name}:{verb}"),
            Self::Health(name) => format!("health={name}"),
            Self::Http(method, url) => format!("http={method} {}", &url[..Position::AfterPath]),
            Self::Tcp(host, port) => format!("tcp={host}:{port}"),
            Self::Credential(name, verb) => format!("credentials={name}:{verb}"),
            Self::Machine(part) => format!("machine={part}"),
            Self::Docker(access) => format!("docker={access}"),
        }
    }
}

/// The grants of one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantSet {
    grants: Vec<Grant>,
    /// The text of each, which the ledger has for every call that it allowed.
    texts: Vec<String>,
}

impl GrantSet {
    /// The grants in their order.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The text of the first grant that covers the access.
    pub fn find(&self, access: &Access<'_>, scene: Scene<'_>) -> Option<&str> {
        let mut each = self.grants.iter().zip(&self.texts);
        let (_, text) = each.find(|(grant, _)| grant.allows(access, scene))?;
        Some(text)
    }
}

impl From<Vec<Grant>> for GrantSet {
    fn from(grants: Vec<Grant>) -> Self {
        let texts = grants.iter().map(ToString::to_string).collect();
        Self { grants, texts }
    }
}

#[cfg(test)]
mod tests;
