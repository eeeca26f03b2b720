//! Events in the order of their time, found through rollups: what a part of a
//! list costs grows with its events, not with all there are.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::listing::Listing;
use crate::usage::pages::{PageBudget, Walk};
use crate::usage::partials::{PartialOfHour, first_page};
use crate::usage::rows::spans;
use crate::usage::scan::PASSES_MAX;
use crate::usage::usage::{Entry, Position, TaskWalk};
use crate::usage::watermark::Watermark;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{
    DAY_SECONDS, Dimension, Filter, HOUR_SECONDS, Instant, Label, Name, Page, Range, View, table,
};

impl Service {
    /// The first `limit` events of `range` after `after` that `filter` picks,
    /// by timestamp, then id; and whether there are more. Memory is bounded by
    /// `limit`. Events of purged hours are gone.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_events(
        &self,
        tenant: &Name,
        range: Range,
        after: Option<&Position>,
        limit: usize,
        filter: &Filter,
    ) -> Result<(Vec<Entry>, bool), Failure> {
        let listing = || Listing {
            range,
            filter,
            after,
            limit,
            first: BTreeMap::new(),
        };
        let markers_last = self.read_config(tenant).await?.raised.is_none();
        if let Some(id) = &filter.id {
            let found = self.list_one(tenant, id, &listing()).await?;
            if markers_last || !found.is_empty() {
                return Ok((found, false));
            }
        }
        for _ in 0..PASSES_MAX {
            if let Some(found) = self.list(tenant, listing(), markers_last).await? {
                return Ok(found);
            }
        }
        Err(Failure::Unavailable(
            "a purge or an erasure is going on".to_owned(),
        ))
    }

    /// The same, by reading pages; `None` if a purge passed by, or an erasure
    /// where it picks by name. Where the retention was raised, markers of what
    /// is still there may be gone, and with them its entries in the task index.
    async fn list(
        &self,
        tenant: &Name,
        mut listing: Listing<'_>,
        markers_last: bool,
    ) -> Result<Option<(Vec<Entry>, bool)>, Failure> {
        let filter = listing.filter;
        listing.range.start = listing.range.start.max(listing.after.map(|(at, _)| *at));
        if let Some(reached) = self.read_reached(tenant).await? {
            let mark = reached.mark;
            self.list_open(tenant, &mark, &mut listing).await?;
            match filter.name(Dimension::Label(Label::Task)) {
                Some(task) if markers_last => {
                    self.list_task(tenant, task, &mark, &mut listing).await?
                }
                _ => self.list_closed(tenant, &mark, &mut listing).await?,
            }
            if self.is_purged_since(tenant, mark.next).await? {
                return Ok(None);
            }
            // A name on its way out stands in some pages and not in others.
            if filter.wants_person()
                && (mark.erasing.is_some()
                    || self
                        .read_reached(tenant)
                        .await?
                        .is_none_or(|now| now.mark.erased != mark.erased))
            {
                return Ok(None);
            }
        }
        let more = listing.is_full();
        Ok(Some((
            listing.first.into_values().take(listing.limit).collect(),
            more,
        )))
    }

    /// Takes events of open receipt hours: of what is rolled up in part, spans of pages
    /// in the order of their first event until the list is full; behind that, all.
    async fn list_open(
        &self,
        tenant: &Name,
        mark: &Watermark,
        listing: &mut Listing<'_>,
    ) -> Result<(), Failure> {
        let (budget, range) = (PageBudget::new(), listing.range);
        let mut partials = self.read_partials(tenant, mark).await?;
        let (mut parts, mut walks) = (Vec::new(), Vec::new());
        for hour in self.list_hours_from(tenant, mark.next).await? {
            let walk = Walk::new(tenant, [hour]);
            let Some(PartialOfHour { partial, .. }) = partials.remove(&hour.at) else {
                walks.push(walk);
                continue;
            };
            walks.push(walk.from(first_page(partial.until)));
            parts.extend(partial.parts.into_iter().map(|part| (hour, part)));
        }
        for walk in walks {
            let take = |page: Page| {
                listing.take(&page, None);
                Ok(())
            };
            self.visit_within(walk, range, &budget, take).await?;
        }
        parts.retain(|(_, part)| may_meet(range, part.first, part.last));
        parts.sort_by_key(|(_, part)| part.first);
        for (hour, part) in parts {
            if listing.ends_before(part.first) {
                break;
            }
            let mut spans = self.read_spans(tenant, hour.at, &part.id).await?;
            spans.retain(|span| may_meet(range, span.first, span.last));
            spans.sort_by_key(|span| span.first);
            for span in spans {
                if listing.ends_before(span.first) {
                    break;
                }
                let walk = Walk::new(tenant, [hour]).from(span.from);
                let walk = walk.to(format!("{}\0", span.to));
                let take = |page: Page| {
                    listing.take(&page, None);
                    Ok(())
                };
                self.visit_within(walk, range, &budget, take).await?;
            }
        }
        Ok(())
    }

    /// The event of this id, if it belongs to the list.
    async fn list_one(
        &self,
        tenant: &Name,
        id: &Name,
        listing: &Listing<'_>,
    ) -> Result<Vec<Entry>, Failure> {
        match self.find_event(tenant, id).await {
            Ok((entry, _)) if listing.wants(&entry.stored) => Ok(vec![entry]),
            Ok(_) | Err(Failure::NotFound(_)) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Takes events of closed receipt hours through the task index, which has
    /// them all by then, for as long as their markers live.
    async fn list_task(
        &self,
        tenant: &Name,
        task: &Name,
        mark: &Watermark,
        listing: &mut Listing<'_>,
    ) -> Result<(), Failure> {
        let mut walk = TaskWalk::new(tenant, task, listing.after);
        while let Some(mut entries) = walk.next(self, tenant).await? {
            if entries
                .first()
                .is_some_and(|entry| listing.ends_before(entry.stored.event.timestamp))
            {
                break;
            }
            entries.retain(|entry| entry.received < mark.next && listing.wants(&entry.stored));
            let hours = entries
                .iter()
                .map(|entry| entry.received.floor_to(HOUR_SECONDS))
                .collect();
            // Asked after reading: an hour that is not marked was whole.
            let purged = self.find_purged(tenant, &hours).await?;
            entries.retain(|entry| !purged.contains(&entry.received.floor_to(HOUR_SECONDS)));
            entries.into_iter().for_each(|entry| listing.insert(entry));
        }
        for hour in self.list_task_hours(tenant, task).await? {
            if hour < mark.next {
                self.list_sealed(tenant, hour, listing).await?;
            }
        }
        Ok(())
    }

    /// Takes the events of sealed batches of one receipt hour.
    async fn list_sealed(
        &self,
        tenant: &Name,
        hour: Instant,
        listing: &mut Listing<'_>,
    ) -> Result<(), Failure> {
        let before = listing.first.clone();
        let range = listing.range;
        self.visit_hour(tenant, hour, range, |page| {
            if page.sealed.is_some() {
                listing.take(&page, None);
            }
            Ok(())
        })
        .await?;
        // Asked after reading: an hour that is not marked was whole.
        if !self
            .find_purged(tenant, &BTreeSet::from([hour]))
            .await?
            .is_empty()
        {
            listing.first = before;
        }
        Ok(())
    }

    /// Takes events of closed receipt hours, day by day, until the list is full.
    async fn list_closed(
        &self,
        tenant: &Name,
        mark: &Watermark,
        listing: &mut Listing<'_>,
    ) -> Result<(), Failure> {
        let days = listing.range.days();
        let mut query = Query::of(table::day_rollups(tenant, View::Totals))
            .from(days.start.map_or_else(String::new, Instant::day));
        query.to = days.end.map(Instant::day);
        let mut held: BTreeMap<Instant, BTreeSet<Instant>> = BTreeMap::new();
        for (sk, _) in self.read_all(query).await? {
            let (day, received) = spans(&sk, "T00:00:00Z")?;
            held.entry(day).or_default().insert(received);
        }
        // The day without a rollup of its own may hold events of any day.
        let open_day = mark.open_day();
        for hour in self
            .list_hours_held(tenant, open_day, listing.range, mark)
            .await?
            .keys()
        {
            held.entry(hour.floor_to(DAY_SECONDS)).or_default();
        }
        for (day, received) in held {
            if listing.ends_before(day) {
                break;
            }
            let of_day = Range {
                start: Some(day),
                end: Some(day.plus_seconds(DAY_SECONDS)),
            };
            let mut hours: BTreeMap<Instant, BTreeSet<Instant>> = BTreeMap::new();
            for receipt_day in received
                .into_iter()
                .filter(|received| *received < open_day)
                .chain([open_day])
            {
                for (hour, received) in self
                    .list_hours_held(tenant, receipt_day, of_day, mark)
                    .await?
                {
                    hours.entry(hour).or_default().extend(received);
                }
            }
            for (hour, received) in hours {
                if listing.ends_before(hour) {
                    break;
                }
                self.list_hour(tenant, hour, &received, listing).await?;
            }
        }
        Ok(())
    }

    /// By event hour within `range`, the closed receipt hours of a receipt day
    /// that hold events of it.
    async fn list_hours_held(
        &self,
        tenant: &Name,
        receipt_day: Instant,
        range: Range,
        mark: &Watermark,
    ) -> Result<BTreeMap<Instant, BTreeSet<Instant>>, Failure> {
        let mut query = Query::of(table::hour_rollups(
            tenant,
            View::Totals,
            &receipt_day.day(),
        ));
        query.from = range.start.map_or_else(String::new, Instant::hour);
        query.to = range.end.map(|end| {
            end.plus_seconds(HOUR_SECONDS - 1)
                .floor_to(HOUR_SECONDS)
                .hour()
        });
        let mut hours: BTreeMap<Instant, BTreeSet<Instant>> = BTreeMap::new();
        for (sk, _) in self.read_all(query).await? {
            let (hour, received) = spans(&sk, ":00:00Z")?;
            if received < mark.next {
                hours.entry(hour).or_default().insert(received);
            }
        }
        Ok(hours)
    }

    /// Takes the events of one hour from the pages of these receipt hours.
    async fn list_hour(
        &self,
        tenant: &Name,
        hour: Instant,
        received: &BTreeSet<Instant>,
        listing: &mut Listing<'_>,
    ) -> Result<(), Failure> {
        let of_hour = Range {
            start: Some(hour),
            end: Some(hour.plus_seconds(HOUR_SECONDS)),
        };
        for receipt_hour in received {
            let before = listing.first.clone();
            self.visit_hour(tenant, *receipt_hour, of_hour, |page| {
                listing.take(&page, Some(hour));
                Ok(())
            })
            .await?;
            // Asked after reading: an hour that is not marked was whole.
            if !self
                .find_purged(tenant, &BTreeSet::from([*receipt_hour]))
                .await?
                .is_empty()
            {
                listing.first = before;
            }
        }
        Ok(())
    }
}

/// Whether a range may hold anything from `first` to `last`.
fn may_meet(range: Range, first: Instant, last: Instant) -> bool {
    range.start.is_none_or(|start| last >= start) && range.end.is_none_or(|end| first < end)
}
