//! The parts of an image's name that chora has to know.

/// The registry that everybody means who names none.
const HUB: &str = "docker.io";

/// The registry that a reference goes to.
pub(super) fn registry(reference: &str) -> &str {
    match reference.split_once('/') {
        // Without a dot or a port it is a user of the Docker Hub.
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => HUB,
    }
}

/// The name under which logins for a registry are kept; the Docker Hub's is historical.
pub(super) fn login_name(registry: &str) -> &str {
    match registry {
        HUB | "index.docker.io" | "registry-1.docker.io" => "https://index.docker.io/v1/",
        other => other,
    }
}

/// The repository and the tag of a reference; `latest` is what stands for none, and a digest is not a tag.
pub(super) fn split(reference: &str) -> (&str, Option<&str>) {
    if let Some((name, _)) = reference.split_once('@') {
        return (name, None);
    }
    match reference.rsplit_once(':') {
        // A `/` behind it makes it the colon of a port.
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (reference, Some("latest")),
    }
}

#[cfg(test)]
mod tests {
    use super::{login_name, registry, split};

    #[test]
    fn a_registry_has_a_dot_or_a_port_or_is_localhost() {
        for (reference, expected) in [
            ("redis", "docker.io"),
            ("chora/manifest:1.0.0", "docker.io"),
            ("localhost/a", "localhost"),
            ("localhost:5000/a/b:1", "localhost:5000"),
            ("quay.io/a/b@sha256:00", "quay.io"),
        ] {
            assert_eq!(registry(reference), expected, "{reference}");
        }
    }

    #[test]
    fn logins_for_the_hub_are_kept_under_its_old_name() {
        assert_eq!(login_name("docker.io"), "https://index.docker.io/v1/");
        assert_eq!(login_name("quay.io"), "quay.io");
    }

    #[test]
    fn a_tag_is_told_from_a_port_and_from_a_digest() {
        for (reference, expected) in [
            ("redis", ("redis", Some("latest"))),
            ("chora/manifest:1.0.0", ("chora/manifest", Some("1.0.0"))),
            ("localhost:5000/a", ("localhost:5000/a", Some("latest"))),
            ("a/b@sha256:00", ("a/b", None)),
        ] {
            assert_eq!(split(reference), expected, "{reference}");
        }
    }
}
