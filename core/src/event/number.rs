//! Numbers as others report them, read into quantities.

use crate::event::quantities::QUANTITY_MAX;
use core::time::Duration;

/// A value that something else reported, such as a span's attribute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reported<'a> {
    /// Text, which may hold a number.
    Text(&'a str),
    /// A whole number.
    Integer(i64),
    /// Anything else: a truth value, a fraction, a list, nothing.
    Other,
}

impl<'a> Reported<'a> {
    /// The quantity that it holds: a whole number, or text that is one, with
    /// space around it allowed. A negative number is 0, one above
    /// [`QUANTITY_MAX`] is that; `None` for everything else, `"10.5"` too.
    #[must_use]
    pub fn quantity(self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(held(number.into())),
            Self::Text(text) => whole(text.trim()),
            Self::Other => None,
        }
    }

    /// The quantity that it holds, or `default` where it holds none.
    #[must_use]
    pub fn quantity_or(self, default: u64) -> u64 {
        self.quantity().unwrap_or(default)
    }

    /// The text, where it is text and not blank.
    #[must_use]
    pub fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            Self::Integer(_) | Self::Other => None,
        }
    }
}

/// `taken` in whole milliseconds, rounded half to even: 1234.5 ms is 1234 and
/// 1235.5 ms is 1236. At most [`QUANTITY_MAX`].
#[must_use]
pub fn whole_millis(taken: Duration) -> u64 {
    let millis = u64::try_from(taken.as_millis())
        .unwrap_or(QUANTITY_MAX)
        .min(QUANTITY_MAX);
    let rest = taken
        .subsec_nanos()
        .checked_rem(NANOS_OF_MILLI)
        .unwrap_or(0);
    let is_odd = millis & 1 == 1;
    let rounds_up = rest > HALF_A_MILLI || (rest == HALF_A_MILLI && is_odd);
    millis
        .saturating_add(u64::from(rounds_up))
        .min(QUANTITY_MAX)
}

const NANOS_OF_MILLI: u32 = 1_000_000;

const HALF_A_MILLI: u32 = 500_000;

/// Digits with an optional sign, however many.
fn whole(text: &str) -> Option<u64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size: i128 = digits.parse().unwrap_or(i128::MAX);
    Some(if is_negative { 0 } else { held(size) })
}

fn held(number: i128) -> u64 {
    u64::try_from(number.clamp(0, QUANTITY_MAX.into())).unwrap_or(QUANTITY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Reported::{Integer, Other, Text};

    #[test]
    fn numbers_are_read_as_the_table_of_the_source_says() {
        for (reported, default, quantity) in [
            (Other, 0, 0),
            (Other, 42, 42),
            (Integer(10), 0, 10),
            (Integer(-5), 0, 0),
            (Text("10"), 0, 10),
            (Text("10.5"), 0, 0),
            (Text("abc"), 5, 5),
            (Other, 7, 7),
        ] {
            assert_eq!(
                reported.quantity_or(default),
                quantity,
                "{reported:?} or {default}"
            );
        }
    }

    #[test]
    fn what_is_out_of_range_is_held_at_the_bound_and_what_is_no_number_is_none() {
        let huge = "9".repeat(60);
        for (reported, quantity) in [
            (Integer(i64::MIN), Some(0)),
            (Integer(9_007_199_254_740_991), Some(QUANTITY_MAX)),
            (Integer(9_007_199_254_740_992), Some(QUANTITY_MAX)),
            (Integer(i64::MAX), Some(QUANTITY_MAX)),
            (Text(&huge), Some(QUANTITY_MAX)),
            (Text(" 7 "), Some(7)),
            (Text("+7"), Some(7)),
            (Text("007"), Some(7)),
            (Text("-7"), Some(0)),
            (Text(""), None),
            (Text("-"), None),
            (Text("1e3"), None),
            (Text("0x10"), None),
            (Text("NaN"), None),
            (Text("1,000"), None),
            (Text("٣"), None),
        ] {
            assert_eq!(reported.quantity(), quantity, "{reported:?}");
        }
    }

    #[test]
    fn half_a_millisecond_goes_to_the_even_side() {
        for (micros, millis) in [
            (0, 0),
            (500, 0),
            (501, 1),
            (1_500, 2),
            (1_234_500, 1234),
            (1_235_500, 1236),
            (500_000, 500),
            (1_234_499, 1234),
        ] {
            assert_eq!(
                whole_millis(Duration::from_micros(micros)),
                millis,
                "{micros}"
            );
        }
        assert_eq!(whole_millis(Duration::from_nanos(1_234_500_001)), 1235);
        assert_eq!(whole_millis(Duration::MAX), QUANTITY_MAX);
    }
}
