//! Usage: events and totals, read back.

use crate::failure::Failure;
use crate::scan::{Part, Range, page_of};
use crate::service::Service;
use crate::store::Query;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Dimensions, Event, Instant, Key, Marker, Name, Page, Stored, Totals, Usage, table};

/// A recorded event with the time of its receipt.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When the service received it.
    pub received: Instant,
    /// The currency of its cost.
    pub currency: tollgate_core::Currency,
    /// The event.
    pub stored: Stored,
}

/// A place in the order of events: by timestamp, then id.
pub type Position = (Instant, Name);

impl Service {
    /// The totals of `range`.
    ///
    /// # Errors
    /// [`Failure::RangePurged`] where it cuts through an hour whose pages are
    /// purged.
    pub async fn usage(&self, tenant: &Name, range: Range) -> Result<Usage, Failure> {
        self.usage_where(tenant, range, |_| true, |_| true).await
    }

    /// The totals of `range` that `wanted` picks among events, and `wanted_use`
    /// among the rows of purged hours, whose events are gone.
    ///
    /// # Errors
    /// [`Failure::RangePurged`] where it cuts through an hour whose pages are
    /// purged.
    pub async fn usage_where<F, G>(&self, tenant: &Name, range: Range, wanted: F, wanted_use: G) -> Result<Usage, Failure>
    where
        F: Fn(&Event) -> bool + Send + Sync,
        G: Fn(&Dimensions) -> bool + Send + Sync,
    {
        self.fold(tenant, range, |usage: &mut Usage, part| {
            let picked = match &part {
                Part::Event(stored, _) => wanted(&stored.event),
                Part::Row(row, _) => wanted_use(&row.dimensions),
            };
            let (at, totals) = part.totals();
            if picked { usage.add(at, &totals) } else { Ok(()) }
        })
        .await
    }

    /// The first `limit` events of `range` after `after` that `wanted` picks,
    /// by timestamp, then id; and whether there are more. Memory is bounded by
    /// `limit`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn events<F>(
        &self,
        tenant: &Name,
        range: Range,
        after: Option<&Position>,
        limit: usize,
        wanted: F,
    ) -> Result<(Vec<Entry>, bool), Failure>
    where
        F: Fn(&Event) -> bool + Send + Sync,
    {
        let purged = BTreeSet::new();
        let range = Range { start: range.start.max(after.map(|(at, _)| *at)), end: range.end };
        let mut first: BTreeMap<Position, Entry> = BTreeMap::new();
        self.fold_pages(tenant, range, &purged, |page| {
            for stored in &page.events {
                let position = (stored.event.timestamp, stored.event.id.clone());
                let behind = after.is_none_or(|after| position > *after);
                let before_last = first.len() <= limit || first.last_key_value().is_some_and(|(last, _)| position < *last);
                if behind && before_last && range.holds(stored.event.timestamp) && wanted(&stored.event) {
                    first.insert(position, entry(stored, page));
                }
                if first.len() > limit.saturating_add(1) {
                    first.pop_last();
                }
            }
            Ok(())
        })
        .await?;
        let more = first.len() > limit;
        Ok((first.into_values().take(limit).collect(), more))
    }

    /// The event of this id.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none, or its page is purged.
    pub async fn event(&self, tenant: &Name, id: &Name) -> Result<Entry, Failure> {
        let attrs = self.item(table::marker(tenant, id)).await?.ok_or(Failure::NotFound("event"))?;
        let marker = Marker::from_attrs(&attrs).ok_or_else(|| Failure::Broken("a marker is damaged".to_owned()))?;
        let found = self.entries(tenant, &[marker.page]).await?;
        found.into_iter().next().ok_or(Failure::NotFound("event"))
    }

    /// The events of a task by timestamp, then id, found through the task
    /// index, which may lag behind by seconds on AWS.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there are none.
    pub async fn task(&self, tenant: &Name, task: &Name) -> Result<(Vec<Entry>, Usage), Failure> {
        let mut query = Query::of(table::task(tenant, task));
        query.by_task = true;
        let found = self.all(query).await?;
        let places: Vec<String> = found.iter().filter_map(|(_, attrs)| Some(attrs.get(table::PAGE)?.as_text()?.to_owned())).collect();
        let entries = self.entries(tenant, &places).await?;
        if entries.is_empty() {
            return Err(Failure::NotFound("task"));
        }
        let mut usage = Usage::default();
        for Entry { stored, .. } in &entries {
            usage.add(&stored.event.dimensions, &Totals::of(&stored.event, stored.cost))?;
        }
        Ok((entries, usage))
    }

    /// The events at `places` (`day/ulid/index`) in their order; purged ones
    /// left out.
    async fn entries(&self, tenant: &Name, places: &[String]) -> Result<Vec<Entry>, Failure> {
        let places: Vec<(Key, usize)> = places.iter().filter_map(|place| page_key(tenant, place)).collect();
        let keys: Vec<Key> = places.iter().map(|(key, _)| key.clone()).collect::<BTreeSet<_>>().into_iter().collect();
        let mut pages: BTreeMap<Key, Page> = BTreeMap::new();
        for chunk in keys.chunks(PAGES_AT_ONCE) {
            for (key, attrs) in chunk.iter().zip(self.store.read(chunk).await?) {
                if let Some(attrs) = attrs {
                    pages.insert(key.clone(), page_of(&attrs)?);
                }
            }
        }
        let found = places.iter().filter_map(|(key, index)| {
            let page = pages.get(key)?;
            Some(entry(page.events.get(*index)?, page))
        });
        Ok(found.collect())
    }
}

const PAGES_AT_ONCE: usize = 20;

fn page_key(tenant: &Name, place: &str) -> Option<(Key, usize)> {
    let (day, ulid, index) = Marker::place(place)?;
    Some((Key::new(table::pages(tenant, day), ulid), index))
}

fn entry(stored: &Stored, page: &Page) -> Entry {
    Entry { received: page.received, currency: page.currency, stored: stored.clone() }
}
