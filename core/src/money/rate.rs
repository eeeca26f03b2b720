//! Prices of one as exact fractions, and the wide arithmetic that keeps them so.

use crate::money::amount::{Amount, ONE};
use core::cmp::Ordering;
use core::fmt;

/// A price of one: `numerator / denominator` units of 1e-18, in lowest terms.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Rate {
    /// Units of 1e-18 for `denominator` of the priced quantity.
    pub numerator: i128,
    /// How many the numerator pays for; at least 1.
    pub denominator: i128,
}

impl Rate {
    /// Nothing for any quantity.
    pub(crate) const ZERO: Self = Self {
        numerator: 0,
        denominator: 1,
    };

    /// In lowest terms; `None` unless `denominator > 0`.
    #[must_use]
    pub fn new(numerator: i128, denominator: i128) -> Option<Self> {
        if denominator <= 1 {
            let whole = Self {
                numerator,
                denominator,
            };
            return (denominator == 1).then_some(whole);
        }
        let divisor = gcd(numerator.checked_abs()?, denominator);
        Some(Self {
            numerator: numerator.checked_div(divisor)?,
            denominator: denominator.checked_div(divisor)?,
        })
    }

    /// The same price in the currency of which one of its own is worth `by`,
    /// exactly; `None` out of range.
    #[must_use]
    pub fn converted(self, by: Amount) -> Option<Self> {
        let by = Self::new(by.units(), ONE)?;
        // Across, so that a product is out of range only if it is in lowest terms.
        let first = Self::new(self.numerator, by.denominator)?;
        let second = Self::new(by.numerator, self.denominator)?;
        let numerator = first.numerator.checked_mul(second.numerator)?;
        Some(Self {
            numerator,
            denominator: first.denominator.checked_mul(second.denominator)?,
        })
    }

    /// The sum, in lowest terms; `None` out of range.
    pub(crate) fn plus(self, other: Self) -> Option<Self> {
        let divisor = gcd(self.denominator, other.denominator);
        let (own, others) = (
            other.denominator.checked_div(divisor)?,
            self.denominator.checked_div(divisor)?,
        );
        let numerator = self
            .numerator
            .checked_mul(own)?
            .checked_add(other.numerator.checked_mul(others)?)?;
        Self::new(numerator, self.denominator.checked_mul(own)?)
    }

    /// The whole units that it comes to, rounded up; `None` out of range.
    pub(crate) fn ceil(self) -> Option<i128> {
        let up = self.denominator.checked_sub(1)?;
        let raised = self.numerator.checked_add(up)?;
        raised.checked_div_euclid(self.denominator)
    }

    /// `quantity` at this rate, rounded half-even at 1e-18 where the division
    /// does not end; `None` out of range.
    #[must_use]
    pub fn times(self, quantity: i128) -> Option<Amount> {
        let divisor = u128::try_from(self.denominator).ok()?;
        let (quotient, rest) = mul_div(
            self.numerator.unsigned_abs(),
            quantity.unsigned_abs(),
            divisor,
        )?;
        let units = i128::try_from(round_half_even(quotient, rest, divisor, 1)?).ok()?;
        Amount::from_units(
            units.checked_mul(self.numerator.signum().checked_mul(quantity.signum())?)?,
        )
    }
}

/// A decimal where it ends within 18 digits, else the fraction.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.denominator == 1 {
            return write!(f, "{}", Amount::bounded(self.numerator));
        }
        write!(
            f,
            "{}/{}",
            Amount::bounded(self.numerator),
            self.denominator
        )
    }
}

/// `a x b / c`, the product in 256 bits: quotient and rest; `None` for `c` of 0
/// or a quotient beyond 128 bits.
pub(crate) fn mul_div(a: u128, b: u128, c: u128) -> Option<(u128, u128)> {
    let (low, high) = a.carrying_mul(b, 0);
    if high == 0 {
        // Most prices are for one: then nothing is divided.
        if c == 1 {
            return Some((low, 0));
        }
        return Some((low.checked_div(c)?, low.checked_rem(c)?));
    }
    if high >= c {
        return None;
    }
    let (mut quotient, mut rest) = (0_u128, high);
    for bit in (0..128_u32).rev() {
        let carried = rest.leading_zeros() == 0;
        let next = low.checked_shr(bit)? & 1;
        rest = rest.wrapping_mul(2) | next;
        quotient = quotient.wrapping_mul(2);
        if carried || rest >= c {
            rest = rest.wrapping_sub(c);
            quotient |= 1;
        }
    }
    Some((quotient, rest))
}

/// `(quotient + rest / divisor) / step` rounded half to even, where
/// `rest < divisor`; `None` for `step` of 0 or beyond 2^127.
pub(crate) fn round_half_even(
    quotient: u128,
    rest: u128,
    divisor: u128,
    step: u128,
) -> Option<u128> {
    let whole = quotient.checked_div(step)?;
    let twice = quotient.checked_rem(step)?.checked_mul(2)?;
    // Twice the rest is below 2: it decides only next to one half.
    let half = match twice.cmp(&step) {
        Ordering::Equal if rest > 0 => Ordering::Greater,
        Ordering::Less if twice.checked_add(1)? == step => rest.cmp(&divisor.checked_sub(rest)?),
        order => order,
    };
    let up = match half {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => whole & 1 == 1,
    };
    whole.checked_add(u128::from(up))
}

/// The greatest common divisor; at least 1.
pub(crate) fn gcd(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a.checked_rem(b).unwrap_or(0));
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn units(text: &str) -> i128 {
        text.parse::<Amount>().unwrap().units()
    }

    #[test]
    fn a_rate_keeps_what_a_decimal_cannot() {
        let rate = Rate::new(units("1"), 3).unwrap();
        assert_eq!(rate.to_string(), "1/3");
        assert_eq!(rate.times(3).unwrap().to_string(), "1");
        let ends = Rate::new(units("2.50"), 1_000_000).unwrap();
        assert_eq!(ends.to_string(), "0.0000025");
    }

    #[test]
    fn a_converted_rate_is_the_product_in_lowest_terms() {
        let third = Rate::new(units("1"), 3).unwrap();
        assert_eq!(
            third.converted("1.5".parse().unwrap()).unwrap().to_string(),
            "0.5"
        );
        assert_eq!(
            third
                .converted("1.08".parse().unwrap())
                .unwrap()
                .to_string(),
            "0.36"
        );
        let fine = Rate::new(units("0.000000000000001"), 1_000_000_000).unwrap();
        let tiny = fine
            .converted("0.000000000000001".parse().unwrap())
            .unwrap();
        assert_eq!(
            (tiny.numerator, tiny.denominator),
            (1, 1_000_000_000_000_000_000_000)
        );
    }

    #[test]
    fn what_is_next_to_one_half_is_decided_by_the_rest() {
        for (quotient, rest, divisor, step, rounded) in [
            (149, 0, 7, 100, 1),
            (149, 6, 7, 100, 1),
            (150, 0, 7, 100, 2),
            (250, 0, 7, 100, 2),
            (250, 1, 7, 100, 3),
            (2, 1, 2, 1, 2),
            (3, 1, 2, 1, 4),
            (3, 1, 3, 1, 3),
            (4, 2, 3, 5, 1),
            (7, 1, 2, 5, 2),
            (2, 1, 2, 5, 0),
        ] {
            assert_eq!(
                round_half_even(quotient, rest, divisor, step),
                Some(rounded),
                "({quotient} + {rest}/{divisor}) / {step}"
            );
        }
    }
}
