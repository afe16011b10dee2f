//! The registry as its callers meet it: the real server over HTTP, on a real database.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper fails the test"
)]

mod lifecycle;
mod reads;
mod server;
mod writes;
