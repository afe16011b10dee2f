//! Plain data and its rules: what every other room of chora speaks of.
//!
//! Nothing here starts a process, opens a socket or knows that plugins are WebAssembly. The only input and output is reading and writing chora's own files, each type next to its
//! file format.

pub mod config;
pub mod credentials;
pub mod event;
pub mod failure;
pub mod fault;
pub mod file;
pub mod grant;
pub mod layout;
pub mod lock;
pub mod plan;
pub mod plugin_lock;
pub mod signature;
pub mod state;
pub mod text;
pub mod yaml;
