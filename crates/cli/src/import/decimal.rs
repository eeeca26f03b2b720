//! Decimals of price maps, exact.

use serde::{Serialize, Serializer};
use std::fmt;

/// A decimal that is not negative: `units` in 10^`scale` parts of one, in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Decimal {
    units: u128,
    scale: u32,
}

impl Decimal {
    /// 0.
    pub(crate) const ZERO: Self = Self { units: 0, scale: 0 };
    /// 0.5.
    pub(crate) const HALF: Self = Self { units: 5, scale: 1 };
    /// 1.
    pub(crate) const ONE: Self = Self { units: 1, scale: 0 };

    /// The shortest decimal that is the same float as the number `text`; `None` if it is
    /// negative or no float.
    pub(crate) fn shortest(text: &str) -> Option<Self> {
        let float: f64 = text.parse().ok()?;
        Self::exact(&format!("{float:e}"))
    }

    /// The number `text`, digit for digit.
    pub(crate) fn exact(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let units = format!("{whole}{fraction}").parse().ok()?;
        let places = i32::try_from(fraction.len()).ok()?;
        Self::new(units, places.checked_sub(exponent.parse().ok()?)?)
    }

    /// `units` with the point moved `places` to the left.
    fn new(mut units: u128, places: i32) -> Option<Self> {
        if units == 0 {
            return Some(Self::ZERO);
        }
        let Ok(mut scale) = u32::try_from(places) else {
            let up = 10_u128.checked_pow(places.unsigned_abs())?;
            return units.checked_mul(up).map(|units| Self { units, scale: 0 });
        };
        while scale > 0 && units.checked_rem(10) == Some(0) {
            units = units.checked_div(10)?;
            scale = scale.checked_sub(1)?;
        }
        Some(Self { units, scale })
    }

    /// Whether it is 0.
    pub(crate) fn is_zero(self) -> bool {
        self.units == 0
    }

    /// It times 10^`places`.
    pub(crate) fn shifted(self, places: i32) -> Option<Self> {
        let scale = i32::try_from(self.scale).ok()?;
        Self::new(self.units, scale.checked_sub(places)?)
    }

    /// The product with `other`.
    pub(crate) fn times(self, other: Self) -> Option<Self> {
        let scale = self.scale.checked_add(other.scale)?;
        Self::new(
            self.units.checked_mul(other.units)?,
            i32::try_from(scale).ok()?,
        )
    }

    /// What `base` is multiplied by to get it, if at most 3 fraction digits say so.
    pub(crate) fn factor_of(self, base: Self) -> Option<Self> {
        let scale = self.scale.max(base.scale);
        let aligned = |one: Self| {
            let up = 10_u128.checked_pow(scale.checked_sub(one.scale)?)?;
            one.units.checked_mul(up)
        };
        let thousandths = aligned(self)?.checked_mul(1000)?;
        let base = aligned(base)?;
        if thousandths.checked_rem(base)? != 0 {
            return None;
        }
        Self::new(thousandths.checked_div(base)?, 3)
    }

    /// With at most `places` fraction digits, half-even, where it has more.
    pub(crate) fn rounded(self, places: u32) -> Option<Self> {
        let Some(dropped) = self.scale.checked_sub(places).filter(|drop| *drop > 0) else {
            return Some(self);
        };
        let Some(unit) = 10_u128.checked_pow(dropped) else {
            return Some(Self::ZERO);
        };
        let kept = self.units.checked_div(unit)?;
        let rest = self.units.checked_rem(unit)?;
        let beyond = unit.checked_sub(rest)?;
        let is_up = rest > beyond || (rest == beyond && kept.checked_rem(2)? == 1);
        let kept = kept.checked_add(u128::from(is_up))?;
        Self::new(kept, i32::try_from(places).ok()?)
    }

