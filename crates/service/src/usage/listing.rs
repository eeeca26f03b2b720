//! The first events of a list, found so far.

use crate::usage::usage::{Entry, Position, entry};
use std::collections::BTreeMap;
use tollgate_core::{Filter, HOUR_SECONDS, Instant, Page, Range, Stored};

/// The first events of a list, found so far.
pub(crate) struct Listing<'a> {
    pub(crate) range: Range,
    pub(crate) filter: &'a Filter,
    pub(crate) after: Option<&'a Position>,
    pub(crate) limit: usize,
    pub(crate) first: BTreeMap<Position, Entry>,
}

impl Listing<'_> {
    /// Takes the events of a page that belong to the list and, with `hour`, to
    /// that hour.
    pub(crate) fn take(&mut self, page: &Page, hour: Option<Instant>) {
        let of_hour = |at: Instant| hour.is_none_or(|hour| at.floor_to(HOUR_SECONDS) == hour);
        for stored in page
            .events
            .iter()
            .filter(|stored| of_hour(stored.event.timestamp))
        {
            if self.wants(stored) {
                self.insert(entry(stored, page));
            }
        }
    }

    /// Whether it belongs to the list, and to what of it is wanted.
    pub(crate) fn wants(&self, stored: &Stored) -> bool {
        let event = &stored.event;
        let place = (&event.timestamp, &event.id);
        let behind = self.after.is_none_or(|(at, id)| place > (at, id));
        let before_last = !self.is_full()
            || self
                .first
                .last_key_value()
                .is_some_and(|((at, id), _)| place < (at, id));
        behind && before_last && self.range.holds(event.timestamp) && self.filter.matches(stored)
    }

    pub(crate) fn insert(&mut self, entry: Entry) {
        self.first.insert(
            (entry.stored.event.timestamp, entry.stored.event.id.clone()),
            entry,
        );
        if self.first.len() > self.limit.saturating_add(1) {
            self.first.pop_last();
        }
    }

    /// Whether it has one more than wanted.
    pub(crate) fn is_full(&self) -> bool {
        self.first.len() > self.limit
    }

    /// Whether nothing from `at` on can come into it.
    pub(crate) fn ends_before(&self, at: Instant) -> bool {
        self.is_full()
            && self
                .first
                .last_key_value()
                .is_some_and(|((last, _), _)| *last < at)
    }
}
