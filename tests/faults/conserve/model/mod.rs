//! A tenant as the rules alone describe it.

pub(super) mod calendar;
mod credit;
pub(super) mod tenant;
pub(super) mod told;
