//! Commands that permissions apply to, whoever runs the tests.

use std::process::Command;

use rustix::thread::{
    CapabilitySet, capability_is_in_bounding_set, remove_capability_from_bounding_set,
};

use super::Output;

/// What lets root past permissions.
const PAST_PERMISSIONS: [CapabilitySet; 2] =
    [CapabilitySet::DAC_OVERRIDE, CapabilitySet::DAC_READ_SEARCH];

/// Runs a command to its end as a user to whom permissions apply, which they do not to root.
pub(crate) fn as_ordinary_user(mut command: Command) -> Output {
    // A new program gets no more than its thread's bounding set, which comes back with the thread's end.
    std::thread::scope(|scope| {
        let ordinary = scope.spawn(move || {
            // Who is not root gains nothing by it, and may not take it away.
            if rustix::process::geteuid().is_root() {
                for capability in PAST_PERMISSIONS {
                    if capability_is_in_bounding_set(capability).expect("a capability") {
                        remove_capability_from_bounding_set(capability).expect("the right to it");
                    }
                }
            }
            Output::of(&command.output().expect("`chora` can be started"))
        });
        ordinary.join().expect("a thread that ends")
    })
}
