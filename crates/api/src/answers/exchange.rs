//! Exchange rates.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_core::{Amount, Currency, ExchangeTable, Instant};

/// A version of the exchange rates, in the shape that `PUT /exchange-rates` takes, but for
/// its `version`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExchangeRatesVersion {
    /// 1 for the first version, and so on.
    pub version: u32,
    /// The currency that they convert into.
    pub base: Currency,
    /// What one of each currency is worth in `base`.
    pub rates: BTreeMap<Currency, Amount>,
    /// The first instant at which they convert.
    pub effective_from: Instant,
}

impl From<&ExchangeTable> for ExchangeRatesVersion {
    fn from(table: &ExchangeTable) -> Self {
        Self {
            version: table.version,
            base: table.base,
            rates: table.rates.clone(),
            effective_from: table.effective_from,
        }
    }
}
