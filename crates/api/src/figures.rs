//! Numbers as JSON.

use serde_json::{Number, Value};
use tollgate_core::{Amount, Standpoint, Sum};

/// A count. Above 2^64-1, which a JSON number of ours cannot hold, its digits
/// as a string.
pub(crate) fn count(number: i128) -> Value {
    Number::from_i128(number).map_or_else(|| Value::String(number.to_string()), Value::Number)
}

/// A value of a limit's measure: a decimal string for spend, else an integer.
pub(crate) fn measured(at: &Standpoint, value: i128) -> Value {
    if at.is_money() {
        at.text(value).into()
    } else {
        count(value)
    }
}

/// A value of a measure without its limit's standing.
pub(crate) fn limit_value(is_money: bool, value: Option<i128>) -> Value {
    match value {
        None => Value::Null,
        Some(value) if is_money => money(value),
        Some(value) => count(value),
    }
}

/// Units of 1e-18 as a decimal string.
fn money(units: i128) -> Value {
    Amount::from_units(units).map_or_else(|| Value::String(units.to_string()), amount)
}

/// A decimal string.
pub(crate) fn amount(amount: impl ToString) -> Value {
    Value::String(amount.to_string())
}

/// The mean with 6 digits, rounded half-even; null over nothing.
pub(crate) fn mean(sum: Option<impl Into<Sum>>, count: i64) -> Value {
    let sum = sum.map(Into::into);
    let mean = u64::try_from(count).ok().and_then(|count| sum?.mean(count));
    mean.map_or(Value::Null, |mean| Value::String(mean.fixed(6)))
}
