//! What new series have to be filled with.

use crate::engine::submission::AHEAD_SECONDS_MAX;
use std::collections::BTreeMap;
use tollgate_core::{
    CounterKey, Dimensions, Figure, HOUR_SECONDS, Instant, Posting, Postings, Series, Stored,
    Totals, WindowKind,
};

/// Sums by counter and figure.
#[derive(Default)]
pub(crate) struct Sums(BTreeMap<CounterKey, BTreeMap<Figure, i128>>);

impl Sums {
    /// How many counters there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The earliest receipt of anything that the open windows of `series` hold.
    pub(crate) fn first_event(series: &Series) -> Instant {
        let early = |start: Instant| start.plus_seconds(-AHEAD_SECONDS_MAX - HOUR_SECONDS);
        match series.window {
            WindowKind::Total => Instant::EPOCH,
            kind => early(series.calendar.holding(kind, series.from).start),
        }
    }

    /// Whether a window of `series` begins within the hour from `hour` on.
    pub(crate) fn is_cut(series: &Series, hour: Instant) -> bool {
        let window = series.calendar.holding(series.window, hour);
        window
            .end()
            .is_some_and(|end| end < hour.plus_seconds(HOUR_SECONDS))
    }

    /// Adds an event where `series` count it.
    pub(crate) fn add_event(&mut self, series: &[Series], stored: &Stored, received: Instant) {
        let event = &stored.event;
        self.add(
            series,
            (&event.dimensions, event.timestamp, received),
            &stored.totals(),
        );
    }

    /// Adds what use at one place adds up to, where `series` count it. A sum is
    /// kept in the range of counters.
    pub(crate) fn add(
        &mut self,
        series: &[Series],
        (at, timestamp, received): (&Dimensions, Instant, Instant),
        totals: &Totals,
    ) {
        let mut counted: Vec<(CounterKey, Figure)> = Vec::new();
        for series in series {
            let Some(counter) = series.counter(at, timestamp, received) else {
                continue;
            };
            let figure = Figure::new(series.measure.clone(), series.since);
            // A named and an "each" series since one version share the figure.
            let place = (counter, figure);
            if counted.contains(&place) {
                continue;
            }
            let amount = series.measure.of_totals(at, totals).unwrap_or(COUNT_MAX);
            let figures = self.0.entry(place.0.clone()).or_default();
            let sum = figures.entry(place.1.clone()).or_insert(0);
            *sum = sum.saturating_add(amount).clamp(-COUNT_MAX, COUNT_MAX);
            counted.push(place);
        }
    }

    /// What is to be posted, of the counters after `last`.
    pub(crate) fn into_postings(self, last: Option<&CounterKey>) -> Postings {
        let after = |(counter, _): &(CounterKey, _)| last.is_none_or(|last| counter > last);
        let of = |(counter, figures): (CounterKey, BTreeMap<Figure, i128>)| {
            let posting = move |(figure, amount)| Posting::used(counter.clone(), figure, amount);
            figures.into_iter().map(posting)
        };
        self.0.into_iter().filter(after).flat_map(of).collect()
    }
}

/// The largest number that a counter holds.
const COUNT_MAX: i128 = 99_999_999_999_999_999_999_999_999_999_999_999_999;
