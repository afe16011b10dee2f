//! Everything that is wrong is told with file, line, column and what to do.

use super::{load_all, told, with};

/// Keys of a service at four blanks, and what is told of them.
const SERVICE: &[(&str, &str)] = &[
    (
        "    imagee: x",
        "4:5: `services.web` has no key `imagee`\n  hint: did you mean `image`?",
    ),
    ("    zzz: x", "4:5: `services.web` has no key `zzz`"),
    (
        "    healthcheck: {intervall: 1s}",
        "4:19: `services.web.healthcheck` has no key `intervall`\n  hint: did you mean `interval`?",
    ),
    (
        "    healthcheck: {interval: 30}",
        "4:29: `services.web.healthcheck.interval` is a duration such as `1m30s`, and not `30`\n  hint: write `30s` for seconds",
    ),
    (
        "    healthcheck: {timeout: 1 s}",
        "4:28: `services.web.healthcheck.timeout` is a duration such as `1m30s`, and not `1 s`",
    ),
    (
        "    healthcheck: {test: [curl, x]}",
        "4:25: `services.web.healthcheck.test` does not say how it is run\n  hint: write `[CMD, PROGRAM, ARGUMENT…]`, `[CMD-SHELL, LINE]` or `[NONE]`",
    ),
    (
        "    healthcheck: {retries: many}",
        "4:28: `services.web.healthcheck.retries` is a whole number from 0 to 2147483647, and not `many`",
    ),
    (
        "    healthcheck: [x]",
        "4:18: `services.web.healthcheck` is a map, and here stands a list",
    ),
    (
        "    stop_grace_period: soon",
        "4:24: `services.web.stop_grace_period` is a duration such as `1m30s`, and not `soon`",
    ),
    (
        "    mem_limit: 12q",
        "4:16: `services.web.mem_limit` is a size such as `64m`, and not `12q`",
    ),
    (
        "    shm_size: -1",
        "4:15: `services.web.shm_size` is a size such as `64m`, and not `-1`",
    ),
    (
        "    cpus: lots",
        "4:11: `services.web.cpus` is a number of processors such as `0.5`, and not `lots`",
    ),
    (
        "    ports: [\"99999:80\"]",
        "4:13: `services.web.ports[0]` is no port, `99999` is no port from 1 to 65535 and no range of them: `99999:80`\n  hint: write `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`",
    ),
    (
        "    ports: [\"1-3:1-2\"]",
        "4:13: `services.web.ports[0]` is no port, `1-3` and `1-2` are of different length: `1-3:1-2`\n  hint: write `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`",
    ),
    (
        "    ports: [\"80/icmp\"]",
        "4:13: `services.web.ports[0]` is no port, there is no protocol `icmp`: `80/icmp`\n  hint: write `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`",
    ),
    (
        "    ports: [\"nohost:80:80\"]",
        "4:13: `services.web.ports[0]` is no port, `nohost` is no address: `nohost:80:80`\n  hint: write `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`",
    ),
    (
        "    ports: [{published: 80}]",
        "4:13: `services.web.ports[0]` has no `target`, the port inside",
    ),
    (
        "    ports: [{target: 80, protocol: icmp}]",
        "4:36: `services.web.ports[0].protocol` is one of `tcp`, `udp`, `sctp`, and not `icmp`\n  hint: did you mean `sctp`?",
    ),
    (
        "    ports: \"80\"",
        "4:12: `services.web.ports` is a list, and here stands a text",
    ),
    (
        "    ports: [\"80:80\", \"80:81\"]",
        "4:22: port 80 on the host is published by service `web` already",
    ),
    (
        "    volumes: [data:/data]",
        "4:15: there is no volume `data`\n  hint: declare it under `volumes:` of the file",
    ),
    (
        "    volumes: [./a:b]",
        "4:15: `services.web.volumes[0]` is mounted at an absolute path, and not at `b`",
    ),
    (
        "    volumes: [./a:/b:rx]",
        "4:15: `services.web.volumes[0]` has no option `rx`\n  hint: did you mean `ro`?",
    ),
    (
        "    volumes: [./a:/b:ro:z]",
        "4:15: `services.web.volumes[0]` is `[SOURCE:]TARGET[:OPTIONS]`, and not `./a:/b:ro:z`",
    ),
    (
        "    volumes: [./a:/x, ./b:/x/]",
        "4:23: `services.web.volumes[1]`: `/x` is mounted already",
    ),
    (
        "    volumes: [./a:/x]\n    tmpfs: /x",
        "5:12: `services.web.tmpfs`: `/x` is mounted already",
    ),
    (
        "    volumes: [{type: npipe, source: a, target: /b}]",
        "4:22: `services.web.volumes[0].type` is one of `bind`, `volume`, `tmpfs`, and not `npipe`",
    ),
    (
        "    volumes: [{source: a, target: /b}]",
        "4:15: `services.web.volumes[0]` has no `type`\n  hint: the types are `bind`, `volume` and `tmpfs`",
    ),
    (
        "    volumes: [{type: bind, target: /b}]",
        "4:15: `services.web.volumes[0]` has no `source`, the path on the host",
    ),
    (
        "    volumes: [{type: bind, source: /a, target: /b, tmpfs: {size: 1m}}]",
        "4:59: `services.web.volumes[0].tmpfs` is for mounts of type `tmpfs`, not `bind`",
    ),
    (
        "    volumes: [{type: bind, source: /a}]",
        "4:15: `services.web.volumes[0]` has no `target`, the path inside",
    ),
    (
        "    networks: [back]",
        "4:16: there is no network `back`\n  hint: declare it under `networks:` of the file",
    ),
    (
        "    network_mode: host\n    networks: [default]",
        "4:19: `services.web.network_mode` and `services.web.networks` exclude each other",
    ),
    (
        "    network_mode: bridged",
        "4:19: `services.web.network_mode` is `none`, `host`, `bridge`, `service:NAME` or `container:ID`, and not `bridged`",
    ),
    (
        "    network_mode: none\n    ports: [80]",
        "5:12: `services.web.ports` cannot be published with `none`",
    ),
    ("    depends_on: [db]", "4:18: there is no service `db`"),
    (
        "    depends_on: [wep]",
        "4:18: there is no service `wep`\n  hint: did you mean `web`?",
    ),
    (
        "    depends_on: {web: {condition: service_healty}}",
        "4:18: these services wait for each other: `web` needs `web`\na.yml:4:35: `services.web.depends_on.web.condition` is one of `service_started`, `service_healthy`, `service_completed_successfully`, and not `service_healty`\n  hint: did you mean `service_healthy`?",
    ),
    (
        "    network_mode: service:db",
        "4:19: there is no service `db`",
    ),
    (
        "    restart: sometimes",
        "4:14: `services.web.restart` is one of `no`, `always`, `unless-stopped`, `on-failure`, and not `sometimes`",
    ),
    (
        "    restart: on-failure:x",
        "4:14: `services.web.restart` is `on-failure:TIMES`, and not `on-failure:x`",
    ),
    (
        "    privileged: maybe",
        "4:17: `services.web.privileged` is true or false, and not `maybe`",
    ),
    (
        "    read_only: [1]",
        "4:16: `services.web.read_only` is true or false, and here stands a list",
    ),
    (
        "    command: \"a 'b\"",
        "4:14: `services.web.command` is no list of words: a quote in it is not closed\n  hint: write a list, `[PROGRAM, ARGUMENT…]`, or quote it",
    ),
    (
        "    command: echo a; echo b",
        "4:14: `services.web.command` is no list of words: no shell runs this, so that `;` has no meaning in it\n  hint: write a list, `[PROGRAM, ARGUMENT…]`, or quote it",
    ),
    (
        "    environment: 5",
        "4:18: `services.web.environment` is a map, or a list of `KEY=VALUE`, and here stands a number",
    ),
    (
        "    environment: {A: [1]}",
        "4:22: `services.web.environment.A` is a text, and here stands a list",
    ),
    (
        "    env_file: nowhere.env",
        "4:15: `services.web.env_file`: the file `/srv/demo/nowhere.env` cannot be read: No such file or directory (os error 2)\n  hint: make it, or say `required: false`",
    ),
    (
        "    labels: {com.docker.compose.project: x}",
        "4:13: the label `com.docker.compose.project` is set by chora itself",
    ),
    (
        "    container_name: -x",
        "4:21: `services.web.container_name` is two or more letters, digits, `_`, `.` and `-`, the first a letter or digit, and not `-x`",
    ),
    (
        "    extra_hosts: [\"a=nowhere\"]",
        "4:19: `services.web.extra_hosts[0]` is an address or `host-gateway`, and not `nowhere`",
    ),
    (
        "    dns: one",
        "4:10: `services.web.dns` is an address, and not `one`",
    ),
    (
        "    devices: [\"/dev/a:/dev/b:rx\"]",
        "4:15: `services.web.devices[0]`: permissions are any of `r`, `w` and `m`, and not `rx`",
    ),
    (
        "    ulimits: {nofile: {soft: 1}}",
        "4:23: `services.web.ulimits.nofile` needs a number, or `soft` and `hard`",
    ),
    (
        "    pull_policy: every_moon",
        "4:18: `services.web.pull_policy` is `every_` and a duration such as `12h`, and not `every_moon`",
    ),
    (
        "    build: https://example.com/x.git",
        "4:12: `services.web.build` is a directory, and not `https://example.com/x.git`\n  hint: fetch it first, and name the directory",
    ),
    (
        "    build: {ssh: [default]}",
        "4:13: `services.web.build.ssh` is not supported\n  hint: images are built without BuildKit; remove it",
    ),
    (
        "    build: {dockerfile: a, dockerfile_inline: FROM scratch}",
        "4:47: `services.web.build.dockerfile_inline` and `dockerfile` exclude each other",
    ),
    (
        "    build: {platforms: [linux/amd64, linux/arm64]}",
        "4:24: `services.web.build.platforms` is at most one platform\n  hint: images for several platforms need BuildKit",
    ),
    (
        "    scale: 3",
        "4:12: `services.web.scale` is only 1, and not 3\n  hint: chora runs one container of each service; declare several services instead",
    ),
    (
        "    deploy: {replicas: 2}",
        "4:24: `services.web.deploy.replicas` is only 1, and not 2\n  hint: chora runs one container of each service; declare several services instead",
    ),
    (
        "    deploy: {mode: global}",
        "4:20: `services.web.deploy.mode` is only `replicated` outside a swarm",
    ),
    (
        "    cpus: 1\n    deploy: {resources: {limits: {cpus: 2}}}",
        "4:11: `services.web.cpus` and `services.web.deploy.resources.limits.cpus` differ\n  hint: remove one of them",
    ),
    (
        "    extends: {service: base}",
        "4:5: `services.web.extends` is not supported\n  hint: repeat the keys, or share them with a YAML anchor and `<<`",
    ),
    (
        "    secrets: [a]",
        "4:15: there is no `a` under `secrets`\n  hint: declare it under `secrets:` of the file",
    ),
    (
        "    links: [db]",
        "4:5: `services.web.links` is not supported\n  hint: services find each other by name on a network; use `networks` with `aliases`, and `depends_on`",
    ),
    (
        "    user: !secret me",
        "4:19: the tag `!secret` has no meaning in a compose file\n  hint: the tags are `!reset` and `!override`",
    ),
    (
        "    user: ${UID:?say who}",
        "4:11: the variable `UID` has to be set: say who",
    ),
    (
        "    user: ${1X}",
        "4:11: `${1X}` is no variable; write `$$` for a `$` that stands for itself",
    ),
];

