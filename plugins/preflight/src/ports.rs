//! Whether each configured port is free, or held by the very service that is to have it.

use chora_plugin::machine::PortHolder;
use chora_plugin::{Context, Error, Failure, Outcome, machine};

/// A port that somebody else holds.
struct Conflict<'a> {
    port: u16,
    service: &'a str,
    holder: PortHolder,
}

pub(crate) fn check(context: &Context) -> Result<Outcome, Error> {
    let mut held = 0_usize;
    let mut conflicts = Vec::new();
    let mut looked = 0_usize;
    for (service, port) in wanted(context) {
        looked += 1;
        let Some(holder) = machine::port(port)? else {
            continue;
        };
        if holder.service.as_deref() == Some(service) {
            held += 1;
        } else {
            conflicts.push(Conflict {
                port,
                service,
                holder,
            });
        }
    }
    judge(looked, held, &conflicts)
}

fn wanted(context: &Context) -> impl Iterator<Item = (&str, u16)> {
    context
        .services
        .iter()
        .filter_map(|service| Some((service.name.as_str(), service.port?)))
}

fn judge(looked: usize, held: usize, conflicts: &[Conflict<'_>]) -> Result<Outcome, Error> {
    let [first, rest @ ..] = conflicts else {
        return Ok(Outcome::unchanged(match held {
            0 => format!("{looked} free"),
            _ => format!("{} free, {held} held by our own services", looked - held),
        }));
    };
    let told: Vec<String> = conflicts.iter().map(Conflict::told).collect();
    let mut failure = Failure::new(told.join("; "))
        .cause("another program, or another environment of chora, listens there");
    if rest.is_empty() {
        failure = failure.service(first.service);
    }
    for conflict in conflicts {
        failure = failure.next(conflict.action());
    }
    Err(failure
        .next("Run `chora bootstrap` again; it goes on from here.")
        .into())
}

impl Conflict<'_> {
    fn told(&self) -> String {
        let Self { port, service, .. } = self;
        format!(
            "port {port}, which service `{service}` needs, is held by {}",
            self.who()
        )
    }

    fn who(&self) -> String {
        let PortHolder {
            pid,
            command,
            service,
            container,
        } = &self.holder;
        if let Some(container) = container {
            return match &container.project {
                Some(project) => format!(
                    "the container `{}` of the chora project `{project}`",
                    container.name
                ),
                None => format!("the container `{}`", container.name),
            };
        }
        let mut who = match (command, pid) {
            (Some(command), Some(pid)) => format!("`{command}` (pid {pid})"),
            (Some(command), None) => format!("`{command}`"),
            (None, Some(pid)) => format!("the process {pid}"),
            (None, None) => {
                "a process of another user, whose pid the system does not tell".to_owned()
            }
        };
        if let Some(service) = service {
            who.push_str(&format!(", the service `{service}`"));
        }
        who
    }

    fn action(&self) -> String {
        let Self {
            port,
            service,
            holder,
        } = self;
        if let Some(container) = &holder.container {
            let way_out = match &container.project {
                Some(project) => {
                    format!("Take that environment down with `chora reset` in `{project}`")
                }
                None => format!(
                    "Stop the container with `{} stop {}`",
                    container.command, container.name
                ),
            };
            return format!("{way_out}, or give `{service}` another `port` in the configuration.");
        }
        match (&holder.service, holder.pid) {
            (Some(other), _) => format!(
                "Give `{other}` or `{service}` another `port` in the configuration; `{other}` holds {port}."
            ),
            (None, Some(pid)) => format!(
                "End the process with `kill {pid}`, or give `{service}` another `port` in the configuration."
            ),
            (None, None) => format!(
                "Find the process with `sudo ss -ltnp 'sport = :{port}'` and end it, or give `{service}` another `port` in the configuration."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use chora_plugin::Error;
    use chora_plugin::machine::{PortContainer, PortHolder};

    use super::{Conflict, judge, wanted};

    fn conflict(port: u16, pid: Option<u32>, command: Option<&str>) -> Conflict<'static> {
        Conflict {
            port,
            service: "api",
            holder: PortHolder {
                pid,
                command: command.map(str::to_owned),
                service: None,
                container: None,
            },
        }
    }

    #[test]
    fn free_and_own_ports_are_fine() {
        assert_eq!(judge(4, 0, &[]).unwrap().summary, "4 free");
        assert_eq!(
            judge(4, 3, &[]).unwrap().summary,
            "1 free, 3 held by our own services"
        );
    }

    #[test]
    fn every_foreign_holder_is_named() {
        let conflicts = [
            conflict(80, Some(7), Some("nginx")),
            conflict(81, None, None),
        ];
        let Err(Error::Failed(failure)) = judge(2, 0, &conflicts) else {
            panic!("a failure");
        };
        assert!(
            failure
                .message
                .contains("port 80, which service `api` needs, is held by `nginx` (pid 7)")
        );
        assert!(failure.message.contains("port 81"));
        assert!(
            failure
                .next_actions
                .iter()
                .any(|action| action.contains("kill 7"))
        );
        assert!(
            failure
                .next_actions
                .iter()
                .any(|action| action.contains("sport = :81"))
        );
    }

    #[test]
    fn a_container_is_named_and_stopped_and_not_killed() {
        let held = |project: Option<&str>| {
            let mut held = conflict(80, Some(7), Some("docker-proxy"));
            held.holder.container = Some(PortContainer {
                name: "shop-web-1".to_owned(),
                command: "podman".to_owned(),
                project: project.map(str::to_owned),
            });
            (held.told(), held.action())
        };
        let (told, action) = held(None);
        assert!(
            told.ends_with("is held by the container `shop-web-1`"),
            "{told}"
        );
        assert!(action.contains("`podman stop shop-web-1`"), "{action}");
        let (told, action) = held(Some("/a/shop"));
        assert!(
            told.contains("`shop-web-1` of the chora project `/a/shop`"),
            "{told}"
        );
        assert!(action.contains("`chora reset` in `/a/shop`"), "{action}");
    }

    #[test]
    fn services_without_a_port_want_none() {
        let context = crate::tests::context(&[("a", Some(1)), ("b", None)]);
        assert_eq!(wanted(&context).collect::<Vec<_>>(), [("a", 1)]);
    }
}
