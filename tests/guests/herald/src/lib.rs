//! An observer that logs all that it is told. Its settings can make it misbehave: `fail`, `crash`, `hang`, `look` or `stop` name an event, each as in the WIT.

use std::time::Duration;

use chora_plugin::{Error, Event, Metadata, Observer, Run, RunKind, progress, services, settings};

struct Herald;

impl Observer for Herald {
    fn describe() -> Metadata {
        Metadata::new("herald", "1.0.0", "says what happens")
            .asks("services=db:inspect", "to see whether db runs")
    }

    fn observe(run: &Run, event: &Event) -> Result<(), Error> {
        let name = match event {
            Event::RunStarted => "run-started",
            Event::PhaseStarted(_) => "phase-started",
            Event::ServiceHealthy(_) => "service-healthy",
            Event::RunFailed(_) => "run-failed",
            Event::RunCompleted(_) => "run-completed",
        };
        let kind = match run.kind {
            RunKind::Bootstrap => "bootstrap",
            RunKind::Rollback => "rollback",
            RunKind::Reset => "reset",
            RunKind::Validate => "validate",
        };
        progress::info(format!(
            "{kind} of {} ({}): {}",
            run.environment,
            if run.dry_run { "dry" } else { "real" },
            words(event)
        ));
        let is_to = |misdeed: &str| -> Result<bool, Error> {
            Ok(settings::read::<String>(misdeed)?.as_deref() == Some(name))
        };
        if is_to("look")? {
            services::inspect("db")?;
        }
        if is_to("stop")? {
            services::stop("db")?;
        }
        if is_to("fail")? {
            return Err(Error::Other(format!("no ink for \u{1b}[31m{name}")));
        }
        // What takes the ecosystem down after a test is not to wait for it.
        if is_to("hang")? && run.kind == RunKind::Bootstrap {
            std::thread::sleep(Duration::from_secs(3600));
        }
        assert!(!is_to("crash")?, "the quill broke");
        Ok(())
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::RunStarted => "begun".to_owned(),
        Event::PhaseStarted(start) => format!(
            "phase {} {} with {} steps{}",
            start.phase,
            start.name,
            start.steps,
            if start.undo { ", undone" } else { "" }
        ),
        Event::ServiceHealthy(health) => format!("{} is healthy", health.service),
        Event::RunFailed(failed) => {
            let told = failed.failures.iter().map(|failure| {
                let service = failure.service.as_deref().unwrap_or("-");
                format!("{} {service}: {}", failure.code, failure.message)
            });
            let told: Vec<String> = told.collect();
            format!(
                "failed, interrupted {}: {}",
                failed.interrupted,
                told.join("; ")
            )
        }
        Event::RunCompleted(result) => format!(
            "completed, {} changed, {} unchanged, {} skipped",
            result.changed, result.unchanged, result.skipped
        ),
    }
}

chora_plugin::export_observer!(Herald);
