//! `chora runs`: looks back at the runs of an environment. Reads journals only.

mod list;
mod report;
mod show;
#[cfg(test)]
mod tests;
pub(in crate::commands) mod words;

use chora_bootstrap::history::{History, Record, Standing};
use chora_model::failure::{Code, Failure};
use jiff::Timestamp;
use serde_json::json;

use crate::app::App;
use crate::args::{RunsCommand, RunsFormat};
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{CODE, document, one_line, paint};
use crate::project;

/// Runs the command.
pub(crate) fn run(app: &App, command: &RunsCommand) -> Result<Exit, Ended> {
    let loaded = project::load(app)?;
    let environment = loaded.layout.environment.clone();
    let history = History::of(loaded.layout);
    match command {
        RunsCommand::List { limit, format } => {
            let runs = history.runs()?;
            let records: Vec<Record> = runs
                .iter()
                .filter_map(|run| history.read(run))
                .take(limit.get())
                .collect();
            let length = History::short_length(&runs);
            match format {
                RunsFormat::Json => {
                    let listed = list::json(&environment, &records, runs.len(), length);
                    app.output.text(&document(&listed, "the runs")?);
                }
                RunsFormat::Table if records.is_empty() => none(app, &environment),
                RunsFormat::Table => {
                    let now = Timestamp::now();
                    let options = project::options(app);
                    let table = list::table(&records, runs.len(), length, now, &options);
                    app.output.text(&table);
                }
            }
        }
        RunsCommand::Show { run, format } => match history.find(run.as_deref())? {
            None => no_run(app, &environment, *format)?,
            Some(record) => {
                let text = match format {
                    RunsFormat::Json => document(&record, "the run")?,
                    RunsFormat::Table => show::text(&readable(&record)?, Timestamp::now()),
                };
                app.output.text(&text);
            }
        },
        RunsCommand::Report { run, format } => match history.find(run.as_deref())? {
            None => no_run(app, &environment, *format)?,
            Some(record) => {
                let digest = readable(&record)?;
                let report = history.report(digest.record)?;
                let report =
                    report.ok_or_else(|| unreadable(&record, "no event of it is written"))?;
                let text = match format {
                    RunsFormat::Json => document(&report, "the report")?,
                    RunsFormat::Table => report::text(&digest, &report, Timestamp::now()),
                };
                app.output.text(&text);
            }
        },
    }
    Ok(Exit::DONE)
}

/// A run of which something can be told.
struct Told<'a> {
    record: &'a Record,
    digest: &'a chora_bootstrap::history::Digest,
}

fn readable(record: &Record) -> Result<Told<'_>, Ended> {
    match (&record.digest, &record.standing) {
        (Some(digest), _) => Ok(Told { record, digest }),
        (None, Standing::Unreadable { reason }) => Err(unreadable(record, reason)),
        (
            None,
            Standing::Ended
            | Standing::Running { .. }
            | Standing::Killed
            | Standing::Unknown { .. },
        ) => Err(unreadable(record, "no event of it is written")),
    }
}

fn unreadable(record: &Record, reason: &str) -> Ended {
    let message = format!("nothing can be told of run `{}`: {reason}", record.run);
    let mut failure = Failure::new(Code::IoError, message);
    failure.details = vec![format!("its journal is `{}`", record.journal.display())];
    failure.next("see the others with `chora runs list`").into()
}

fn none(app: &App, environment: &str) {
    let begin = paint(
        CODE,
        format_args!("`chora bootstrap{}`", project::options(app)),
    );
    app.output.line(&format!(
        "no run of {} is on record yet\n\nNext: {begin}",
        one_line(environment)
    ));
}

/// There is no run to show, which is no error.
fn no_run(app: &App, environment: &str, format: RunsFormat) -> Result<(), Ended> {
    match format {
        RunsFormat::Table => none(app, environment),
        RunsFormat::Json => {
            let nothing = document(&json!(null), "no run")?;
            app.output.text(&nothing);
        }
    }
    Ok(())
}
