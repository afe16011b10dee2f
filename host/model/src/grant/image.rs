//! Names of container images, and patterns of them.
//!
//! **Invariant:** a pattern never leaves the registry that it names. `postgres*` means the Docker Hub's images of such names, and not those of a registry `postgres.example.org`.

use super::select::matches_pattern;

/// The registry that everybody means who names none.
const HUB: &str = "docker.io";
/// The longest name that is taken, in bytes.
const LONGEST: usize = 255;

/// The name with its tag, `latest` where it has neither tag nor digest; absent when it is no name. An id is none: what was granted by name must not be reached by another.
pub fn complete_image(name: &str) -> Option<String> {
    let (rest, digest) = match name.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (name, None),
    };
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let proper = digest.is_none_or(|digest| digest.strip_prefix("sha256:").is_some_and(hex));
    let (repository, tag) = tag_of(rest);
    if !proper
        || name.len() > LONGEST
        || !is_repository(repository)
        || tag.is_some_and(|tag| !is_tag(tag))
        || repository == "sha256"
    {
        return None;
    }
    Some(match (tag, digest) {
        (None, None) => format!("{name}:latest"),
        (Some(_), _) | (_, Some(_)) => name.to_owned(),
    })
}

/// A tag has no `/` behind its colon; a port has.
fn tag_of(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    }
}

fn is_tag(tag: &str) -> bool {
    tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && tag
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_repository(repository: &str) -> bool {
    let (host, path) = match repository.split_once('/') {
        Some((first, path)) if is_registry(first) => (Some(first), path),
        _ => (None, repository),
    };
    let in_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    let in_path = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && part.chars().all(in_path)
    };
    // `..` would lead elsewhere in the engine's API.
    let is_host = |host: &str| {
        host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.chars().all(in_host)
    };
    host.is_none_or(is_host) && path.split('/').all(part)
}

/// Without a dot or a port it is a user of the Docker Hub.
fn is_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

/// Whether a text can be a pattern of image names.
pub(super) fn is_image_pattern(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "._/:@*-".contains(c);
    !text.is_empty() && text.len() <= LONGEST && text.chars().all(known)
}

/// Whether a pattern covers a name.
pub(super) fn covers_image(pattern: &str, name: &str) -> bool {
    complete_image(name).is_some_and(|name| includes_image(pattern, &name))
}

/// Whether a pattern covers everything that another does. A `*` of the other is covered only by a `*`, so its text stands for all that it covers.
pub(super) fn includes_image(pattern: &str, other: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let ((registry, path), (wanted, pattern)) = (whole(other), whole(pattern));
    other != "*" && matches_pattern(&wanted, &registry) && matches_pattern(&pattern, &path)
}

/// Registry and path, both said, with a tag.
fn whole(name: &str) -> (String, String) {
    let (registry, path) = match name.split_once('/') {
        Some(("index.docker.io", path)) => (HUB, path),
        Some((first, path)) if is_registry(first) => (first, path),
        _ => (HUB, name),
    };
    // The Docker Hub's own images have a user that nobody writes.
    let mut path = if registry == HUB && !path.contains('/') {
        format!("library/{path}")
    } else {
        path.to_owned()
    };
    let tagged = path.contains('@') || tag_of(&path).1.is_some();
    // No tag means `latest`, unless a pattern is open at its end.
    if !tagged && !path.ends_with('*') {
        path.push_str(":latest");
    }
    (registry.to_owned(), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_completed_and_an_id_is_none() {
        let digest = format!("postgres@sha256:{}", "0a".repeat(32));
        for (name, whole) in [
            ("postgres", "postgres:latest"),
            ("chora/manifest:1.0.0", "chora/manifest:1.0.0"),
            ("localhost:5000/a", "localhost:5000/a:latest"),
            (&digest, &digest),
            // An id it would be without the tag.
            ("deadbeef", "deadbeef:latest"),
        ] {
            assert_eq!(complete_image(name).as_deref(), Some(whole), "{name}");
        }
        let id = format!("sha256:{}", "0a".repeat(32));
        for name in [
            "",
            "/a",
            "a//b",
            "a/../b",
            "../a",
            "./a",
            "localhost/../a",
            "a.b/..",
            "Postgres",
            "a:b:c",
            "a b",
            "a:(b)",
            "a:",
            "a@sha256:00",
            &id,
            &"a".repeat(256),
        ] {
            assert_eq!(complete_image(name), None, "{name}");
        }
    }

    #[test]
    fn a_pattern_stays_in_its_registry() {
        for (pattern, name) in [
            ("postgres", "postgres"),
            ("postgres", "postgres:latest"),
            ("postgres", "docker.io/library/postgres"),
            ("docker.io/library/postgres:16", "postgres:16"),
            ("postgres:*", "postgres:16"),
            ("library/*", "postgres:16"),
            ("chora/*", "chora/manifest:1.0.0"),
            ("chora/*", "index.docker.io/chora/manifest:1.0.0"),
            ("quay.io/*", "quay.io/a/b:1"),
            ("*.example.org/a", "one.example.org/a"),
            ("localhost:5000/a:1", "localhost:5000/a:1"),
            ("chora/*/a", "chora/b/a"),
            ("*", "quay.io/a/b:1"),
        ] {
            assert!(covers_image(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("postgres", "postgres:16"),
            ("chora/*/a", "chora/b/a:16"),
            ("postgres*", "postgres.example.org/a"),
            ("postgres*", "postgres/a"),
            ("library/*", "chora/manifest:1.0.0"),
            ("*/manifest:*", "quay.io/manifest:1"),
            ("chora/*", "quay.io/chora/manifest:1.0.0"),
            ("quay.io/*", "quay.io.example.org/a"),
            ("localhost/*", "localhost:5000/a"),
            ("*", "not a name"),
        ] {
            assert!(!covers_image(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_includes_what_is_narrower() {
        for (pattern, other, includes) in [
            ("*", "*", true),
            ("*", "chora/*", true),
            ("chora/*", "*", false),
            ("chora/*", "chora/a:*", true),
            ("chora/a:*", "chora/*", false),
            ("chora/a", "chora/a:latest", true),
            ("postgres*", "postgres:16", true),
            ("postgres*", "postgres.example.org/*", false),
            ("quay.io/*", "quay.io/a*", true),
            ("*.io/a", "quay.io/a", true),
        ] {
            assert_eq!(
                includes_image(pattern, other),
                includes,
                "{pattern} {other}"
            );
        }
    }
}
