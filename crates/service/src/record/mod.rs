//! Recording, checking and voiding events.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod course;
pub(crate) mod outage;
pub(crate) mod record;
mod resume;
pub(crate) mod sealed;
pub(crate) mod state;
pub(crate) mod void;
