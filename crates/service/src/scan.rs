//! Reading what was recorded: pages, and rollups where pages are purged.

use crate::clock::ulid_floor;
use crate::failure::Failure;
use crate::service::Service;
use crate::store::Query;
use crate::submission::AHEAD_SECONDS_MAX;
use std::collections::BTreeSet;
use tollgate_core::{Attrs, Instant, Name, Overflow, Page, Row, Rows, Stored, Totals, Value, table};

/// A span of event time `[start, end)`; absent = unbounded.
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

    /// Whether it holds all (`Some(true)`), nothing or a part (`None`) of the
    /// hour that begins at `hour`.
    fn holds_hour(&self, hour: Instant) -> Option<bool> {
        let end = hour.plus_seconds(3600);
        let whole = self.start.is_none_or(|start| start <= hour) && self.end.is_none_or(|limit| end <= limit);
        let none = self.start.is_some_and(|start| end <= start) || self.end.is_some_and(|limit| limit <= hour);
        if whole { Some(true) } else { none.then_some(false) }
    }
}

/// One piece of what was recorded.
pub(crate) enum Part<'a> {
    /// An event, from its page.
    Event(&'a Stored, &'a Page),
    /// Totals of a purged hour, from its rollup.
    Row(&'a Row, &'a Totals),
}

impl Part<'_> {
    /// Where the use belongs and what it adds up to.
    pub(crate) fn totals(&self) -> (&tollgate_core::Dimensions, std::borrow::Cow<'_, Totals>) {
        match self {
            Self::Event(stored, _) => (&stored.event.dimensions, std::borrow::Cow::Owned(Totals::of(&stored.event, stored.cost))),
            Self::Row(row, totals) => (&row.dimensions, std::borrow::Cow::Borrowed(totals)),
        }
    }
}

/// How often a scan starts anew because a purge passed by.
const PASSES_MAX: usize = 5;

impl Service {
    /// Folds everything recorded of `tenant` in `range` into an `A`: events
    /// from pages, and totals from the rollups of purged receipt hours. A
    /// purge that passes by makes it start anew.
    pub(crate) async fn fold<A, F>(&self, tenant: &Name, range: Range, visit: F) -> Result<A, Failure>
    where
        A: Default,
        F: Fn(&mut A, Part<'_>) -> Result<(), Overflow>,
    {
        for _ in 0..PASSES_MAX {
            let purged = self.purged_hours(tenant).await?;
            let mut sum = A::default();
            self.fold_pages(tenant, range, &purged, |page| {
                let inside = page.events.iter().filter(|stored| range.holds(stored.event.timestamp));
                inside.into_iter().try_for_each(|stored| visit(&mut sum, Part::Event(stored, page)))
            })
            .await?;
            if !purged.is_empty() {
                self.fold_rollups(tenant, range, &purged, |row, totals| visit(&mut sum, Part::Row(row, totals))).await?;
            }
            if self.purged_hours(tenant).await? == purged {
                return Ok(sum);
            }
        }
        Err(Failure::Unavailable("a purge is going on".to_owned()))
    }

    /// The receipt hours whose pages are, or are being, purged.
    pub(crate) async fn purged_hours(&self, tenant: &Name) -> Result<BTreeSet<String>, Failure> {
        Ok(self.all(Query::of(table::purges(tenant))).await?.into_iter().map(|(hour, _)| hour).collect())
    }

    /// Visits every page that may hold events of `range`, by receipt, those of
    /// `purged` hours left out.
    pub(crate) async fn fold_pages<F>(&self, tenant: &Name, range: Range, purged: &BTreeSet<String>, mut visit: F) -> Result<(), Failure>
    where
        F: FnMut(&Page) -> Result<(), Overflow>,
    {
        let last = self.now().plus_seconds(AHEAD_SECONDS_MAX);
        let created = self.snapshot(tenant).await?.pack.config().created;
        let Some(created) = created else { return Ok(()) };
        let ahead = AHEAD_SECONDS_MAX.saturating_neg();
        let first = range.start.map_or(created, |start| start.plus_seconds(ahead).max(created.plus_seconds(ahead)));
        let mut day = first.floor_to(86_400);
        while day <= last {
            let mut next = Some(Query::of(table::pages(tenant, &day.day())));
            while let Some(query) = next {
                let slice = self.store.query(&query).await?;
                next = query.after(&slice);
                for (_, attrs) in &slice.items {
                    if !may_hold(attrs, range) {
                        continue;
                    }
                    let page = page_of(attrs)?;
                    if !purged.contains(&page.received.hour()) {
                        visit(&page)?;
                    }
                }
            }
            day = day.plus_seconds(86_400);
        }
        Ok(())
    }

    async fn fold_rollups<F>(&self, tenant: &Name, range: Range, purged: &BTreeSet<String>, mut visit: F) -> Result<(), Failure>
    where
        F: FnMut(&Row, &Totals) -> Result<(), Overflow>,
    {
        let mut query = Query::of(table::rollups(tenant)).from(range.start.map_or_else(String::new, |start| start.hour()));
        query.to = range.end.map(|end| format!("{}~", end.hour()));
        let mut next = Some(query);
        while let Some(query) = next {
            let slice = self.store.query(&query).await?;
            next = query.after(&slice);
            for (sk, attrs) in &slice.items {
                if !sk.split('|').nth(1).is_some_and(|hour| purged.contains(hour)) {
                    continue;
                }
                for (row, totals) in rows_of(attrs)? {
                    if range.holds_hour(row.hour).ok_or(Failure::RangePurged)? {
                        visit(&row, &totals)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The keys and items of the pages received in the hour from `hour` on.
    pub(crate) async fn pages_of_hour(&self, tenant: &Name, hour: Instant) -> Result<Vec<(String, Attrs)>, Failure> {
        let query = Query::of(table::pages(tenant, &hour.day())).from(ulid_floor(hour)).to(ulid_floor(hour.plus_seconds(3600)));
        self.all(query).await
    }
}

/// Whether a page can hold events of `range`, by its first and last event time.
fn may_hold(attrs: &Attrs, range: Range) -> bool {
    let seconds = |name: &str| attrs.get(name).and_then(Value::as_number);
    let (first, last) = (seconds(table::FIRST), seconds(table::LAST));
    let after_start = range.start.is_none_or(|start| last.is_none_or(|last| last >= i128::from(start.unix_seconds())));
    let before_end = range.end.is_none_or(|end| first.is_none_or(|first| first <= i128::from(end.unix_seconds())));
    after_start && before_end
}

/// The page that an item holds.
pub(crate) fn page_of(attrs: &Attrs) -> Result<Page, Failure> {
    let bytes = attrs.get(table::BODY).and_then(Value::as_bytes).unwrap_or_default();
    Ok(Page::decode(bytes)?)
}

fn rows_of(attrs: &Attrs) -> Result<Vec<(Row, Totals)>, Failure> {
    let bytes = attrs.get(table::BODY).and_then(Value::as_bytes).unwrap_or_default();
    Rows::decode(bytes).ok_or_else(|| Failure::Broken("a rollup is damaged".to_owned()))
}
