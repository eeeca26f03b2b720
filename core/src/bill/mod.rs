//! What is owed.

pub(crate) mod bill;
pub(crate) mod group;
pub(crate) mod line;
mod volume;
