//! Fuzz targets for what strangers write: components, URLs and grants.
//!
//! `cargo test` runs each for a few seconds with random inputs. With [cargo-bolero](https://camshaft.github.io/bolero) the same targets run under libFuzzer for as long as one likes:
//! `cargo bolero test -p chora-plugin-host --test fuzz urls::…`.

#[cfg(test)]
mod components;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod pieces;
#[cfg(test)]
mod urls;

/// How long each target goes on in `cargo test`, unless BOLERO_RANDOM_TEST_TIME_MS says otherwise.
#[cfg(test)]
const BOUND: std::time::Duration = std::time::Duration::from_secs(5);

/// A configuration with one service.
#[cfg(test)]
fn config() -> chora_model::config::Config {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join(".chora")).unwrap();
    std::fs::write(
        directory.path().join(".chora/bootstrap-config.yml"),
        "services:\n  - {name: db, phase: 1, command: [sleep, \"1\"], port: 5432, health_endpoint: \"http://localhost:8800/health\"}\n",
    )
    .unwrap();
    let source = chora_model::config::Source {
        project: directory.path().to_owned(),
        ..chora_model::config::Source::default()
    };
    chora_model::config::load(&source).unwrap().config
}
