//! Figures whose form depends on what they count.

use serde::de::{Deserializer, Error, IntoDeserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use tollgate_core::{Amount, Limit, Measure, Sum};

/// A value of a measure: money as a decimal string, anything else as an integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Figure {
    /// Money.
    Money(Amount),
    /// A count.
    Count(i128),
}

impl Figure {
    /// `value` of `measure`, where money is in units of 1e-18.
    #[must_use]
    pub fn of(measure: &Measure, value: i128) -> Self {
        match measure {
            Measure::Spend => Self::Money(Amount::nearest(value)),
            _ => Self::Count(value),
        }
    }

    pub(crate) fn of_limit(limit: &Limit, value: Option<i128>) -> Option<Self> {
        value.map(|value| Self::of(&limit.measure, value))
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Money(amount) => write!(f, "{amount}"),
            Self::Count(count) => write!(f, "{count}"),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Money(amount) => to.collect_str(amount),
            Self::Count(count) => to.serialize_i128(*count),
        }
    }
}

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl Visitor<'_> for Reader {
    type Value = Figure;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer or a decimal string")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Figure, E> {
        Ok(Figure::Count(count.into()))
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Figure, E> {
        Ok(Figure::Count(count.into()))
    }

    fn visit_i128<E: Error>(self, count: i128) -> Result<Figure, E> {
        Ok(Figure::Count(count))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Figure, E> {
        Amount::deserialize(text.into_deserializer()).map(Figure::Money)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Figure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Figure".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["integer", "string"],
            "description": "A decimal string where the measure is `spend`, else an integer.",
        })
    }
}

/// Reads a count that may lie inside a flattened object, where serde keeps integers of 64
/// bits alone.
pub(crate) fn read_count<'de, D: Deserializer<'de>>(from: D) -> Result<i128, D::Error> {
    match Figure::deserialize(from)? {
        Figure::Count(count) => Ok(count),
        Figure::Money(_) => Err(D::Error::custom("must be an integer")),
    }
}

/// The mean with 6 digits, rounded half-even; none over nothing.
pub(crate) fn mean(sum: Option<impl Into<Sum>>, count: i64) -> Option<String> {
    let sum = sum.map(Into::into)?;
    let count = u64::try_from(count).ok()?;
    Some(sum.mean(count)?.fixed(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_as_it_was_written() {
        let third = Amount::nearest(333_333_333_333_333_333);
        for (figure, text) in [
            (Figure::Money(third), "\"0.333333333333333333\""),
            (Figure::Money(third.negated()), "\"-0.333333333333333333\""),
            (Figure::Count(-7), "-7"),
            (Figure::Count(i128::from(u64::MAX)), "18446744073709551615"),
        ] {
            assert_eq!(serde_json::to_string(&figure).unwrap(), text);
            assert_eq!(serde_json::from_str::<Figure>(text).unwrap(), figure);
        }
        assert!(serde_json::from_str::<Figure>("\"x\"").is_err());
    }
}
