//! From one engine to the other: what a service kept is there.

use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::Path;

use crate::support::Ecosystem;

/// Root's process keeps its data as root, and a container of root's is another user.
#[test]
fn what_a_process_kept_is_there_for_the_container_and_the_other_way_round() {
    let ecosystem = Ecosystem::with_config(|ports| {
        let port = ports.of("manifest");
        format!(
            "services:\n  - name: manifest\n    phase: 1\n    command: [chora, serve, manifest]\n    docker_compose: compose/docker-compose.manifest.yml\n    port: {port}\n    health_endpoint: http://localhost:{port}/health\n"
        )
    });
    let kept = ecosystem.home().join("data/manifest/below/kept");
    for engine in ["process", "docker", "process", "docker"] {
        ecosystem.chora(&["bootstrap", "--engine", engine]).exits(0);
        std::fs::create_dir_all(kept.parent().expect("a directory")).expect("a directory");
        std::fs::write(&kept, engine).expect("a file");
        ecosystem.chora(&["reset", "--force"]).exits(0);
    }
    let owner = |path: &Path| path.metadata().expect("a file").uid();
    let database = ecosystem.home().join("data/manifest/manifest.db");
    let elsewhere = ecosystem.path().join("elsewhere");
    std::fs::write(&elsewhere, "not a service's").expect("a file");
    let before = owner(&elsewhere);
    symlink(&elsewhere, kept.with_file_name("link")).expect("a link");
    ecosystem
        .chora(&["bootstrap", "--engine", "docker"])
        .exits(0);
    assert_eq!(owner(&kept), owner(&database));
    assert_eq!(owner(&elsewhere), before);
}
