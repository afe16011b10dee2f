//! Ctrl-C, SIGTERM and SIGHUP: the first asks a run to stop, the second ends it; of what only looks or asks, the first is the end.
//!
//! Those of a run are heard by a thread with a runtime of its own: work that blocks the threads of the run, which it should not, must not keep a person from ending it.

use std::future::Future;

use anyhow::Context;
use chora_bootstrap::{Cancel, Urgency};
use futures_util::future::{BoxFuture, FutureExt, select_all};
use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

type Caught = Vec<(&'static str, Signal)>;

/// Catches the signals from now on. The first is handed on to the run and acknowledged; what is returned resolves with the second.
pub(crate) fn catch(
    cancel: Cancel,
    say: impl Fn(&str) + Send + 'static,
) -> anyhow::Result<oneshot::Receiver<()>> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .context("failed to start the runtime for signals")?;
    let caught = {
        let _entered = runtime.enter();
        register().context("failed to catch signals")?
    };
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(obey(caught, &cancel, &say));
            // The run may have ended by itself in the meantime.
            let _over = end.send(());
        })
        .context("failed to start the thread for signals")?;
    Ok(ended)
}

/// Catches the signals from now on, for a command that has nothing to bring in order. What is returned resolves with the first, by its name.
pub(crate) fn first() -> anyhow::Result<impl Future<Output = &'static str>> {
    let mut caught = register().context("failed to catch signals")?;
    Ok(async move { next(&mut caught).await })
}

/// Catches the signals from now on, for a command that changes something in one go: the first is a request to stop, for as long as that still leaves everything as it was.
pub(crate) fn cancel() -> anyhow::Result<Cancel> {
    let (first, cancel) = (first()?, Cancel::new());
    let asked = cancel.clone();
    tokio::spawn(async move { asked.request(Urgency::Graceful, first.await) });
    Ok(cancel)
}

/// Those that whoever started chora had ignored, as `nohup` does, stay ignored.
fn register() -> std::io::Result<Caught> {
    let ignored = ignored();
    let mut caught = Vec::new();
    for (name, kind) in [
        ("SIGINT", SignalKind::interrupt()),
        ("SIGTERM", SignalKind::terminate()),
        ("SIGHUP", SignalKind::hangup()),
    ] {
        let bit = kind.as_raw_value().saturating_sub(1);
        if (ignored >> bit) & 1 == 0 {
            caught.push((name, signal(kind)?));
        }
    }
    Ok(caught)
}

async fn obey(mut caught: Caught, cancel: &Cancel, say: impl Fn(&str)) {
    let first = next(&mut caught).await;
    cancel.request(Urgency::Graceful, first);
    say(&format!(
        "\n  ! {first}: stopping; what is being done gets a few seconds to end. Once more stops at once"
    ));
    let second = next(&mut caught).await;
    cancel.request(Urgency::Now, second);
    say(&format!(
        "\n  ! {second}: stopped at once; the next run looks at what was left half done"
    ));
}

async fn next(caught: &mut Caught) -> &'static str {
    let waits: Vec<BoxFuture<'_, Option<&'static str>>> = caught
        .iter_mut()
        .map(|(name, signal)| async move { signal.recv().await.map(|()| *name) }.boxed())
        .collect();
    if waits.is_empty() {
        return std::future::pending().await;
    }
    match select_all(waits).await {
        (Some(name), ..) => name,
        // The runtime is going down: no signal will come.
        (None, ..) => std::future::pending().await,
    }
}

/// The mask of ignored signals, bit 0 for signal 1; none where the system does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
