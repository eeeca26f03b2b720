//! Spans of time.

use crate::time::instant::{DAY_SECONDS, Instant};

/// A span of time `[start, end)`; absent = unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// The first instant inside.
    pub start: Option<Instant>,
    /// The first instant outside again.
    pub end: Option<Instant>,
}

impl Range {
    /// Whether it holds `at`.
    #[must_use]
    pub fn holds(&self, at: Instant) -> bool {
        self.start.is_none_or(|start| start <= at) && self.end.is_none_or(|end| at < end)
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start
            .zip(self.end)
            .is_some_and(|(start, end)| start >= end)
    }

    /// Whether any instant lies in both.
    #[must_use]
    pub fn meets(&self, other: Self) -> bool {
        let before = |end: Option<Instant>, start: Option<Instant>| {
            end.zip(start).is_some_and(|(end, start)| end <= start)
        };
        !before(self.end, other.start) && !before(other.end, self.start)
    }

    /// What of it whole spans of `seconds` cover.
    #[must_use]
    pub fn whole(&self, seconds: i64) -> Self {
        Self {
            start: self.start.map(|start| ceil(start, seconds)),
            end: self.end.map(|end| end.floor_to(seconds)),
        }
    }

    /// The smallest range of whole days that covers it.
    #[must_use]
    pub fn days(&self) -> Self {
        Self {
            start: self.start.map(|start| start.floor_to(DAY_SECONDS)),
            end: self.end.map(|end| ceil(end, DAY_SECONDS)),
        }
    }
}

fn ceil(at: Instant, seconds: i64) -> Instant {
    let floor = at.floor_to(seconds);
    if floor == at {
        at
    } else {
        floor.plus_seconds(seconds)
    }
}
