//! The misdeeds of steps, one for each limit of the host and each way to fail.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chora_plugin::http::Request;
use chora_plugin::{Error, Failure, Outcome, credentials, progress, services, settings};

use crate::echoing;

/// More than any request or response body may have.
const TOO_LONG: usize = (1 << 20) + 1;

/// What a recursion changes, so that it is one.
static TURNS: AtomicU64 = AtomicU64::new(1);

pub(crate) fn apply(step: &str) -> Result<Outcome, Error> {
    match step {
        "good" => Ok(Outcome::changed("done")),
        "loop" => forever(),
        "wait" => {
            std::thread::sleep(Duration::from_secs(1_000_000));
            Ok(Outcome::unchanged("waited"))
        }
        "memory" => memory(),
        "panic" => panics("the boiler burst"),
        "unreachable" => unreachable(),
        "recursion" => Ok(Outcome::unchanged(deeper(1).to_string())),
        "wide-recursion" => Ok(Outcome::unchanged(wider(1).to_string())),
        "exit" => std::process::exit(0),
        "stdout" => endless(std::io::stdout()),
        "stderr" => endless(std::io::stderr()),
        "log" => loop {
            progress::info("and another thing");
        },
        "host-calls" => loop {
            black_box(settings::value("nothing"));
        },
        "resources" => loop {
            std::mem::forget(credentials::bearer_of("jwt_secret")?);
        },
        "argument" => {
            progress::info("x".repeat(64 << 20));
            Ok(Outcome::unchanged("said"))
        }
        "request-body" => answered(Request::post(url()?).body(vec![b'x'; TOO_LONG])),
        "headers" => {
            let many = (0..101).fold(Request::get(url()?), |request, number| {
                request.header(&format!("x-number-{number}"), "1")
            });
            answered(many)
        }
        "many-calls" => many_calls(),
        "start" => {
            services::start("db")?;
            Ok(Outcome::changed("started"))
        }
        "insist" => match services::start("db") {
            Ok(_) => Ok(Outcome::changed("started")),
            Err(_) => panics("nobody says no"),
        },
        "get" => answered(Request::get(url()?).timeout(60_000)),
        "failure" => Err(Failure::new("service `db` has no disk")
            .service("db")
            .cause("the disk is full")
            .next("Empty the disk.")
            .into()),
        "rude-failure" => Err(rude()),
        "rude-outcome" => Ok(Outcome::changed(rude_text())
            .warning(rude_text())
            .warning(rude_text())),
        "rude-log" => {
            progress::info(rude_text());
            progress::doing(rude_text());
            Ok(Outcome::unchanged("said"))
        }
        "rude-name" => {
            services::inspect(&rude_text())?;
            Ok(Outcome::unchanged("looked"))
        }
        "rude-panic" => panics(&rude_text()),
        other => match other.strip_prefix("echo-") {
            Some(way) => echoing::echo(way),
            None => Err(Error::UnknownStep(other.to_owned())),
        },
    }
}

/// As many calls as the setting `calls` says, each for a service of its own; tells how many were refused.
fn many_calls() -> Result<Outcome, Error> {
    let calls: u64 = settings::read("calls")?.unwrap_or_default();
    let refused = (0..calls).filter(|number| services::inspect(&format!("db-{number}")).is_err());
    Ok(Outcome::unchanged(format!("{} refused", refused.count())))
}

fn url() -> Result<String, Error> {
    settings::read("url")?.ok_or_else(|| settings::invalid("url", "it is missing"))
}

fn answered(request: Request<'_>) -> Result<Outcome, Error> {
    let answer = request.send()?;
    Ok(Outcome::unchanged(format!("status {}", answer.status)))
}

/// A loop that is not optimised away, because each turn looks at something.
pub(crate) fn forever<T>() -> T {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns).wrapping_add(1);
    }
}

#[inline(never)]
#[expect(clippy::panic, reason = "a panic is what the host is tested with")]
pub(crate) fn panics<T>(text: &str) -> T {
    panic!("{text}")
}

pub(crate) fn memory() -> ! {
    let mut hoard = Vec::new();
    loop {
        hoard.push(black_box(vec![1_u8; 1 << 20]));
    }
}

#[inline(never)]
fn unreachable() -> ! {
    #[cfg(target_family = "wasm")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_family = "wasm"))]
    std::process::abort()
}

/// The result is used after the call, in no order but this, so no loop can be made of it. Nothing of it lies in memory, so what ends is the host's stack and not the guest's own.
fn deeper(depth: u64) -> u64 {
    let turn = TURNS.fetch_add(depth, Ordering::Relaxed);
    if turn == u64::MAX {
        return depth;
    }
    turn.wrapping_sub(deeper(turn | 1).rotate_left(7))
}

/// A recursion that fills the stack that the guest keeps in its own memory.
#[expect(
    unconditional_recursion,
    reason = "its end is what the host is tested with"
)]
fn wider(depth: u64) -> u64 {
    let here = black_box([depth; 1_024]);
    wider(depth.wrapping_add(1)).wrapping_add(here.iter().sum())
}

pub(crate) fn endless(mut to: impl std::io::Write) -> ! {
    let line = [b'x'; 1_024];
    loop {
        // The host ends this by a trap, not by an error.
        let _ = to.write_all(&line).and_then(|()| to.flush());
    }
}

/// A megabyte that clears the screen, turns the direction of writing and rings the bell.
pub(crate) fn rude_text() -> String {
    "\u{1b}[2J\u{202e}\u{7}\r\nowned ".repeat(1 << 16)
}

fn rude() -> Error {
    let causes = (0..50).map(|_| rude_text().chars().take(5_000).collect::<String>());
    let mut failure = Failure::new(rude_text()).service(rude_text());
    for text in causes {
        failure = failure.cause(text.clone()).next(text);
    }
    failure.into()
}
