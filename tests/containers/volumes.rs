//! Named volumes: kept unless they are asked for, and nothing else is left.

use std::collections::HashMap;

use bollard::query_parameters::ListVolumesOptionsBuilder;

use crate::docker::{ask, made_for, networks};
use crate::shells::project;
use crate::support::Ecosystem;

fn volumes(ecosystem: &Ecosystem) -> usize {
    let directory = ecosystem.path().canonicalize().expect("a directory");
    let label = format!("dev.chora.project={}", directory.display());
    let listed = ask(async |docker| {
        let options = ListVolumesOptionsBuilder::default()
            .filters(&HashMap::from([("label", vec![label.as_str()])]))
            .build();
        docker.list_volumes(Some(options)).await.expect("a list")
    });
    listed.volumes.unwrap_or_default().len()
}

#[test]
fn a_volume_outlives_rollback_and_reset_until_it_is_asked_for() {
    let config =
        "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n";
    // It tells the second time that it finds what it wrote the first time.
    let lines = "command: [sh, -c, \"test -f /hold/cargo && echo found it; echo > /hold/cargo; exec sleep 1000\"]\nvolumes: [\"hold:/hold\"]";
    let ecosystem = project(config, &[("ship", lines)], "volumes: {hold: {}}\n");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(volumes(&ecosystem), 1);

    let back = ["rollback", "--to-phase", "0", "--keep-data", "--force"];
    for command in [&back[..], &["reset", "--force"]] {
        ecosystem.chora(command).exits(0);
        assert!(made_for(&ecosystem).is_empty());
        assert_eq!((networks(&ecosystem), volumes(&ecosystem)), (0, 1));
        ecosystem.chora(&["bootstrap"]).exits(0);
        let mut log = ecosystem.told(&["logs", "ship", "--follow"]);
        log.until("found it");
    }

    ecosystem.chora(&["reset", "--force", "--volumes"]).exits(0);
    assert!(made_for(&ecosystem).is_empty());
    assert_eq!((networks(&ecosystem), volumes(&ecosystem)), (0, 0));
}
