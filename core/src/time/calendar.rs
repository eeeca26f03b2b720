//! Where a tenant's windows begin: time zones and anniversaries.

use crate::time::instant::Instant;
use crate::time::window::{Window, WindowKind};
use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Zoned};
use serde::{Deserialize, Serialize};

/// A time zone of the IANA database, as it is bundled: the same everywhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// The text names no time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a time zone of the IANA database, such as Europe/Berlin")]
pub struct ZoneError;

/// Where a tenant's windows begin. The default is UTC and calendar months.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Calendar {
    /// Whose midnights days, months and periods begin at; absent = UTC.
    pub zone: Option<Zone>,
    /// Where periods begin: at its day of the month and time of day, on the
    /// last day of months that have no such day; absent = with each month.
    pub anchor: Option<Instant>,
}

impl Zone {
    /// Its name in the database.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Zone {
    type Err = ZoneError;
    fn from_str(text: &str) -> Result<Self, ZoneError> {
        TimeZoneDatabase::bundled()
            .get(text)
            .map(Self)
            .map_err(|_| ZoneError)
    }
}

impl TryFrom<String> for Zone {
    type Error = ZoneError;
    fn try_from(text: String) -> Result<Self, ZoneError> {
        text.parse()
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        Self::from(zone.name())
    }
}

/// The Monday of the week of a date.
fn monday(date: Date) -> Date {
    let days = date.weekday().to_monday_zero_offset();
    date.checked_sub(Span::new().days(days)).unwrap_or(date)
}

impl Calendar {
    /// The window of `kind` that holds `at`.
    #[must_use]
    pub fn holding(&self, kind: WindowKind, at: Instant) -> Window {
        let span = match (kind, self.anchor, &self.zone) {
            (WindowKind::Period, Some(anchor), _) => anchored(&self.zoned(anchor), at),
            (WindowKind::Month | WindowKind::Period, _, Some(_)) => {
                self.midnights(at, Date::first_of_month, Span::new().months(1))
            }
            (WindowKind::Week, _, Some(_)) => self.midnights(at, monday, Span::new().weeks(1)),
            (WindowKind::Day, _, Some(_)) => self.midnights(at, |date| date, Span::new().days(1)),
            _ => None,
        };
        match span {
            Some((start, end)) => Window {
                kind,
                start,
                end: Some(end),
            },
            None => kind.holding(at),
        }
    }

    /// The part of it that windows of `kind` depend on.
    #[must_use]
    pub fn of(&self, kind: WindowKind) -> Self {
        match kind {
            WindowKind::Total | WindowKind::Second | WindowKind::Hour => Self::default(),
            WindowKind::Day | WindowKind::Week | WindowKind::Month => Self {
                zone: self.zone.clone(),
                anchor: None,
            },
            WindowKind::Period => self.clone(),
        }
    }

    fn zoned(&self, at: Instant) -> Zoned {
        at.timestamp().to_zoned(
            self.zone
                .as_ref()
                .map_or(TimeZone::UTC, |zone| zone.0.clone()),
        )
    }

    /// From the first instant of the date that `first` makes of `at`'s to the
    /// first instant of the date a `span` later.
    fn midnights(
        &self,
        at: Instant,
        first: impl Fn(Date) -> Date,
        span: Span,
    ) -> Option<(Instant, Instant)> {
        let at = self.zoned(at);
        let first = first(at.date());
        let midnight = |date: Date| {
            date.to_zoned(at.time_zone().clone())
                .ok()
                .map(|start| Instant::from(start.timestamp()))
        };
        Some((midnight(first)?, midnight(first.checked_add(span).ok()?)?))
    }
}