    /// Whether it is at most the whole number `most`.
    pub(crate) fn is_at_most(self, most: u64) -> bool {
        let scaled = 10_u128
            .checked_pow(self.scale)
            .and_then(|one| one.checked_mul(u128::from(most)));
        scaled.is_none_or(|most| self.units <= most)
    }

    /// It as a whole number.
    pub(crate) fn to_whole(self) -> Option<u64> {
        (self.scale == 0).then(|| u64::try_from(self.units).ok())?
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::try_from(self.scale).unwrap_or(usize::MAX);
        let digits = format!("{:0>1$}", self.units, places.saturating_add(1));
        let whole = digits.len().saturating_sub(places);
        match digits.split_at_checked(whole) {
            Some((whole, fraction)) if places > 0 => write!(f, "{whole}.{fraction}"),
            _ => f.write_str(&digits),
        }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::exact(text).unwrap()
    }

    #[test]
    fn floats_read_as_the_shortest_decimal_that_is_the_same_float() {
        let cases = [
            ("1.5E-7", "0.00000015"),
            ("3e-06", "0.000003"),
            ("5.0000000000000004E-8", "0.000000050000000000000004"),
            ("0.1000000000000000055511151231257827", "0.1"),
            ("0.30000000000000000001", "0.3"),
            ("1e3", "1000"),
            ("25", "25"),
            ("0.0", "0"),
            ("0e5", "0"),
            ("256000.0", "256000"),
        ];
        for (text, expected) in cases {
            assert_eq!(Decimal::shortest(text).unwrap().to_string(), expected);
        }
        for text in ["-1", "-0.5", "1e400", "x", ""] {
            assert_eq!(Decimal::shortest(text), None, "{text}");
        }
    }

    #[test]
    fn the_shortest_decimal_is_the_same_float() {
        let mut bits = 0x3e00_0000_0000_0001_u64;
        for _ in 0..10_000 {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let float = f64::from_bits(0x3e00_0000_0000_0000 | (bits >> 8));
            let Some(read) = Decimal::shortest(&format!("{float:?}")) else {
                continue;
            };
            assert_eq!(read.to_string().parse::<f64>(), Ok(float));
        }
    }

    #[test]
    fn the_point_moves() {
        let cases = [
            ("0.0000025", 6, "2.5"),
            ("0.0000025", 9, "2500"),
            ("400", -8, "0.000004"),
            ("0", 6, "0"),
        ];
        for (text, places, expected) in cases {
            assert_eq!(decimal(text).shifted(places).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn digits_beyond_are_rounded_half_even() {
        let cases = [
            ("0.050000000000000004", "0.05"),
            ("0.0000000000000005", "0"),
            ("0.0000000000000015", "0.000000000000002"),
            ("0.0000000000000025", "0.000000000000002"),
            ("0.00000000000000251", "0.000000000000003"),
            ("0.9999999999999999", "1"),
            ("1e-60", "0"),
            ("12.5", "12.5"),
        ];
        for (text, expected) in cases {
            assert_eq!(decimal(text).rounded(15).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_factor_has_at_most_three_fraction_digits() {
        let cases = [
            ("1.5", "3", Some("0.5")),
            ("3.3", "3", Some("1.1")),
            ("1", "3", None),
            ("0", "3", Some("0")),
            ("3", "0", None),
            ("0.001", "1", Some("0.001")),
            ("0.0001", "1", None),
        ];
        for (price, base, expected) in cases {
            let factor = decimal(price).factor_of(decimal(base));
            assert_eq!(factor.map(|f| f.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn products_and_bounds_are_exact() {
        let product = decimal("2.75").times(decimal("1.1")).unwrap();
        assert_eq!(product.to_string(), "3.025");
        assert!(decimal("1000000000000").is_at_most(1_000_000_000_000));
        assert!(!decimal("1000000000000.1").is_at_most(1_000_000_000_000));
        assert_eq!(decimal("256000").to_whole(), Some(256_000));
        assert_eq!(decimal("0.5").to_whole(), None);
    }
}
