//! A sealed batch on its way: how far it is, and what this request did of it.

use crate::engine::submission::{Outcome, Rejection};
use crate::store::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Attrs, BatchMarker, Fingerprint, Instant, Name, Planned, Refused, Ruling};

/// A sealed batch on its way.
pub(crate) struct Batch {
    pub(crate) id: Name,
    /// How far it is, as far as is known.
    pub(crate) marker: BatchMarker,
    /// Whether the marker is stored.
    pub(crate) is_stored: bool,
    /// Whether what is left of it is to be priced as its first sending was.
    pub(crate) is_resumed: bool,
    /// The ruling of the rate that refuses it as a whole.
    pub(crate) too_fast: Option<Ruling>,
    /// The place in the batch of each event on its way.
    indexes: Vec<u32>,
    /// By page, what its plan made of events: their places and outcomes.
    tried: BTreeMap<String, Vec<(usize, Outcome)>>,
    /// The places of what this request recorded or refused itself.
    own: BTreeSet<usize>,
}

impl Batch {
    /// Nothing of it is recorded, as far as is known.
    pub(crate) fn new(
        id: Name,
        (fingerprint, sent): (Fingerprint, Instant),
        count: u32,
        indexes: Vec<u32>,
    ) -> Self {
        Self {
            id,
            marker: BatchMarker::new(fingerprint, sent, count),
            is_stored: false,
            is_resumed: false,
            too_fast: None,
            indexes,
            tried: BTreeMap::new(),
            own: BTreeSet::new(),
        }
    }

    /// When it was first sent, if that was before this request.
    pub(crate) fn sent_before(&self) -> Option<Instant> {
        self.is_stored.then_some(self.marker.received)
    }

    /// The place in the batch of the event at this place of those on their way.
    pub(crate) fn index(&self, place: usize) -> u32 {
        self.indexes.get(place).copied().unwrap_or(u32::MAX)
    }

    /// Whether the event at this place needs nothing more.
    pub(crate) fn is_settled(&self, place: usize) -> bool {
        let index = self.index(place);
        let is_known = self.is_stored && self.marker.refused.contains_key(&index);
        index < self.marker.settled || is_known
    }

    /// Whether this request settled the event at this place itself.
    pub(crate) fn is_own(&self, place: usize) -> bool {
        self.own.contains(&place)
    }

    /// The batch as a plan takes it: with what was rejected for what it is.
    pub(crate) fn with_rejected(&self, outcomes: &[Option<Outcome>]) -> BatchMarker {
        let mut marker = self.marker.clone();
        if !self.is_stored {
            // What was said of those ahead may have changed with what they are priced by.
            marker.refused.retain(|index, _| *index < marker.settled);
        }
        for (place, outcome) in outcomes.iter().enumerate() {
            if let Some(Outcome::Rejected(rejection)) = outcome {
                marker.refused.insert(self.index(place), refused(rejection));
            }
        }
        marker
    }

    /// Notes what a plan would make of the events at these places, should its answer be
    /// lost.
    pub(crate) fn note_tried(&mut self, page: &str, places: &[usize], planned: &Planned) {
        let events = places.iter().zip(&planned.events);
        let outcomes = events.map(|(place, event)| {
            let ruling = Box::new(event.ruling.clone());
            let outcome = match &event.answer {
                Some(answer) => Outcome::Recorded(answer.clone(), ruling),
                None => Outcome::Denied(ruling),
            };
            (*place, outcome)
        });
        self.tried.insert(page.to_owned(), outcomes.collect());
    }

    /// The marker once all that is left was refused for what it is, and how many events
    /// were settled before; `None` where nothing is left, or nothing is recorded.
    pub(crate) fn end(&self, outcomes: &[Option<Outcome>]) -> Option<(BatchMarker, u32)> {
        let is_open = self.is_stored && !self.marker.is_whole();
        is_open.then(|| {
            let mut marker = self.with_rejected(outcomes);
            marker.settled = marker.count;
            (marker, self.marker.settled)
        })
    }

    /// A plan of it happened, or needed no write.
    pub(crate) fn advance(&mut self, planned: &Planned) {
        if let Some(marker) = &planned.batch {
            let settled = self.marker.settled;
            self.marker = marker.clone();
            self.is_stored |= !planned.writes.is_empty();
            let places = self.indexes.iter().enumerate();
            let new = places.filter(|(_, index)| **index >= settled && **index < marker.settled);
            self.own.extend(new.map(|(place, _)| place));
        }
    }

    /// Meets its marker as it stands. What a commit of this request recorded whose
    /// answer was lost comes back with its outcome.
    pub(crate) fn meet(&mut self, attrs: &Attrs) -> Result<Vec<(usize, Outcome)>, Failure> {
        let damaged = Failure::damaged("the marker of a batch");
        let marker = BatchMarker::from_attrs(attrs).ok_or(damaged)?;
        if marker.fingerprint != self.marker.fingerprint || marker.count != self.marker.count {
            return Err(Failure::BatchReused);
        }
        if self.is_stored && marker.settled == self.marker.settled {
            // It stands where this request knows it to stand.
            return Ok(Vec::new());
        }
        if !self.is_stored {
            // What this request refused is in no marker: what stands is another's.
            self.own.clear();
        }
        let mut found = Vec::new();
        for (page, outcomes) in std::mem::take(&mut self.tried) {
            if marker.is_in_page(&page) {
                self.own.extend(outcomes.iter().map(|(place, _)| *place));
                found.extend(outcomes);
            }
        }
        self.is_resumed = !marker.is_whole();
        self.is_stored = true;
        self.marker = marker;
        Ok(found)
    }
}

/// What a repeat is told of an event that was rejected.
fn refused(rejection: &Rejection) -> Refused {
    match rejection {
        Rejection::Price(_) => Refused::Unpriced,
        Rejection::Currency { .. } => Refused::Currency,
        Rejection::Reused
        | Rejection::TooOld(_)
        | Rejection::TooNew
        | Rejection::UnknownNode(_) => Refused::Invalid,
    }
}
