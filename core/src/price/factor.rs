//! Factors of price classes.

use crate::money::amount::Amount;
use serde::{Deserialize, Serialize};

/// A tier's price factor in thousandths, from 0 to 1,000,000 times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Factor(u32);

impl Factor {
    /// 1: the listed price.
    pub const ONE: Self = Self(1000);

    /// From a decimal of at most 3 fraction digits, at most 1,000,000.
    #[must_use]
    pub fn new(factor: Amount) -> Option<Self> {
        let thousandth = 1_000_000_000_000_000;
        if factor.units() < 0 || factor.units().checked_rem(thousandth)? != 0 {
            return None;
        }
        let thousandths = u32::try_from(factor.units().checked_div(thousandth)?).ok()?;
        (thousandths <= 1_000_000_000).then_some(Self(thousandths))
    }

    /// The factor as a decimal.
    #[must_use]
    pub fn to_amount(self) -> Amount {
        let units = self.thousandths().checked_mul(1_000_000_000_000_000);
        units.and_then(Amount::from_units).unwrap_or_default()
    }

    /// The factor in thousandths.
    pub(crate) fn thousandths(self) -> i128 {
        i128::from(self.0)
    }
}
