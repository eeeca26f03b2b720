//! Usage: events and totals, read back.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::pages::{is_expiring, page_of};
use crate::usage::scan::Ask;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Aggregate, Attrs, Filter, GroupBy, Instant, Key, Marker, Name, Page, Place, Range, Roster,
    RowFilter, Stored, Tally, Usage, View, table, void_id,
};

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

/// Use in groups, sorted by key.
pub type Groups = BTreeMap<String, Tally>;

impl Service {
    /// The totals of `range`, by operation and tier too. Distinct agents,
    /// consumers and tasks are not told.
    ///
    /// # Errors
    /// [`Failure::RangePurged`] where it cuts through an hour whose pages are
    /// purged; here and below.
    pub async fn read_usage(&self, tenant: &Name, range: Range) -> Result<Usage, Failure> {
        let ask = Ask {
            view: View::Use,
            hourly: false,
            people: false,
        };
        let usage = self
            .gather(
                tenant,
                range,
                ask,
                |_| Ok(Usage::default()),
                |usage, _, place, tally| usage.add(place, tally),
            )
            .await?;
        Ok(usage.0)
    }

    /// The totals of what `filter` picks of `range`.
    ///
    /// # Errors
    /// As [`Service::read_usage`].
    pub async fn read_summary(
        &self,
        tenant: &Name,
        range: Range,
        filter: &Filter,
    ) -> Result<Tally, Failure> {
        let begin = |roster: &mut Roster| Ok((Tally::default(), filter.of_rows(roster)?));
        let add = |(sum, filter): &mut (Tally, RowFilter), _, place: &Place, tally: &Tally| {
            if !filter.matches(place) {
                return Ok(());
            }
            sum.see(place);
            sum.add(tally)
        };
        let ((sum, _), _) = self
            .gather(tenant, range, Ask::keeping(filter.needs()), begin, add)
            .await?;
        Ok(sum)
    }

    /// What `filter` picks of `range`, in groups.
    ///
    /// # Errors
    /// As [`Service::read_usage`].
    pub async fn aggregate(
        &self,
        tenant: &Name,
        range: Range,
        filter: &Filter,
        by: GroupBy,
    ) -> Result<Groups, Failure> {
        let mut ask = Ask::keeping(filter.needs().and(by.needs()));
        ask.hourly |= by == GroupBy::Hour;
        let begin = |roster: &mut Roster| Ok((Aggregate::new(by), filter.of_rows(roster)?));
        let add = |(sum, filter): &mut (Aggregate, RowFilter), at, place: &Place, tally: &Tally| {
            if filter.matches(place) {
                sum.add(at, place, tally)
            } else {
                Ok(())
            }
        };
        let ((sum, _), roster) = self.gather(tenant, range, ask, begin, add).await?;
        Ok(sum.groups(&roster))
    }

    /// The event of this id, and whether it was voided.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there is none, or its page is purged.
    pub async fn find_event(&self, tenant: &Name, id: &Name) -> Result<(Entry, bool), Failure> {
        let [marker, void] = self.read_markers(tenant, [id, &void_id(id)]).await?;
        let marker = marker_of(&marker.ok_or(Failure::NotFound("event"))?)?;
        Ok((self.read_entry(tenant, marker.page).await?, void.is_some()))
    }

    /// The event at `place` (`stretch/ulid/index`).
    pub(crate) async fn read_entry(&self, tenant: &Name, place: String) -> Result<Entry, Failure> {
        let found = self.read_entries(tenant, &[place]).await?;
        found.into_iter().next().ok_or(Failure::NotFound("event"))
    }

    /// The first `limit` events of a task after `after` by timestamp, then id,
    /// whether there are more, and the totals of all of them; found through the
    /// task index, which may lag behind by seconds on AWS. Memory is bounded by
    /// `limit`.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where there are none.
    pub async fn find_task(
        &self,
        tenant: &Name,
        task: &Name,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<(Vec<Entry>, bool, Tally), Failure> {
        let (mut roster, mut sum) = (Roster::default(), Tally::default());
        let (mut first, mut more, mut known) = (Vec::new(), false, false);
        let mut walk = TaskWalk::new(tenant, task, None);
        while let Some(entries) = walk.next(self, tenant).await? {
            for entry in entries {
                known = true;
                let event = &entry.stored.event;
                sum.see(&roster.place(event)?);
                sum.totals.add(&entry.stored.totals())?;
                let behind = after.is_none_or(|(at, id)| (&event.timestamp, &event.id) > (at, id));
                if behind && first.len() < limit {
                    first.push(entry);
                } else {
                    more |= behind;
                }
            }
        }
        if !known {
            return Err(Failure::NotFound("task"));
        }
        Ok((first, more, sum))
    }

    /// The events at `places` (`stretch/ulid/index`) in their order; purged ones
    /// left out.
    async fn read_entries(&self, tenant: &Name, places: &[String]) -> Result<Vec<Entry>, Failure> {
        let places: Vec<(Key, usize)> = places
            .iter()
            .filter_map(|place| page_key(tenant, place))
            .collect();
        let keys: Vec<Key> = places
            .iter()
            .map(|(key, _)| key.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let mut pages: BTreeMap<Key, Page> = BTreeMap::new();
        for chunk in keys.chunks(PAGES_AT_ONCE) {
            for (key, attrs) in chunk.iter().zip(self.store.read(chunk).await?) {
                if let Some(attrs) = attrs.filter(|attrs| !is_expiring(attrs)) {
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

/// The most index entries of one step, each perhaps of a page of its own.
const ENTRIES_AT_ONCE: usize = 100;

/// A walk over the events of a task by timestamp, then id, as the task index
/// has them; purged ones left out.
pub(crate) struct TaskWalk(Option<Query>);

impl TaskWalk {
    /// From behind `after`.
    pub(crate) fn new(tenant: &Name, task: &Name, after: Option<&Position>) -> Self {
        let mut query = Query::of(table::task(tenant, task));
        query.by_task = true;
        query.limit = ENTRIES_AT_ONCE;
        Self(Some(query.from(
            after.map_or_else(String::new, |(at, id)| format!("{}|{id}\0", at.sortable())),
        )))
    }

    /// Some more of them; `None` at the end.
    pub(crate) async fn next(
        &mut self,
        service: &Service,
        tenant: &Name,
    ) -> Result<Option<Vec<Entry>>, Failure> {
        let Some(query) = self.0.take() else {
            return Ok(None);
        };
        let slice = service.store.query(&query).await?;
        self.0 = query.after(&slice);
        let places = slice
            .items
            .iter()
            .filter_map(|(_, attrs)| Some(attrs.get(table::PAGE)?.as_text()?.to_owned()));
        service
            .read_entries(tenant, &places.collect::<Vec<_>>())
            .await
            .map(Some)
    }
}

fn page_key(tenant: &Name, place: &str) -> Option<(Key, usize)> {
    let (stretch, ulid, index) = Marker::place(place)?;
    Some((Key::new(table::pages(tenant, stretch), ulid), index))
}

pub(crate) fn entry(stored: &Stored, page: &Page) -> Entry {
    Entry {
        received: page.received,
        currency: page.currency,
        stored: stored.clone(),
    }
}

/// The marker that an item holds.
pub(crate) fn marker_of(attrs: &Attrs) -> Result<Marker, Failure> {
    Marker::from_attrs(attrs).ok_or(Failure::damaged("a marker"))
}
