//! Partial rollups: what came in an open hour up to some instant, so that a question reads
//! few of its pages. They repeat what pages hold, and go when those are rolled up.

use crate::engine::service::Service;
use crate::store::body::body;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::rosters::joined_of;
use crate::usage::watermark::Watermark;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Attrs, DAY_SECONDS, Instant, Name, Range, Roster, Value, View, table};
use ulid::Ulid;

/// The partial rollup of an open hour, in parts, each of the pages after the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Partial {
    /// The receipt hour.
    pub(crate) hour: Instant,
    /// It has all pages received before.
    pub(crate) until: Instant,
    /// How many names had been erased: it knows of no later erasure.
    pub(crate) erased: u64,
    /// Its parts, in order; what is stored of others does not count.
    pub(crate) parts: Vec<PartOfHour>,
}

/// A part of a partial rollup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartOfHour {
    /// Its id.
    pub(crate) id: String,
    /// How many events it has.
    pub(crate) events: u64,
    /// The first of their times.
    pub(crate) first: Instant,
    /// The last of their times.
    pub(crate) last: Instant,
}

/// Some pages of a part that follow each other, few enough to be read for a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Span {
    /// The sort key of the first page.
    pub(crate) from: String,
    /// The sort key of the last page.
    pub(crate) to: String,
    /// The first time of an event.
    pub(crate) first: Instant,
    /// The last time of an event.
    pub(crate) last: Instant,
}

/// A partial rollup as it is stored; `None` before the first part.
#[derive(Clone, Debug)]
pub(crate) struct PartialOfHour {
    pub(crate) partial: Partial,
    pub(crate) stored: Option<Value>,
}

impl Partial {
    /// Of an hour without any part.
    pub(crate) fn empty(hour: Instant, mark: &Watermark) -> Self {
        Self {
            hour,
            until: hour,
            erased: mark.erased,
            parts: Vec::new(),
        }
    }

    /// The views that it has rows of: those that have fewer than there are events.
    pub(crate) fn views() -> impl Iterator<Item = View> {
        View::ALL.into_iter().filter(|view| view.has_days())
    }

    /// Whether it is used and added to: later the store may have removed some of it.
    pub(crate) fn is_young(&self, now: Instant) -> bool {
        now < self.hour.plus_seconds(DAY_SECONDS)
    }

    /// The place of the part that a sort key begins with.
    fn place(&self, sk: &str) -> Option<usize> {
        let id = sk.split('|').next()?;
        self.parts.iter().position(|part| part.id == id)
    }
}

/// What the keys of pages received from `at` on, and of none before, are not below.
pub(crate) fn first_page(at: Instant) -> String {
    Ulid::from_parts(at.unix_millis(), 0).to_string()
}

impl Service {
    /// The partial rollups of open hours that hold under `mark`.
    pub(crate) fn read_partials<'a>(
        &'a self,
        tenant: &'a Name,
        mark: &'a Watermark,
    ) -> BoxFuture<'a, Result<BTreeMap<Instant, PartialOfHour>, Failure>> {
        Box::pin(async move {
            let mut partials = BTreeMap::new();
            // A name on its way out may stand in some.
            if mark.erasing.is_some() {
                return Ok(partials);
            }
            let query = Query::of(table::partials(tenant)).from(mark.next.hour());
            for (_, attrs) in self.read_all(query).await? {
                let partial: Partial = body(&attrs)?;
                if partial.erased == mark.erased && partial.is_young(self.now()) {
                    let stored = attrs.get(table::BODY).cloned();
                    partials.insert(partial.hour, PartialOfHour { partial, stored });
                }
            }
            Ok(partials)
        })
    }

    /// Whom the events of a partial rollup name, as its rows number them.
    pub(crate) async fn read_partial_roster(
        &self,
        tenant: &Name,
        partial: &Partial,
    ) -> Result<Roster, Failure> {
        let mut joined = BTreeMap::new();
        let query = Query::of(table::partial_names(tenant, partial.hour));
        for (sk, attrs) in self.read_all(query).await? {
            if let Some(place) = partial.place(&sk) {
                joined.insert((place, sk), joined_of(&attrs)?);
            }
        }
        let mut roster = Roster::default();
        for joined in joined.into_values() {
            roster.append(joined)?;
        }
        Ok(roster)
    }

    /// The chunks of a partial rollup's rows of a view, of events of `hours`, each with
    /// its event hour.
    pub(crate) fn read_partial_rows<'a>(
        &'a self,
        tenant: &'a Name,
        partial: &'a Partial,
        view: View,
        hours: Range,
    ) -> BoxFuture<'a, Result<Vec<(Instant, Attrs)>, Failure>> {
        Box::pin(async move {
            let mut rows = Vec::new();
            let query = Query::of(table::partial_rows(tenant, view, partial.hour));
            for (sk, attrs) in self.read_all(query).await? {
                if partial.place(&sk).is_none() {
                    continue;
                }
                let hour = sk.split('|').nth(1).map(|hour| format!("{hour}:00:00Z"));
                let hour = hour.and_then(|hour| hour.parse::<Instant>().ok());
                let hour = hour.ok_or_else(|| Failure::damaged("the key of a partial rollup"))?;
                if hours.holds(hour) {
                    rows.push((hour, attrs));
                }
            }
            Ok(rows)
        })
    }

    /// The spans of pages of one part.
    pub(crate) async fn read_spans(
        &self,
        tenant: &Name,
        hour: Instant,
        part: &str,
    ) -> Result<Vec<Span>, Failure> {
        let query = Query::of(table::partial_spans(tenant, hour))
            .from(format!("{part}|"))
            .to(format!("{part}~"));
        let mut spans: Vec<Span> = Vec::new();
        for (_, attrs) in self.read_all(query).await? {
            spans.extend(body::<Vec<Span>>(&attrs)?);
        }
        Ok(spans)
    }

    /// Which of these event hours a partial rollup has events of.
    pub(crate) fn find_partial_hours<'a>(
        &'a self,
        tenant: &'a Name,
        partial: &'a Partial,
        hours: &'a BTreeSet<Instant>,
    ) -> BoxFuture<'a, Result<BTreeSet<Instant>, Failure>> {
        Box::pin(async move {
            let rows = self
                .read_partial_rows(tenant, partial, View::Totals, Range::default())
                .await?;
            let found = rows.into_iter().map(|(hour, _)| hour);
            Ok(found.filter(|hour| hours.contains(hour)).collect())
        })
    }
}
