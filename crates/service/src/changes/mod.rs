//! Changes of limits, plans and trees, completed behind their publication.

pub(crate) mod complete;
pub(crate) mod fill;
pub(crate) mod job;
pub(crate) mod sums;
