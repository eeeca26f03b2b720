//! What is owed.

pub(crate) mod bill;
