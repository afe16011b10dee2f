//! What the Compose project of an environment is called.

use std::path::Path;

use chora_model::config::Config;
use chora_model::layout::Layout;

use super::connection::Endpoint;
use super::project::{Variables, file_of, variables};
use crate::{compose_files, compose_variables};

/// The variable of Compose that names a project.
pub(super) const VARIABLE: &str = "COMPOSE_PROJECT_NAME";
/// The environment whose name is not part of its project's.
const PLAIN: &str = "dev";

/// The name of an environment's project by Compose's rules: `COMPOSE_PROJECT_NAME` of this process or of `.env`, else the `name` of the last Compose file that has one, else one made of the
/// directory. Environments other than `dev` have theirs at its end, so that each has containers of its own.
///
/// What is wrong with a file, or with the name, is told when the files are read.
pub fn project_name(layout: &Layout, endpoint: &Endpoint, config: &Config) -> String {
    let mut own = variables(layout, endpoint);
    own.extend(compose_variables(config));
    let variables = Variables::lenient(&layout.project, own);
    let lookup = |name: &str| variables.get(name);
    let files = compose_files(config).into_iter();
    let files: Vec<_> = files
        .filter_map(|path| file_of(&layout.project, &layout.project.join(path)).ok())
        .collect();
    let set = lookup(VARIABLE).filter(|name| !name.is_empty());
    let named = set.or_else(|| chora_compose::name(&files, &lookup));
    let proper = named.map(|name| chora_compose::project_name(&name));
    match proper.filter(|name| !name.is_empty()) {
        Some(name) => with_environment(name, &layout.environment),
        None => default_name(&layout.project, &layout.environment),
    }
}

/// `chora-<directory>`, and `-<environment>` unless that is `dev`, in the characters that Compose allows.
pub(super) fn default_name(directory: &Path, environment: &str) -> String {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    let name = chora_compose::project_name(&format!("chora-{name}"));
    with_environment(name, environment)
}

fn with_environment(mut name: String, environment: &str) -> String {
    let end = format!("-{environment}");
    if environment != PLAIN && !name.ends_with(&end) {
        name.push_str(&end);
    }
    name.truncate(name.trim_end_matches(['-', '_']).len());
    name
}

#[cfg(test)]
mod tests {
    use chora_model::config::{Source, check_text};

    use super::*;

    #[test]
    fn a_project_is_named_after_its_directory_and_environment() {
        let name = |path: &str, environment| default_name(Path::new(path), environment);
        assert_eq!(name("/a/Shop Front_2", "dev"), "chora-shopfront_2");
        assert_eq!(name("/a/shop", "staging"), "chora-shop-staging");
        assert_eq!(name("/", "dev"), "chora");
    }

    /// A project whose one Compose file and `.env` say this, in an environment.
    fn named(file: &str, env: &str, environment: &str) -> String {
        let folder = tempfile::Builder::new().prefix("shop").tempdir().unwrap();
        std::fs::write(folder.path().join("web.yml"), file).unwrap();
        std::fs::write(folder.path().join(".env"), env).unwrap();
        let text = "services:\n  - {name: web, phase: 1, port: 8080, docker_compose: web.yml}\n";
        let config = check_text(text, Path::new("c.yml"), &Source::default()).unwrap();
        let layout = Layout::new(folder.path(), environment, true);
        let name = project_name(&layout, &Endpoint::socket(Path::new("/none")), &config);
        let directory = folder.path().file_name().unwrap().to_string_lossy();
        let directory = chora_compose::project_name(&directory);
        name.replace(&directory, "DIRECTORY")
    }

    #[test]
    fn the_variable_stands_over_the_files_and_both_over_the_directory() {
        for (file, env, environment, expected) in [
            ("services: {}", "", "dev", "chora-DIRECTORY"),
            ("services: {}", "", "ci", "chora-DIRECTORY-ci"),
            ("name: harbour", "", "dev", "harbour"),
            ("name: harbour", "", "ci", "harbour-ci"),
            ("name: harbour-${CHORA_ENVIRONMENT}", "", "ci", "harbour-ci"),
            ("name: port-${CHORA_PORT_WEB}", "", "dev", "port-8080"),
            ("name: ${TOWN:-quay}", "TOWN=pier", "dev", "pier"),
            ("name: harbour", "COMPOSE_PROJECT_NAME=pier", "dev", "pier"),
            (
                "name: harbour",
                "COMPOSE_PROJECT_NAME=pier",
                "ci",
                "pier-ci",
            ),
            ("name: harbour", "COMPOSE_PROJECT_NAME=", "dev", "harbour"),
            // What is wrong is told elsewhere.
            ("name: [", "", "dev", "chora-DIRECTORY"),
            ("name: ${", "", "dev", "chora-DIRECTORY"),
            ("name: harbour", "=", "dev", "harbour"),
        ] {
            assert_eq!(named(file, env, environment), expected, "{file} {env}");
        }
    }
}
