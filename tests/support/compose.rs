//! What makes a configuration for processes one for containers: a Compose file for its services, and a configuration of the environment that is laid over it. The configuration itself stays as the
//! test wrote it.
//!
//! chora's own services run as their Compose files in `compose/` say, but without the container's own health check: `tests/containers` is about that. Everything else runs in an image with a shell.

use std::fs;
use std::path::Path;

use chora_model::config::{self, Config, Service, Source, built_in_compose_file};

use super::docker;

/// The Compose file, in the project.
const FILE: &str = ".chora/containers.yml";

/// Makes containers of what is configured. A configuration that is refused is left as it is: no engine gets to see it.
pub(crate) fn lay_over(project: &Path) {
    let overlay = project.join(".chora/bootstrap-config.dev.yml");
    for path in [&overlay, &project.join(FILE)] {
        // There may have been none.
        let _ = fs::remove_file(path);
    }
    let source = Source {
        project: project.to_owned(),
        path: None,
        environment: None,
    };
    let Ok(loaded) = config::load(&source) else {
        return;
    };
    let config = loaded.config;
    let directory = project.canonicalize().expect("a directory");
    let mut file = "services:\n".to_owned();
    let mut over = "engine: docker\nservices:\n".to_owned();
    for service in &config.services {
        file.push_str(&entry(service, &config, &directory));
        over.push_str(&format!(
            "  - {{name: {}, docker_compose: {FILE}}}\n",
            service.name
        ));
    }
    fs::write(project.join(FILE), file).expect("a Compose file");
    fs::write(overlay, over).expect("a configuration");
}

/// The same for the configuration of another environment, whose services are maps in one line each.
pub(crate) fn in_containers(overlay: &str) -> String {
    let named = format!("{{docker_compose: {FILE}, name: ");
    format!("engine: docker\n{}", overlay.replace("{name: ", &named))
}

fn entry(service: &Service, config: &Config, directory: &Path) -> String {
    match service.command.as_slice() {
        [program, serve, role] if program == "chora" && serve == "serve" => {
            of_chora(service, role, config)
        }
        command => with_shell(service, command, directory),
    }
}

/// The entry of the built-in file, under the service's own name.
fn of_chora(service: &Service, role: &str, config: &Config) -> String {
    let path = format!("compose/docker-compose.{role}.yml");
    let text = built_in_compose_file(Path::new(&path)).expect("a built-in file");
    let (_, body) = text.split_once("services:\n").expect("services");
    let mut kept = String::new();
    let mut in_check = false;
    for line in body.lines() {
        if line.starts_with("    ") && !line.starts_with("     ") {
            in_check = line.trim_start() == "healthcheck:";
            if in_check {
                kept.push_str("    healthcheck: {disable: true}\n");
            }
        }
        // Where there is no registry, nothing registers.
        let needless = line.contains("MANIFEST_URL") && config.with_role("registry").is_none();
        if !in_check && !needless {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    let name = &service.name;
    let (of_role, own) = (port_variable(role), port_variable(name));
    for (from, to) in [
        (format!("  {role}:\n"), format!("  {name}:\n")),
        (
            format!("CHORA_SERVICE: {role}"),
            format!("CHORA_SERVICE: {name}"),
        ),
        (
            format!("ADVERTISE_HOST: {role}"),
            format!("ADVERTISE_HOST: {name}"),
        ),
        (of_role, own),
        (format!("}}/{role}"), format!("}}/{name}")),
    ] {
        kept = kept.replace(&from, &to);
    }
    mounted(&kept, service)
}

/// With what a stepped clock is made of: the library, and the directory of the file that tells the time.
fn mounted(entry: &str, service: &Service) -> String {
    let files = ["LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE"].map(|name| service.environment.get(name));
    let mut mounts = String::new();
    for file in files.into_iter().flatten() {
        let directory = Path::new(file).parent().expect("a directory");
        let directory = serde_json::to_string(directory).expect("a path");
        mounts.push_str(&format!(
            "      - {{type: bind, source: {directory}, target: {directory}, read_only: true}}\n"
        ));
    }
    let volumes = "    volumes:\n";
    if mounts.is_empty() {
        entry.to_owned()
    } else if entry.contains(volumes) {
        entry.replace(volumes, &format!("{volumes}{mounts}"))
    } else {
        format!("{entry}{volumes}{mounts}")
    }
}

fn port_variable(service: &str) -> String {
    let name = service.to_uppercase().replace('-', "_");
    format!("${{CHORA_PORT_{name}:-")
}

/// In the project's directory, as a process would run. It publishes no port: nothing of it listens.
fn with_shell(service: &Service, command: &[String], directory: &Path) -> String {
    let words: Vec<String> = command.iter().map(|word| word.replace('$', "$$")).collect();
    let words = serde_json::to_string(&words).expect("a list of words");
    // A first process has to ask for the signals that end others; and who cannot be run is told by the engine itself.
    let init = matches!(command.first().map(String::as_str), Some("sh" | "sleep"));
    let directory = serde_json::to_string(directory).expect("a path");
    format!(
        "  {}:\n    image: {}\n    pull_policy: never\n    command: {words}\n    init: {init}\n    working_dir: {directory}\n    network_mode: none\n    volumes: [{{type: bind, source: {directory}, target: {directory}}}]\n",
        service.name,
        docker::shell_image(),
    )
}
