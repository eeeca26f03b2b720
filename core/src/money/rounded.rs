//! Numbers of any number of digits, read as amounts.

use crate::money::amount::{Amount, AmountError, TEXT_MAX, is_plain, parse_exponent};

impl Amount {
    /// A number as [`str::parse`] reads it, of any number of digits, rounded half-even to
    /// `digits` fraction digits (at most 18).
    ///
    /// # Errors
    /// [`AmountError`] for what is no number or out of range.
    pub fn parse_rounded(text: &str, digits: u32) -> Result<Self, AmountError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        if !is_plain(mantissa) || text.len() > TEXT_MAX {
            return Err(AmountError::Malformed);
        }
        let steps = steps_of(mantissa, i64::from(exponent), digits);
        let places = 18_u32.checked_sub(digits);
        let step = places.and_then(|places| 10_i128.checked_pow(places));
        let units = steps
            .zip(step)
            .and_then(|(steps, step)| steps.checked_mul(step));
        units.and_then(Self::from_units).ok_or(AmountError::Range)
    }
}

/// A plain number x 10^`exponent` in steps of 10^-`digits`, rounded half-even; `None` out
/// of range.
fn steps_of(mantissa: &str, exponent: i64, digits: u32) -> Option<i128> {
    let magnitude = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let all = [whole, fraction].concat();
    if all.bytes().all(|digit| digit == b'0') {
        return Some(0);
    }
    // How many of the digits stand before what is rounded off.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    let kept = point.checked_add(i64::from(digits))?;
    let Ok(kept) = usize::try_from(kept) else {
        return Some(0);
    };
    let (first, rest) = all.split_at_checked(kept).unwrap_or((&all, ""));
    let missing = u32::try_from(kept.saturating_sub(all.len())).ok()?;
    let first: i128 = if first.is_empty() {
        0
    } else {
        first.parse().ok()?
    };
    let floor = first.checked_mul(10_i128.checked_pow(missing)?)?;
    let half = match (rest.bytes().next(), rest.get(1..)) {
        (Some(b'6'..=b'9'), _) => true,
        (Some(b'5'), Some(after)) => after.bytes().any(|d| d != b'0') || floor & 1 == 1,
        _ => false,
    };
    let steps = floor.checked_add(i128::from(half))?;
    if mantissa.starts_with('-') {
        steps.checked_neg()
    } else {
        Some(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_number_is_rounded_half_to_even() {
        for (text, digits, rounded) in [
            ("0.30000000000000004", 15, "0.3"),
            ("2.5", 0, "2"),
            ("3.5", 0, "4"),
            ("2.50000000000000000000000000000001", 0, "3"),
            ("-2.5", 0, "-2"),
            ("-3.5", 0, "-4"),
            ("0.05", 1, "0"),
            ("0.15", 1, "0.2"),
            ("0.04999", 1, "0"),
            ("5e-7", 6, "0"),
            ("15e-7", 6, "0.000002"),
            ("1e-60", 6, "0"),
            ("12e3", 6, "12000"),
            ("1.2e1", 6, "12"),
            ("0e50", 6, "0"),
            ("99.9999999", 6, "100"),
        ] {
            let found = Amount::parse_rounded(text, digits).map(|amount| amount.to_string());
            assert_eq!(found.as_deref(), Ok(rounded), "{text} {digits}");
        }
        for (text, error) in [
            ("1e30", AmountError::Range),
            ("123456789012345678901", AmountError::Range),
            ("", AmountError::Malformed),
            ("01", AmountError::Malformed),
            (".5", AmountError::Malformed),
            ("1e", AmountError::Malformed),
        ] {
            assert_eq!(Amount::parse_rounded(text, 6), Err(error), "{text}");
        }
    }
}
