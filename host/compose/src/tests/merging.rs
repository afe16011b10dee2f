//! Several files as one.

use super::{load_all, told, web_of, with};

/// `web` of `base` with `over` laid over it.
fn merged(base: &str, over: &str) -> crate::Service {
    web_of(&[&with(base), &format!("services:\n  web:\n{over}")])
}

#[test]
fn scalars_and_commands_are_replaced() {
    let web = merged(
        "    command: [a, b]\n    entrypoint: x y\n    user: one\n    healthcheck: {test: [CMD, a], retries: 3}\n",
        "    image: other\n    command: c\n    entrypoint: []\n    user: two\n    healthcheck: {test: b}\n",
    );
    assert_eq!(web.image.as_deref(), Some("other"));
    assert_eq!(web.command, Some(vec!["c".to_owned()]));
    assert_eq!(web.entrypoint, Some(Vec::new()));
    assert_eq!(web.user.as_deref(), Some("two"));
    let check = web.healthcheck.unwrap();
    assert_eq!(check.retries, Some(3));
    assert_eq!(check.test, Some(crate::HealthTest::Shell("b".to_owned())));
}

#[test]
fn variables_and_labels_are_merged_by_name_whatever_their_form() {
    let web = merged(
        "    environment: [A=1, B=1, SET=own]\n    labels: {a: 1, b: 1}\n    sysctls: [k=1]\n",
        "    environment: {B: 2, C: 2, SET:}\n    labels: [b=2, c]\n    sysctls: {k: 2}\n",
    );
    let value = |name: &str| web.environment[name].as_deref().unwrap();
    assert_eq!(
        [value("A"), value("B"), value("C"), value("SET")],
        ["1", "2", "2", "set"]
    );
    assert_eq!(web.labels["b"], "2");
    assert_eq!(web.labels["c"], "");
    assert_eq!(web.sysctls["k"], "2");
}

#[test]
fn ports_are_added_and_the_same_line_is_one() {
    let web = merged(
        "    ports: ['80:80', 90]\n",
        "    ports: ['80:80', '81:81']\n",
    );
    let targets: Vec<u16> = web.ports.iter().map(|port| port.target).collect();
    assert_eq!(targets, [80, 81, 90]);
}

#[test]
fn mounts_and_devices_are_replaced_by_their_target() {
    let web = merged(
        "    volumes: [/a:/x, /b:/y]\n    devices: ['/dev/a:/dev/x']\n    tmpfs: [/run]\n",
        "    volumes: [{type: bind, source: /c, target: /x, read_only: true}]\n    devices: ['/dev/b:/dev/x:r']\n    tmpfs: /run:size=1m\n",
    );
    let targets: Vec<(&str, bool)> = web
        .mounts
        .iter()
        .map(|mount| (mount.target.as_str(), mount.read_only))
        .collect();
    assert_eq!(targets, [("/run", false), ("/x", true), ("/y", false)]);
    assert_eq!(web.devices.len(), 1);
    assert_eq!(web.devices[0].source, "/dev/b");
}

#[test]
fn networks_and_dependencies_are_merged_by_name_whatever_their_form() {
    let more = "  db: {image: db}\n  log: {image: log}\nnetworks: {back: {}}\n";
    let base = with(&format!(
        "    depends_on: [db]\n    networks: [back]\n{more}"
    ));
    let over = "services:\n  web:\n    depends_on: {log: {condition: service_healthy}}\n    networks: {back: {aliases: [w]}, default: {}}\n";
    let web = web_of(&[&base, over]);
    assert_eq!(web.depends_on.len(), 2);
    assert_eq!(web.networks["back"].aliases, ["w"]);
    assert_eq!(web.networks.len(), 2);
}

#[test]
fn hosts_are_added_whatever_their_form_and_keep_all_their_addresses() {
    let web = merged(
        "    extra_hosts: ['a:1.1.1.1', 'a:1.1.1.2']\n",
        "    extra_hosts: {b: [host-gateway, '::1'], a: 1.1.1.1}\n",
    );
    assert_eq!(web.extra_hosts["a"], ["1.1.1.1", "1.1.1.2"]);
    assert_eq!(web.extra_hosts["b"], ["host-gateway", "::1"]);
}

