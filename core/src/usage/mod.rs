//! What was used, added up and told apart.

pub(crate) mod aggregate;
pub(crate) mod filter;
pub(crate) mod members;
pub(crate) mod place;
pub(crate) mod rollup;
pub(crate) mod roster;
pub(crate) mod tally;
pub(crate) mod usage;
