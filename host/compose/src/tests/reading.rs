//! What the keys are read as.

use std::time::Duration;

use crate::{
    Condition, HealthTest, MountKind, NetworkMode, PortRange, Propagation, Protocol, PullPolicy,
    Restart, project_name,
};

use proptest::prelude::*;

use super::{load_all, warnings, web, web_of, with};

const FULL: &str = include_str!("full.yml");

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_damage_to_a_file_makes_it_panic(
        line in 0..FULL.lines().count(),
        other in 0..FULL.lines().count(),
        junk in "[-{}\\[\\]:,!&*#|>'\"%@0-9a-z \n$]{0,8}",
    ) {
        let mut lines: Vec<&str> = FULL.lines().collect();
        lines.swap(line, other);
        let damaged = lines.remove(line);
        let half = damaged.char_indices().nth(damaged.chars().count() / 2);
        let (head, tail) = damaged.split_at(half.map_or(0, |(at, _)| at));
        let text = format!("{head}{junk}{tail}");
        lines.insert(line, &text);
        let text = lines.join("\n");
        let _ = load_all(&[&text, FULL]);
        let _ = load_all(&[FULL, &text]);
    }
}

#[test]
fn a_service_alone_joins_the_default_network_of_its_project() {
    let project = load_all(&[&with("")]).unwrap().project;
    assert_eq!(project.name, "demo1");
    assert_eq!(project.services["web"].networks.len(), 1);
    assert_eq!(project.networks["default"].name, "demo1_default");
    assert_eq!(project.volumes.len(), 0);
}

