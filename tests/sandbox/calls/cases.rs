//! What each host function is called with, what it needs, and the world that it would change.

use chora_plugin_host::{Class, HostFunction};
use serde_json::json;

use super::COMPONENT;
use crate::scene::{Guest, Sandbox, Snapshot};
use crate::server::Server;

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
}

impl Stage {
    pub(crate) async fn set(case: Case) -> Self {
        let sandbox = Sandbox::new();
        if case.running {
            sandbox.start_db().await;
        } else if case.credentials {
            sandbox.make_credentials();
        }
        let server = Server::start().await;
        Self {
            case,
            sandbox,
            server,
        }
    }

    pub(crate) fn step(&self) -> &'static str {
        self.case.step
    }

    pub(crate) fn grant(&self) -> String {
        self.filled(self.case.grant)
    }

    fn filled(&self, text: &str) -> String {
        text.replace("PORT", &self.server.port.to_string())
    }

    /// The guest `calls`, with arguments for every function and nothing granted.
    pub(crate) async fn guest(&self) -> Guest<'_> {
        let arguments = json!({
            "service": "db",
            "command": ["touch", "by-exec"],
            "credential": "api_key_db",
            "url": self.server.url("/a"),
            "host": "127.0.0.1",
            "port": self.server.port,
        });
        let guest = self.sandbox.guest(COMPONENT).await;
        guest.set("arguments", arguments)
    }

    /// Files, processes, and requests that arrived.
    pub(crate) fn snapshot(&self) -> (Snapshot, Vec<String>) {
        (self.sandbox.snapshot(), self.server.heads())
    }
}