/// The span between anniversaries of `anchor`, a month apart, that holds `at`.
/// Each is counted from the anchor itself, so a short month moves none but its
/// own.
fn anchored(anchor: &Zoned, at: Instant) -> Option<(Instant, Instant)> {
    let (from, to) = (
        anchor.date(),
        at.timestamp().to_zoned(anchor.time_zone().clone()).date(),
    );
    let months = |date: Date| {
        i32::from(date.year())
            .saturating_mul(12)
            .saturating_add(i32::from(date.month()))
    };
    let anniversary = |number: i32| {
        let moved = anchor
            .datetime()
            .checked_add(Span::new().try_months(number).ok()?)
            .ok()?;
        Some(Instant::from(
            moved.to_zoned(anchor.time_zone().clone()).ok()?.timestamp(),
        ))
    };
    let mut number = months(to).saturating_sub(months(from));
    let mut start = anniversary(number)?;
    if start > at {
        number = number.saturating_sub(1);
        start = anniversary(number)?;
    }
    Some((start, anniversary(number.saturating_add(1))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;
    use std::vec::Vec;

    fn calendar(zone: &str, anchor: Option<&str>) -> Calendar {
        Calendar {
            zone: Some(zone.parse().unwrap()),
            anchor: anchor.map(|at| at.parse().unwrap()),
        }
    }

    #[test]
    fn windows_are_half_open_calendar_spans_in_utc() {
        for (kind, at, start, end) in [
            (
                WindowKind::Hour,
                "2026-11-22T10:59:59.999999999Z",
                "2026-11-22T10:00:00Z",
                "2026-11-22T11:00:00Z",
            ),
            (
                WindowKind::Day,
                "2026-11-22T00:00:00Z",
                "2026-11-22T00:00:00Z",
                "2026-11-23T00:00:00Z",
            ),
            (
                WindowKind::Week,
                "2026-11-22T23:59:59.999999999Z",
                "2026-11-16T00:00:00Z",
                "2026-11-23T00:00:00Z",
            ),
            (
                WindowKind::Week,
                "2026-11-23T00:00:00Z",
                "2026-11-23T00:00:00Z",
                "2026-11-30T00:00:00Z",
            ),
            (
                WindowKind::Week,
                "1969-12-31T12:00:00Z",
                "1969-12-29T00:00:00Z",
                "1970-01-05T00:00:00Z",
            ),
            (
                WindowKind::Month,
                "2028-02-29T23:59:59.999999999Z",
                "2028-02-01T00:00:00Z",
                "2028-03-01T00:00:00Z",
            ),
            (
                WindowKind::Month,
                "2026-12-31T23:59:59Z",
                "2026-12-01T00:00:00Z",
                "2027-01-01T00:00:00Z",
            ),
            (
                WindowKind::Second,
                "2026-11-22T10:00:00.5Z",
                "2026-11-22T10:00:00Z",
                "2026-11-22T10:00:01Z",
            ),
            (
                WindowKind::Hour,
                "1969-12-31T23:30:00Z",
                "1969-12-31T23:00:00Z",
                "1970-01-01T00:00:00Z",
            ),
        ] {
            let window = kind.holding(at.parse().unwrap());
            assert_eq!(window.start.to_string(), start, "{at}");
            assert_eq!(window.end().unwrap().to_string(), end, "{at}");
            assert_eq!(
                Calendar::default().holding(kind, at.parse().unwrap()),
                window
            );
        }
        assert_eq!(WindowKind::Total.holding(Instant::EPOCH).end(), None);
    }

    #[test]
    fn weeks_begin_at_the_midnights_of_the_time_zones_mondays() {
        for (zone, kind, at, start, end) in [
            // The clock goes forward on its Sunday.
            (
                "Europe/Berlin",
                WindowKind::Week,
                "2026-03-29T12:00:00Z",
                "2026-03-22T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                "Asia/Kathmandu",
                WindowKind::Week,
                "2026-11-22T18:15:00Z",
                "2026-11-22T18:15:00Z",
                "2026-11-29T18:15:00Z",
            ),
        ] {
            let window = calendar(zone, None).holding(kind, at.parse().unwrap());
            assert_eq!(
                (window.start.to_string(), window.end().unwrap().to_string()),
                (start.into(), end.into()),
                "{zone} {at}"
            );
        }
        assert_eq!("Mars/Olympus".parse::<Zone>(), Err(ZoneError));
    }

    #[test]
    fn days_and_months_begin_at_the_midnights_of_the_time_zone() {
        for (zone, kind, at, start, end) in [
            (
                "Europe/Berlin",
                WindowKind::Day,
                "2026-11-22T23:30:00Z",
                "2026-11-22T23:00:00Z",
                "2026-11-23T23:00:00Z",
            ),
            (
                "Europe/Berlin",
                WindowKind::Day,
                "2026-03-29T12:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                "Europe/Berlin",
                WindowKind::Day,
                "2026-10-25T12:00:00Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
            (
                "America/New_York",
                WindowKind::Month,
                "2026-12-01T04:59:59Z",
                "2026-11-01T04:00:00Z",
                "2026-12-01T05:00:00Z",
            ),
            (
                "Asia/Kolkata",
                WindowKind::Period,
                "2026-11-30T18:30:00Z",
                "2026-11-30T18:30:00Z",
                "2026-12-31T18:30:00Z",
            ),
            (
                "Asia/Kolkata",
                WindowKind::Hour,
                "2026-11-30T18:30:00Z",
                "2026-11-30T18:00:00Z",
                "2026-11-30T19:00:00Z",
            ),
            // A midnight that the change to summer time leaves out.
            (
                "America/Havana",
                WindowKind::Day,
                "2026-03-08T12:00:00Z",
                "2026-03-08T05:00:00Z",
                "2026-03-09T04:00:00Z",
            ),
        ] {
            let window = calendar(zone, None).holding(kind, at.parse().unwrap());
            assert_eq!(
                (window.start.to_string(), window.end().unwrap().to_string()),
                (start.into(), end.into()),
                "{zone} {at}"
            );
        }
        assert_eq!("Mars/Olympus".parse::<Zone>(), Err(ZoneError));
    }

    #[test]
    fn an_anchor_at_the_end_of_a_month_clamps_without_drift() {
        let starts = |zone: &str, anchor: &str| -> Vec<std::string::String> {
            let calendar = calendar(zone, Some(anchor));
            let mut at: Instant = "2026-01-31T12:00:00Z".parse().unwrap();
            let mut starts = Vec::new();
            for _ in 0..5 {
                let window = calendar.holding(WindowKind::Period, at);
                starts.push(window.start.to_string());
                at = window.end().unwrap();
            }
            starts
        };
        let utc = [
            "2026-01-31T09:30:00Z",
            "2026-02-28T09:30:00Z",
            "2026-03-31T09:30:00Z",
            "2026-04-30T09:30:00Z",
            "2026-05-31T09:30:00Z",
        ];
        assert_eq!(starts("UTC", "2025-12-31T09:30:00Z"), utc);
        assert_eq!(
            starts("UTC", "2029-01-31T09:30:00Z"),
            utc,
            "also before the anchor itself"
        );
        let berlin = [
            "2026-01-31T08:30:00Z",
            "2026-02-28T08:30:00Z",
            "2026-03-31T07:30:00Z",
            "2026-04-30T07:30:00Z",
            "2026-05-31T07:30:00Z",
        ];
        assert_eq!(
            starts("Europe/Berlin", "2025-08-31T07:30:00Z"),
            berlin,
            "the time of day is the zone's"
        );
    }
}
