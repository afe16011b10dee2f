//! What each host function is called with, what it needs, and the world that it would change.

use chora_plugin_host::{Class, HostFunction};
use serde_json::json;

use super::COMPONENT;
use crate::harbour::{Harbour, Laid};
use crate::scene::{Guest, Sandbox, Snapshot};
use chora_selftest::Server;

/// A host function with a call of it. `PORT` stands for the server's.
pub(crate) struct Case {
    /// The guest's step.
    step: &'static str,
    /// The narrowest grant.
    grant: &'static str,
    /// Whether `db` runs before.
    running: bool,
    /// Whether there are credentials before.
    credentials: bool,
    /// A part of the answer.
    pub(crate) answer: &'static str,
    /// How many bytes the ledger counts at least.
    pub(crate) bytes: u64,
    /// What is there on a Docker Engine before; absent for all that have nothing to do with one.
    laid: Option<Laid>,
    /// A line of shell for a container.
    script: &'static str,
}

impl Case {
    /// The case of a function. A function without one fails every test of this table.
    pub(crate) fn of(function: HostFunction) -> Self {
        let case = |step, grant, answer| Self {
            step,
            grant,
            running: true,
            credentials: true,
            answer,
            bytes: 2,
            laid: None,
            script: "",
        };
        let docker = |step, grant, laid, answer| Self {
            running: false,
            credentials: false,
            laid: Some(laid),
            script: "echo ahoy",
            ..case(step, grant, answer)
        };
        let stopped = |case| Self {
            running: false,
            ..case
        };
        match (function.name, function.class) {
            ("services.definition-of", Class::Reads) => case(
                "services.definition-of",
                "services=db:inspect",
                "exec sleep",
            ),
            ("services.inspect", Class::Reads) => {
                case("services.inspect", "services=db:inspect", "Running")
            }
            ("services.start", Class::Changes) => {
                stopped(case("services.start", "services=db:start", "Changed"))
            }
            ("services.stop", Class::Changes) => {
                case("services.stop", "services=db:stop", "Changed")
            }
            ("services.remove", Class::Changes) => {
                case("services.remove", "services=db:remove", "Changed")
            }
            ("services.logs", Class::Reads) => case("services.logs", "services=db:logs", "ready"),
            ("services.exec", Class::Changes) => Self {
                // `db`, `touch`, `by-exec`.
                bytes: 14,
                ..case("services.exec", "services=db:exec(touch)", "code: Some(0)")
            },
            ("health.wait", Class::Reads) => case("health.wait", "health=db", "fine"),
            ("health.probe", Class::Reads) => case("health.probe", "health=db", "fine"),
            ("credentials.ensure", Class::Changes) => Self {
                running: false,
                credentials: false,
                bytes: 0,
                ..case("credentials.ensure", "credentials=*:ensure", "Changed")
            },
            ("credentials.bearer-of", Class::Secret) => case(
                "credentials.bearer-of",
                "credentials=api_key_db:use",
                "Bearer",
            ),
            ("credentials.reveal", Class::Secret) => {
                case("credentials.reveal", "credentials=api_key_db:reveal", "\"")
            }
            ("http.send", Class::Reads) => Self {
                bytes: 5,
                ..case(
                    "http.send-reading",
                    "http=GET http://127.0.0.1:PORT/a",
                    "hello",
                )
            },
            ("http.send", Class::Changes) => Self {
                bytes: 5,
                ..case(
                    "http.send-changing",
                    "http=POST http://127.0.0.1:PORT/a",
                    "hello",
                )
            },
            ("tcp.reach", Class::Reads) => case("tcp.reach", "tcp=127.0.0.1:PORT", "()"),
            ("machine.resources", Class::Reads) => Self {
                bytes: 0,
                ..case("machine.resources", "machine=resources", "cpus")
            },
            ("machine.port", Class::Reads) => case("machine.port", "machine=ports", "pid: Some"),
            ("machine.ensure-directory", Class::Changes) => stopped(case(
                "machine.ensure-directory",
                "machine=directories",
                "Changed",
            )),
            ("machine.engine", Class::Reads) => Self {
                bytes: 0,
                ..case("machine.engine", "machine=engine", "process")
            },
            ("docker.version", Class::Reads) => Self {
                bytes: 0,
                ..docker(
                    "docker.version",
                    "docker=engine:version",
                    Laid::Nothing,
                    "docker",
                )
            },
            ("docker.image", Class::Reads) => docker(
                "docker.image",
                "docker=image/IMAGE:inspect",
                Laid::Nothing,
                "sha256:",
            ),
            ("docker.pull-image", Class::Changes) => docker(
                "docker.pull-image",
                "docker=image/IMAGE:pull",
                Laid::Registry,
                "Changed",
            ),
            ("docker.remove-image", Class::Changes) => docker(
                "docker.remove-image",
                "docker=image/IMAGE:remove",
                Laid::Image,
                "Changed",
            ),
            ("docker.run", Class::Changes) => docker(
                "docker.run",
                "docker=container/CONTAINER:run(IMAGE)",
                Laid::Nothing,
                "ahoy",
            ),
            ("docker.start", Class::Changes) => Self {
                script: "exec sleep 1000",
                ..docker(
                    "docker.start",
                    "docker=container/CONTAINER:start(IMAGE)",
                    Laid::Nothing,
                    "Changed",
                )
            },
            ("docker.stop", Class::Changes) => docker(
                "docker.stop",
                "docker=container/CONTAINER:stop",
                Laid::Running,
                "Changed",
            ),
            ("docker.remove", Class::Changes) => docker(
                "docker.remove",
                "docker=container/CONTAINER:remove",
                Laid::Ended,
                "Changed",
            ),
            ("docker.inspect", Class::Reads) => docker(
                "docker.inspect",
                "docker=container/CONTAINER:inspect",
                Laid::Running,
                "Running",
            ),
            ("docker.wait", Class::Reads) => docker(
                "docker.wait",
                "docker=container/CONTAINER:inspect",
                Laid::Ended,
                "code: Some(0)",
            ),
            ("docker.logs", Class::Reads) => docker(
                "docker.logs",
                "docker=container/CONTAINER:logs",
                Laid::Ended,
                "ready",
            ),
            ("docker.exec", Class::Changes) => docker(
                "docker.exec",
                "docker=container/CONTAINER:exec(sh)",
                Laid::Running,
                "ahoy",
            ),
            ("docker.network", Class::Reads) => docker(
                "docker.network",
                "docker=network/NETWORK:inspect",
                Laid::Places,
                "internal: true",
            ),
            ("docker.ensure-network", Class::Changes) => docker(
                "docker.ensure-network",
                "docker=network/NETWORK:create",
                Laid::Nothing,
                "Changed",
            ),
            ("docker.remove-network", Class::Changes) => docker(
                "docker.remove-network",
                "docker=network/NETWORK:remove",
                Laid::Places,
                "Changed",
            ),
            ("docker.volume", Class::Reads) => docker(
                "docker.volume",
                "docker=volume/VOLUME:inspect",
                Laid::Places,
                "VOLUME",
            ),
            ("docker.ensure-volume", Class::Changes) => docker(
                "docker.ensure-volume",
                "docker=volume/VOLUME:create",
                Laid::Nothing,
                "Changed",
            ),
            ("docker.remove-volume", Class::Changes) => docker(
                "docker.remove-volume",
                "docker=volume/VOLUME:remove",
                Laid::Places,
                "Changed",
            ),
            (name, class) => {
                panic!("`{name}` ({class:?}) has no case: add one, and a step to the guest `calls`")
            }
        }
    }

