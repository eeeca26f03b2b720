//! Holds: taken, captured, released, expired.

pub(crate) mod expiry;
pub(crate) mod holds;
pub(crate) mod settling;
