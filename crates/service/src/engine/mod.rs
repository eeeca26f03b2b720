//! The service itself, and what one process remembers.

pub(crate) mod agenda;
pub(crate) mod attempt;
pub(crate) mod cache;
pub(crate) mod catalog;
pub(crate) mod head;
pub(crate) mod hours;
pub(crate) mod key;
pub(crate) mod service;
pub(crate) mod snapshot;
pub(crate) mod stamp;
pub(crate) mod submission;
pub(crate) mod throttled;
pub(crate) mod times;
pub(crate) mod version;
