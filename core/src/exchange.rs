//! Exchange rates: how costs in one currency become costs in another.

use crate::{Amount, Currency};
use serde::{Deserialize, Serialize};

/// The rate that converted a cost into the tenant's currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct ExchangeRate {
    /// The version of the exchange table that has it.
    pub version: u32,
    /// The currency of the rate card.
    pub from: Currency,
    /// What one of `from` is worth in the tenant's currency; above 0, with at
    /// most 15 fraction digits.
    pub rate: Amount,
}