    /// The grants of all functions.
    pub(crate) fn all_grants(stage: &Stage) -> Vec<String> {
        let all = HostFunction::ALL.iter();
        all.map(|function| stage.filled(Self::of(*function).grant))
            .collect()
    }
}

/// A project in which a case can be played, and what it may do to the world.
pub(crate) struct Stage {
    pub(crate) case: Case,
    pub(crate) sandbox: Sandbox,
    server: Server,
    harbour: Option<Harbour>,
}

impl Stage {
    pub(crate) async fn set(case: Case) -> Self {
        let sandbox = Sandbox::new();
        if case.running {
            sandbox.start_db().await;
        } else if case.credentials {
            sandbox.make_credentials();
        }
        let server = Server::start().await.expect("a server");
        let harbour = match case.laid {
            Some(laid) => Some(Harbour::lay(&sandbox.scene.layout, laid).await),
            None => None,
        };
        Self {
            case,
            sandbox,
            server,
            harbour,
        }
    }

    pub(crate) fn step(&self) -> &'static str {
        self.case.step
    }

    pub(crate) fn grant(&self) -> String {
        self.filled(self.case.grant)
    }

    /// A text with the names of this stage in it. Without a Docker Engine's, the grants of its functions are for something else.
    pub(crate) fn filled(&self, text: &str) -> String {
        let text = text.replace("PORT", &self.server.port.to_string());
        let name = |of: fn(&Harbour) -> String| self.harbour.as_ref().map_or("none".into(), of);
        text.replace("CONTAINER", &name(Harbour::container))
            .replace("NETWORK", &name(Harbour::network))
            .replace("VOLUME", &name(Harbour::volume))
            .replace("IMAGE", &name(|harbour| harbour.image.clone()))
    }

    /// The guest `calls`, with arguments for every function and nothing granted.
    pub(crate) async fn guest(&self) -> Guest<'_> {
        let command = match self.harbour {
            Some(_) => vec!["sh", "-c", self.case.script],
            None => vec!["touch", "by-exec"],
        };
        let arguments = json!({
            "container": self.filled("CONTAINER"),
            "image": self.filled("IMAGE"),
            "network": self.filled("NETWORK"),
            "volume": self.filled("VOLUME"),
            "service": "db",
            "command": command,
            "credential": "api_key_db",
            "url": self.server.url("/a"),
            "host": "127.0.0.1",
            "port": self.server.port,
        });
        let guest = self.sandbox.guest(COMPONENT).await;
        guest.set("arguments", arguments)
    }

    /// Files, processes, requests that arrived, and what there is on a Docker Engine.
    pub(crate) fn snapshot(&self) -> (Snapshot, Vec<String>, Option<Vec<String>>) {
        let laid = self.harbour.as_ref().map(Harbour::contents);
        (self.sandbox.snapshot(), self.server.heads(), laid)
    }
}
