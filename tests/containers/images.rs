//! Images that take their time, and those that chora makes of itself.

use std::fs;
use std::net::TcpListener;

use bollard::query_parameters::{ListContainersOptions, RemoveImageOptions};
use rustix::process::Signal;

use crate::docker::{ask, made_for};
use crate::shells::{project, write};
use crate::support::docker::shell_image;

const CONFIG: &str =
    "services:\n  - {name: ship, phase: 1, docker_compose: shells.yml, health: none}\n";
const SLEEP: &str = "command: [sleep, \"1000\"]";

#[test]
fn an_interrupt_ends_a_pull_and_the_next_run_goes_on() {
    // It takes the request and never answers.
    let registry = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = registry.local_addr().expect("an address");
    let lines = format!("image: {address}/ship:1\n{SLEEP}");
    let ecosystem = project(CONFIG, &[("ship", &lines)], "");
    let mut run = ecosystem.told(&["bootstrap", "--format", "json"]);
    run.until_document(|event| {
        event["event"] == "step_started" && event["step"] == "core-services/start:ship"
    });
    let asked = registry.accept().expect("a request");

    run.signal(Signal::INT);

    run.end().exits(6);
    assert_eq!(ecosystem.state()["status"], "interrupted");
    assert!(made_for(&ecosystem).is_empty());
    drop((asked, registry));
    write(&ecosystem, &[("ship", SLEEP)], "");
    ecosystem.chora(&["bootstrap"]).exits(0);
}

#[test]
fn an_interrupt_ends_a_build_with_what_it_runs_and_the_next_run_goes_on() {
    let lines = format!("image: chora-test/built:interrupted\nbuild: ./ship\n{SLEEP}");
    let ecosystem = project(CONFIG, &[("ship", &lines)], "");
    let context = ecosystem.path().join("ship");
    fs::create_dir(&context).expect("a directory");
    let dockerfile = |run: &str| {
        let text = format!("FROM {}\n{run}CMD [\"sleep\", \"1000\"]\n", shell_image());
        fs::write(context.join("Dockerfile"), text).expect("a Dockerfile");
    };
    // A mark by which its container is known.
    let mark = ecosystem.path().display().to_string();
    dockerfile(&format!("RUN sleep 1000 && echo {mark}\n"));
    let builders = || {
        let listed = ask(async |docker| {
            docker
                .list_containers(None::<ListContainersOptions>)
                .await
                .expect("a list")
        });
        let commands = listed.into_iter().filter_map(|container| container.command);
        commands.filter(|command| command.contains(&mark)).count()
    };
    let mut run = ecosystem.told(&["bootstrap", "--format", "json"]);
    run.until_document(|event| {
        event["event"] == "step_doing"
            && event["what"].as_str().is_some_and(|it| it.contains("RUN"))
    });

    run.signal(Signal::INT);

    run.end().exits(6);
    assert!(made_for(&ecosystem).is_empty());
    // The engine ends it when it notices that nobody waits for it any more.
    while builders() > 0 {
        std::thread::yield_now();
    }
    dockerfile("");
    ecosystem.chora(&["bootstrap"]).exits(0);
    assert_eq!(made_for(&ecosystem).len(), 1);
    ecosystem.chora(&["reset", "--force"]).exits(0);
    let removed = ask(async |docker| {
        docker
            .remove_image(
                "chora-test/built:interrupted",
                None::<RemoveImageOptions>,
                None,
            )
            .await
    });
    removed.expect("an image");
}

#[test]
fn chora_makes_images_of_itself_that_answer() {
    let ecosystem = project(CONFIG, &[("ship", SLEEP)], "");
    let tag = format!("test-{}", std::process::id());
    let built = ecosystem.chora(&["image", "build", "--tag", &tag]).exits(0);
    let images = ["manifest", "orchestrator", "gateway", "analyzer"];
    for image in images {
        let reference = format!("chora/{image}:{tag}");
        assert!(built.stdout.contains(&reference), "{}", built.stdout);
    }
    for said in ["size: ", "to its first healthy answer"] {
        assert!(built.stdout.contains(said), "{said} in {}", built.stdout);
    }
    for image in images {
        let reference = format!("chora/{image}:{tag}");
        ask(async |docker| {
            docker
                .remove_image(&reference, None::<RemoveImageOptions>, None)
                .await
        })
        .expect("an image");
    }
    let refused = ecosystem.chora(&["image", "build", "--tag", "a b"]);
    refused.exits(7).complains(&["`a b` is no tag"]);
    let nothing = ecosystem.path().join("nothing").display().to_string();
    let refused = ecosystem.chora(&["image", "build", "--program", &nothing]);
    refused.exits(1).complains(&[&nothing]);
}

#[test]
fn what_is_no_program_and_who_is_no_service_is_told_and_no_image_is_made() {
    let ecosystem = project(CONFIG, &[("ship", SLEEP)], "");
    let text = ecosystem.path().join("text");
    fs::write(&text, "#!/bin/sh\n").expect("a file");
    let text = text.display().to_string();
    let tag = format!("none-{}", std::process::id());
    let build = ["image", "build", "--tag", &tag];

    let program = [&build[..], &["--program", &text]].concat();
    ecosystem.chora(&program).exits(1).complains(&[&text]);
    // All four are made at once; there is none to choose.
    let named = [&build[..], &["manifest"]].concat();
    ecosystem.chora(&named).exits(7).complains(&["manifest"]);
    let unknown = ecosystem.chora(&["serve", "nobody", "--check"]).exits(7);
    unknown.complains(&["nobody", "analyzer"]);

    let made = ask(async |docker| {
        docker
            .inspect_image(&format!("chora/manifest:{tag}"))
            .await
            .is_ok()
    });
    assert!(!made);
}

#[test]
fn a_check_asks_the_service_beside_it() {
    let ecosystem = project(CONFIG, &[("ship", SLEEP)], "");
    let port = ecosystem.port("analyzer").to_string();
    let place = [("HOST", "127.0.0.1".to_owned()), ("PORT", port)];
    let check = || ecosystem.chora_with(&place, &["serve", "analyzer", "--check"]);
    check().exits(1);
    let mut service = ecosystem.spawn_with(&place, &["serve", "analyzer"]);
    while check().code != 0 {
        assert!(service.try_wait().expect("a process").is_none());
    }
    service.kill().expect("a process");
    service.wait().expect("an ended process");
    check().exits(1);
}
