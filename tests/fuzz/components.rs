//! Components that are nearly right: a real one with changes anywhere.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bolero::check;
use bolero::generator::TypeGenerator;
use chora_plugin_host::{HostOptions, Limits, PluginError, PluginHost};

/// One change of a component's bytes.
#[derive(Debug, Clone, TypeGenerator)]
enum Change {
    Set(u32, u8),
    Flip(u32, u8),
    Take(u32, u8),
    Repeat(u32, u8),
    CutOff(u32),
}

fn changed(component: &[u8], changes: &[Change]) -> Vec<u8> {
    let mut bytes = component.to_vec();
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        let at = |place: u32| usize::try_from(place).unwrap() % bytes.len();
        match *change {
            Change::Set(place, value) => {
                let at = at(place);
                bytes[at] = value;
            }
            Change::Flip(place, bits) => {
                let at = at(place);
                bytes[at] ^= bits;
            }
            Change::Take(place, length) => {
                let at = at(place);
                let end = (at + usize::from(length)).min(bytes.len());
                bytes.drain(at..end);
            }
            Change::Repeat(place, length) => {
                let at = at(place);
                let end = (at + usize::from(length)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            Change::CutOff(place) => {
                let at = at(place);
                bytes.truncate(at);
            }
        }
    }
    bytes
}

#[test]
fn a_component_with_any_change_is_loaded_or_refused_and_harms_nobody() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let limits = Limits {
        call: Duration::from_secs(1),
        ..Limits::default()
    };
    let host = PluginHost::new(HostOptions {
        cache: None,
        limits,
    })
    .unwrap();
    // What a panic would leave of the host is looked at below.
    let load = AssertUnwindSafe(|bytes: &[u8]| {
        let loaded = runtime.block_on(host.load("mutant", bytes));
        loaded.map_err(Box::new)
    });
    let sound = chora_test_guests::PULSE;
    check!()
        .with_type::<Vec<Change>>()
        .with_test_time(crate::BOUND)
        .for_each(|changes| {
            let bytes = changed(sound, changes);
            match (*load)(&bytes) {
                Ok(plugin) => assert_eq!(plugin.name, "mutant"),
                Err(error) => {
                    // That would be the host's own trouble.
                    let is_host = matches!(*error, PluginError::Host { .. });
                    assert!(!is_host, "{error:?}");
                    assert_eq!(error.plugin(), "mutant");
                }
            }
        });
    // It is as good as before.
    runtime.block_on(host.load("sound", sound)).unwrap();
}
