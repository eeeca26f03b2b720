//! The spans of time in which limits count.

use crate::time::instant::{DAY_SECONDS, Instant};
use crate::words::words;
use core::cmp::Ordering;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

words! {
    /// How long a limit counts before it starts anew. All are calendar spans,
    /// half-open, in UTC or in the time zone of the subscription.
    pub enum WindowKind {
        /// For ever.
        Total = "total",
        /// A second, by receipt.
        Second = "second",
        /// An hour, in UTC always.
        Hour = "hour",
        /// A day.
        Day = "day",
        /// A week, from Monday on.
        Week = "week",
        /// A month.
        Month = "month",
        /// A month of the subscription: from its anchor, or by the calendar.
        Period = "period",
    }
}

/// One span of a [`WindowKind`]. Its kind and its start tell it from others, as
/// they do in the keys of counters.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Window {
    /// How long it is.
    pub kind: WindowKind,
    /// Its first instant; the epoch for [`WindowKind::Total`].
    pub start: Instant,
    pub(crate) end: Option<Instant>,
}

impl WindowKind {
    /// The window of this kind in UTC that holds `at`.
    #[must_use]
    pub fn holding(self, at: Instant) -> Window {
        let seconds = |length: i64| {
            let start = at.floor_to(length);
            (start, Some(start.plus_seconds(length)))
        };
        let (start, end) = match self {
            Self::Total => (Instant::EPOCH, None),
            Self::Second => seconds(1),
            Self::Hour => seconds(3600),
            Self::Day => seconds(86_400),
            Self::Week => week(at),
            Self::Month | Self::Period => month(at),
        };
        Window {
            kind: self,
            start,
            end,
        }
    }
}

impl Window {
    /// Whether `at` lies in it.
    #[must_use]
    pub fn holds(&self, at: Instant) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }

    /// Its first instant that is outside again; `None` for `total`.
    #[must_use]
    pub fn end(&self) -> Option<Instant> {
        self.end
    }
}

impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Window {}

impl PartialOrd for Window {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Window {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.kind, self.start).cmp(&(other.kind, other.start))
    }
}

/// The week in UTC, from Monday on, that holds `at`.
fn week(at: Instant) -> (Instant, Option<Instant>) {
    let weekday = Offset::UTC.to_datetime(at.timestamp()).date().weekday();
    let days = i64::from(weekday.to_monday_zero_offset());
    let into = days.saturating_mul(DAY_SECONDS);
    let start = at.floor_to(DAY_SECONDS).plus_seconds(into.saturating_neg());
    (
        start,
        Some(start.plus_seconds(DAY_SECONDS.saturating_mul(7))),
    )
}

/// The calendar month in UTC that holds `at`.
pub(crate) fn month(at: Instant) -> (Instant, Option<Instant>) {
    let date = Offset::UTC.to_datetime(at.timestamp()).date();
    let days = |days: i8| i64::from(days).saturating_mul(DAY_SECONDS);
    let into = days(date.day().saturating_sub(1));
    let start = at.floor_to(DAY_SECONDS).plus_seconds(into.saturating_neg());
    (start, Some(start.plus_seconds(days(date.days_in_month()))))
}
