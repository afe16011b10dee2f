//! Ceilings that no Rust guest reaches by itself, reached by core modules in a store of the host's.

use std::sync::Arc;
use std::time::Duration;

use chora_model::plan::StepKey;
use wasmtime::{Instance, Module};

use crate::call::CallParts;
use crate::gate::Mode;
use crate::{HostOptions, Limits, PluginError, PluginHost};

/// Instantiates the module as often as said, and answers what and how much there may be of what there was too much of.
async fn reached(limits: Limits, text: &str, times: usize) -> (String, String) {
    let options = HostOptions {
        cache: None,
        limits,
    };
    let host = PluginHost::new(options).unwrap();
    let parts = CallParts {
        scene: None,
        grants: Arc::default(),
        settings: Arc::default(),
        caller: StepKey("mine".to_owned()),
        digest: String::new(),
        mode: Mode::Act,
        probed: None,
        intent: None,
        outstanding: crate::Outstanding::default(),
    };
    let limit = Duration::from_secs(60);
    let mut open = host
        .open("mine", "apply(x)".to_owned(), parts, limit)
        .unwrap();
    let module = Module::new(&host.inner.engine, wat::parse_str(text).unwrap()).unwrap();
    let mut made = Ok(());
    for _ in 0..times {
        let instance = Instance::new_async(&mut open.store, &module, &[]).await;
        made = made.and(instance.map(|_| ()));
    }
    match open.settle(Ok(made.map(Ok))).unwrap_err() {
        PluginError::Limit { what, limit, .. } => (what, limit),
        other => panic!("{other:?}"),
    }
}

fn told(what: &str, limit: &str) -> (String, String) {
    (what.to_owned(), limit.to_owned())
}

#[tokio::test]
async fn the_elements_of_a_table_are_limited_from_its_beginning() {
    let limits = Limits {
        table_elements: 100,
        ..Limits::default()
    };
    let table = "(module (table 101 funcref))";
    assert_eq!(
        reached(limits, table, 1).await,
        told("the size of a table", "100 elements")
    );
}

#[tokio::test]
async fn a_table_cannot_grow_past_the_limit() {
    let limits = Limits {
        table_elements: 100,
        ..Limits::default()
    };
    let growing = "(module (table 100 funcref) (start 0)
        (func (drop (table.grow 0 (ref.null func) (i32.const 1)))))";
    assert_eq!(
        reached(limits, growing, 1).await,
        told("the size of a table", "100 elements")
    );
}

#[tokio::test]
async fn all_memories_together_are_limited() {
    let limits = Limits {
        memory: 3 << 20,
        ..Limits::default()
    };
    // 32 pages are 2 MiB.
    assert_eq!(
        reached(limits, "(module (memory 32))", 2).await,
        told("memory", "3 MiB")
    );
}

#[tokio::test]
async fn instances_memories_and_tables_are_counted_each() {
    for (text, times, what) in [
        ("(module)", 3, "the number of instances"),
        (
            "(module (memory 0) (memory 0) (memory 0))",
            1,
            "the number of memories",
        ),
        (
            "(module (table 0 funcref) (table 0 funcref) (table 0 funcref))",
            1,
            "the number of tables",
        ),
    ] {
        let limits = Limits {
            instances: 2,
            ..Limits::default()
        };
        assert_eq!(reached(limits, text, times).await, told(what, "2"));
    }
}
