//! What the record of plugins holds, refuses and writes.

use super::*;

fn digest(digit: &str) -> String {
    digit.repeat(64)
}

fn plugin(name: &str, placement: Option<Placement>, grants: &[&str]) -> LockedPlugin {
    LockedPlugin {
        name: name.to_owned(),
        version: "1.2.3".to_owned(),
        source: "./plugins/x: \"1\" # no.wasm".to_owned(),
        sha256: digest("a"),
        size: 4_711,
        wit: "chora:bootstrap@0.1.0".to_owned(),
        world: match placement {
            Some(_) => "phase-plugin".to_owned(),
            None => "health-plugin".to_owned(),
        },
        signature: None,
        placement,
        grants: grants
            .iter()
            .map(|grant| Grant::parse(grant).unwrap())
            .collect(),
    }
}

fn signature(source: Option<&str>) -> LockedSignature {
    LockedSignature {
        by: "platform-team".to_owned(),
        key_id: "0F1E2D3C4B5A6978".to_owned(),
        source: source.map(str::to_owned),
    }
}

fn lock(plugins: impl IntoIterator<Item = LockedPlugin>) -> PluginLock {
    let mut lock = PluginLock::default();
    plugins.into_iter().for_each(|plugin| lock.put(plugin));
    lock
}

fn parse(text: &str) -> Result<PluginLock, PluginLockError> {
    read::parse(text, Path::new("plugins.lock"))
}

#[track_caller]
fn damaged(text: &str, why: &str) {
    match parse(text) {
        Err(PluginLockError::Damaged { reason, .. }) => {
            assert!(reason.contains(why), "{why:?} in {reason:?}");
        }
        other => panic!("{other:?} of {text}"),
    }
}

fn text(change: impl Fn(&str) -> String) -> String {
    let all = [plugin(
        "seed",
        Some(Placement::Phase(2)),
        &["health=db", "tcp=@target"],
    )];
    let text = lock(all).render();
    let changed = change(&text);
    assert_ne!(text, changed);
    changed
}

#[test]
fn what_is_written_is_read_back() {
    let places = [
        None,
        Some(Placement::Phase(0)),
        Some(Placement::BeforePhase(3)),
        Some(Placement::AfterPhase(4)),
        Some(Placement::BeforeService("on".to_owned())),
        Some(Placement::AfterService("17".to_owned())),
    ];
    let grants = ["http=GET+POST http://localhost:8800/a*", "services=*:start"];
    let plugins = places
        .into_iter()
        .enumerate()
        .map(|(number, place)| plugin(&format!("p{number}"), place, &grants[..number.min(2)]));
    let written = lock(plugins);
    assert_eq!(parse(&written.render()).unwrap(), written);
    let empty = PluginLock::default();
    assert_eq!(parse(&empty.render()).unwrap(), empty);
}

#[test]
fn a_reviewer_sees_one_fact_a_line_in_the_order_of_names() {
    let late = plugin(
        "seed",
        Some(Placement::AfterService("db".to_owned())),
        &["health=db"],
    );
    let mut early = plugin("pulse", None, &[]);
    early.signature = Some(signature(Some("sigs/pulse.minisig")));
    let expected = format!(
        r##"# The plugins that were added to this project, and what each was granted. Written by
# `chora plugin`; review changes as you would code, and keep it in version control.
format: 1
plugins:
  - name: "pulse"
    version: "1.2.3"
    source: "./plugins/x: \"1\" # no.wasm"
    sha256: "{0}"
    size: 4711
    wit: "chora:bootstrap@0.1.0"
    world: "health-plugin"
    signed_by: "platform-team"
    key_id: "0F1E2D3C4B5A6978"
    signature: "sigs/pulse.minisig"
    grants: []
  - name: "seed"
    version: "1.2.3"
    source: "./plugins/x: \"1\" # no.wasm"
    sha256: "{0}"
    size: 4711
    wit: "chora:bootstrap@0.1.0"
    world: "phase-plugin"
    after: "db"
    grants:
      - "health=db"
"##,
        digest("a")
    );
    assert_eq!(lock([late, early]).render(), expected);
}

#[test]
fn a_plugin_takes_the_place_of_the_one_that_had_its_name() {
    let mut all = lock([plugin("b", None, &[]), plugin("a", None, &[])]);
    let mut newer = plugin("a", None, &[]);
    newer.version = "2.0.0".to_owned();
    all.put(newer);
    let versions: Vec<_> = all
        .plugins()
        .iter()
        .map(|plugin| (plugin.name.as_str(), plugin.version.as_str()))
        .collect();
    assert_eq!(versions, [("a", "2.0.0"), ("b", "1.2.3")]);
    assert_eq!(all.take("b").unwrap().name, "b");
    assert!(all.take("b").is_none() && all.plugin("b").is_none());
}