/// Whole files, and what is told of them.
const FILE: &[(&str, &str)] = &[
    (
        "services: {web: {image: x}}\nsecrets: {a: {external: true}}",
        "2:15: `secrets.a.external` is not supported\n  hint: only a `file` of the host is mounted",
    ),
    (
        "services: {web: {image: x}}\nconfigs: {a: {}}",
        "2:11: `configs.a` names no `file`",
    ),
    ("", "1:1: this compose file has no `services`"),
    (
        "[1]",
        "1:1: a compose file is a map, and here stands a list",
    ),
    (
        "services: [web]",
        "1:11: `services` is a map, and here stands a list",
    ),
    (
        "services:\n  web: {}",
        "2:3: `services.web` has neither `image` nor `build`",
    ),
    (
        "services:\n  web: nginx",
        "2:3: `services.web` has neither `image` nor `build`\na.yml:2:8: `services.web` is a map, and here stands a text",
    ),
    (
        "services:\n  a b: {image: x}",
        "2:3: `a b` is no name of a service: it has letters, digits, `_`, `.` and `-`",
    ),
    (
        "services:\n  web: {image: UPPER}",
        "2:16: `services.web.image` is no name of an image: `UPPER`\n  hint: write `[HOST/]NAME[:TAG][@DIGEST]`, the name in lower case",
    ),
    (
        "name: Upper\nservices: {web: {image: x}}",
        "1:7: `Upper` is no name of a project: it has lower-case letters, digits, `_` and `-`, and begins with a letter or digit",
    ),
    (
        "service: {}\nservices: {web: {image: x}}",
        "1:1: a compose file has no key `service`\n  hint: did you mean `services`?",
    ),
    (
        "include: [a.yml]\nservices: {web: {image: x}}",
        "1:1: `include` is not supported\n  hint: name the included files beside this one",
    ),
    (
        "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}",
        "2:30: these services wait for each other: `a` needs `b` needs `c` needs `a`",
    ),
    (
        "services:\n  a: {image: x, depends_on: {b: {condition: service_healthy}}}\n  b: {image: x, healthcheck: {disable: true}}",
        "2:30: `a` waits for `b` to be healthy, whose `healthcheck` is disabled",
    ),
    (
        "services:\n  a: {image: x, container_name: one}\n  b: {image: x, container_name: one}",
        "3:33: the container name `one` is that of service `a` already",
    ),
    (
        "services:\n  a: {image: x, ports: [\"127.0.0.1:80:1\"]}\n  b: {image: x, ports: [\"80:1\"]}",
        "3:25: port 80 on the host is published by service `a` already",
    ),
    (
        "services: {web: {image: x}}\nnetworks: {n: {external: true, driver: bridge}}",
        "2:32: `networks.n` is external, so that `driver` cannot be set",
    ),
    (
        "services: {web: {image: x}}\nnetworks: {n: {ipam: {config: [{subnet: 10.0.0.0/33}]}}}",
        "2:41: `networks.n.ipam.config[0].subnet` is a subnet such as `10.1.0.0/16`, and not `10.0.0.0/33`",
    ),
    (
        "services: {web: {image: x}}\nvolumes: {v: {drivr: local}}",
        "2:15: `volumes.v` has no key `drivr`\n  hint: did you mean `driver`?",
    ),
    (
        "services: {web: {image: x, image: y}}",
        "1:28: the key `image` is there twice",
    ),
    (
        "services:\n\t- x",
        "2:2: this is not valid YAML: tabs disallowed within this context (block indentation)",
    ),
];

