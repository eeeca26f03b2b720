//! Exact amounts, rates, currencies.

pub(crate) mod amount;
pub(crate) mod currency;
pub(crate) mod rate;
mod rounded;
pub(crate) mod sum;
