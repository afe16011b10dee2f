//! What a plugin may not do on a Docker Engine unless each of it was granted, and whose things it may touch.

use std::os::unix::fs::symlink;
use std::time::Duration;

use chora_plugin_host::PluginError;
use serde_json::{Value, json};

use crate::docker_engine;
use crate::harbour::{Harbour, Laid};
use crate::scene::Sandbox;

const COMPONENT: &[u8] = chora_hostile_plugins::CALLS;
/// Where the engine listens.
const SOCKET: &str = "/var/run/docker.sock";

struct Pier {
    sandbox: Sandbox,
    harbour: Harbour,
}

impl Pier {
    async fn with(laid: Laid) -> Self {
        let sandbox = Sandbox::new();
        let harbour = Harbour::lay(&sandbox.scene.layout, laid).await;
        Self { sandbox, harbour }
    }

    /// What a step of the guest says with these grants and arguments.
    async fn says(&self, step: &str, grants: &[String], arguments: Value) -> String {
        let guest = self.sandbox.guest(COMPONENT).await.granted(grants);
        let outcome = guest.set("arguments", arguments).apply(step).await;
        outcome.expect("an outcome").summary
    }

    fn running(&self, script: &str, more: &Value) -> Value {
        json!({
            "container": self.harbour.container(),
            "image": self.harbour.image,
            "command": ["sh", "-c", script],
            "more": more,
        })
    }

    fn run_grant(&self, verbs: &str) -> String {
        let (name, image) = (self.harbour.container(), &self.harbour.image);
        format!("docker=container/{name}:run({image}){verbs}")
    }

    /// With the grant to run alone the rest is missing, by name; with just that it runs.
    async fn needs(&self, more: &Value, verbs: &[&str], script: &str, prints: &str) {
        let arguments = self.running(script, more);
        let alone = [self.run_grant("")];
        let refused = self.says("docker.run", &alone, arguments.clone()).await;
        assert!(refused.contains("Denied"), "{refused}");
        let name = self.harbour.container();
        let mut given = vec![self.run_grant("")];
        for verb in verbs {
            let missing = format!("docker=container/{name}:{verb}");
            assert!(refused.contains(&missing), "{missing} in {refused}");
            // All but the last are not enough.
            let refused = self.says("docker.run", &given, arguments.clone()).await;
            assert!(refused.contains(&missing), "{missing} in {refused}");
            given.push(missing);
        }
        let ran = self.says("docker.run", &given, arguments).await;
        assert!(ran.starts_with("ok: "), "{ran}");
        assert!(ran.contains(prints), "{prints} in {ran}");
    }
}

#[tokio::test]
async fn a_container_is_closed_by_itself() {
    let pier = Pier::with(Laid::Nothing).await;
    let look = "busybox ls /sys/class/net; busybox grep CapEff /proc/self/status; busybox grep NoNewPrivs /proc/self/status; busybox hostname";
    let arguments = pier.running(look, &json!({}));
    let said = pier
        .says("docker.run", &[pier.run_grant("")], arguments)
        .await;
    assert!(said.contains("ok: "), "{said}");
    assert!(said.contains("0000000000000000"), "{said}");
    assert!(said.contains(r"NoNewPrivs:\t1"), "{said}");
    assert!(!said.contains("eth0"), "{said}");
}

#[tokio::test]
async fn paths_of_the_machine_are_refused_unless_each_was_granted() {
    let pier = Pier::with(Laid::Nothing).await;
    let folder = pier.sandbox.scene.layout.project.join("cargo");
    std::fs::create_dir(&folder).expect("a directory");
    std::fs::write(folder.join("list"), "spices").expect("a file");
    let folder = folder.canonicalize().expect("a directory");
    let folder = folder.display().to_string();
    let reading = json!({"binds": [[folder, "/hold", true]]});
    let verb = format!("bind-read-only({folder})");
    pier.needs(&reading, &[&verb], "busybox cat /hold/list", "spices")
        .await;
    let writing = json!({"binds": [[folder, "/hold", false]]});
    let verb = format!("bind({folder})");
    pier.needs(
        &writing,
        &[&verb],
        "echo more >> /hold/list && echo written",
        "written",
    )
    .await;
    // Both are on record with the rest of the call.
    let ledger = pier.sandbox.ledger().into_iter();
    let besides: Vec<String> = ledger
        .filter(|call| call.decision == "allowed")
        .flat_map(|call| call.besides)
        .collect();
    for way in ["bind-read-only", "bind"] {
        let needed = format!(":{way}({folder})");
        assert!(
            besides.iter().any(|it| it.ends_with(&needed)),
            "{besides:?}"
        );
    }
    // The right to read is none to write.
    let reader = pier.run_grant(&format!("+bind-read-only({folder})"));
    let arguments = pier.running("true", &writing);
    let refused = pier.says("docker.run", &[reader], arguments).await;
    assert!(refused.contains(&format!("bind({folder})")), "{refused}");
}

#[tokio::test]
async fn a_link_leads_nowhere_that_was_not_granted() {
    let pier = Pier::with(Laid::Nothing).await;
    let project = pier.sandbox.scene.layout.project.canonicalize();
    let link = project.expect("a directory").join("link");
    symlink("/etc", &link).expect("a link");
    let link = link.display().to_string();
    let more = json!({"binds": [[link, "/hold", true]]});
    let granted = pier.run_grant(&format!("+bind-read-only({link})"));
    let arguments = pier.running("true", &more);
    let refused = pier.says("docker.run", &[granted], arguments).await;
    assert!(refused.contains("bind-read-only(/etc)"), "{refused}");
}

