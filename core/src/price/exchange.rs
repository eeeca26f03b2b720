//! Exchange rates: how costs in one currency become costs in another.

use crate::money::amount::{Amount, ONE};
use crate::money::currency::Currency;
use crate::money::rate::mul_div;
use crate::time::instant::Instant;
use alloc::collections::BTreeMap;
use serde::{Deserialize, Serialize};

/// One version of the exchange rates of the deployment. Versions never change;
/// another rate is a new version.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExchangeTable {
    /// 1 for the first version, and so on, whatever their bases.
    pub version: u32,
    /// Its place among all versions of rate cards and exchange rates.
    pub sequence: u64,
    /// The currency that it converts into.
    pub base: Currency,
    /// What one of each currency is worth in `base`: above 0, with at most 15
    /// fraction digits, at most 1e9.
    pub rates: BTreeMap<Currency, Amount>,
    /// The first instant at which it converts.
    pub effective_from: Instant,
}

/// The rate that converted a cost into the tenant's currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExchangeRate {
    /// The version of the exchange table that has it.
    pub version: u32,
    /// The currency of the rate card.
    pub from: Currency,
    /// What one of `from` is worth in the tenant's currency; above 0, with at
    /// most 15 fraction digits.
    pub rate: Amount,
}

impl ExchangeTable {
    /// Its rate of `from`.
    #[must_use]
    pub fn rate(&self, from: Currency) -> Option<ExchangeRate> {
        self.rates.get(&from).map(|rate| ExchangeRate {
            version: self.version,
            from,
            rate: *rate,
        })
    }
}

impl ExchangeRate {
    /// `cost`, at least 0, in the tenant's currency, rounded up once at 1e-18;
    /// `None` out of range.
    #[must_use]
    pub fn convert(self, cost: Amount) -> Option<Amount> {
        let unsigned = |units: i128| u128::try_from(units).ok();
        let (whole, rest) = mul_div(
            unsigned(cost.units())?,
            unsigned(self.rate.units())?,
            unsigned(ONE)?,
        )?;
        let units = whole.checked_add(u128::from(rest > 0))?;
        i128::try_from(units).ok().and_then(Amount::from_units)
    }
}
