//! The decision: events and what stands become rulings and writes.

pub(crate) mod afford;
pub(crate) mod capture;
pub(crate) mod crossings;
pub(crate) mod decide;
pub(crate) mod draw;
pub(crate) mod plan;
pub(crate) mod postings;
pub(crate) mod rules;
pub(crate) mod ruling;
pub(crate) mod sealed;
pub(crate) mod settle;
pub(crate) mod take;
pub(crate) mod tallies;
pub(crate) mod touch;
pub(crate) mod void;
pub(crate) mod watch;
pub(crate) mod writes;