#[tokio::test]
async fn the_engine_s_socket_and_what_holds_it_need_a_grant_of_their_own() {
    let pier = Pier::with(Laid::Nothing).await;
    let real = std::path::Path::new(SOCKET).canonicalize();
    let real = real.expect("a socket").display().to_string();
    for path in [SOCKET, real.as_str(), "/run", "/"] {
        let more = json!({"binds": [[path, "/hold", false]]});
        let granted = pier.run_grant("+bind(/)");
        let arguments = pier.running("true", &more);
        let refused = pier.says("docker.run", &[granted], arguments).await;
        let missing = format!("docker=container/{}:socket", pier.harbour.container());
        assert!(refused.contains(&missing), "{path}: {refused}");
    }
    let more = json!({"binds": [[real, "/engine.sock", false]]});
    let granted = pier.run_grant("+bind(/)+socket");
    let arguments = pier.running("test -S /engine.sock && echo there", &more);
    let ran = pier.says("docker.run", &[granted], arguments).await;
    assert!(ran.contains("there"), "{ran}");
}

#[tokio::test]
async fn privileges_capabilities_and_namespaces_are_refused_unless_each_was_granted() {
    let pier = Pier::with(Laid::Nothing).await;
    // Not every machine lets its engine give all that it has: what counts is that the engine is asked.
    let everything = pier.running("echo all", &json!({"privileged": true}));
    let refused = pier
        .says("docker.run", &[pier.run_grant("")], everything.clone())
        .await;
    let missing = format!("docker=container/{}:privileged", pier.harbour.container());
    assert!(refused.contains(&missing), "{refused}");
    let granted = [pier.run_grant("+privileged")];
    let asked = pier.says("docker.run", &granted, everything).await;
    assert!(!asked.contains("Denied"), "{asked}");
    pier.needs(
        &json!({"capabilities": ["CHOWN", "NET_BIND_SERVICE"]}),
        &["capability(CHOWN)", "capability(NET_BIND_SERVICE)"],
        "busybox grep CapEff /proc/self/status",
        "0000000000000401",
    )
    .await;
    for namespace in ["network", "pid", "ipc", "uts", "cgroup"] {
        pier.needs(
            &json!({"host": [namespace]}),
            &[&format!("host-{namespace}")],
            "echo shared",
            "shared",
        )
        .await;
    }
}

#[tokio::test]
async fn no_word_for_a_network_leads_around_the_grants() {
    let pier = Pier::with(Laid::Running).await;
    let name = pier.harbour.container();
    for network in [
        "host",
        "none",
        "default",
        &format!("container:{name}"),
        "../x",
    ] {
        let more = json!({"networks": [network]});
        let grants = [pier.run_grant(""), "docker=network/*:join".to_owned()];
        let said = pier
            .says("docker.run", &grants, pier.running("true", &more))
            .await;
        assert!(said.contains("Invalid"), "{network}: {said}");
    }
    // The engine's own network is meant only by its name.
    let more = json!({"networks": ["bridge"]});
    let grants = [pier.run_grant(""), "docker=network/*:join".to_owned()];
    let said = pier
        .says("docker.run", &grants, pier.running("true", &more))
        .await;
    assert!(said.contains("docker=network/bridge:join"), "{said}");
}

#[tokio::test]
async fn what_is_somebody_else_s_is_never_touched() {
    let pier = Pier::with(Laid::Nothing).await;
    let name = pier.harbour.container();
    docker_engine::make_foreign(&name);
    let everything = [format!(
        "docker=container/{name}:inspect+logs+stop+remove+exec(sh)+start(*)+run(*)"
    )];
    for step in [
        "docker.inspect",
        "docker.logs",
        "docker.wait",
        "docker.stop",
        "docker.remove",
        "docker.exec",
        "docker.start",
        "docker.run",
    ] {
        let arguments = pier.running("true", &json!({}));
        let said = pier.says(step, &everything, arguments).await;
        assert!(said.contains("NotOurs"), "{step}: {said}");
    }
    assert!(docker_engine::remove(&name), "it was removed");
}

#[tokio::test]
async fn a_run_that_is_cut_off_leaves_no_container() {
    let pier = Pier::with(Laid::Nothing).await;
    let guest = pier.sandbox.guest(COMPONENT).await;
    let guest = guest.granted(&[pier.run_grant("")]);
    let arguments = pier.running("exec sleep 1000", &json!({}));
    let guest = guest.set("arguments", arguments);
    let cut = guest
        .within(Duration::from_secs(3))
        .apply("docker.run")
        .await;
    assert!(matches!(cut, Err(PluginError::TimedOut { .. })), "{cut:?}");

    assert!(pier.sandbox.scene.settled(Duration::from_secs(60)).await);

    assert_eq!(
        docker_engine::made_for(&pier.sandbox.scene.layout.project),
        []
    );
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_ended() {
    let pier = Pier::with(Laid::Nothing).await;
    let mut arguments = pier.running("exec sleep 1000", &json!({}));
    arguments["timeout"] = 500.into();
    let said = pier
        .says("docker.run", &[pier.run_grant("")], arguments)
        .await;
    assert!(said.contains("TimedOut"), "{said}");
    assert_eq!(
        docker_engine::made_for(&pier.sandbox.scene.layout.project),
        []
    );
}
