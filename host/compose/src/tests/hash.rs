//! The digest of a service's definition.

use crate::config_hash;
use proptest::prelude::*;

use super::{web, web_of, with};

const BASE: &str = "    command: [run]\n    environment: {A: '1', B: '2'}\n    labels: {l: '1'}\n";

#[test]
fn the_order_and_the_form_of_what_is_written_do_not_matter() {
    let other = "    labels: [l=1]\n    environment: [B=2, A=1]\n    command: run\n";
    assert_eq!(config_hash(&web(BASE)), config_hash(&web(other)));
    assert_eq!(config_hash(&web(BASE)).len(), 64);
}

#[test]
fn what_only_says_how_it_comes_about_does_not_matter() {
    let plain = config_hash(&web(BASE));
    for more in [
        "    build: .\n",
        "    pull_policy: always\n",
        "    profiles: [debug]\n",
        "    depends_on: [db]\n  db: {image: db}\n",
        "    scale: 1\n",
        "    x-note: hello\n",
    ] {
        let text = with(&format!("{BASE}{more}"));
        assert_eq!(config_hash(&web_of(&[&text])), plain, "{more}");
    }
}

#[test]
fn every_key_that_reaches_the_container_matters() {
    let mut seen = vec![(String::new(), config_hash(&web(BASE)))];
    for key in [
        "annotations: {a: b}",
        "cap_add: [NET_ADMIN]",
        "cap_drop: [ALL]",
        "cgroup: private",
        "cgroup_parent: x",
        "container_name: named",
        "cpu_shares: 5",
        "cpus: 0.5",
        "cpuset: '0'",
        "devices: [/dev/null]",
        "dns: 1.1.1.1",
        "dns_opt: [ndots:2]",
        "dns_search: example.com",
        "domainname: d",
        "entrypoint: [x]",
        "entrypoint: []",
        "expose: [80]",
        "extra_hosts: [a=1.1.1.1]",
        "group_add: [5]",
        "healthcheck: {interval: 3s}",
        "healthcheck: {interval: 4s}",
        "healthcheck: {disable: true}",
        "hostname: h",
        "init: true",
        "init: false",
        "ipc: private",
        "logging: {driver: none}",
        "mac_address: 02:42:ac:11:65:43",
        "mem_limit: 5m",
        "mem_reservation: 5m",
        "memswap_limit: 5m",
        "mem_swappiness: 5",
        "network_mode: none",
        "networks: {default: {aliases: [x]}}",
        "oom_kill_disable: true",
        "oom_score_adj: 5",
        "pid: host",
        "pids_limit: 5",
        "platform: linux/amd64",
        "ports: [80]",
        "ports: ['80:80']",
        "ports: ['127.0.0.1:80:80']",
        "privileged: true",
        "read_only: true",
        "restart: always",
        "restart: on-failure:2",
        "runtime: runc",
        "security_opt: [x]",
        "shm_size: 5m",
        "stdin_open: true",
        "stop_grace_period: 5s",
        "stop_signal: SIGINT",
        "storage_opt: {size: 1G}",
        "sysctls: {a: 1}",
        "tmpfs: /run",
        "tmpfs: /run:size=1m",
        "tty: true",
        "ulimits: {nofile: 5}",
        "user: '5'",
        "userns_mode: host",
        "uts: host",
        "volumes: [/a:/b]",
        "volumes: [/a:/b:ro]",
        "volumes: [/b]",
        "working_dir: /w",
        "blkio_config: {weight: 100}",
        "device_cgroup_rules: ['c 1:3 mr']",
        "deploy: {resources: {reservations: {cpus: 1}}}",
    ] {
        let hash = config_hash(&web(&format!("{BASE}    {key}\n")));
        for (other, known) in &seen {
            assert_ne!(&hash, known, "`{key}` and `{other}` have one digest");
        }
        seen.push((key.to_owned(), hash));
    }
}

proptest! {
    #[test]
    fn a_changed_variable_changes_the_digest_and_order_does_not(
        values in prop::collection::btree_map("[A-Z]{1,6}", "[ -~&&[^$]]{0,12}", 1..6),
        changed in "[ -~&&[^$]]{0,12}",
    ) {
        let text = |values: &[(String, String)]| {
            let lines = values.iter().map(|(key, value)| {
                format!("      {key}: {}\n", serde_json::to_string(value).unwrap())
            });
            with(&format!("    environment:\n{}", lines.collect::<String>()))
        };
        let mut pairs: Vec<(String, String)> = values.into_iter().collect();
        let hash = config_hash(&web_of(&[&text(&pairs)]));
        pairs.reverse();
        prop_assert_eq!(&hash, &config_hash(&web_of(&[&text(&pairs)])));
        let same = pairs[0].1 == changed;
        pairs[0].1 = changed;
        prop_assert_eq!(hash == config_hash(&web_of(&[&text(&pairs)])), same);
    }
}
