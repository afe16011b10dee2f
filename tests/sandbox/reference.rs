//! docs/reference.md: every interface, host function, export and limit, made of the WIT and of what the host checks by. Compared here, so that it is never out of date.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use chora_plugin_host::{Class, HostFunction, Limits};
use wit_parser::{Interface, Resolve, WorldItem, WorldKey};

/// Set to anything, the file is written instead of compared.
const WRITE: &str = "CHORA_WRITE_REFERENCE";

const HEADER: &str = "\
# Reference: what a plugin can call, and how much

Made of `wit/` and of the tables that the host checks calls by. Do not edit it: change those, then run
`CHORA_WRITE_REFERENCE=1 cargo test --workspace --test sandbox reference`. How grants are written is in [plugins.md](plugins.md#grants).

*Reads* is allowed wherever its grant is given. *Changes* is refused in `describe`, `plan` and `probe`, and answered with `planned` in a dry run. *Secret* is refused there as well.
";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// How the host classes a function of the package, by the table of the gate; absent where the gate has nothing to decide.
fn class(interface: &str, function: &str) -> Option<String> {
    let name = format!("{interface}.{function}");
    let classes = HostFunction::ALL.iter().filter(|it| it.name == name);
    let words: Vec<&str> = classes
        .map(|it| match it.class {
            Class::Reads => "reads",
            Class::Changes => "changes",
            Class::Secret => "secret",
        })
        .collect();
    (!words.is_empty()).then(|| words.join(" or "))
}

fn line(text: Option<&String>) -> String {
    let text = text.map(String::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An interface with its functions.
fn describe(out: &mut String, interface: &Interface, with_class: bool) {
    let name = interface.name.as_deref().expect("a name");
    writeln!(out, "\n### `{name}`\n").unwrap();
    writeln!(out, "{}\n", line(interface.docs.contents.as_ref())).unwrap();
    if interface.functions.is_empty() {
        return;
    }
    let heads = if with_class {
        "| function | class | |\n|---|---|---|"
    } else {
        "| function | |\n|---|---|"
    };
    writeln!(out, "{heads}").unwrap();
    for (name_of, function) in &interface.functions {
        let parameters: Vec<&str> = function
            .params
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        let call = format!("`{name_of}({})`", parameters.join(", "));
        let told = line(function.docs.contents.as_ref()).replace('|', "\\|");
        assert!(!told.is_empty(), "{name}.{name_of} has no documentation");
        if with_class {
            let class = class(name, name_of).unwrap_or_else(|| "no grant needed".to_owned());
            writeln!(out, "| {call} | {class} | {told} |").unwrap();
        } else {
            writeln!(out, "| {call} | {told} |").unwrap();
        }
    }
}

fn reference() -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).expect("the WIT");
    let package = &resolve.packages[package];
    let mut out = HEADER.to_owned();
    let interface = |key: &WorldKey, item: &WorldItem| match item {
        WorldItem::Interface { id, .. } => resolve.interfaces[*id].clone(),
        _ => panic!("{key:?} is no interface"),
    };
    out.push_str("\n## What it can call\n");
    let capabilities = &resolve.worlds[package.worlds["capabilities"]];
    let mut named = Vec::new();
    for (key, item) in &capabilities.imports {
        let interface = interface(key, item);
        for function in interface.functions.keys() {
            let name = interface.name.as_deref().expect("a name");
            named.push(format!("{name}.{function}"));
        }
        if !interface.functions.is_empty() {
            describe(&mut out, &interface, true);
        }
    }
    // The gate knows nothing that is not in the WIT.
    for function in HostFunction::ALL {
        assert!(
            named.iter().any(|name| name == function.name),
            "{function:?}"
        );
    }
    out.push_str("\n## What it exports\n");
    for (world, id) in &package.worlds {
        let exports = &resolve.worlds[*id].exports;
        for (key, item) in exports {
            let interface = interface(key, item);
            describe(&mut out, &interface, false);
            writeln!(out, "\nWorld `{world}`.").unwrap();
        }
    }
    out.push_str("\n## Limits of each call\n\n| what | at most |\n|---|---|\n");
    for (what, most) in Limits::default().table() {
        writeln!(out, "| {what} | {most} |").unwrap();
    }
    out
}

#[test]
fn the_reference_is_that_of_today() {
    let path = root().join("docs/reference.md");
    let made = reference();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, &made).expect("the reference");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "docs/reference.md is not what it would be now: make it anew with `{WRITE}=1 cargo test --workspace --test sandbox reference`"
    );
}