#[test]
fn every_kind_of_damage_is_named() {
    damaged("", "format");
    damaged("hello", "");
    damaged("plugins: []\n", "`format`");
    damaged("format: 0\nplugins: []\n", "no format 0");
    damaged("format: 1\n", "plugins");
    damaged("format: 1\nplugins: []\nextra: 1\n", "extra");
    damaged(
        &text(|text| text.replace("format: 1\n", "<<<<<<< HEAD\nformat: 1\n")),
        "line",
    );
    damaged(
        &text(|text| text.replace("size: 4711", "size: many")),
        "line",
    );
    damaged(
        &text(|text| text.replace(&digest("a"), &digest("A"))),
        "`sha256`",
    );
    damaged(
        &text(|text| text.replace(&digest("a"), "../../../etc")),
        "`sha256`",
    );
    damaged(
        &text(|text| text.replace("\"seed\"", "\"../seed\"")),
        "its name",
    );
    damaged(
        &text(|text| text.replace("phase: 2", "phase: 5")),
        "`phase` names no phase",
    );
    damaged(
        &text(|text| text.replace("phase: 2", "phase: \"db\"")),
        "`phase` names no phase",
    );
    damaged(
        &text(|text| text.replace("phase: 2", "phase: 2\n    after: 3")),
        "both `phase` and `after`",
    );
    damaged(
        &text(|text| text.replace("health=db", "helth=db")),
        "did you mean `health`",
    );
    damaged(
        &text(|text| {
            let at = text.find("  - name").unwrap();
            format!("{text}{}", &text[at..])
        }),
        "two plugins named `seed`",
    );
}

#[test]
fn an_entry_without_its_world_is_of_the_kind_that_its_place_says() {
    let all = lock([
        plugin("pulse", None, &[]),
        plugin("seed", Some(Placement::Phase(2)), &[]),
    ]);
    let older: Vec<String> = all.render().lines().map(str::to_owned).collect();
    let older: String = older
        .iter()
        .filter(|line| !line.contains("world:"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(parse(&older).unwrap(), all);
}

#[test]
fn a_newer_format_is_told_as_such_whatever_else_it_has() {
    let newer = "format: 2\nplugins: {}\nsignatures: []\n";
    let error = parse(newer).unwrap_err();
    assert!(matches!(error, PluginLockError::Newer { found: 2, .. }));
    assert!(error.hint().contains("newer"), "{}", error.hint());
}

#[test]
fn a_missing_file_means_no_plugin_and_a_saved_one_is_loaded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("plugins.lock");
    assert_eq!(PluginLock::load(&path).unwrap(), PluginLock::default());
    let all = lock([plugin("a", None, &[])]);
    all.save(&path).unwrap();
    assert_eq!(PluginLock::load(&path).unwrap(), all);
    std::fs::write(&path, b"\xff").unwrap();
    assert!(PluginLock::load(&path).is_err());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let error = PluginLock::load(&path).unwrap_err();
    assert!(matches!(error, PluginLockError::Unreadable(_)));
}

#[test]
fn what_a_reviewer_would_not_see_is_written_out_and_read_back() {
    let mut odd = plugin("a", None, &[]);
    odd.source = "ä\u{7f}\u{85}\u{2028}\u{202e}\u{200b}\u{feff}\t\n\"\\ 😀".to_owned();
    odd.version = "\u{1b}[2J".to_owned();
    let written = lock([odd]);
    let text = written.render();
    let is_plain = |c: char| c == '\n' || c == '😀' || c == 'ä' || (' '..='~').contains(&c);
    assert!(text.chars().all(is_plain), "{text:?}");
    assert_eq!(parse(&text).unwrap(), written);
}

#[test]
fn a_signature_is_read_back_and_half_of_one_is_damage() {
    let mut signed = plugin("a", None, &[]);
    for source in [None, Some("https://host/a.minisig")] {
        signed.signature = Some(signature(source));
        let written = lock([signed.clone()]);
        assert_eq!(parse(&written.render()).unwrap(), written);
    }
    let text = lock([signed]).render();
    let without = |key: &str| -> String {
        let lines = text.lines().filter(|line| !line.trim().starts_with(key));
        lines.map(|line| format!("{line}\n")).collect()
    };
    damaged(&without("signed_by"), "`key_id` without `signed_by`");
    damaged(&without("key_id"), "`signed_by` without `key_id`");
    damaged(&text.replace("platform-team", "../x"), "`signed_by`");
    for id in ["0f1e2d3c4b5a6978", "../../../../etc/", "0F1E"] {
        damaged(&text.replace("0F1E2D3C4B5A6978", id), "`key_id` is no id");
    }
}
