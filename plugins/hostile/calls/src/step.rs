//! The calls themselves.

use std::fmt::Debug;

use chora_plugin::credentials::{self, Bearer};
use chora_plugin::http::Request;
use chora_plugin::{Error, docker, health, machine, services, tcp};

use crate::arguments::Arguments;

/// A step for each host function, then those that look at what else a guest can reach.
pub(crate) const IDS: [&str; 39] = [
    "services.definition-of",
    "services.inspect",
    "services.start",
    "services.stop",
    "services.remove",
    "services.logs",
    "services.exec",
    "health.wait",
    "health.probe",
    "credentials.ensure",
    "credentials.bearer-of",
    "credentials.reveal",
    "http.send-reading",
    "http.send-changing",
    "tcp.reach",
    "machine.resources",
    "machine.port",
    "machine.ensure-directory",
    "machine.engine",
    "docker.version",
    "docker.image",
    "docker.pull-image",
    "docker.remove-image",
    "docker.run",
    "docker.start",
    "docker.stop",
    "docker.remove",
    "docker.inspect",
    "docker.wait",
    "docker.logs",
    "docker.exec",
    "docker.network",
    "docker.ensure-network",
    "docker.remove-network",
    "docker.volume",
    "docker.ensure-volume",
    "docker.remove-volume",
    "surroundings",
    "forged-bearer",
];

/// An error of a host function: as text, and as the error that a plugin would end with.
pub(crate) struct Refused {
    pub(crate) text: String,
    pub(crate) error: Error,
}

impl<E: Debug + Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self {
            text: format!("{error:?}"),
            error: error.into(),
        }
    }
}

/// Makes the call of a step.
pub(crate) fn call(id: &str) -> Result<String, Refused> {
    let with = Arguments::read()?;
    let service = with.service.as_str();
    match id {
        "services.definition-of" => shown(services::definition_of(service)),
        "services.inspect" => shown(services::inspect(service)),
        "services.start" => shown(services::start(service)),
        "services.stop" => shown(services::stop(service)),
        "services.remove" => shown(services::remove(service)),
        "services.logs" => shown(services::logs(service, 10)),
        "services.exec" => shown(services::exec(service, &with.command, 10_000)),
        "health.wait" => shown(health::wait(service)),
        "health.probe" => shown(health::probe(service)),
        "credentials.ensure" => shown(credentials::ensure()),
        "credentials.bearer-of" => {
            shown(credentials::bearer_of(&with.credential).map(|bearer| describe(&bearer)))
        }
        "credentials.reveal" => shown(credentials::reveal(&with.credential)),
        "http.send-reading" => send("GET", &with),
        "http.send-changing" => send("POST", &with),
        "tcp.reach" => shown(tcp::reach(&with.host, with.port, 10_000)),
        "machine.resources" => shown(machine::resources()),
        "machine.port" => shown(machine::port(with.port)),
        "machine.ensure-directory" => shown(machine::ensure_directory(machine::Directory::Data)),
        "machine.engine" => shown(machine::engine()),
        id if id.starts_with("docker.") => on_docker(id, &with),
        "surroundings" => Ok(surroundings()),
        "forged-bearer" => forged(&with),
        other => Err(Error::UnknownStep(other.to_owned()).into()),
    }
}

/// The calls of `docker`.
fn on_docker(id: &str, with: &Arguments) -> Result<String, Refused> {
    let (name, image) = (with.container.as_str(), with.image.as_str());
    let stdin = with.stdin.as_deref().map(str::as_bytes);
    match id {
        "docker.version" => shown(docker::version()),
        "docker.image" => shown(docker::image(image)),
        "docker.pull-image" => shown(docker::pull_image(image)),
        "docker.remove-image" => shown(docker::remove_image(image)),
        "docker.run" => answer(docker::run(&with.one_off(), stdin, with.timeout)),
        "docker.start" => shown(docker::start(&with.one_off())),
        "docker.stop" => shown(docker::stop(name, 100)),
        "docker.remove" => shown(docker::remove(name)),
        "docker.inspect" => shown(docker::inspect(name)),
        "docker.wait" => shown(docker::wait(name, with.timeout)),
        "docker.logs" => shown(docker::logs(name, 10)),
        "docker.exec" => answer(docker::exec(name, &with.command, stdin, with.timeout)),
        "docker.network" => shown(docker::network(&with.network)),
        "docker.ensure-network" => shown(docker::ensure_network(&with.network, true)),
        "docker.remove-network" => shown(docker::remove_network(&with.network)),
        "docker.volume" => shown(docker::volume(&with.volume)),
        "docker.ensure-volume" => shown(docker::ensure_volume(&with.volume)),
        "docker.remove-volume" => shown(docker::remove_volume(&with.volume)),
        other => Err(Error::UnknownStep(other.to_owned()).into()),
    }
}

/// What a container printed, as text, and how it ended.
fn answer(ran: Result<docker::Output, docker::Error>) -> Result<String, Refused> {
    let ran = ran?;
    Ok(format!(
        "{:?} {}{}",
        ran.exit,
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    ))
}

fn shown<T: Debug, E: Debug + Into<Error>>(answer: Result<T, E>) -> Result<String, Refused> {
    Ok(format!("{:?}", answer?))
}

/// Everything that a guest can see of a bearer.
fn describe(bearer: &Bearer) -> String {
    format!("{bearer:?}")
}

fn send(method: &str, with: &Arguments) -> Result<String, Refused> {
    let bearer = match &with.bearer {
        Some(name) => Some(credentials::bearer_of(name)?),
        None => None,
    };
    let method = with.method.as_deref().unwrap_or(method);
    let mut request = Request::new(method, &with.url).timeout(10_000);
    for (name, value) in &with.headers {
        request = request.header(name, value);
    }
    if let Some(bearer) = &bearer {
        request = request.bearer(bearer);
    }
    let answer = request.send()?;
    let location = answer.header("location").unwrap_or_default();
    Ok(format!(
        "{} {location} {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    ))
}

/// What the standard library finds of the world.
fn surroundings() -> String {
    let variables = std::env::vars_os().count();
    // The first argument is the program's own name, where there is one.
    let arguments = std::env::args_os().count();
    let readable = ["/", ".", "/etc/passwd", "/proc/self/environ"]
        .into_iter()
        .filter(|path| std::fs::metadata(path).is_ok() || std::fs::read_dir(path).is_ok())
        .count();
    let written = usize::from(std::fs::write("here", "x").is_ok());
    let mut input = String::new();
    let read = std::io::stdin().read_line(&mut input).unwrap_or_default();
    format!(
        "{variables} variables, {arguments} arguments, {readable} readable, {written} written, {read} read"
    )
}

/// Sends with a handle that no call of this instance returned.
#[expect(
    unsafe_code,
    reason = "only a made-up handle shows that the host knows its own"
)]
fn forged(with: &Arguments) -> Result<String, Refused> {
    // SAFETY: the handle is an index into a table of the host, which checks it; nothing of this instance's memory hangs on it.
    let bearer = unsafe { Bearer::from_handle(1) };
    let answer = Request::get(&with.url).bearer(&bearer).send()?;
    Ok(answer.status.to_string())
}
