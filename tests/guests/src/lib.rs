//! The guests made for tests, as the components that this crate's build script made of every guest crate below its directory.
//!
//! `every_guest!` names them all. The sandbox suite demands a module of the same name for each, so a guest that no test uses does not compile.

include!(concat!(env!("OUT_DIR"), "/table.rs"));
