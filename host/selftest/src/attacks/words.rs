//! Texts that would steer a terminal or fill it, in everything that a plugin says.

use std::sync::Arc;

use chora_model::event::EventKind;
use chora_model::text::is_hidden;
use chora_plugin_host::PluginError;

use super::{Ground, HOSTILE, Tally, Tried, judged};

/// More than any text of a plugin may have left, in bytes, escapes written out.
const MOST: usize = 64 << 10;

pub(super) async fn all(ground: &Ground, tally: &mut Tally<'_>) {
    tally
        .attack("in an outcome and its warnings", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            let outcome = guest.apply("rude-outcome").await?;
            let mut texts = outcome.warnings;
            texts.push(outcome.summary);
            shown(&texts)
        })
        .await;
    tally
        .attack("in a failure, its causes and what to do", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            match guest.apply("rude-failure").await {
                Err(PluginError::Guest { failure, .. }) => {
                    let mut texts = vec![failure.message];
                    texts.extend(failure.service);
                    texts.extend(failure.causes);
                    texts.extend(failure.next_actions);
                    shown(&texts)
                }
                other => Err(format!("it failed otherwise: {other:?}").into()),
            }
        })
        .await;
    tally
        .attack("in log lines and notes of progress", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            guest.apply("rude-log").await?;
            let events = arena.events().into_iter();
            let texts = events.filter_map(|event| match event {
                EventKind::StepLog { message, .. } => Some(message),
                EventKind::StepDoing { what, .. } => Some(what),
                _ => None,
            });
            shown(&texts.collect::<Vec<_>>())
        })
        .await;
    tally
        .attack("in a name, and so in a denial and in the ledger", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            let Err(error) = guest.apply("rude-name").await else {
                return Err("it was let through".into());
            };
            let mut texts = vec![error.to_string()];
            texts.extend(arena.ledger().into_iter().map(|line| line.target));
            shown(&texts)
        })
        .await;
    tally
        .attack("in a panic", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.misdeeds));
            match guest.apply("rude-panic").await {
                Err(PluginError::Trapped {
                    message, stderr, ..
                }) => {
                    // Its lines stay lines.
                    let mut texts: Vec<String> = stderr.lines().map(str::to_owned).collect();
                    texts.push(message);
                    is_clean(&texts, stderr.len() <= 6 * MOST)
                }
                other => Err(format!("it ended otherwise: {other:?}").into()),
            }
        })
        .await;
    tally
        .attack("in a description", async {
            let component = super::that_describes("rude")?;
            let said = ground.host.load(HOSTILE, &component).await?;
            let said = &said.metadata;
            shown(&[
                said.name.clone(),
                said.version.clone(),
                said.summary.clone(),
            ])
        })
        .await;
    tally
        .attack("in a verdict", async {
            let arena = ground.arena()?;
            let guest = arena.guest_of(Arc::clone(&ground.bad_check));
            shown(&[guest.set("misdeed", "rude").probe().await?.summary])
        })
        .await;
}

/// Each of these is left, short and clean.
fn shown(texts: &[String]) -> Tried {
    if texts.is_empty() || !texts.iter().all(|text| text.contains("owned")) {
        return Err("what it said is not there".into());
    }
    is_clean(texts, texts.iter().all(|text| text.len() <= MOST))
}

fn is_clean(texts: &[String], is_short: bool) -> Tried {
    let is_clean = texts.iter().all(|text| !text.contains(is_hidden));
    let bytes = texts.iter().map(String::len).sum::<usize>();
    judged(
        format!("{bytes} bytes are left, every hidden character written out"),
        &[
            (is_short, "it fills what shows it"),
            (is_clean, "it steers what shows it"),
        ],
    )
}
