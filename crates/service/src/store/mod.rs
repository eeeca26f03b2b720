//! What is asked of a store, and of the clock.

pub(crate) mod body;
pub(crate) mod clock;
pub(crate) mod copy;
pub(crate) mod failure;
pub(crate) mod forms;
pub(crate) mod memory;
pub(crate) mod migrate;
pub(crate) mod owners;
pub(crate) mod steady;
pub(crate) mod store;
