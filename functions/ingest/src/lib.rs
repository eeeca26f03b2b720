//! Recording use: the routes of the ingest function.
//!
//! Each handler parses, calls the service once and renders what came of it.

mod asap;
mod events;
mod sealed;
mod submit;

use tollgate_core::KeyScope;
use tollgate_gateway::{Access, Route, post};

const INGEST: Access = Access::Any(&[KeyScope::Ingest, KeyScope::Enforce]);
/// An agent's key has no business with `/usage`.
const INGEST_ONLY: Access = Access::Any(&[KeyScope::Ingest]);

/// The routes of this function.
#[must_use]
pub fn routes() -> Vec<Route> {
    vec![
        post("/events", INGEST, events::post_events),
        post("/events/batch", INGEST, events::post_events_batch),
        post("/usage", INGEST_ONLY, asap::post_usage).idempotent(),
        post("/usage/batch", INGEST_ONLY, asap::post_usage_batch),
        post("/usage/validate", INGEST_ONLY, asap::post_usage_validate),
    ]
}
