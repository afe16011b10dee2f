//! The scope of an HTTP grant: methods, an origin, and a path or path prefix.

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use super::{Scene, Selector};

/// `METHOD+METHOD URL`, where the origin may be a selector (`@role:registry/v1/*`) and a final `*` means any path below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpScope {
    /// Upper-case methods; empty means all.
    pub methods: Vec<String>,
    /// Where to.
    pub origin: Origin,
    /// The path, beginning with `/`.
    pub path: String,
    /// Whether paths that merely begin with `path` are covered too.
    pub prefix: bool,
}

/// Where a request may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Scheme, host and port of a URL.
    Url(Url),
    /// The origins of these services.
    Services(Selector),
}

impl HttpScope {
    /// Whether a request is covered. The URL is normalised already: its parser resolved `..`, percent-encoded dots and the host's spelling.
    pub fn covers(&self, method: &str, url: &Url, scene: Scene<'_>) -> bool {
        let method_fits =
            self.methods.is_empty() || self.methods.iter().any(|allowed| allowed == method);
        let path_fits = if self.prefix {
            url.path().starts_with(&self.path) && stays_below(url.path())
        } else {
            url.path() == self.path
        };
        let nobody = url.username().is_empty() && url.password().is_none();
        method_fits && path_fits && nobody && self.origin_fits(url, scene)
    }

    fn origin_fits(&self, url: &Url, scene: Scene<'_>) -> bool {
        match &self.origin {
            Origin::Url(origin) => same_origin(origin, url),
            Origin::Services(selector) => scene.config.services.iter().any(|service| {
                selector.selects(&service.name, scene)
                    && service
                        .origin()
                        .is_some_and(|origin| same_origin(&origin, url))
            }),
        }
    }
}

/// Whether a path stays below each of its segments also for a server that decodes it once more, takes `\\` for `/`, or leaves out the parameters of a segment: to such a server `/v1/..%2fadmin` and
/// `/v1/..;/admin` are `/admin`. The URL's parser has resolved the plain `..`, so none is left for any other purpose.
fn stays_below(path: &str) -> bool {
    let mut decoded = path.to_owned();
    loop {
        let mut segments = decoded.split(['/', '\\']);
        if segments.any(|segment| segment.split(';').next() == Some("..")) {
            return false;
        }
        let once = percent_decode_str(&decoded).decode_utf8_lossy();
        if once == decoded {
            return true;
        }
        decoded = once.into_owned();
    }
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

impl std::fmt::Display for HttpScope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.methods.is_empty() {
            f.write_str("* ")?;
        } else {
            write!(f, "{} ", self.methods.join("+"))?;
        }
        match &self.origin {
            Origin::Url(url) => f.write_str(&url[..Position::BeforePath])?,
            Origin::Services(selector) => write!(f, "{selector}")?,
        }
        write!(f, "{}{}", self.path, if self.prefix { "*" } else { "" })
    }
}
