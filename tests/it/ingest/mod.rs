//! What is recorded, and what is not.

mod batch;
mod cloud;
mod decisions;
mod events;
mod idempotency;
mod lanes;
mod money;
mod replays;
mod scopes;
mod sealed;
mod usage;
mod validate;
mod window;

pub(crate) use events::full;
