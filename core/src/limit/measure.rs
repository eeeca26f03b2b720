//! What a limit counts.

use crate::event::dimensions::Dimensions;
use crate::event::event::Event;
use crate::event::name::Name;
use crate::event::quantities::Component;
use crate::event::totals::{Overflow, Totals};
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;
use serde::{Deserialize, Serialize};

/// What a limit counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Measure {
    /// Events.
    Events,
    /// Units of any operation.
    Units,
    /// Input, output and other tokens.
    Tokens,
    /// Input tokens.
    TokensIn,
    /// Output tokens.
    TokensOut,
    /// Calls.
    ApiCalls,
    /// Milliseconds worked.
    DurationMs,
    /// Bytes moved.
    DataBytes,
    /// Searches.
    Searches,
    /// Images.
    Images,
    /// Cost, unrounded.
    Spend,
    /// Events of one operation.
    EventsOf(Name),
    /// Units of one operation.
    UnitsOf(Name),
}

/// The text names no measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one of events, units, tokens, tokens_in, tokens_out, api_calls, duration_ms, data_bytes, searches, images, spend, events:<operation>, units:<operation>"
)]
pub struct MeasureError;

impl Measure {
    /// What it is counted in.
    #[must_use]
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Events | Self::EventsOf(_) => "events",
            Self::Units | Self::UnitsOf(_) => "units",
            Self::Tokens | Self::TokensIn | Self::TokensOut => "tokens",
            Self::ApiCalls => "calls",
            Self::DurationMs => "ms",
            Self::DataBytes => "bytes",
            Self::Searches => "searches",
            Self::Images => "images",
            Self::Spend => "money",
        }
    }

    /// How much of it `event` uses, at a cost of `cost` units of 1e-18.
    #[must_use]
    pub fn of(&self, event: &Event, cost: i128) -> i128 {
        let q = &event.quantities;
        let count = match self {
            Self::Spend => return cost,
            Self::Events => 1,
            Self::Units => q.units,
            Self::Tokens => q.tokens(),
            Self::TokensIn => q.tokens_in,
            Self::TokensOut => q.tokens_out,
            Self::ApiCalls => q.api_calls,
            Self::DurationMs => q.duration_ms,
            Self::DataBytes => q.data_bytes,
            Self::Searches => q.searches,
            Self::Images => q.images,
            Self::EventsOf(operation) => u64::from(*operation == event.dimensions.operation),
            Self::UnitsOf(operation) if *operation == event.dimensions.operation => q.units,
            Self::UnitsOf(_) => 0,
        };
        i128::from(count)
    }

    /// How much of it `totals` of use at `at` amount to.
    ///
    /// # Errors
    /// [`Overflow`] where that is out of range.
    pub fn of_totals(&self, at: &Dimensions, totals: &Totals) -> Result<i128, Overflow> {
        Ok(match self {
            Self::Spend => totals.cost()?.units(),
            Self::Events => i128::from(totals.events),
            Self::Units => totals.priced_by(Component::Unit),
            Self::Tokens => totals.tokens(),
            Self::TokensIn => totals.priced_by(Component::TokenIn),
            Self::TokensOut => totals.priced_by(Component::TokenOut),
            Self::ApiCalls => totals.priced_by(Component::ApiCall),
            Self::DurationMs => totals.priced_by(Component::DurationMs),
            Self::DataBytes => totals.priced_by(Component::DataByte),
            Self::Searches => totals.priced_by(Component::Search),
            Self::Images => totals.priced_by(Component::Image),
            Self::EventsOf(operation) if *operation == at.operation => i128::from(totals.events),
            Self::UnitsOf(operation) if *operation == at.operation => {
                totals.priced_by(Component::Unit)
            }
            Self::EventsOf(_) | Self::UnitsOf(_) => 0,
        })
    }

    /// Whether an event of `operation` can use any of it.
    #[must_use]
    pub fn concerns(&self, operation: &Name) -> bool {
        match self {
            Self::EventsOf(of) | Self::UnitsOf(of) => of == operation,
            _ => true,
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events => f.write_str("events"),
            Self::Units => f.write_str("units"),
            Self::Tokens => f.write_str("tokens"),
            Self::TokensIn => f.write_str("tokens_in"),
            Self::TokensOut => f.write_str("tokens_out"),
            Self::ApiCalls => f.write_str("api_calls"),
            Self::DurationMs => f.write_str("duration_ms"),
            Self::DataBytes => f.write_str("data_bytes"),
            Self::Searches => f.write_str("searches"),
            Self::Images => f.write_str("images"),
            Self::Spend => f.write_str("spend"),
            Self::EventsOf(operation) => write!(f, "events:{operation}"),
            Self::UnitsOf(operation) => write!(f, "units:{operation}"),
        }
    }
}

impl FromStr for Measure {
    type Err = MeasureError;
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        let operation = |name: &str| Name::new(name).map_err(|_| MeasureError);
        match text.split_once(':') {
            Some(("events", name)) => return Ok(Self::EventsOf(operation(name)?)),
            Some(("units", name)) => return Ok(Self::UnitsOf(operation(name)?)),
            _ => {}
        }
        Ok(match text {
            "events" => Self::Events,
            "units" => Self::Units,
            "tokens" => Self::Tokens,
            "tokens_in" => Self::TokensIn,
            "tokens_out" => Self::TokensOut,
            "api_calls" => Self::ApiCalls,
            "duration_ms" => Self::DurationMs,
            "data_bytes" => Self::DataBytes,
            "searches" => Self::Searches,
            "images" => Self::Images,
            "spend" => Self::Spend,
            _ => return Err(MeasureError),
        })
    }
}

impl TryFrom<String> for Measure {
    type Error = MeasureError;
    fn try_from(text: String) -> Result<Self, MeasureError> {
        text.parse()
    }
}

impl From<Measure> for String {
    fn from(measure: Measure) -> Self {
        measure.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_written_as_it_is_read() {
        for text in [
            "events",
            "units",
            "tokens",
            "tokens_in",
            "tokens_out",
            "api_calls",
            "duration_ms",
            "data_bytes",
            "searches",
            "images",
            "spend",
            "events:gpt-4o",
            "units:aws-polly:standard:character",
        ] {
            assert_eq!(text.parse::<Measure>().unwrap().to_string(), text);
        }
        for bad in ["", "event", "events:", "spend:x", "units:a|b"] {
            assert_eq!(bad.parse::<Measure>(), Err(MeasureError), "{bad}");
        }
    }
}
