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

impl types::Host for CallState {}
