//! `chora plugin audit`.

use chora_bootstrap::history::{Audit, Audited, Called, History, Unused};
use chora_bootstrap::{Listed, Origin, Store};
use chora_model::failure::{Code, Failure};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::App;
use crate::args::{AuditArgs, PluginFormat};
use crate::commands::runs::words;
use crate::exit::Exit;
use crate::failure::Ended;
use crate::output::{
    BOLD, CODE, Cell, Column, DIM, GOOD, WARN, columns, document, left, one_line, paint, right,
};
use crate::project;

const COLUMNS: [Column; 6] = [
    left("  CALL"),
    left("ON"),
    right("ALLOWED"),
    right("PLANNED"),
    right("DENIED"),
    left("GRANT"),
];

/// A plugin of the project, or one that was called and is not in the project any more.
struct Subject {
    name: String,
    listed: Option<Listed>,
    audited: Audited,
}

impl Subject {
    /// Nothing where there are no grants to speak of.
    fn unused(&self) -> Option<Vec<Unused>> {
        let listed = self.listed.as_ref().filter(|one| !one.grants.is_empty())?;
        Some(self.audited.unused(&listed.grants))
    }

    /// Whether its user gave it a grant that was not needed.
    fn could_give_back(&self) -> bool {
        let listed = self.listed.as_ref();
        listed.is_some_and(|one| one.origin != Origin::Bundled)
            && self.unused().is_some_and(|unused| !unused.is_empty())
    }
}

/// Runs the command.
pub(super) fn run(app: &App, args: &AuditArgs) -> Result<Exit, Ended> {
    let store = project::store(app)?;
    let history = History::of(store.layout().clone());
    let audit = history.audit(usize::try_from(args.runs).unwrap_or(usize::MAX))?;
    let subjects = subjects(&store, &audit, args.name.as_deref())?;
    match args.format {
        PluginFormat::Json => {
            let plugins: Vec<Value> = subjects.iter().map(entry).collect();
            let audit = json!({
                "environment": store.layout().environment,
                "runs": audit.runs,
                "since": audit.since,
                "incomplete": audit.incomplete,
                "plugins": plugins,
            });
            app.output.text(&document(&audit, "the audit")?);
        }
        PluginFormat::Table => {
            let mut lines = vec![scope(&audit, &store.layout().environment)];
            for subject in &subjects {
                lines.push(String::new());
                lines.extend(if args.unused {
                    unused(subject)
                } else {
                    called(subject)
                });
            }
            if args.unused && subjects.iter().any(Subject::could_give_back) {
                lines.push(String::new());
                lines.push(
                    "What a plugin has beyond what it asks for is taken back by leaving it out of `grants:` in the configuration.\n\
                     Without what it asks for it is not run: ask its author for a version that asks for less."
                        .to_owned(),
                );
            }
            app.output.line(&lines.join("\n"));
        }
    }
    Ok(Exit::DONE)
}

/// The plugin that is asked for, or all of the project and of the runs, by name.
fn subjects(store: &Store, audit: &Audit, wanted: Option<&str>) -> Result<Vec<Subject>, Ended> {
    let listed = store.list()?;
    let mut names: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    names.extend(audit.plugins.keys().map(String::as_str));
    names.sort_unstable();
    names.dedup();
    if let Some(wanted) = wanted {
        if !names.contains(&wanted) {
            let known: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("neither the project nor its runs have a plugin `{wanted}`");
            return Err(Failure::new(Code::ConfigError, message)
                .next(format!("name one of {}", known.join(", ")))
                .into());
        }
        names = vec![wanted];
    }
    let subject = |name: &str| Subject {
        name: name.to_owned(),
        // The configuration stands over what is bundled.
        listed: listed.iter().rev().find(|one| one.name == name).cloned(),
        audited: audit.plugins.get(name).cloned().unwrap_or_default(),
    };
    Ok(names.into_iter().map(subject).collect())
}

fn scope(audit: &Audit, environment: &str) -> String {
    let since = audit.since.map_or_else(String::new, |since| {
        format!(", the first {}", words::moment(since, Timestamp::now()))
    });
    let runs = match audit.runs {
        1 => "1 run".to_owned(),
        runs => format!("{runs} runs"),
    };
    let mut text = format!("{runs} of {environment}{since}");
    if !audit.incomplete.is_empty() {
        let of = audit.incomplete.len();
        text.push_str(&format!(
            "\n{} not every call of {of} of them is known: `chora runs show RUN` tells what is wrong with {}",
            paint(WARN, "!"),
            audit.incomplete.join(", ")
        ));
    }
    text
}

fn called(subject: &Subject) -> Vec<String> {
    let audited = &subject.audited;
    let mut lines = vec![title(subject)];
    if audited.calls.is_empty() {
        lines.push("  called nothing".to_owned());
        return lines;
    }
    let rows: Vec<_> = audited.calls.iter().map(row).collect();
    lines.extend(columns(&COLUMNS, &rows));
    lines
}

fn title(subject: &Subject) -> String {
    let name = paint(BOLD, one_line(&subject.name));
    match &subject.listed {
        Some(_) => format!("{name}, in {} of the runs", subject.audited.runs),
        None => format!(
            "{name}, in {} of the runs, {}",
            subject.audited.runs,
            paint(DIM, "not in the project any more")
        ),
    }
}

fn row(call: &Called) -> [Cell; 6] {
    let count = |count: u64| match count {
        0 => Cell::styled(DIM, "0"),
        count => count.to_string().into(),
    };
    let denied = match call.denied {
        0 => Cell::styled(DIM, "0"),
        count => Cell::styled(WARN, count.to_string()),
    };
    let mut grants: Vec<String> = call.grants.iter().map(|it| one_line(it)).collect();
    grants.extend(
        call.needed
            .iter()
            .map(|it| format!("needs {}", one_line(it))),
    );
    [
        format!("  {}", one_line(&call.function)).into(),
        one_line(&call.target).into(),
        count(call.allowed),
        count(call.planned),
        denied,
        grants.join(", ").into(),
    ]
}

fn unused(subject: &Subject) -> Vec<String> {
    let mut lines = vec![title(subject)];
    match subject.unused() {
        None => lines.push("  has no grants".to_owned()),
        Some(unused) if unused.is_empty() => {
            lines.push(format!("  {} every grant was needed", paint(GOOD, "✓")));
        }
        Some(unused) => lines.extend(unused.iter().map(|one| {
            let what = match one.verbs.as_slice() {
                [] => "no call needed it".to_owned(),
                verbs => format!("no call needed {}", one_line(&verbs.join(", "))),
            };
            let grant = paint(CODE, one_line(&one.grant));
            format!("  {} {grant}: {what}", paint(WARN, "!"))
        })),
    }
    lines
}

fn entry(subject: &Subject) -> Value {
    json!({
        "name": subject.name,
        "in_project": subject.listed.is_some(),
        "grants": subject.listed.as_ref().map(|one| &one.grants),
        "unused": subject.unused(),
        "runs": subject.audited.runs,
        "digests": subject.audited.digests,
        "calls": subject.audited.calls,
    })
}
