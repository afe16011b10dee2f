//! Plans that break a rule, in runs of the whole program: each ends the run before anything was done.

use chora_model::text::is_hidden;

use super::program::Play;
use super::{Ground, Tally, Tried, judged};

/// How a run ends that failed.
const FAILED: i32 = 3;
/// More than a report of a plan needs, in bytes.
const MOST: usize = 10_000;

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    for (what, misdeed, code, said) in [
        (
            "5000 steps",
            "too-many",
            "PLUGIN_LIMIT",
            "the number of steps is limited to",
        ),
        (
            "a million steps",
            "a-million",
            "PLUGIN_LIMIT",
            "is limited to",
        ),
        (
            "a step's id of a megabyte",
            "long-id",
            "PLUGIN_INVALID",
            "its id does not match",
        ),
        (
            "a step's title of a megabyte",
            "long-title",
            "PLUGIN_INVALID",
            "its title is longer than",
        ),
        (
            "a service that there is not",
            "long-service",
            "PLUGIN_INVALID",
            "which is not configured",
        ),
        (
            "an id twice",
            "duplicate",
            "PLUGIN_INVALID",
            "its id is used twice",
        ),
        (
            "an id that leads out of its directory",
            "invalid-id",
            "PLUGIN_INVALID",
            "its id does not match",
        ),
        (
            "a need of a step that there is not",
            "unknown-need",
            "PLUGIN_INVALID",
            "which is not in the plan",
        ),
        (
            "a circle of steps",
            "cycle",
            "PLUGIN_INVALID",
            "`mine/one` → `mine/two` → `mine/one`",
        ),
        (
            "a change while planning, granted",
            "change",
            "PLUGIN_DENIED",
            "outside of `apply` and `revert`",
        ),
        (
            "a secret while planning, granted",
            "secret",
            "PLUGIN_DENIED",
            "outside of `apply` and `revert`",
        ),
    ] {
        tally
            .attack(what, planned(ground, misdeed, code, said))
            .await;
    }
}

async fn planned(ground: &Ground, misdeed: &str, code: &str, said: &str) -> Tried {
    let entry = format!(
        "settings: {{plan: {misdeed}}}, grants: [\"services=*:start\", \"credentials=*:reveal\"]"
    );
    let play = Play::new(ground, &entry)?;
    let ended = play.chora(&["bootstrap"]).await?;
    let report = &ended.stderr;
    let first = report.lines().find(|line| line.starts_with("error["));
    let home = play.place.path().join(".chora");
    let secrets = home.join("credentials.json");
    judged(
        first.unwrap_or(report),
        &[
            (ended.code == Some(FAILED), "the run did not fail"),
            (
                report.contains(&format!("error[{code}]")) && report.contains(said),
                "the report does not say what is wrong",
            ),
            (
                report.contains("mine"),
                "the report does not say whose it is",
            ),
            (
                !report.contains(|character| character != '\n' && is_hidden(character)),
                "the report steers a terminal",
            ),
            (report.len() < MOST, "the report fills a terminal"),
            (play.place.processes().is_empty(), "something was started"),
            (!secrets.exists(), "credentials were made"),
        ],
    )
}
