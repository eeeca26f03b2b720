//! Exact decimal amounts: money, rates and other measured decimals.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An exact decimal in units of 1e-18, with magnitude below 1e20: 38 digits,
/// which a DynamoDB number holds exactly. All arithmetic is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(i128);

/// Why a text or result is not an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is no decimal number.
    #[error("must be a decimal number, such as 0.0015")]
    Malformed,
    /// More than 28 significant digits, 15 fraction digits, or too large.
    #[error("must have at most 28 significant digits, 15 fraction digits, and be below 1e20")]
    Range,
}

/// The units of one whole: 1e18.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

/// The first magnitude that no amount reaches: 1e38 units.
pub(crate) const BOUND: i128 = 100_000_000_000_000_000_000_000_000_000_000_000_000;

/// The finest input, 15 fraction digits, in units; three more digits are kept for
/// tier factors.
const FINEST: i128 = 1000;

/// The digits that any [`Decimal`] may have.
const DIGITS_MAX: usize = 28;

/// The longest text of a number, in bytes.
pub(super) const TEXT_MAX: usize = 64;

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From units known to lie below 1e38.
    pub(crate) const fn bounded(units: i128) -> Self {
        Self(units)
    }

    /// From units of 1e-18; `None` from 1e38 on.
    #[must_use]
    pub fn from_units(units: i128) -> Option<Self> {
        (units > BOUND.saturating_neg() && units < BOUND).then_some(Self(units))
    }

    /// From units of 1e-18, the nearest amount where there is none of so many.
    #[must_use]
    pub fn nearest(units: i128) -> Self {
        let bound = BOUND.saturating_sub(1);
        Self(units.clamp(bound.saturating_neg(), bound))
    }

    /// A whole number of either sign.
    pub(crate) fn signed(number: i64) -> Option<Self> {
        i128::from(number)
            .checked_mul(ONE)
            .and_then(Self::from_units)
    }

    /// A whole number.
    #[must_use]
    pub fn whole(number: u64) -> Option<Self> {
        i128::from(number)
            .checked_mul(ONE)
            .and_then(Self::from_units)
    }

    /// Units of 1e-18.
    #[must_use]
    pub fn units(self) -> i128 {
        self.0
    }

    /// The whole number that it is; `None` with a fraction.
    #[must_use]
    pub fn to_whole(self) -> Option<i128> {
        self.0
            .checked_div(ONE)
            .filter(|whole| whole.checked_mul(ONE) == Some(self.0))
    }

    /// The sum, or `None` out of range.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::from_units)
    }

    /// The difference, or `None` out of range.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).and_then(Self::from_units)
    }

    /// The same below nothing, or above.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// Rounded half-even to `digits` fraction digits (at most 18).
    #[must_use]
    pub fn rounded(self, digits: u32) -> Self {
        let step = 18_u32
            .checked_sub(digits)
            .and_then(|d| 10_i128.checked_pow(d))
            .unwrap_or(1);
        // The largest amounts round up to at most 1e38 units, which still fit.
        div_half_even(self.0, step)
            .and_then(|steps| steps.checked_mul(step))
            .map_or(self, Self)
    }

    /// Text with exactly `digits` fraction digits, rounded half-even.
    #[must_use]
    pub fn fixed(self, digits: u32) -> String {
        let rounded = self.rounded(digits);
        let text = rounded.to_string();
        let wanted = usize::try_from(digits).unwrap_or(0);
        if wanted == 0 {
            return text;
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        format!("{whole}.{fraction:0<wanted$}")
    }

    /// The mean of a sum over `count`, rounded half-even to 6 digits.
    #[must_use]
    pub fn mean(self, count: u64) -> Option<Self> {
        let step = 1_000_000_000_000_i128;
        let divisor = i128::from(count).checked_mul(step)?;
        div_half_even(self.0, divisor)?
            .checked_mul(step)
            .and_then(Self::from_units)
    }
}

/// `a / b` rounded half to even; `None` unless `b > 0`.
pub(crate) fn div_half_even(a: i128, b: i128) -> Option<i128> {
    if b <= 0 {
        return None;
    }
    let floor = a.checked_div_euclid(b)?;
    let rest = a.checked_rem_euclid(b)?;
    let up = match rest.cmp(&b.checked_sub(rest)?) {
        core::cmp::Ordering::Less => false,
        core::cmp::Ordering::Greater => true,
        core::cmp::Ordering::Equal => floor.checked_rem_euclid(2)? == 1,
    };
    floor.checked_add(i128::from(up))
}

/// Plain or scientific decimal text, exactly; never rounds.
impl FromStr for Amount {
    type Err = AmountError;
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        if !is_plain(mantissa) || text.len() > TEXT_MAX {
            return Err(AmountError::Malformed);
        }
        let units = units_of(mantissa, exponent);
        let units = units.filter(|units| units.checked_rem(FINEST) == Some(0));
        units.and_then(Self::from_units).ok_or(AmountError::Range)
    }
}

