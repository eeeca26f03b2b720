//! What was used: one event, its names, quantities and sums.

pub(crate) mod dimension;
pub(crate) mod dimensions;
pub(crate) mod event;
pub(crate) mod fingerprint;
pub(crate) mod gen_ai;
pub(crate) mod label;
pub(crate) mod name;
pub(crate) mod number;
pub(crate) mod person;
pub(crate) mod quantities;
pub(crate) mod totals;
