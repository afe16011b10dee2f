//! The bundled HTTP check against the same check in native code, and what many of them cost; and what the ledger costs for each host call.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chora_bootstrap::JournalLines;
use chora_model::event::{Event, EventKind, EventSink};
use chora_model::grant::{Grant, GrantSet};
use chora_plugin_host::{Plugin, PluginError, Target, Verdict};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::figures::{percentile, report, report_against};
use crate::plugin::{Stage, call};
use crate::registry::Server;
use crate::usage::{memory, processor_time};

/// How many checks of each kind are measured one after the other, after how many that are not: meanwhile the plugin gets into the pool.
const CHECKS: usize = 2_000;
const WARM_UP: usize = 500;
/// How many checks a second are sustained, and for how long.
const RATE: u32 = 1_000;
const SUSTAINED: Duration = Duration::from_secs(10);
/// How many lines of the ledger are measured.
const LINES: usize = 20_000;
const TIMEOUT: Duration = Duration::from_secs(5);

/// Remembers the last event: that of a check is its host call.
#[derive(Default)]
struct Last(Mutex<Option<EventKind>>);

impl EventSink for Last {
    fn emit(&self, kind: EventKind) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(kind);
    }
}

/// Prints the figures of health checks.
pub(crate) async fn measure() -> Result<()> {
    let server = Server::plain().await?;
    let url = format!("http://127.0.0.1:{}/health", server.port);
    let last = Arc::new(Last::default());
    let stage = Stage::new(Arc::clone(&last) as Arc<dyn EventSink>)?;
    let bundled = chora_bundled_plugins::get("http-check").context("failed to find a plugin")?;
    let plugin = stage.host.load(bundled.name, bundled.bytes).await?;
    let target = Target {
        service: "bench".to_owned(),
        endpoint: Some(url.clone()),
        port: None,
        timeout: TIMEOUT,
    };
    let grant = Grant::parse(&format!("http=GET {url}"))?;
    let checks = Arc::new(Checks {
        stage,
        plugin,
        grants: Arc::new(GrantSet::from(vec![grant])),
        nowhere: Target {
            endpoint: None,
            ..target.clone()
        },
        target,
        client: client()?,
        url,
    });
    // In a task of its own, as a run's steps make their checks.
    let in_turn = tokio::spawn(Arc::clone(&checks).in_turn());
    let [mut native, mut plugged, mut bare] = in_turn.await??;
    report("HTTP check in native code", &mut native);
    let than = percentile(&native, 50);
    report_against("HTTP check as a plugin", &mut plugged, "native", than);
    report_against(
        "the plugin's call without its request",
        &mut bare,
        "native",
        than,
    );
    sustain("native code", &checks, Kind::Native).await?;
    sustain("plugins", &checks, Kind::Plugin).await?;
    let last = last.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    ledger(last.context("failed to find a host call")?)
}

#[derive(Clone, Copy)]
enum Kind {
    Native,
    Plugin,
    /// The plugin's, of a service without an endpoint: it is made an instance, says so, and is unmade.
    Bare,
}

/// The same check, both ways.
struct Checks {
    stage: Stage,
    plugin: Arc<Plugin>,
    grants: Arc<GrantSet>,
    target: Target,
    nowhere: Target,
    client: reqwest::Client,
    url: String,
}

impl Checks {
    /// Makes checks of all kinds one after the other, and answers how long those of each took.
    async fn in_turn(self: Arc<Self>) -> Result<[Vec<Duration>; 3]> {
        let mut took = [const { Vec::new() }; 3];
        for number in 0..WARM_UP + CHECKS {
            for (kind, took) in [Kind::Native, Kind::Plugin, Kind::Bare]
                .into_iter()
                .zip(&mut took)
            {
                let one = self.timed(kind).await?;
                if number >= WARM_UP {
                    took.push(one);
                }
            }
        }
        Ok(took)
    }

    async fn timed(&self, kind: Kind) -> Result<Duration> {
        let began = Instant::now();
        let is_as_expected = match kind {
            Kind::Native => self.native().await?,
            Kind::Plugin => self.probe(&self.target).await?.healthy,
            Kind::Bare => matches!(
                self.probe(&self.nowhere).await,
                Err(PluginError::Guest { .. })
            ),
        };
        ensure!(is_as_expected, "a check did not end as it should");
        Ok(began.elapsed())
    }

    async fn probe(&self, target: &Target) -> Result<Verdict, PluginError> {
        let call = call(&self.plugin, &self.grants);
        let stage = &self.stage;
        stage.host.probe(&stage.scene, call, target).await
    }

    async fn native(&self) -> Result<bool> {
        let request = self.client.get(&self.url).timeout(TIMEOUT);
        let request = request.header("accept", "application/json, */*");
        let answer = request.send().await?;
        let is_success = answer.status().is_success();
        let said: Value = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(is_success && said.get("service").and_then(Value::as_str) == Some("bench"))
    }
}

/// As the host's own: a connection of its own for each request, which says who asks and follows nothing.
fn client() -> Result<reqwest::Client> {
    // Fails when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .user_agent(concat!("chora/", env!("CARGO_PKG_VERSION")))
        .tls_certs_only([]);
    builder.build().context("failed to make a client")
}

/// Prints what many checks a second take of this process; the server is another.
async fn sustain(name: &str, checks: &Arc<Checks>, kind: Kind) -> Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tasks = JoinSet::new();
    let mut took = Vec::new();
    let this = std::process::id();
    let cpu = || processor_time(this).context("failed to read the processor time");
    let (began, before) = (Instant::now(), cpu()?);
    while began.elapsed() < SUSTAINED {
        ticks.tick().await;
        let checks = Arc::clone(checks);
        tasks.spawn(async move { checks.timed(kind).await });
        while let Some(done) = tasks.try_join_next() {
            took.push(done??);
        }
    }
    while let Some(done) = tasks.join_next().await {
        took.push(done??);
    }
    let elapsed = began.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = took.len() as f64 / elapsed;
    let share = 100.0 * cpu()?.saturating_sub(before).as_secs_f64() / elapsed;
    let memory = memory(this).context("failed to read the memory")? >> 20;
    report(&format!("{RATE} checks a second, {name}"), &mut took);
    println!(
        "{:<46} {rate:.0} checks a second, {share:.0} % of a processor, {memory} MiB resident",
        ""
    );
    Ok(())
}

/// Prints what one host call costs the journal: its line written out, summed and handed to the system at once.
fn ledger(kind: EventKind) -> Result<()> {
    let directory = tempfile::tempdir().context("failed to make a directory")?;
    let mut file = File::create(directory.path().join("journal"))?;
    let event = Event {
        at: jiff::Timestamp::now(),
        elapsed_ms: 1,
        kind,
    };
    let mut lines = JournalLines::default();
    let mut took = Vec::with_capacity(LINES);
    for _ in 0..LINES {
        let began = Instant::now();
        lines.push(&event)?;
        std::io::Write::write_all(&mut file, &lines.take())?;
        took.push(began.elapsed());
    }
    report("a host call's line in the ledger", &mut took);
    Ok(())
}
