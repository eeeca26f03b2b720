//! The service itself, and what one process remembers.

pub(crate) mod catalog;
pub(crate) mod key;
pub(crate) mod service;
pub(crate) mod submission;
pub(crate) mod tries;