/// Whether `text` is a number as JSON writes it, without an exponent.
pub(super) fn is_plain(text: &str) -> bool {
    let magnitude = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    is_digits(whole) && is_digits(fraction) && (whole.len() == 1 || !whole.starts_with('0'))
}

pub(super) fn parse_exponent(text: &str) -> Result<i32, AmountError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AmountError::Malformed);
    }
    text.parse().map_err(|_| AmountError::Range)
}

/// A plain number x 10^`exponent` in units of 1e-18; `None` where that is no whole
/// number, out of range, or of more digits than a [`Decimal`] surely holds.
fn units_of(mantissa: &str, exponent: i32) -> Option<i128> {
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    // Zeros at the ends say nothing but where the point is.
    let short = digits.trim_end_matches('0');
    if short.trim_start_matches(['-', '0']).len() > DIGITS_MAX {
        return None;
    }
    if short.is_empty() || short == "-" {
        return Some(0);
    }
    let zeros = digits.len().checked_sub(short.len())?;
    let units = Decimal::from_str_exact(short).ok()?.mantissa();
    let places = exponent
        .checked_add(18)?
        .checked_add(i32::try_from(zeros).ok()?)?
        .checked_sub(i32::try_from(fraction.len()).ok()?)?;
    // Its last digit is not 0: with fewer than 0 places left it is finer than a unit.
    let power = 10_i128.checked_pow(u32::try_from(places).ok()?)?;
    units.checked_mul(power)
}

/// Plain decimal text without trailing zeros.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let whole = magnitude.checked_div(ONE.unsigned_abs()).unwrap_or(0);
        let rest = magnitude.checked_rem(ONE.unsigned_abs()).unwrap_or(0);
        let sign = if self.0 < 0 { "-" } else { "" };
        if rest == 0 {
            return write!(f, "{sign}{whole}");
        }
        let fraction = format!("{rest:018}");
        write!(f, "{sign}{whole}.{}", fraction.trim_end_matches('0'))
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A decimal string in JSON, units in compact forms.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() {
            to.collect_str(self)
        } else {
            to.serialize_i128(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        if from.is_human_readable() {
            let text = String::deserialize(from)?;
            return stored_amount(&text).ok_or_else(|| D::Error::custom(AmountError::Malformed));
        }
        Self::from_units(i128::deserialize(from)?)
            .ok_or_else(|| D::Error::custom(AmountError::Range))
    }
}

/// Reads what [`Amount`]'s `Display` wrote: up to 38 digits, 18 of fraction.
fn stored_amount(text: &str) -> Option<Amount> {
    let (sign, magnitude) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || fraction.len() > 18 {
        return None;
    }
    let units: i128 = format!("{whole}{fraction:0<18}").parse().ok()?;
    Amount::from_units(units.checked_mul(sign)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_read_from_its_text_exactly() {
        for (text, shown) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.0015", "0.0015"),
            ("2.5e-06", "0.0000025"),
            ("1.5E-7", "0.00000015"),
            ("37.5e-12", "0.0000000000375"),
            ("1e3", "1000"),
            ("12.50", "12.5"),
            ("0.000000000000001", "0.000000000000001"),
            ("99999999999999999999", "99999999999999999999"),
            ("1.0000000000000000000", "1"),
            ("0e0", "0"),
        ] {
            assert_eq!(
                text.parse::<Amount>().map(|a| a.to_string()),
                Ok(shown.to_string()),
                "{text}"
            );
        }
        for text in [
            "1e400",
            "1e-400",
            "100000000000000000000",
            "0.0000000000000001",
            "1234567890123456789.1234567891",
            "123456789012345678901234567890123456789",
        ] {
            assert_eq!(text.parse::<Amount>(), Err(AmountError::Range), "{text}");
        }
        for text in [
            "", "NaN", "Infinity", "1_000", "+1", ".5", "1.", "01", "1e", "0x10", "1 ", "--1",
            "1,5",
        ] {
            assert_eq!(
                text.parse::<Amount>(),
                Err(AmountError::Malformed),
                "{text}"
            );
        }
    }

    #[test]
    fn rounding_is_half_even_and_happens_once() {
        for (text, digits, shown) in [
            ("0.005", 2, "0.00"),
            ("0.015", 2, "0.02"),
            ("0.025", 2, "0.02"),
            ("-0.015", 2, "-0.02"),
            ("0.0250000001", 2, "0.03"),
            ("55.904675", 2, "55.90"),
            ("1.5", 0, "2"),
        ] {
            assert_eq!(
                text.parse::<Amount>().unwrap().fixed(digits),
                shown,
                "{text}"
            );
        }
        // 0.0000005000...01 / 1 rounds up although its 18-digit form ends in a tie.
        let third = Amount(1_500_000_000_001).mean(3).unwrap();
        assert_eq!(third.to_string(), "0.000001");
    }
}
