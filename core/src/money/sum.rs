//! Sums of amounts, wider than amounts are: what is too large on the way may be
//! small at the end.

use crate::money::amount::{Amount, BOUND};
use alloc::format;
use core::cmp::Ordering;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A sum of any number of amounts of either sign, exact: `high` times 1e38 plus
/// `low` units of 1e-18, `low` from 0 to below 1e38.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    high: i64,
    low: i128,
}

/// The fraction digits of an amount.
const FRACTION_DIGITS: usize = 18;

/// The units of 1e-6.
const MICRO: i128 = 1_000_000_000_000;

impl Sum {
    /// Nothing.
    pub const ZERO: Self = Self { high: 0, low: 0 };

    /// Adds `other`. Nine quintillions of the largest amounts fit.
    pub fn add(&mut self, other: Self) {
        // Both are below 1e38, so that what is missing to 1e38 tells a carry
        // without leaving the range.
        let missing = BOUND.saturating_sub(self.low);
        let carries = other.low >= missing;
        self.low = if carries {
            other.low.saturating_sub(missing)
        } else {
            self.low.saturating_add(other.low)
        };
        self.high = self
            .high
            .saturating_add(other.high)
            .saturating_add(i64::from(carries));
    }

    /// The same against it.
    #[must_use]
    pub fn negated(self) -> Self {
        match self.low {
            0 => Self {
                high: self.high.saturating_neg(),
                low: 0,
            },
            low => Self {
                high: self.high.saturating_neg().saturating_sub(1),
                low: BOUND.saturating_sub(low),
            },
        }
    }

    /// The amount that it is; `None` where that is out of range.
    #[must_use]
    pub fn to_amount(self) -> Option<Amount> {
        match self.high {
            0 => Amount::from_units(self.low),
            -1 => Amount::from_units(self.low.saturating_sub(BOUND)),
            _ => None,
        }
    }

    /// The mean over `count`, rounded half-even to 6 digits; `None` where that is
    /// out of range.
    #[must_use]
    pub fn mean(self, count: u64) -> Option<Amount> {
        if let Some(amount) = self.to_amount() {
            return amount.mean(count);
        }
        let (high, divisor) = (i128::from(self.high), i128::from(count));
        let share = BOUND.checked_div_euclid(divisor)?;
        let rest = high.checked_mul(BOUND.checked_rem_euclid(divisor)?)?;
        let rest = rest.checked_add(self.low)?;
        let whole = high.checked_mul(share)?;
        let units = whole.checked_add(rest.checked_div_euclid(divisor)?)?;
        to_micros(units, rest.checked_rem_euclid(divisor)? == 0)
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

/// `units`, with a part of one on top unless it `is_whole`, rounded half-even to 6
/// digits; `None` where that is out of range.
fn to_micros(units: i128, is_whole: bool) -> Option<Amount> {
    let (floor, rest) = (
        units.checked_div_euclid(MICRO)?,
        units.checked_rem_euclid(MICRO)?,
    );
    let up = match rest.checked_mul(2)?.cmp(&MICRO) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => !is_whole || floor.checked_rem_euclid(2)? == 1,
    };
    let rounded = floor.checked_add(i128::from(up))?;
    rounded.checked_mul(MICRO).and_then(Amount::from_units)
}

/// Exact, in the shortest form.
impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(amount) = self.to_amount() {
            return fmt::Display::fmt(&amount, f);
        }
        if self.high < 0 {
            f.write_str("-")?;
            return fmt::Display::fmt(&self.negated(), f);
        }
        let units = format!("{}{:038}", self.high, self.low);
        let (whole, fraction) = units.split_at(units.len().saturating_sub(FRACTION_DIGITS));
        f.write_str(whole)?;
        match fraction.trim_end_matches('0') {
            "" => Ok(()),
            fraction => write!(f, ".{fraction}"),
        }
    }
}

impl From<Amount> for Sum {
    fn from(amount: Amount) -> Self {
        match amount.units() {
            units if units < 0 => Self {
                high: -1,
                low: BOUND.saturating_add(units),
            },
            units => Self {
                high: 0,
                low: units,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;
    use std::vec::Vec;

    fn amount() -> impl Strategy<Value = Amount> {
        let most = BOUND - 1;
        let least = most.saturating_neg();
        let edges = prop_oneof![Just(0), Just(most), Just(least), Just(1), Just(-1)];
        prop_oneof![edges, least..=most].prop_map(|units| Amount::from_units(units).unwrap())
    }

    #[test]
    fn a_sum_beyond_amounts_is_shown_exactly() {
        let most = Amount::from_units(BOUND - 1).unwrap();
        let mut sum = Sum::from(most);
        sum.add(Sum::from(most));
        assert_eq!(sum.to_string(), "199999999999999999999.999999999999999998");
        assert_eq!(
            sum.negated().to_string(),
            "-199999999999999999999.999999999999999998"
        );
        sum.add(Sum { high: 0, low: 2 });
        assert_eq!(sum.to_string(), "200000000000000000000");
    }

    proptest! {
        /// Whatever the order, and however large on the way.
        #[test]
        fn a_sum_and_what_undoes_it_leave_what_was_there(
            rest in amount(),
            mut amounts in proptest::collection::vec(amount(), 0..20),
            turn in 0_usize..20,
        ) {
            let mut terms: Vec<Sum> = amounts.iter().copied().map(Sum::from).collect();
            let turn = turn.checked_rem(amounts.len()).unwrap_or(0);
            amounts.rotate_left(turn);
            terms.extend(amounts.into_iter().map(|amount| Sum::from(amount).negated()));
            let mut sum = Sum::from(rest);
            terms.into_iter().for_each(|term| sum.add(term));
            prop_assert_eq!(sum.to_amount(), Some(rest));
        }

        #[test]
        fn a_sum_that_fits_is_the_sum_of_the_units(a in amount(), b in amount()) {
            let mut sum = Sum::from(a);
            sum.add(Sum::from(b));
            prop_assert_eq!(sum.to_amount(), a.checked_add(b));
        }
    }
}
