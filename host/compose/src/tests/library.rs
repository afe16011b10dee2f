//! What a kept library's types make of a file, beside what is read here.

use docker_compose_types::{Command, Compose, Environment, Ports, Service};

use super::load_all;

const FILE: &str = r#"
services:
  web:
    image: web:1.0
    command: [serve, --fast]
    environment: {A: one, B: two words}
    ports: ["127.0.0.1:8080:80", "9000:9000/udp"]
    hostname: web
    user: "65532:65532"
    working_dir: /app
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    container_name: the-web
    stop_signal: SIGINT
    depends_on: [db]
    group_add: [audio]
    devices: ["/dev/null:/dev/zero:r"]
  db:
    image: db:2
    environment: [A=1]
    privileged: true
"#;

fn environment(service: &Service) -> Vec<(String, String)> {
    match &service.environment {
        Environment::List(list) => list
            .iter()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        Environment::KvPair(pairs) => pairs
            .iter()
            .map(|(name, value)| {
                let value = value.as_ref().map(ToString::to_string);
                (name.clone(), value.unwrap_or_default())
            })
            .collect(),
    }
}

#[test]
fn the_library_and_this_crate_read_the_same_out_of_a_file() {
    let theirs: Compose = serde_yaml::from_str(FILE).unwrap();
    let ours = load_all(&[FILE]).unwrap().project;
    assert_eq!(theirs.services.0.len(), ours.services.len());
    for (name, theirs) in &theirs.services.0 {
        let theirs = theirs.as_ref().unwrap();
        let ours = &ours.services[name];
        assert_eq!(theirs.image, ours.image);
        assert_eq!(theirs.hostname, ours.hostname);
        assert_eq!(theirs.user, ours.user);
        assert_eq!(theirs.working_dir, ours.working_dir);
        assert_eq!(theirs.read_only, ours.read_only);
        assert_eq!(theirs.privileged, ours.privileged);
        assert_eq!(theirs.cap_drop, ours.cap_drop);
        assert_eq!(theirs.security_opt, ours.security_opt);
        assert_eq!(theirs.container_name, ours.container_name);
        assert_eq!(theirs.stop_signal, ours.stop_signal);
        assert_eq!(theirs.devices.len(), ours.devices.len());
        let command = theirs.command.as_ref().map(|command| match command {
            Command::Simple(line) => vec![line.clone()],
            Command::Args(words) => words.clone(),
        });
        assert_eq!(command, ours.command);
        let variables: Vec<(String, String)> = ours
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()))
            .collect();
        assert_eq!(environment(theirs), variables);
        let ports = match &theirs.ports {
            Ports::Short(lines) => lines.len(),
            Ports::Long(ports) => ports.len(),
        };
        assert_eq!(ports, ours.ports.len());
    }
}
