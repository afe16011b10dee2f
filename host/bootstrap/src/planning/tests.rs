//! Plans made of what plugins answer, and every answer that breaks the rules.

use super::*;
use crate::test_config::config;

fn planned(id: &str, needs: &[&str], service: Option<&str>) -> PlannedStep {
    PlannedStep {
        id: id.to_owned(),
        title: format!("Do {id}"),
        needs: needs.iter().map(|need| (*need).to_owned()).collect(),
        service: service.map(str::to_owned),
        timeout: None,
        disturbs: false,
    }
}

fn plan(plugin: &str, placement: Placement, steps: Vec<PlannedStep>) -> PluginPlan {
    PluginPlan {
        plugin: plugin.to_owned(),
        placement,
        steps,
    }
}

fn two_services() -> Config {
    config(&[("db", 1, &[]), ("api", 1, &["db"]), ("web", 2, &["api"])])
}

fn core() -> PluginPlan {
    let steps = vec![
        planned("start:db", &[], Some("db")),
        planned("start:api", &["start:db"], Some("api")),
        planned("register:db", &["start:db"], Some("db")),
    ];
    plan("core", Placement::Phase(1), steps)
}

fn needs(plan: &Plan, key: &str) -> Vec<String> {
    let step = plan.steps.iter().find(|step| step.key.0 == key).unwrap();
    step.needs.iter().map(ToString::to_string).collect()
}

fn reason(steps: Vec<PlannedStep>) -> String {
    build(&two_services(), &[plan("p", Placement::Phase(1), steps)])
        .unwrap_err()
        .to_string()
}

#[test]
fn each_rule_names_the_step_and_what_is_wrong() {
    let long = "x".repeat(201);
    let mut titled = planned("a", &[], None);
    titled.title = long;
    let mut empty = planned("a", &[], None);
    empty.title = " ".to_owned();
    for (steps, said) in [
        (vec![planned("A", &[], None)], "does not match"),
        (vec![planned("-a", &[], None)], "does not match"),
        (vec![planned("", &[], None)], "does not match"),
        (vec![planned(&"a".repeat(129), &[], None)], "does not match"),
        (
            vec![planned("a", &[], None), planned("a", &[], None)],
            "used twice",
        ),
        (
            vec![planned("a", &["b"], None)],
            "needs `b`, which is not in the plan",
        ),
        (
            vec![planned("a", &[], Some("nobody"))],
            "`nobody`, which is not configured",
        ),
        (
            vec![planned("a", &[&"b".repeat(1 << 20)], None)],
            "b`, which is not in the plan",
        ),
        (
            vec![planned("a", &[], Some(&"\u{202e}".repeat(1 << 20)))],
            "which is not configured",
        ),
        (vec![titled], "longer than 200"),
        (vec![empty], "no title"),
    ] {
        let found = reason(steps);
        assert!(found.contains(said), "{found}");
        assert!(found.len() < 400, "{} bytes", found.len());
    }
}

#[test]
fn a_circle_within_a_plugin_is_named() {
    let found = reason(vec![planned("a", &["b"], None), planned("b", &["a"], None)]);
    assert_eq!(
        found,
        "the steps `p/a` → `p/b` → `p/a` need each other in a circle"
    );
    let found = reason(vec![planned("a", &["a"], None)]);
    assert_eq!(found, "the steps `p/a` → `p/a` need each other in a circle");
}

#[test]
fn too_many_steps_are_refused_over_all_plugins() {
    let half = |name: &str| {
        let steps = (0..501)
            .map(|n| planned(&format!("s{n}"), &[], None))
            .collect();
        plan(name, Placement::Phase(1), steps)
    };
    let found = build(&two_services(), &[half("a"), half("b")]).unwrap_err();
    assert_eq!(
        found.to_string(),
        "the plugins planned 1002 steps, and 1000 are the most"
    );
}

#[test]
fn phases_come_in_order_and_needs_before_who_needs_them() {
    let second = plan(
        "two",
        Placement::Phase(2),
        vec![planned("start:web", &[], Some("web"))],
    );
    let plan = build(&two_services(), &[second, core()]).unwrap();
    let keys: Vec<&str> = plan.steps.iter().map(|step| step.key.0.as_str()).collect();
    assert_eq!(
        keys,
        [
            "core/start:db",
            "core/start:api",
            "core/register:db",
            "two/start:web"
        ]
    );
}

#[test]
fn before_and_after_a_phase_surround_everything_else_in_it() {
    let before = plan(
        "b",
        Placement::BeforePhase(1),
        vec![planned("x", &[], None), planned("y", &["x"], None)],
    );
    let after = plan("a", Placement::AfterPhase(1), vec![planned("z", &[], None)]);
    let plan = build(&two_services(), &[core(), before, after]).unwrap();
    assert_eq!(needs(&plan, "core/start:db"), ["b/y"]);
    assert_eq!(needs(&plan, "b/x"), [""; 0]);
    let mut last = needs(&plan, "a/z");
    last.sort();
    assert_eq!(last, ["b/y", "core/register:db", "core/start:api"]);
}

#[test]
fn after_a_service_means_between_it_and_what_needs_it() {
    let custom = plan(
        "seed",
        Placement::AfterService("db".to_owned()),
        vec![planned("fill", &[], Some("db"))],
    );
    let plan = build(&two_services(), &[core(), custom]).unwrap();
    assert_eq!(needs(&plan, "seed/fill"), ["core/start:db"]);
    assert_eq!(
        needs(&plan, "core/start:api"),
        ["core/start:db", "seed/fill"]
    );
    assert_eq!(
        needs(&plan, "core/register:db"),
        ["core/start:db", "seed/fill"]
    );
}

#[test]
fn before_a_service_means_after_what_it_needs() {
    let seed = plan(
        "seed",
        Placement::AfterService("db".to_owned()),
        vec![planned("fill", &[], None)],
    );
    let migrate = plan(
        "migrate",
        Placement::BeforeService("api".to_owned()),
        vec![planned("up", &[], None)],
    );
    let plan = build(&two_services(), &[core(), seed, migrate]).unwrap();
    assert_eq!(needs(&plan, "migrate/up"), ["core/start:db", "seed/fill"]);
    assert_eq!(
        needs(&plan, "core/start:api"),
        ["core/start:db", "seed/fill", "migrate/up"]
    );
}

#[test]
fn a_placement_at_an_unknown_service_is_refused() {
    let custom = plan("x", Placement::AfterService("ghost".to_owned()), Vec::new());
    let found = build(&two_services(), &[custom]).unwrap_err();
    assert_eq!(
        found.to_string(),
        "plugin `x` is placed at service `ghost`, which is not configured"
    );
}
