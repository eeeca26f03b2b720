//! Holds: taken, captured, released, expired.

pub(crate) mod due;
pub(crate) mod holds;
pub(crate) mod outage;
pub(crate) mod settling;
