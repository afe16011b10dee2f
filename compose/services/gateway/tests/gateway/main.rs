//! The gateway as its callers meet it: the real server over HTTP, in front of instances made for the test.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing helper fails the test"
)]

mod failures;
mod passing;
mod scene;
