//! New limits, completed with what their windows hold.

pub(crate) mod backfill;
pub(crate) mod fold;
