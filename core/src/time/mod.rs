//! Instants, windows, calendars.

pub(crate) mod calendar;
pub(crate) mod instant;
pub(crate) mod window;
