//! Plans that break a rule end the run before any step.

use super::{mine, with_guest};

#[test]
fn a_plan_that_breaks_a_rule_is_told_and_nothing_runs() {
    for (misdeed, code, said) in [
        ("panic", "PLUGIN_TRAPPED", "the plan burst"),
        (
            "too-many",
            "PLUGIN_LIMIT",
            "the number of steps is limited to 1000",
        ),
        ("a-million", "PLUGIN_LIMIT", "is limited to"),
        ("long-id", "PLUGIN_INVALID", "its id does not match"),
        ("long-title", "PLUGIN_INVALID", "its title is longer than"),
        ("long-service", "PLUGIN_INVALID", "which is not configured"),
        ("duplicate", "PLUGIN_INVALID", "its id is used twice"),
        ("invalid-id", "PLUGIN_INVALID", "its id does not match"),
        ("unknown-need", "PLUGIN_INVALID", "which is not in the plan"),
        (
            "cycle",
            "PLUGIN_INVALID",
            "`mine/one` → `mine/two` → `mine/one`",
        ),
        ("change", "PLUGIN_DENIED", "outside of `apply` and `revert`"),
        ("secret", "PLUGIN_DENIED", "outside of `apply` and `revert`"),
    ] {
        let more = "grants: [\"services=*:start\", \"credentials=*:reveal\"]";
        let ecosystem = with_guest(mine(&format!("settings: {{plan: {misdeed}}}, {more}")));
        let failed = ecosystem.chora(&["bootstrap"]).exits(3);
        let report = failed.stderr;
        assert!(
            report.contains(&format!("error[{code}]")),
            "{misdeed}: {report}"
        );
        assert!(report.contains(said), "{misdeed}: {report}");
        assert!(report.contains("mine"), "{misdeed}: {report}");
        assert!(report.contains("enabled: false"), "{misdeed}: {report}");
        assert!(!report.contains('\u{1b}'), "{misdeed}: {report:?}");
        assert!(report.len() < 10_000, "{misdeed}: {} bytes", report.len());
        assert!(ecosystem.found().is_empty(), "{misdeed}");
        assert!(
            !ecosystem.home().join("credentials.json").exists(),
            "{misdeed}"
        );
    }
}
