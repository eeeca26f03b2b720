//! What the recorder promises, against a server that a test scripts, and
//! through the real routes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that panics has failed, which is its purpose"
)]

mod batches;
mod calls;
mod closing;
mod given;
mod laws;
mod queues;
mod retries;
mod routes;
mod sealed;
mod streams;
