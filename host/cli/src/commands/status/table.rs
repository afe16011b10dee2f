//! The status for people: where the environment stands, and one line per service.

use chora_bootstrap::{Overall, ServiceStatus, StatusReport};
use chora_model::config::PHASE_NAMES;

use crate::output::{
    BAD, BOLD, CODE, Cell, Column, GOOD, WARN, columns, human_ms, left, one_line, paint,
};

const COLUMNS: [Column; 8] = [
    left("SERVICE"),
    left("PHASE"),
    left("STATUS"),
    left("VERSION"),
    left("ID"),
    left("URL"),
    left("UPTIME"),
    left("DETAIL"),
];

/// The whole report with its last line end.
pub(super) fn table(report: &StatusReport, options: &str) -> String {
    let environment = paint(BOLD, one_line(&report.environment));
    let mut lines = vec![format!(
        "{environment}, {} engine: {}",
        one_line(&report.engine),
        standing(report)
    )];
    if let Some(error) = &report.last_error
        && report.overall != Overall::Healthy
    {
        lines.push(format!(
            "  {}: {}",
            paint(BOLD, "last error"),
            one_line(error)
        ));
    }
    for warning in &report.warnings {
        lines.push(format!("  {} {}", paint(WARN, "!"), one_line(warning)));
    }
    if !report.services.is_empty() {
        lines.push(String::new());
        let rows: Vec<_> = report.services.iter().map(row).collect();
        lines.extend(columns(&COLUMNS, &rows));
    }
    if let Some(next) = next(report) {
        let command = paint(CODE, format_args!("`chora {next}{options}`"));
        lines.push(String::new());
        lines.push(format!("Next: {command}"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn standing(report: &StatusReport) -> String {
    let phase = report.phase.map_or_else(String::new, |phase| {
        let name = PHASE_NAMES.get(usize::from(phase)).copied().unwrap_or("");
        format!(" (phase {phase}: {name})")
    });
    let healthy = report
        .services
        .iter()
        .filter(|service| service.healthy)
        .count();
    let count = format!("{healthy}/{} healthy", report.services.len());
    match &report.overall {
        Overall::Healthy => format!("{}, {count}{phase}", paint(GOOD, "healthy")),
        Overall::Degraded => format!("{}, {count}{phase}", paint(BAD, "degraded")),
        Overall::NotBootstrapped => paint(WARN, "not bootstrapped yet"),
        Overall::Failed => format!("{}, {count}{phase}", paint(BAD, "bootstrap failed")),
        Overall::InProgress { holder } => {
            let holder = one_line(holder);
            format!("{} by {holder}, {count}{phase}", paint(WARN, "in progress"))
        }
        Overall::RolledBack => format!("{}, {count}{phase}", paint(WARN, "rolled back")),
    }
}

/// What to type next, where that is clear.
fn next(report: &StatusReport) -> Option<&'static str> {
    match &report.overall {
        Overall::NotBootstrapped | Overall::Degraded | Overall::Failed | Overall::RolledBack => {
            Some("bootstrap")
        }
        Overall::Healthy | Overall::InProgress { .. } => None,
    }
}

fn row(service: &ServiceStatus) -> [Cell; 8] {
    let or_dash =
        |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| one_line(&text));
    let style = if service.healthy { GOOD } else { BAD };
    [
        one_line(&service.name).into(),
        service.phase.to_string().into(),
        Cell::styled(style, one_line(service.status)),
        or_dash(service.version.clone()).into(),
        or_dash(service.id.clone()).into(),
        or_dash(service.url.clone()).into(),
        or_dash(service.uptime_seconds.map(uptime)).into(),
        one_line(&service.detail).into(),
    ]
}

/// Services tell whole seconds.
fn uptime(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => human_ms(seconds.saturating_mul(1000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, status: &'static str, healthy: bool) -> ServiceStatus {
        ServiceStatus {
            name: name.to_owned(),
            phase: 1,
            version: Some("1.0.0".to_owned()),
            status,
            healthy,
            id: healthy.then(|| "4711".to_owned()),
            port: Some(8500),
            url: Some("http://localhost:8500".to_owned()),
            uptime_seconds: healthy.then_some(5),
            detail: "200 OK".to_owned(),
        }
    }

    fn report(overall: Overall, services: Vec<ServiceStatus>) -> String {
        let report = StatusReport {
            environment: "dev".to_owned(),
            engine: "process".to_owned(),
            overall,
            phase: Some(4),
            status: None,
            services,
            last_error: Some("`gateway` did not\nanswer".to_owned()),
            run: None,
            warnings: vec!["the cache\nis not used".to_owned()],
            exit_code: 0,
        };
        anstream::adapter::strip_str(&table(&report, " --environment dev")).to_string()
    }

    #[test]
    fn columns_are_aligned_and_the_whole_stands_first() {
        let services = vec![
            service("manifest", "up", true),
            service("a", "unhealthy", false),
        ];
        insta::assert_snapshot!(report(Overall::Degraded, services));
    }

    #[test]
    fn before_the_first_bootstrap_the_command_to_start_is_named() {
        let text = report(Overall::NotBootstrapped, Vec::new());
        assert!(text.contains("not bootstrapped yet"), "{text}");
        assert!(
            text.contains("`chora bootstrap --environment dev`"),
            "{text}"
        );
    }

    #[test]
    fn a_run_that_is_under_way_is_named() {
        let holder = "`chora bootstrap` (pid 7)".to_owned();
        let overall = Overall::InProgress { holder };
        let text = report(overall, vec![service("a", "starting", false)]);
        assert!(
            text.contains("in progress by `chora bootstrap` (pid 7), 0/1 healthy"),
            "{text}"
        );
    }
}