#[test]
fn each_mistake_in_a_service_is_told_with_its_place() {
    for (keys, expected) in SERVICE {
        assert_eq!(told(&[&with(keys)]), format!("a.yml:{expected}"), "{keys}");
    }
}

#[test]
fn each_mistake_in_a_file_is_told_with_its_place() {
    for (text, expected) in FILE {
        assert_eq!(told(&[text]), format!("a.yml:{expected}"), "{text}");
    }
}

#[test]
fn several_mistakes_are_told_at_once_in_the_order_of_the_files() {
    let text = with("    restart: never\n    ports: [0]\n    volumes: [data:/d]\n");
    let over = "services:\n  web:\n    imag: x\nvolumes: {dat: {}}\n";
    insta::assert_snapshot!(told(&[&text, over]), @"
    a.yml:4:14: `services.web.restart` is one of `no`, `always`, `unless-stopped`, `on-failure`, and not `never`
    a.yml:5:13: `services.web.ports[0]` is no port, `0` is no port from 1 to 65535 and no range of them: `0`
      hint: write `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`
    a.yml:6:15: there is no volume `data`
      hint: did you mean `dat`?
    b.yml:3:5: `services.web` has no key `imag`
      hint: did you mean `image`?
    ");
}

#[test]
fn a_file_that_is_no_yaml_does_not_hide_what_is_wrong_in_another() {
    let text = with("    restart: never\n");
    insta::assert_snapshot!(told(&["services: {", &text]), @"
    a.yml:1:11: this is not valid YAML: unclosed bracket '{'
    b.yml:4:14: `services.web.restart` is one of `no`, `always`, `unless-stopped`, `on-failure`, and not `never`
    ");
}

#[test]
fn no_file_is_an_error() {
    assert!(load_all(&[]).is_err());
}
