//! Containers that do as they are told by a line of shell.

use std::fs;

use serde_json::Value;

use crate::support::docker::shell_image;
use crate::support::{Ecosystem, Told};

/// A project of services in one Compose file; each line is what stands below a service's name.
pub(crate) fn project(config: &str, compose: &[(&str, &str)], rest: &str) -> Ecosystem {
    let ecosystem = Ecosystem::with_config(|_| format!("{config}engine: docker\n"));
    write(&ecosystem, compose, rest);
    ecosystem
}

/// Replaces the Compose file.
pub(crate) fn write(ecosystem: &Ecosystem, compose: &[(&str, &str)], rest: &str) {
    let mut text = "services:\n".to_owned();
    for (name, lines) in compose {
        text.push_str(&format!("  {name}:\n    init: true\n"));
        if !lines.contains("image:") {
            text.push_str(&format!("    image: {}\n", shell_image()));
        }
        for line in lines.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text.push_str(rest);
    fs::write(ecosystem.path().join("shells.yml"), text).expect("a Compose file");
}

/// Reads on until a service was started.
pub(crate) fn until_started(run: &mut Told, service: &str) -> Value {
    run.until_document(|event| {
        let target = event["target"].as_str().unwrap_or_default();
        event["function"] == "services.start" && target.split(':').next() == Some(service)
    })
}
