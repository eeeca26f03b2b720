//! Reading pages.

use crate::engine::service::Service;
use crate::store::clock::ulid_floor;
use crate::store::failure::Failure;
use crate::store::store::Query;
use std::collections::BTreeSet;
use tollgate_core::{Attrs, HOUR_SECONDS, Instant, Key, Name, Page, Range, Value, table};

/// A walk over all pages of some receipt hours, slice by slice.
pub(crate) struct Walk<'a> {
    tenant: &'a Name,
    hours: std::vec::IntoIter<Instant>,
    next: Option<Query>,
}

impl<'a> Walk<'a> {
    /// Over the pages received in `hours`.
    pub(crate) fn new(tenant: &'a Name, hours: Vec<Instant>) -> Self {
        let mut hours = hours.into_iter();
        let next = hours.next().map(|hour| pages_of(tenant, hour));
        Self {
            tenant,
            hours,
            next,
        }
    }

    /// The next slice: keys and items, perhaps none; `None` at the end.
    pub(crate) async fn read_slice(
        &mut self,
        service: &Service,
    ) -> Result<Option<Vec<(Key, Attrs)>>, Failure> {
        let Some(query) = self.next.take() else {
            return Ok(None);
        };
        let slice = service.store.query(&query).await?;
        let rest = query.after(&slice);
        let next_hour = || self.hours.next().map(|hour| pages_of(self.tenant, hour));
        self.next = rest.or_else(next_hour);
        let key = |(sk, attrs)| (Key::new(query.pk.as_str(), sk), attrs);
        Ok(Some(slice.items.into_iter().map(key).collect()))
    }
}

impl Service {
    /// Visits every page received in the hour `first` or later that may hold
    /// events of `range`, by receipt.
    pub(crate) async fn visit_pages<F>(
        &self,
        tenant: &Name,
        first: Instant,
        range: Range,
        mut visit: F,
    ) -> Result<(), Failure>
    where
        F: FnMut(Page) -> Result<(), Failure>,
    {
        let hours = self.list_hours_from(tenant, first).await?;
        let mut walk = Walk::new(tenant, hours);
        while let Some(slice) = walk.read_slice(self).await? {
            for (_, attrs) in slice.iter().filter(|(_, attrs)| may_hold(attrs, range)) {
                visit(page_of(attrs)?)?;
            }
        }
        Ok(())
    }

    /// The keys and items of the pages received in the hour from `hour` on.
    pub(crate) async fn read_pages_of_hour(
        &self,
        tenant: &Name,
        hour: Instant,
    ) -> Result<Vec<(String, Attrs)>, Failure> {
        self.read_all(pages_of(tenant, hour)).await
    }

    /// Visits the pages received in the hour from `hour` on that may hold
    /// events of `range`, slice by slice.
    pub(crate) async fn visit_hour<F>(
        &self,
        tenant: &Name,
        hour: Instant,
        range: Range,
        mut visit: F,
    ) -> Result<(), Failure>
    where
        F: FnMut(Page) -> Result<(), Failure>,
    {
        let mut next = Some(pages_of(tenant, hour));
        while let Some(query) = next {
            let slice = self.store.query(&query).await?;
            next = query.after(&slice);
            for (_, attrs) in slice
                .items
                .iter()
                .filter(|(_, attrs)| may_hold(attrs, range))
            {
                visit(page_of(attrs)?)?;
            }
        }
        Ok(())
    }

    /// The receipt hours from `hour` on whose pages are, or are being, purged.
    pub(crate) async fn find_purged_from(
        &self,
        tenant: &Name,
        hour: &str,
    ) -> Result<BTreeSet<String>, Failure> {
        let marks = self
            .read_all(Query::of(table::purges(tenant)).from(hour))
            .await?;
        Ok(marks.into_iter().map(|(hour, _)| hour).collect())
    }

    /// Whether pages received from `first` on are, or are being, purged. Asked
    /// after reading pages that were not rolled up when the reading began, a
    /// `no` means that all of them were still there.
    pub(crate) async fn is_purged_since(
        &self,
        tenant: &Name,
        first: Instant,
    ) -> Result<bool, Failure> {
        let mut query = Query::of(table::purges(tenant)).from(first.hour());
        query.limit = 1;
        Ok(!self.store.query(&query).await?.items.is_empty())
    }

    /// Those of `hours` whose pages are, or are being, purged. Asked after
    /// reading pages, a `no` means that all of them were still there.
    pub(crate) async fn find_purged(
        &self,
        tenant: &Name,
        hours: &BTreeSet<Instant>,
    ) -> Result<BTreeSet<Instant>, Failure> {
        let keys: Vec<Key> = hours
            .iter()
            .map(|hour| table::purge(tenant, &hour.hour()))
            .collect();
        if keys.is_empty() {
            return Ok(BTreeSet::new());
        }
        let marks = self.store.read(&keys).await?;
        Ok(hours
            .iter()
            .zip(marks)
            .filter(|(_, mark)| mark.is_some())
            .map(|(hour, _)| *hour)
            .collect())
    }
}

pub(crate) fn pages_of(tenant: &Name, hour: Instant) -> Query {
    Query::of(table::pages(tenant, &hour.day()))
        .from(ulid_floor(hour))
        .to(ulid_floor(hour.plus_seconds(HOUR_SECONDS)))
}

/// Whether a page can hold events of `range`, by its first and last event time.
pub(crate) fn may_hold(attrs: &Attrs, range: Range) -> bool {
    let seconds = |name: &str| attrs.get(name).and_then(Value::as_number);
    let (first, last) = (seconds(table::FIRST), seconds(table::LAST));
    let after_start = range
        .start
        .is_none_or(|start| last.is_none_or(|last| last >= i128::from(start.unix_seconds())));
    let before_end = range
        .end
        .is_none_or(|end| first.is_none_or(|first| first <= i128::from(end.unix_seconds())));
    after_start && before_end
}

/// The page that an item holds.
pub(crate) fn page_of(attrs: &Attrs) -> Result<Page, Failure> {
    let bytes = attrs
        .get(table::BODY)
        .and_then(Value::as_bytes)
        .unwrap_or_default();
    Ok(Page::decode(bytes)?)
}
