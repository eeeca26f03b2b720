//! The spans of time in which limits count.

use crate::Instant;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// How long a limit counts before it starts anew. All are calendar spans in
/// UTC, half-open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// For ever.
    Total,
    /// A second, by receipt.
    Second,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    Month,
}

/// One span of a [`WindowKind`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Window {
    /// How long it is.
    pub kind: WindowKind,
    /// Its first instant; the epoch for [`WindowKind::Total`].
    pub start: Instant,
}

impl WindowKind {
    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Second => "second",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The window of this kind that holds `at`.
    #[must_use]
    pub fn holding(self, at: Instant) -> Window {
        let start = match self {
            Self::Total => Instant::EPOCH,
            Self::Second => at.floor_to(1),
            Self::Hour => at.floor_to(3600),
            Self::Day => at.floor_to(86_400),
            Self::Month => month_start(at, 0),
        };
        Window { kind: self, start }
    }
}

impl Window {
    /// Its first instant that is outside again; `None` for `total`.
    #[must_use]
    pub fn end(&self) -> Option<Instant> {
        match self.kind {
            WindowKind::Total => None,
            WindowKind::Second => Some(self.start.plus_seconds(1)),
            WindowKind::Hour => Some(self.start.plus_seconds(3600)),
            WindowKind::Day => Some(self.start.plus_seconds(86_400)),
            WindowKind::Month => Some(month_start(self.start, 1)),
        }
    }
}

/// The first instant of the month that lies `months` (0 or 1) after `at`'s.
fn month_start(at: Instant, months: i16) -> Instant {
    let date = at.timestamp().to_zoned(TimeZone::UTC).date();
    let (year, month) = match (months, date.month()) {
        (0, month) => (date.year(), month),
        (_, 12) => (date.year().saturating_add(1), 1),
        (_, month) => (date.year(), month.saturating_add(1)),
    };
    let first = Date::new(year, month, 1).and_then(|first| first.to_zoned(TimeZone::UTC));
    first.map_or(at, |first| Instant::from(first.timestamp()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn windows_are_half_open_calendar_spans_in_utc() {
        for (kind, at, start, end) in [
            (WindowKind::Hour, "2026-11-22T10:59:59.999999999Z", "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"),
            (WindowKind::Day, "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"),
            (WindowKind::Month, "2028-02-29T23:59:59.999999999Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"),
            (WindowKind::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            (WindowKind::Second, "2026-11-22T10:00:00.5Z", "2026-11-22T10:00:00Z", "2026-11-22T10:00:01Z"),
            (WindowKind::Hour, "1969-12-31T23:30:00Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"),
        ] {
            let window = kind.holding(at.parse().unwrap());
            assert_eq!(window.start.to_string(), start, "{at}");
            assert_eq!(window.end().unwrap().to_string(), end, "{at}");
        }
        assert_eq!(WindowKind::Total.holding(Instant::EPOCH).end(), None);
    }
}