#[test]
fn a_service_may_be_called_like_a_key() {
    let base = "services: {environment: {image: a, labels: {a: 1}}, build: {image: b, user: me}}\n";
    let over = "services: {environment: {labels: {b: 2}}, build: {user: you}}\n";
    let project = load_all(&[base, over]).unwrap().project;
    assert_eq!(project.services["environment"].labels.len(), 2);
    assert_eq!(project.services["build"].user.as_deref(), Some("you"));
}

#[test]
fn logging_options_are_merged_for_one_driver_and_replaced_for_another() {
    let base = "    logging: {driver: local, options: {max-size: 1m}}\n";
    let same = merged(base, "    logging: {options: {max-file: 3}}\n")
        .logging
        .unwrap();
    assert_eq!(same.options.len(), 2);
    let other = merged(base, "    logging: {driver: none}\n")
        .logging
        .unwrap();
    assert_eq!(other.options.len(), 0);
}

#[test]
fn a_build_in_short_form_is_merged_with_one_in_long_form() {
    let web = merged(
        "    build: ./src\n",
        "    build: {target: test, args: [A=1]}\n",
    );
    let build = web.build.unwrap();
    assert_eq!(build.context.to_str(), Some("/srv/demo/src"));
    assert_eq!(build.target.as_deref(), Some("test"));
    assert_eq!(build.args["A"], "1");
}

#[test]
fn ulimits_are_replaced_each() {
    let web = merged(
        "    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}\n",
        "    ulimits: {nofile: 9}\n",
    );
    assert_eq!(
        (web.ulimits["nofile"].soft, web.ulimits["nofile"].hard),
        (9, 9)
    );
    assert_eq!(web.ulimits["nproc"].soft, 5);
}

#[test]
fn reset_takes_away_and_override_replaces() {
    let web = merged(
        "    ports: ['80:80']\n    user: me\n    dns: [1.1.1.1]\n    environment: {A: 1, B: 1}\n",
        "    ports: !reset []\n    user: !reset null\n    dns: !override [2.2.2.2]\n    environment: {A: !reset null}\n",
    );
    assert_eq!(web.ports, []);
    assert_eq!(web.user, None);
    assert_eq!(web.dns, ["2.2.2.2"]);
    assert!(!web.environment.contains_key("A") && web.environment.contains_key("B"));
}

#[test]
fn a_third_file_can_set_what_a_second_took_away() {
    let over = |text: &str| format!("services:\n  web:\n    {text}\n");
    let web = web_of(&[
        &with("    ports: ['80:80']\n"),
        &over("ports: !reset []"),
        &over("ports: ['90:90']"),
    ]);
    assert_eq!(web.ports.len(), 1);
    assert_eq!(web.ports[0].target, 90);
}

#[test]
fn files_of_several_services_make_one_project_with_the_last_name() {
    let one = "name: one\nservices: {a: {image: a, networks: [n]}}\nnetworks: {n: {}}\n";
    let two =
        "name: two\nservices: {b: {image: b, networks: [n]}}\nnetworks: {n: {internal: true}}\n";
    let project = load_all(&[one, two]).unwrap().project;
    assert_eq!(project.name, "two");
    assert_eq!(project.services.len(), 2);
    assert_eq!(project.networks["n"].name, "two_n");
    assert!(project.networks["n"].internal);
}

#[test]
fn a_list_over_a_map_is_told_at_the_later_file() {
    let over = "services:\n  web:\n    deploy: [1]\n";
    assert_eq!(
        told(&[&with("    deploy: {replicas: 1}\n"), over]),
        "b.yml:3:13: `services.web.deploy` is a map in a file before, and here stands a list\n  hint: `!override` in front of it replaces what was there"
    );
}

#[test]
fn what_is_wrong_is_told_in_the_file_that_holds() {
    let over = "services:\n  web:\n    restart: bad\n";
    let text = told(&[&with("    restart: worse\n"), over]);
    assert!(text.starts_with("b.yml:3:14: "), "{text}");
}