#[test]
fn the_whole_of_a_service_is_read() {
    let loaded = load_all(&[FULL]).unwrap_or_else(|error| panic!("{error}"));
    insta::assert_json_snapshot!("full", loaded.project);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn ports_are_read_in_all_forms() {
    let range = |first, last| Some(PortRange { first, last });
    for (text, expected) in [
        ("80", vec![(80, Protocol::Tcp, None, None)]),
        ("22:22", vec![(22, Protocol::Tcp, None, range(22, 22))]),
        ("'80'", vec![(80, Protocol::Tcp, None, None)]),
        (
            "'8080:80'",
            vec![(80, Protocol::Tcp, None, range(8080, 8080))],
        ),
        (
            "'8080:80/udp'",
            vec![(80, Protocol::Udp, None, range(8080, 8080))],
        ),
        (
            "'127.0.0.1:8080:80'",
            vec![(80, Protocol::Tcp, Some("127.0.0.1"), range(8080, 8080))],
        ),
        (
            "'127.0.0.1::80'",
            vec![(80, Protocol::Tcp, Some("127.0.0.1"), None)],
        ),
        (
            "'[::1]:8080:80'",
            vec![(80, Protocol::Tcp, Some("::1"), range(8080, 8080))],
        ),
        (
            "'8000-8009:80'",
            vec![(80, Protocol::Tcp, None, range(8000, 8009))],
        ),
        ("'0:80'", vec![(80, Protocol::Tcp, None, None)]),
        (
            "'90-91:80-81'",
            vec![
                (80, Protocol::Tcp, None, range(90, 90)),
                (81, Protocol::Tcp, None, range(91, 91)),
            ],
        ),
        (
            "{target: 80, published: '8080', host_ip: 127.0.0.1}",
            vec![(80, Protocol::Tcp, Some("127.0.0.1"), range(8080, 8080))],
        ),
        (
            "{target: 80, published: 8000-8001, protocol: sctp}",
            vec![(80, Protocol::Sctp, None, range(8000, 8001))],
        ),
    ] {
        let web = web(&format!("    ports: [{text}]\n"));
        let read: Vec<_> = web
            .ports
            .iter()
            .map(|port| {
                (
                    port.target,
                    port.protocol,
                    port.host_ip.as_deref(),
                    port.published,
                )
            })
            .collect();
        assert_eq!(read, expected, "{text}");
    }
}

#[test]
fn mounts_are_read_in_all_forms() {
    let one = |text: &str| {
        let text = with(&format!("    volumes: [{text}]\nvolumes: {{data: {{}}}}\n"));
        web_of(&[&text]).mounts.remove(0)
    };
    let bind = |text: &str| match one(text).kind {
        MountKind::Bind(bind) => bind,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(bind("./a/../b:/x").source, "/srv/demo/b");
    assert_eq!(bind("~/a:/x").source, "/home/me/a");
    assert_eq!(bind("../a:/x").source, "/srv/a");
    assert!(bind("/a:/x").create_host_path);
    assert!(one("/a:/x:ro").read_only);
    assert_eq!(
        bind("'/a:/x:rslave,z'").propagation,
        Some(Propagation::Rslave)
    );
    assert_eq!(bind("'/a:/x:ro,Z'").selinux.as_deref(), Some("Z"));
    let long = "{type: bind, source: /a, target: /x, bind: {create_host_path: false}}";
    assert!(!bind(long).create_host_path);
    let volume = |source: Option<&str>, nocopy| MountKind::Volume {
        source: source.map(str::to_owned),
        nocopy,
        subpath: None,
    };
    assert_eq!(one("/x").kind, volume(None, false));
    assert_eq!(one("data:/x:nocopy").kind, volume(Some("data"), true));
    let MountKind::Tmpfs(tmpfs) =
        one("{type: tmpfs, target: /x, tmpfs: {size: 1k, mode: 0o1777}}").kind
    else {
        panic!("this is memory");
    };
    assert_eq!((tmpfs.size, tmpfs.mode), (Some(1024), Some(0o1777)));
}

#[test]
fn secrets_and_configs_are_files_mounted_read_only() {
    let text = with(
        "    secrets: [key, {source: key, target: other}]\n    configs: [conf, {source: conf, target: /etc/conf}]\nsecrets: {key: {file: ./key.txt}}\nconfigs: {conf: {file: /conf}}\n",
    );
    let web = web_of(&[&text]);
    let read: Vec<(&str, &str)> = web
        .mounts
        .iter()
        .map(|mount| match &mount.kind {
            MountKind::Bind(bind) if mount.read_only && !bind.create_host_path => {
                (mount.target.as_str(), bind.source.as_str())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        ("/conf", "/conf"),
        ("/etc/conf", "/conf"),
        ("/run/secrets/key", "/srv/demo/key.txt"),
        ("/run/secrets/other", "/srv/demo/key.txt"),
    ];
    assert_eq!(read, expected);
}

#[test]
fn many_aliases_of_few_anchors_are_no_attack() {
    let services: String = (0..150).map(|n| format!("  s{n}: *s\n")).collect();
    let text = format!("services:\n  web: &s {{image: web}}\n{services}");
    assert_eq!(load_all(&[&text]).unwrap().project.services.len(), 151);
}

#[test]
fn aliases_that_come_to_too_much_are_refused() {
    let mut text = "x-a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned();
    for n in 1..9 {
        let before = format!("*a{}", n - 1);
        let list = vec![before; 10].join(",");
        text.push_str(&format!("x-a{n}: &a{n} [{list}]\n"));
    }
    let told = load_all(&[&text, &with("")]).unwrap_err().to_string();
    assert!(told.contains("this is not valid YAML"), "{told}");
}

#[test]
fn durations_are_read_in_all_units() {
    for (text, expected) in [
        ("1s", Duration::from_secs(1)),
        ("1m30s", Duration::from_secs(90)),
        ("1.5h", Duration::from_secs(5400)),
        ("250ms", Duration::from_millis(250)),
        ("10us", Duration::from_micros(10)),
        ("1d", Duration::from_secs(86_400)),
        ("0", Duration::ZERO),
    ] {
        let web = web(&format!("    stop_grace_period: {text}\n"));
        assert_eq!(web.stop_grace_period, Some(expected), "{text}");
    }
}

#[test]
fn sizes_are_powers_of_1024() {
    for (text, expected) in [
        ("512", 512),
        ("1b", 1),
        ("2k", 2048),
        ("2KB", 2048),
        ("64m", 64 << 20),
        ("1.5g", 3 << 29),
        ("1GiB", 1 << 30),
    ] {
        let web = web(&format!("    mem_limit: {text}\n"));
        assert_eq!(web.resources.limits.memory, Some(expected), "{text}");
    }
}

#[test]
fn commands_are_split_as_a_shell_would() {
    for (text, expected) in [
        ("run --fast", vec!["run", "--fast"]),
        ("sh -c 'a; b'", vec!["sh", "-c", "a; b"]),
        ("\"a \\\"b c\\\" d\"", vec!["a", "b c", "d"]),
        ("[a, 5, true]", vec!["a", "5", "true"]),
        ("''", vec![]),
    ] {
        assert_eq!(
            web(&format!("    command: {text}\n")).command.unwrap(),
            expected,
            "{text}"
        );
    }
    assert_eq!(web("    command:\n").command, None);
}

#[test]
fn health_checks_are_read_in_all_forms() {
    let test = |text: &str| {
        web(&format!("    healthcheck: {{{text}}}\n"))
            .healthcheck
            .unwrap()
    };
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    assert_eq!(
        test("test: curl x").test,
        Some(HealthTest::Shell("curl x".to_owned()))
    );
    assert_eq!(
        test("test: [CMD, a, b]").test,
        Some(HealthTest::Command(words(&["a", "b"])))
    );
    assert_eq!(
        test("test: [CMD-SHELL, a b]").test,
        Some(HealthTest::Shell("a b".to_owned()))
    );
    assert!(test("test: [NONE]").is_disabled());
    assert!(test("disable: true").is_disabled());
    assert_eq!(
        test("start_interval: 50ms").start_interval,
        Some(Duration::from_millis(50))
    );
    assert_eq!(web("").healthcheck, None);
}

#[test]
fn restarts_are_read_in_all_forms() {
    for (text, expected) in [
        ("restart: no", Restart::No),
        ("restart: 'no'", Restart::No),
        ("restart: false", Restart::No),
        ("restart: always", Restart::Always),
        ("restart: unless-stopped", Restart::UnlessStopped),
        ("restart: on-failure", Restart::OnFailure(0)),
        ("restart: on-failure:3", Restart::OnFailure(3)),
        (
            "deploy: {restart_policy: {condition: on-failure, max_attempts: 2}}",
            Restart::OnFailure(2),
        ),
        ("deploy: {restart_policy: {condition: none}}", Restart::No),
        ("deploy: {restart_policy: {}}", Restart::Always),
    ] {
        assert_eq!(
            web(&format!("    {text}\n")).restart,
            Some(expected),
            "{text}"
        );
    }
}

#[test]
fn pull_policies_are_read_in_all_forms() {
    let day = 24 * 3600;
    for (text, expected) in [
        ("always", PullPolicy::Always),
        ("never", PullPolicy::Never),
        ("if_not_present", PullPolicy::Missing),
        ("missing", PullPolicy::Missing),
        ("build", PullPolicy::Build),
        ("daily", PullPolicy::Every(Duration::from_secs(day))),
        ("weekly", PullPolicy::Every(Duration::from_secs(7 * day))),
        ("every_12h", PullPolicy::Every(Duration::from_secs(day / 2))),
    ] {
        assert_eq!(
            web(&format!("    pull_policy: {text}\n")).pull_policy,
            Some(expected),
            "{text}"
        );
    }
}

#[test]
fn who_shares_a_namespace_of_a_service_depends_on_it() {
    let web = web(
        "    network_mode: service:db\n    pid: service:log\n  db: {image: db}\n  log: {image: log}\n",
    );
    assert_eq!(
        web.network_mode,
        Some(NetworkMode::Service("db".to_owned()))
    );
    assert_eq!(web.networks.len(), 0);
    for other in ["db", "log"] {
        assert_eq!(web.depends_on[other].condition, Condition::Started);
        assert!(web.depends_on[other].restart);
    }
}

#[test]
fn only_networks_and_volumes_in_use_are_kept_with_their_names() {
    let text = with(
        "    networks: [in, out]\n    volumes: ['d:/d', 'e:/e']\nnetworks: {in: {}, out: {external: true}, idle: {}}\nvolumes: {d: {name: data}, e: {external: true, name: there}, idle: {}}\n",
    );
    let project = load_all(&[&text]).unwrap().project;
    let networks: Vec<(&str, bool)> = project
        .networks
        .values()
        .map(|network| (network.name.as_str(), network.external))
        .collect();
    assert_eq!(networks, [("demo1_in", false), ("out", true)]);
    let volumes: Vec<(&str, bool)> = project
        .volumes
        .values()
        .map(|volume| (volume.name.as_str(), volume.external))
        .collect();
    assert_eq!(volumes, [("data", false), ("there", true)]);
}

#[test]
fn extensions_and_anchors_are_allowed_anywhere() {
    let text = "x-common: &common\n  restart: always\n  x-note: hello\n  labels: &l {a: b}\nservices:\n  x-nothing: {}\n  web:\n    <<: *common\n    image: web\n    healthcheck: {x-why: that}\n    networks: {default: {x-a: b}}\n  other: {<<: *common, image: other}\nnetworks: {x-n: 1}\nvolumes: {x-v: 1}\n";
    let loaded = load_all(&[text]).unwrap();
    assert_eq!(loaded.project.services.len(), 2);
    assert_eq!(
        loaded.project.services["web"].restart,
        Some(Restart::Always)
    );
    assert_eq!(loaded.project.services["web"].labels["a"], "b");
    assert_eq!(loaded.warnings, []);
}

#[test]
fn keys_without_effect_are_warned_of() {
    let text = format!(
        "version: '3.8'\n{}",
        with(
            "    develop: {watch: []}\n    ports: [{target: 80, name: http}]\n    deploy: {placement: {}, labels: {a: b}}\n    depends_on: {gone: {required: false}}\n"
        )
    );
    insta::assert_snapshot!(warnings(&[&text]).join("\n"), @"
    a.yml:1:1: `version` has no effect: compose files have no version any more
    a.yml:5:5: `services.web.develop` has no effect: files are not watched
    a.yml:6:26: `services.web.ports[0].name` has no effect: it documents the port
    a.yml:7:14: `services.web.deploy.placement` has no effect: only a swarm acts on it
    a.yml:7:29: `services.web.deploy.labels` has no effect: they are for services of a swarm; labels of the container are `labels`
    a.yml:8:18: there is no service `gone`, which `web` does not require
    ");
}

#[test]
fn a_limit_written_in_two_places_that_agree_is_one() {
    let web = web(
        "    cpus: 0.5\n    mem_limit: 64m\n    deploy: {resources: {limits: {cpus: '0.50', memory: 64M, pids: 10}}}\n",
    );
    assert_eq!(web.resources.limits.nano_cpus, Some(500_000_000));
    assert_eq!(web.resources.limits.pids, Some(10));
}

#[test]
fn a_directory_gives_a_project_its_name() {
    for (text, expected) in [
        ("My Project", "myproject"),
        ("_-a_b-c", "a_b-c"),
        ("Ümlaut.1", "mlaut1"),
        ("...", ""),
    ] {
        assert_eq!(project_name(text), expected);
    }
}
