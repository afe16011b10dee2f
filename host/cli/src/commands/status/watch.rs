//! `chora status --watch`: redrawn on a terminal, a new report at each change elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use chora_bootstrap::{Project, StatusReport};
use tokio::time::{Interval, MissedTickBehavior};

use super::written;
use crate::app::App;
use crate::args::{StatusArgs, StatusFormat};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{escape, reader_gone};
use crate::signals;

/// How often the status is asked for.
const INTERVAL: Duration = Duration::from_secs(1);

/// Clears the screen.
const CLEAR: &str = "\u{1b}[2J";
/// Moves to the upper left corner, and cuts lines off at the right edge: a line that went on below would be met by the next one.
const BEGIN: &str = "\u{1b}[H\u{1b}[?7l";
/// Clears what is left of the line, then the line end.
const END_OF_LINE: &str = "\u{1b}[K\n";
/// Clears everything below, and lets lines go on below as before.
const END: &str = "\u{1b}[J\u{1b}[?7h";

/// Goes on until a signal ends it, or nobody reads any more; both are how a watch ends, so the exit code is that of what was shown last.
pub(super) async fn run(
    app: &App,
    project: &Project,
    args: &StatusArgs,
    services: &[String],
) -> Result<Exit, Ended> {
    let signal = signals::first()?;
    let mut watch = Watch {
        app,
        format: args.format,
        redraws: std::io::stdout().is_terminal() && args.format == StatusFormat::Table,
        last: None,
        exit: Exit::INTERRUPTED,
    };
    tokio::select! {
        biased;
        _name = signal => {
            if watch.redraws {
                // Behind the `^C` that the terminal shows.
                app.output.raw("\n");
            }
        }
        () = reader_gone() => {}
        failed = watch.go_on(project, services) => failed?,
    }
    Ok(watch.exit)
}

struct Watch<'a> {
    app: &'a App,
    format: StatusFormat,
    redraws: bool,
    /// What was shown last, where only news is shown.
    last: Option<serde_json::Value>,
    /// The exit code of what was shown last.
    exit: Exit,
}

impl Watch<'_> {
    /// Returns when nobody reads any more.
    async fn go_on(&mut self, project: &Project, services: &[String]) -> Result<(), Ended> {
        let mut ticks: Interval = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if self.redraws {
            self.app.output.raw(CLEAR);
        }
        loop {
            ticks.tick().await;
            let report = chora_bootstrap::status(project, services).await?;
            let Some(text) = self.shown(&report)? else {
                continue;
            };
            self.exit = Exit(report.exit_code);
            // On a thread for it: a reader that stands still must not keep a signal from ending the command.
            let output = Arc::clone(&self.app.output);
            let printed = tokio::task::spawn_blocking(move || output.raw(&text));
            if !printed.await.context("the thread that prints broke off")? {
                return Ok(());
            }
        }
    }

    /// What is to be printed of a report; nothing when it is not news.
    fn shown(&mut self, report: &StatusReport) -> Result<Option<String>, Ended> {
        if self.redraws {
            let text = written(self.app, report, self.format)?;
            let text = fit(&self.app.output.for_out(&text), rows());
            return Ok(Some(format!("{BEGIN}{text}{END}")));
        }
        let news = essence(report);
        if self.last.as_ref() == Some(&news) {
            return Ok(None);
        }
        let first = self.last.replace(news).is_none();
        let text = match self.format {
            StatusFormat::Json => {
                let json =
                    serde_json::to_string(report).context("failed to write the status as JSON")?;
                format!("{}\n", escape(&json))
            }
            StatusFormat::Table if first => written(self.app, report, self.format)?,
            StatusFormat::Table => format!("\n{}", written(self.app, report, self.format)?),
            StatusFormat::Yaml => format!("---\n{}", written(self.app, report, self.format)?),
        };
        Ok(Some(self.app.output.for_out(&text)))
    }
}

/// The height of the terminal, where it tells.
fn rows() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_row > 0).then_some(usize::from(size.ws_row))
}

/// The text line by line over what is on the screen, so that nothing flickers, and no longer than the screen: what scrolled away could not be redrawn.
fn fit(text: &str, rows: Option<usize>) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // The last row is the cursor's.
    let room = rows.map_or(lines.len(), |rows| rows.saturating_sub(1));
    let mut fitted = String::new();
    let mut add = |line: &str| {
        fitted.push_str(line);
        fitted.push_str(END_OF_LINE);
    };
    if lines.len() <= room {
        lines.iter().for_each(|line| add(line));
    } else {
        let kept = room.saturating_sub(1);
        lines.iter().take(kept).for_each(|line| add(line));
        add(&format!("… and {} more lines", lines.len() - kept));
    }
    fitted
}

/// What makes a report news: everything but the time that passes.
fn essence(report: &StatusReport) -> serde_json::Value {
    let mut value = serde_json::to_value(report).unwrap_or_default();
    let services = value
        .get_mut("services")
        .and_then(serde_json::Value::as_array_mut);
    for service in services.into_iter().flatten() {
        if let Some(service) = service.as_object_mut() {
            service.remove("uptime_seconds");
            service.remove("detail");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_on_the_screen_is_counted() {
        let plain = |rows| fit("a\nb\nc\n", rows).replace(END_OF_LINE, "|");
        assert_eq!(plain(None), "a|b|c|");
        assert_eq!(plain(Some(4)), "a|b|c|");
        assert_eq!(plain(Some(3)), "a|… and 2 more lines|");
        assert_eq!(plain(Some(1)), "… and 3 more lines|");
    }
}
