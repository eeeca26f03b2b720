//! Usage: events and totals, read back.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::pages::{Walk, is_expiring, page_of};
use crate::usage::partials::{PartialOfHour, first_page};
use crate::usage::scan::Ask;
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    Aggregate, Attrs, BatchMarker, Filter, GroupBy, GroupPart, Instant, Key, Marker, Name, Page,
    Place, Posting, Range, Roster, RowFilter, Stored, Tally, Usage, View, table, void_id,
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

/// The events of a task, found so far.
struct FoundTask<'a> {
    after: Option<&'a Position>,
    limit: usize,
    /// The first of them behind `after`, and one more than wanted.
    first: BTreeMap<Position, Entry>,
    roster: Roster,
    sum: Tally,
    known: bool,
}

impl FoundTask<'_> {
    fn add(&mut self, entry: Entry) -> Result<(), Failure> {
        self.known = true;
        let event = &entry.stored.event;
        self.sum.see(&self.roster.place(event)?);
        self.sum.totals.add(&entry.stored.totals())?;
        let place = (event.timestamp, event.id.clone());
        if self.after.is_none_or(|after| place > *after) {
            self.first.insert(place, entry);
            if self.first.len() > self.limit.saturating_add(1) {
                self.first.pop_last();
            }
        }
        Ok(())
    }

    fn add_sealed(&mut self, task: &Name, page: &Page) -> Result<(), Failure> {
        if page.sealed.is_none() {
            return Ok(());
        }
        page.events
            .iter()
            .filter(|stored| stored.event.task.as_ref() == Some(task))
            .try_for_each(|stored| self.add(entry(stored, page)))
    }
}

/// A recorded event, and what it took of credit.
pub(crate) struct Recorded {
    pub(crate) entry: Entry,
    pub(crate) draws: Vec<Posting>,
    /// The marker of its sealed batch, if it is in one.
    pub(crate) batch: Option<BatchMarker>,
}

impl Recorded {
    /// Whether the marker of its sealed batch says that it is voided.
    pub(crate) fn is_voided(&self, id: &Name) -> bool {
        let of = self.batch.as_ref().zip(id.of_sealed());
        of.is_some_and(|(batch, (_, index))| batch.voided.contains(&index))
    }
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

    /// What `filter` picks of `range`, in groups: those of `part`, one more if there
    /// are more, and perhaps others.
    ///
    /// # Errors
    /// As [`Service::read_usage`].
    pub async fn aggregate(
        &self,
        tenant: &Name,
        range: Range,
        filter: &Filter,
        (by, part): (GroupBy, GroupPart),
    ) -> Result<Groups, Failure> {
        let mut ask = Ask::keeping(filter.needs().and(by.needs()));
        ask.hourly |= by == GroupBy::Hour;
        let begin = |roster: &mut Roster| {
            let sum = Aggregate::new(by, part.clone());
            Ok((sum, filter.of_rows(roster)?))
        };
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
        let void = void_id(id);
        let [mark, void] = self.read_marks(tenant, [id, &void]).await?;
        let mark = mark.ok_or(Failure::NotFound("event"))?;
        let found = self.read_recorded(tenant, id, mark).await?;
        let is_voided = void.is_some() || found.is_voided(id);
        Ok((found.entry, is_voided))
    }

    /// What marks two events as recorded: a marker of its own, or its batch's.
    pub(crate) async fn read_marks(
        &self,
        tenant: &Name,
        ids: [&Name; 2],
    ) -> Result<[Option<Attrs>; 2], Failure> {
        let key = |id: &Name| match id.of_sealed() {
            Some((batch, _)) => table::batch(tenant, &batch),
            None => table::marker(tenant, id),
        };
        let mut items = self.store.read(&ids.map(key)).await?.into_iter();
        Ok([items.next().flatten(), items.next().flatten()])
    }

    /// The event `id` that `mark` marks.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where its page is purged, or its batch was recorded
    /// without it.
    pub(crate) fn read_recorded<'a>(
        &'a self,
        tenant: &'a Name,
        id: &'a Name,
        mark: Attrs,
    ) -> BoxFuture<'a, Result<Recorded, Failure>> {
        Box::pin(async move {
            let missing = Failure::NotFound("event");
            let Some((_, index)) = id.of_sealed() else {
                let marker = marker_of(&mark)?;
                let found = self.read_entries(tenant, &[marker.page]).await?;
                return Ok(Recorded {
                    entry: found.into_iter().next().ok_or(missing)?,
                    draws: marker.draws,
                    batch: None,
                });
            };
            let batch = batch_of(&mark)?;
            let Some(page) = batch.page_of(index) else {
                return Err(missing);
            };
            let (key, _) =
                page_key(tenant, &format!("{page}/0")).ok_or(Failure::damaged("a batch"))?;
            let attrs = self.read_item(key).await?;
            let Some(attrs) = attrs.filter(|attrs| !is_expiring(attrs)) else {
                return Err(missing);
            };
            let page = page_of(&attrs)?;
            let events = page.sealed.iter().flat_map(|sealed| &sealed.events);
            let mut events = events.zip(&page.events);
            let (sealed, stored) = events.find(|(of, _)| of.index == index).ok_or(missing)?;
            Ok(Recorded {
                entry: entry(stored, &page),
                draws: sealed.draws.clone(),
                batch: Some(batch),
            })
        })
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
        let mut found = FoundTask {
            after,
            limit,
            first: BTreeMap::new(),
            roster: Roster::default(),
            sum: Tally::default(),
            known: false,
        };
        let mut walk = TaskWalk::new(tenant, task, None);
        while let Some(entries) = walk.next(self, tenant).await? {
            entries.into_iter().try_for_each(|entry| found.add(entry))?;
        }
        self.find_sealed(tenant, task, &mut found).await?;
        if !found.known {
            return Err(Failure::NotFound("task"));
        }
        let more = found.first.len() > limit;
        let first = found.first.into_values().take(limit);
        Ok((first.collect(), more, found.sum))
    }

    /// Adds the events of a task that sealed batches hold: of closed hours, those that
    /// have any; of open ones, what a partial rollup does not say to have none.
    async fn find_sealed(
        &self,
        tenant: &Name,
        task: &Name,
        found: &mut FoundTask<'_>,
    ) -> Result<(), Failure> {
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(());
        };
        let next = reached.mark.next;
        let hours = self.list_task_hours(tenant, task).await?;
        for hour in hours.into_iter().filter(|hour| *hour < next) {
            let add = |page| found.add_sealed(task, &page);
            self.visit_hour(tenant, hour, Range::default(), add).await?;
        }
        let mut partials = self.read_partials(tenant, &reached.mark).await?;
        for hour in self.list_hours_from(tenant, next).await? {
            let mut walk = Walk::new(tenant, [hour]);
            if let Some(PartialOfHour { partial, .. }) = partials.remove(&hour.at) {
                let roster = self.read_partial_roster(tenant, &partial).await?;
                if !roster.has_task(task) {
                    walk = walk.from(first_page(partial.until));
                }
            }
            let add = |page| found.add_sealed(task, &page);
            self.visit(walk, Range::default(), None, add).await?;
        }
        Ok(())
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

/// The marker of a sealed batch that an item holds.
pub(crate) fn batch_of(attrs: &Attrs) -> Result<BatchMarker, Failure> {
    BatchMarker::from_attrs(attrs).ok_or(Failure::damaged("the marker of a batch"))
}

/// The marker that an item holds.
pub(crate) fn marker_of(attrs: &Attrs) -> Result<Marker, Failure> {
    Marker::from_attrs(attrs).ok_or(Failure::damaged("a marker"))
}
