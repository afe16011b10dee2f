//! Containers: how long until all are healthy, and until a second run has seen that they are, beside another implementation on the same Compose file; and what the waiting costs.
//!
//! Both wait for the container's own health check, which the daemon makes for the first time after its interval. They take turns, so the machine's own speed falls out of the ratio.

mod peer;
mod role;
mod watched;
mod world;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use futures_util::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::figures::{median, percentile, ratio, report, report_against};
use crate::project::Project;
use peer::Peer;
use watched::{Cost, daemon, watched};
use world::World;

/// How many containers, and how often.
const SIZES: [(usize, usize); 3] = [(1, 7), (10, 5), (50, 3)];
/// The Compose file of a project.
const FILE: &str = "compose.yml";

/// Prints the figures, and removes what they were measured with.
pub(crate) async fn measure(chora: &Path) -> Result<()> {
    // From here on a Ctrl-C ends the command that is measured, and not this before it has cleared away.
    let mut interrupts = signal(SignalKind::interrupt()).context("failed to hear signals")?;
    let world = World::new().await?;
    let measured = sizes(chora, &world, &mut interrupts);
    let cleared = world.clear().await;
    measured?;
    cleared?;
    role::measure(chora).await
}

fn sizes(chora: &Path, world: &World, interrupts: &mut Signal) -> Result<()> {
    let peer = Peer::find();
    match &peer {
        Ok(peer) => println!("containers, in turn with {}", peer.name()),
        Err(why) => println!("containers, beside no other implementation: {why}"),
    }
    if daemon().is_none() {
        println!(
            "the processor time of the daemon is left out: it is no process of this machine that is known from others"
        );
    }
    for (containers, runs) in SIZES {
        let place = Place::new(chora, world, containers)?;
        let (mut ours, mut theirs) = (Lives::default(), Lives::default());
        for _ in 0..runs {
            place.live_with_chora(&mut ours)?;
            if let Ok(peer) = &peer {
                place.live_with(peer, &mut theirs)?;
            }
            if interrupts.recv().now_or_never().is_some() {
                bail!("interrupted");
            }
        }
        let other = peer.as_ref().ok().map(Peer::name);
        print(containers, ours, other.map(|name| (name, theirs)));
    }
    Ok(())
}

/// The costs of several lives of the same containers.
#[derive(Default)]
struct Lives {
    up: Vec<Cost>,
    again: Vec<Cost>,
}

/// A project for chora, with a Compose file that the other implementation reads as well.
struct Place<'a> {
    project: Project<'a>,
    file: PathBuf,
    daemon: Option<u32>,
}

impl<'a> Place<'a> {
    fn new(chora: &'a Path, world: &World, containers: usize) -> Result<Self> {
        let project = Project::new(chora)?;
        let file = project.path().join(FILE);
        std::fs::write(&file, compose(&world.image, containers))
            .context("failed to write a Compose file")?;
        project.configure(&config(containers))?;
        Ok(Self {
            project,
            file,
            daemon: daemon(),
        })
    }

    fn live_with_chora(&self, lives: &mut Lives) -> Result<()> {
        let up = || watched(&mut self.project.command(&["bootstrap"]), self.daemon);
        lives.up.push(up()?);
        lives.again.push(up()?);
        self.project.run(&["reset", "--force", "--volumes"])?;
        Ok(())
    }

    fn live_with(&self, peer: &Peer, lives: &mut Lives) -> Result<()> {
        let name = format!("chora-bench-{}", std::process::id());
        let run =
            |words: &[&str]| watched(&mut peer.command(&name, &self.file, words), self.daemon);
        let up = ["up", "--detach", "--wait", "--quiet-pull"];
        let lived = run(&up).and_then(|first| Ok((first, run(&up)?)));
        let down = run(&["down", "--volumes", "--timeout", "0"]);
        let (first, again) = lived?;
        down?;
        lives.up.push(first);
        lives.again.push(again);
        Ok(())
    }
}

fn compose(image: &str, containers: usize) -> String {
    let mut text = "services:\n".to_owned();
    for number in 0..containers {
        // Writing to a text never fails.
        let _ = write!(
            text,
            "  c{number}:\n    image: {image}\n    pull_policy: never\n    stop_signal: SIGKILL\n    healthcheck: {{test: [CMD, /trivial, check], interval: 2s, timeout: 30s, retries: 5}}\n"
        );
    }
    text
}

fn config(containers: usize) -> String {
    let services = (0..containers).map(|number| {
        format!("  - {{name: c{number}, phase: 1, docker_compose: {FILE}, health: none}}\n")
    });
    format!(
        "services:\n{}engine: docker\n",
        services.collect::<String>()
    )
}

fn print(containers: usize, ours: Lives, theirs: Option<(String, Lives)>) {
    let plural = if containers == 1 { "" } else { "s" };
    let what = format!("{containers} container{plural}");
    let (other_up, other_again) = match theirs {
        Some((name, lives)) => {
            let (up, again) = (lives.up, lives.again);
            (Some((name.clone(), up)), Some((name, again)))
        }
        None => (None, None),
    };
    beside(
        &format!("{what} from nothing to healthy"),
        &ours.up,
        other_up,
    );
    beside(
        &format!("{what} again, nothing to do"),
        &ours.again,
        other_again,
    );
}

/// One kind of run of chora, and the same of the other.
fn beside(what: &str, ours: &[Cost], other: Option<(String, Vec<Cost>)>) {
    let times = |costs: &[Cost]| costs.iter().map(|cost| cost.took).collect::<Vec<_>>();
    let mut took = times(ours);
    match other {
        None => report(what, &mut took),
        Some((name, costs)) => {
            let mut theirs = times(&costs);
            report(&format!("{what}, {name}"), &mut theirs);
            report_costs(&costs);
            let than = percentile(&theirs, 50);
            report_against(what, &mut took, &name, than);
        }
    }
    report_costs(ours);
}

/// What runs cost besides time, as medians.
fn report_costs(costs: &[Cost]) {
    let share = |time, cost: &Cost| 100.0 * ratio(time, cost.took);
    let own = median(costs.iter().map(|cost| share(cost.own, cost)));
    let seconds = median(costs.iter().map(|cost| cost.own.as_secs_f64()));
    #[expect(clippy::cast_precision_loss, reason = "memory is shown to one decimal")]
    let peak = median(costs.iter().map(|cost| cost.peak as f64 / 1e6));
    let daemon = costs
        .iter()
        .filter_map(|cost| Some(share(cost.daemon?, cost)));
    let daemon: Vec<f64> = daemon.collect();
    let of_daemon = if daemon.is_empty() {
        String::new()
    } else {
        format!("; of the daemon {:.0}% of one core", median(daemon))
    };
    println!(
        "  processor time {seconds:.2} s, {own:.0}% of one core; at most {peak:.1} MB{of_daemon}"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_name_the_same_services() {
        let (file, config) = (compose("image:1", 3), config(3));
        for number in 0..3 {
            assert!(file.contains(&format!("  c{number}:\n")), "{file}");
            assert!(config.contains(&format!("name: c{number},")), "{config}");
        }
        assert!(!file.contains("c3"), "{file}");
    }
}
