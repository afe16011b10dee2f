//! The host functions, one file per interface of the WIT package.

mod credentials;
mod docker;
mod health;
pub(crate) mod http;
mod machine;
mod ports;
mod progress;
mod services;
mod settings;
mod tcp;

use crate::bindings::imports::chora::bootstrap::types;
use crate::call::CallState;

/// The whole chain of an error's causes in one line, for a guest and for the person behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl types::Host for CallState {}
