//! Which rollups and pages cover a span of event time.

use std::collections::BTreeSet;
use tollgate_core::{DAY_SECONDS, HOUR_SECONDS, Instant, Range};

/// How a range is covered: by whole days, by the whole hours at their sides,
/// and by the events of the hours that it cuts through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cover {
    /// Whole days; empty where hours are wanted instead.
    pub(crate) days: Option<Range>,
    /// Whole hours beside them.
    pub(crate) hours: Vec<Range>,
    /// All whole hours, those of the days too.
    pub(crate) all_hours: Option<Range>,
    /// The starts of the hours that it cuts through.
    pub(crate) cut: BTreeSet<Instant>,
}

impl Cover {
    /// Covers `range`, with days where `by_days`.
    pub(crate) fn of(range: Range, by_days: bool) -> Self {
        if range.is_empty() {
            return Self {
                days: None,
                hours: Vec::new(),
                all_hours: None,
                cut: BTreeSet::new(),
            };
        }
        let edges = [range.start, range.end].into_iter().flatten();
        let cut = edges
            .filter(|edge| edge.floor_to(HOUR_SECONDS) != *edge)
            .map(|edge| edge.floor_to(HOUR_SECONDS))
            .collect();
        let full = |range: Range| Some(range).filter(|range| !range.is_empty());
        let all_hours = full(range.whole(HOUR_SECONDS));
        let days = all_hours
            .filter(|_| by_days)
            .and_then(|hours| full(hours.whole(DAY_SECONDS)));
        let hours = match (all_hours, days) {
            (Some(hours), Some(days)) => {
                let before = hours.start.map(|_| Range {
                    start: hours.start,
                    end: days.start,
                });
                let after = hours.end.map(|_| Range {
                    start: days.end,
                    end: hours.end,
                });
                before.into_iter().chain(after).filter_map(full).collect()
            }
            (hours, _) => hours.into_iter().collect(),
        };
        Self {
            days,
            hours,
            all_hours,
            cut,
        }
    }

    /// Whether events of the day from `day` on are wanted by hour, or singly.
    pub(crate) fn cuts_day(&self, day: Instant) -> bool {
        let of_day = Range {
            start: Some(day),
            end: Some(day.plus_seconds(DAY_SECONDS)),
        };
        self.cut.iter().any(|hour| of_day.holds(*hour))
            || self.hours.iter().any(|hours| hours.meets(of_day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: &str, end: &str) -> Range {
        let at =
            |text: &str| (!text.is_empty()).then(|| format!("2026-11-{text}:00Z").parse().unwrap());
        Range {
            start: at(start),
            end: at(end),
        }
    }

    fn cover(
        days: Option<(&str, &str)>,
        hours: &[(&str, &str)],
        all: Option<(&str, &str)>,
        cut: &[&str],
    ) -> Cover {
        let one = |(start, end): (&str, &str)| range(start, end);
        let cut = cut
            .iter()
            .map(|hour| range(hour, "").start.unwrap())
            .collect();
        Cover {
            days: days.map(one),
            hours: hours.iter().map(|hours| one(*hours)).collect(),
            all_hours: all.map(one),
            cut,
        }
    }

    /// Asserts what covers each range, given as its start and end.
    fn covers_are(table: &[((&str, &str), Cover)]) {
        for ((start, end), expected) in table {
            assert_eq!(
                Cover::of(range(start, end), true),
                *expected,
                "{start} to {end}"
            );
        }
    }

    #[test]
    fn a_range_is_whole_days_the_hours_beside_them_and_the_hours_it_cuts() {
        covers_are(&[
            (("", ""), cover(Some(("", "")), &[], Some(("", "")), &[])),
            (
                ("02T00:00", "04T00:00"),
                cover(
                    Some(("02T00:00", "04T00:00")),
                    &[],
                    Some(("02T00:00", "04T00:00")),
                    &[],
                ),
            ),
            (
                ("01T22:30", "04T01:15"),
                cover(
                    Some(("02T00:00", "04T00:00")),
                    &[("01T23:00", "02T00:00"), ("04T00:00", "04T01:00")],
                    Some(("01T23:00", "04T01:00")),
                    &["01T22:00", "04T01:00"],
                ),
            ),
            (
                ("01T22:00", ""),
                cover(
                    Some(("02T00:00", "")),
                    &[("01T22:00", "02T00:00")],
                    Some(("01T22:00", "")),
                    &[],
                ),
            ),
            (
                ("", "01T02:01"),
                cover(
                    Some(("", "01T00:00")),
                    &[("01T00:00", "01T02:00")],
                    Some(("", "01T02:00")),
                    &["01T02:00"],
                ),
            ),
        ]);
        let hourly = Cover::of(range("01T22:30", "04T01:15"), false);
        assert_eq!(
            (hourly.days, hourly.hours),
            (None, vec![range("01T23:00", "04T01:00")])
        );
    }

    #[test]
    fn a_range_that_holds_no_whole_day_is_hours_or_nothing() {
        covers_are(&[
            (
                ("01T05:00", "01T09:00"),
                cover(
                    None,
                    &[("01T05:00", "01T09:00")],
                    Some(("01T05:00", "01T09:00")),
                    &[],
                ),
            ),
            (
                ("01T23:00", "02T01:00"),
                cover(
                    None,
                    &[("01T23:00", "02T01:00")],
                    Some(("01T23:00", "02T01:00")),
                    &[],
                ),
            ),
            (
                ("01T05:10", "01T05:50"),
                cover(None, &[], None, &["01T05:00"]),
            ),
            (
                ("01T05:10", "01T06:00"),
                cover(None, &[], None, &["01T05:00"]),
            ),
            (("01T05:00", "01T05:00"), cover(None, &[], None, &[])),
            (("02T05:00", "01T05:00"), cover(None, &[], None, &[])),
        ]);
    }
}
