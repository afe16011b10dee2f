//! Plans, good and bad.

use chora_plugin::{Error, Step, credentials, services, settings};

use crate::steps;

/// The steps asked for, unless a misdeed of the plan itself was.
pub(crate) fn plan() -> Result<Vec<Step>, Error> {
    let misdeed: Option<String> = settings::read("plan")?;
    Ok(match misdeed.as_deref() {
        None => asked_for()?,
        Some("loop") => steps::forever(),
        Some("panic") => steps::panics("the plan burst"),
        Some("too-many") => (0..5_000)
            .map(|number| Step::new(format!("step-{number}"), "One of many"))
            .collect(),
        Some("a-million") => (0..1_000_000)
            .map(|number| Step::new(number.to_string(), ""))
            .collect(),
        Some("long-id") => vec![Step::new("x".repeat(1 << 20), "Long")],
        Some("long-title") => vec![Step::new("one", steps::rude_text())],
        Some("rude-title") => {
            let title: String = steps::rude_text().chars().take(40).collect();
            vec![Step::new("good", title)]
        }
        Some("long-service") => vec![Step::new("one", "One").service(steps::rude_text())],
        Some("duplicate") => vec![
            Step::new("twin", "One twin"),
            Step::new("twin", "The other"),
        ],
        Some("invalid-id") => vec![Step::new("../Etc\u{1b}[2J", "Nowhere")],
        Some("unknown-need") => vec![Step::new("one", "One").needs("\u{202e}x".repeat(1 << 19))],
        Some("cycle") => vec![
            Step::new("one", "One").needs("two"),
            Step::new("two", "Two").needs("one"),
        ],
        Some("change") => {
            services::start("db")?;
            Vec::new()
        }
        Some("secret") => {
            credentials::reveal("jwt_secret")?;
            Vec::new()
        }
        Some(other) => return Err(settings::invalid("plan", format!("no misdeed `{other}`"))),
    })
}

fn asked_for() -> Result<Vec<Step>, Error> {
    let ids: Vec<String> = settings::read("steps")?.unwrap_or_default();
    let timeout: Option<u64> = settings::read("timeout")?;
    let steps = ids.into_iter().map(|id| {
        let step = Step::new(&id, format!("Do {id}"));
        match timeout {
            Some(timeout) => step.timeout(timeout),
            None => step,
        }
    });
    Ok(steps.collect())
}
