//! Instants, windows, calendars.

pub(crate) mod calendar;
pub(crate) mod instant;
pub(crate) mod range;
pub(crate) mod window;
