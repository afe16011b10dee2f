//! How a component, its grants and its place are told; the same when it is added, updated and inspected.

use chora_bootstrap::{Component, Store, Wish};
use chora_model::config::Placement;
use chora_model::signature::Signer;
use chora_plugin_host::Plugin;
use serde_json::{Value, json};

use crate::app::App;
use crate::output::{BOLD, CODE, DIM, WARN, human_bytes, one_line, paint};

/// A component before it is added: what it is, what it imports, what it asks for and why.
pub(super) fn component(component: &Component, name: &str, place: &str) -> String {
    let plugin = &component.plugin;
    let mut lines = vec![title(name, plugin)];
    lines.push(fact("source", &one_line(&component.source)));
    lines.push(fact("SHA-256", &plugin.digest));
    let signer = component.signature.as_ref().map(|signed| &signed.signer);
    lines.push(match signer {
        Some(signer) => signed_by(signer),
        None => fact(
            "signed by",
            "not asked: the configuration lists no `plugin_keys`",
        ),
    });
    lines.push(fact("size", &human_bytes(component.size)));
    lines.push(fact("made for", &world(plugin)));
    lines.push(fact("runs", &one_line(place)));
    lines.push(fact("imports", &imports(&plugin.imports)));
    lines.extend(asks(&component.wishes));
    for warning in &component.warnings {
        lines.push(warn(warning));
    }
    lines.join("\n")
}

/// Tells, beside the answer, what made loading plugins slow.
pub(super) fn slow(app: &App, store: &Store) {
    if let Some(warning) = store.warning() {
        app.output.error(&warn(warning));
    }
}

/// Something that deserves attention.
pub(super) fn warn(text: &str) -> String {
    format!("  {} {}", paint(WARN, "!"), one_line(text))
}

/// Name, version and sentence.
pub(super) fn title(name: &str, plugin: &Plugin) -> String {
    let said = &plugin.metadata;
    let own = if said.name == name {
        String::new()
    } else {
        format!(" (its own name is {})", one_line(&said.name))
    };
    format!(
        "{} {}{own}: {}",
        paint(BOLD, one_line(name)),
        one_line(&said.version),
        one_line(&said.summary)
    )
}

/// Who signed it, and what was signed with it.
pub(super) fn signed_by(signer: &Signer) -> String {
    let comment = match one_line(&signer.comment) {
        comment if comment.is_empty() => "no trusted comment".to_owned(),
        comment => format!("trusted comment: {comment}"),
    };
    fact("signed by", &format!("{signer}, {comment}"))
}

/// A line of what is known.
pub(super) fn fact(name: &str, value: &str) -> String {
    format!("  {}: {value}", paint(BOLD, name))
}

/// Kind, package and world.
pub(super) fn world(plugin: &Plugin) -> String {
    format!(
        "{}, world {} ({})",
        plugin.wit,
        plugin.kind.world(),
        plugin.kind
    )
}

/// The interfaces of the package by name; those of WASI, which are the same for everybody and need no grant, as one.
pub(super) fn imports(imports: &[String]) -> String {
    let (ours, others): (Vec<&String>, Vec<&String>) = imports
        .iter()
        .partition(|name| name.starts_with("chora:bootstrap/"));
    let mut named: Vec<String> = ours
        .iter()
        .filter_map(|name| name.strip_prefix("chora:bootstrap/")?.split('@').next())
        .map(one_line)
        .collect();
    match (named.is_empty(), others.len()) {
        (true, 0) => return "nothing".to_owned(),
        (_, 0) => {}
        (true, count) => named.push(format!("{count} of WASI")),
        (false, count) => named.push(format!("and {count} of WASI")),
    }
    named.join(", ")
}

fn asks(wishes: &[Wish]) -> Vec<String> {
    if wishes.is_empty() {
        return vec![fact("asks for", "nothing")];
    }
    let mut lines = vec![format!("  {}:", paint(BOLD, "asks for"))];
    for wish in wishes {
        lines.push(format!("    {}", paint(CODE, &wish.grant)));
        let reason = paint(DIM, one_line(&wish.reason));
        lines.push(format!("      {reason}"));
    }
    lines
}

/// A placement for programs, as the configuration writes it.
pub(super) fn placement(placement: Option<&Placement>) -> Value {
    match placement {
        None => Value::Null,
        Some(Placement::Phase(phase)) => json!({ "phase": phase }),
        Some(Placement::BeforePhase(phase)) => json!({ "before": phase }),
        Some(Placement::AfterPhase(phase)) => json!({ "after": phase }),
        Some(Placement::BeforeService(service)) => json!({ "before": service }),
        Some(Placement::AfterService(service)) => json!({ "after": service }),
    }
}
