//! Reading pages.

use crate::engine::hours::ReceiptHour;
use crate::engine::service::Service;
use crate::store::body::body_bytes;
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::future::BoxFuture;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use tollgate_core::{Attrs, Instant, Key, Name, Page, Range, Value, table};

/// What one question may read of the pages of open hours: more would take from others.
#[derive(Debug)]
pub(crate) struct PageBudget(AtomicUsize);

/// In bytes.
pub(crate) const PAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

impl PageBudget {
    pub(crate) fn new() -> Self {
        Self(AtomicUsize::new(0))
    }

    /// Counts bytes that were read.
    ///
    /// # Errors
    /// [`Failure::RangeTooLarge`] once they are too many.
    fn take(&self, bytes: usize) -> Result<(), Failure> {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > PAGE_BYTES_MAX {
            return Err(Failure::RangeTooLarge);
        }
        Ok(())
    }
}

/// A walk over all pages of some receipt hours by receipt, slice by slice: the lanes
/// of an hour are merged.
#[derive(Debug)]
pub(crate) struct Walk {
    tenant: Name,
    hours: VecDeque<ReceiptHour>,
    /// Where the first of the hours begins.
    from: String,
    /// Where each of them ends.
    to: Option<String>,
    /// Whether no lane is read further than the others were when the hour was opened.
    is_capped: bool,
    lanes: Vec<Lane>,
}

/// What is left of one lane of an hour.
#[derive(Debug)]
struct Lane {
    next: Option<Query>,
    read: VecDeque<(Key, Attrs)>,
}

impl Walk {
    /// Over the pages received in `hours`.
    pub(crate) fn new(tenant: &Name, hours: impl IntoIterator<Item = ReceiptHour>) -> Self {
        Self {
            tenant: tenant.clone(),
            hours: hours.into_iter().collect(),
            from: String::new(),
            to: None,
            is_capped: false,
            lanes: Vec::new(),
        }
    }

    /// The same without the pages of the first hour before the sort key `from`.
    pub(crate) fn from(self, from: impl Into<String>) -> Self {
        let from = from.into();
        Self { from, ..self }
    }

    /// The same without the pages from the sort key `to` on.
    pub(crate) fn to(self, to: impl Into<String>) -> Self {
        let to = Some(to.into());
        Self { to, ..self }
    }

    /// The same, for who goes on later behind the last page that was given: of an hour
    /// with several lanes, no page is given that came after one lane was read to its end.
    pub(crate) fn capped(self) -> Self {
        Self {
            is_capped: true,
            ..self
        }
    }

    /// The next hour, where nothing is left of the one before.
    pub(crate) fn next_hour(&self) -> Option<Instant> {
        let next = self.hours.front().map(|hour| hour.at);
        next.filter(|_| self.lanes.iter().all(Lane::is_empty))
    }

    /// The next slice: keys and items, perhaps none; `None` at the end.
    pub(crate) fn read_slice<'a>(
        &'a mut self,
        service: &'a Service,
    ) -> BoxFuture<'a, Result<Option<PageItems>, Failure>> {
        Box::pin(async move {
            if self.lanes.iter().all(Lane::is_empty) {
                if !self.open_hour() {
                    return Ok(None);
                }
                if self.is_capped && self.lanes.len() > 1 {
                    self.cap(service).await?;
                }
            }
            for lane in &mut self.lanes {
                lane.fill(service).await?;
            }
            // What is read of the lane that was read least far is known to be whole.
            let ends = self.lanes.iter().filter(|lane| lane.next.is_some());
            let end = ends
                .filter_map(|lane| Some(lane.read.back()?.0.sk.clone()))
                .min();
            let mut slice = Vec::new();
            for lane in &mut self.lanes {
                slice.extend(lane.take_to(end.as_deref()));
            }
            if self.lanes.len() > 1 {
                slice.sort_by(|(a, _), (b, _)| a.sk.cmp(&b.sk));
            }
            Ok(Some(slice))
        })
    }

    /// Bounds all lanes by the newest page that any has now.
    async fn cap(&mut self, service: &Service) -> Result<(), Failure> {
        let mut newest = String::new();
        for query in self.lanes.iter().filter_map(|lane| lane.next.as_ref()) {
            let mut last = query.clone();
            (last.descending, last.limit) = (true, 1);
            for (sk, _) in service.store.query(&last).await?.items {
                newest = newest.max(sk);
            }
        }
        for query in self.lanes.iter_mut().filter_map(|lane| lane.next.as_mut()) {
            query.to = Some(format!("{newest}\0"));
        }
        Ok(())
    }

    /// Whether nothing is left to read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.hours.is_empty() && self.lanes.iter().all(Lane::is_empty)
    }

    fn open_hour(&mut self) -> bool {
        let Some(hour) = self.hours.pop_front() else {
            return false;
        };
        let from = std::mem::take(&mut self.from);
        let lane = |lane: u8| {
            let pk = table::pages(&self.tenant, &table::stretch(hour.at, lane));
            let mut query = Query::of(pk).from(from.as_str());
            query.to.clone_from(&self.to);
            let next = Some(query);
            let read = VecDeque::new();
            Lane { next, read }
        };
        self.lanes = (0..hour.lanes).map(lane).collect();
        true
    }
}

impl Lane {
    fn is_empty(&self) -> bool {
        self.next.is_none() && self.read.is_empty()
    }

    /// Reads on, if nothing of what was read is left.
    async fn fill(&mut self, service: &Service) -> Result<(), Failure> {
        while let Some(query) = self.next.take_if(|_| self.read.is_empty()) {
            let slice = service.store.query(&query).await?;
            self.next = query.after(&slice);
            let key = |(sk, attrs)| (Key::new(query.pk.as_str(), sk), attrs);
            self.read.extend(slice.items.into_iter().map(key));
        }
        Ok(())
    }

    /// What was read up to the sort key `end`, or all of it.
    fn take_to(&mut self, end: Option<&str>) -> impl Iterator<Item = (Key, Attrs)> + '_ {
        let is_within = |(key, _): &(Key, Attrs)| end.is_none_or(|end| key.sk.as_str() <= end);
        let count = self.read.iter().take_while(|item| is_within(item)).count();
        self.read.drain(..count)
    }
}

/// Pages as they are stored, each with its key.
type PageItems = Vec<(Key, Attrs)>;

impl Service {
    /// Visits the pages received in the hour from `hour` on that may hold
    /// events of `range`, slice by slice.
    pub(crate) async fn visit_hour<F>(
        &self,
        tenant: &Name,
        hour: Instant,
        range: Range,
        visit: F,
    ) -> Result<(), Failure>
    where
        F: FnMut(Page) -> Result<(), Failure>,
    {
        let hour = self.read_hour(tenant, hour).await?;
        self.visit(Walk::new(tenant, [hour]), range, None, visit)
            .await
    }

    /// Visits the pages of a walk that may hold events of `range`, within a budget.
    pub(crate) async fn visit_within<F>(
        &self,
        walk: Walk,
        range: Range,
        budget: &PageBudget,
        visit: F,
    ) -> Result<(), Failure>
    where
        F: FnMut(Page) -> Result<(), Failure>,
    {
        self.visit(walk, range, Some(budget), visit).await
    }

    /// Visits the pages of a walk that may hold events of `range`.
    pub(crate) async fn visit<F>(
        &self,
        mut walk: Walk,
        range: Range,
        budget: Option<&PageBudget>,
        mut visit: F,
    ) -> Result<(), Failure>
    where
        F: FnMut(Page) -> Result<(), Failure>,
    {
        while let Some(slice) = walk.read_slice(self).await? {
            let bytes = slice.iter().map(|(_, attrs)| body_bytes(attrs).len());
            budget.map_or(Ok(()), |budget| budget.take(bytes.sum()))?;
            for (_, attrs) in slice.iter().filter(|(_, attrs)| may_hold(attrs, range)) {
                visit(page_of(attrs)?)?;
            }
        }
        Ok(())
    }

    /// The receipt hours from that of `from` on, and up to that of `to` where there
    /// is one, whose pages are, or are being, purged.
    pub(crate) fn list_purged<'a>(
        &'a self,
        tenant: &'a Name,
        from: Instant,
        to: Option<Instant>,
    ) -> BoxFuture<'a, Result<BTreeSet<String>, Failure>> {
        Box::pin(async move {
            let mut purged = BTreeSet::new();
            for month in self.list_months(tenant, from, to).await? {
                let mut query = Query::of(table::purges(tenant, &month)).from(from.hour());
                query.to = to.map(|to| format!("{}~", to.hour()));
                let marks = self.read_all(query).await?;
                purged.extend(marks.into_iter().map(|(hour, _)| hour));
            }
            Ok(purged)
        })
    }

    /// Whether pages received from `first` on are, or are being, purged. Asked
    /// after reading pages that were not rolled up when the reading began, a
    /// `no` means that all of them were still there.
    pub(crate) async fn is_purged_since(
        &self,
        tenant: &Name,
        first: Instant,
    ) -> Result<bool, Failure> {
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(false);
        };
        // Only days that are rolled up are purged.
        let end = reached.mark.open_day();
        let purges = end > first && !self.list_purged(tenant, first, Some(end)).await?.is_empty();
        Ok(purges)
    }

    /// Those of `hours` whose pages are, or are being, purged. Asked after
    /// reading pages, a `no` means that all of them were still there.
    pub(crate) fn find_purged<'a>(
        &'a self,
        tenant: &'a Name,
        hours: &'a BTreeSet<Instant>,
    ) -> BoxFuture<'a, Result<BTreeSet<Instant>, Failure>> {
        Box::pin(async move {
            let keys: Vec<Key> = hours
                .iter()
                .map(|hour| table::purge(tenant, *hour))
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
        })
    }
}

/// Whether a page can hold events of `range`, by its first and last event time; one
/// that a purge left to expire holds none.
pub(crate) fn may_hold(attrs: &Attrs, range: Range) -> bool {
    let seconds = |name: &str| attrs.get(name).and_then(Value::as_number);
    let (first, last) = (seconds(table::FIRST), seconds(table::LAST));
    let after_start = range
        .start
        .is_none_or(|start| last.is_none_or(|last| last >= i128::from(start.unix_seconds())));
    let before_end = range
        .end
        .is_none_or(|end| first.is_none_or(|first| first <= i128::from(end.unix_seconds())));
    after_start && before_end && !is_expiring(attrs)
}

/// Whether a purge left the page to expire.
pub(crate) fn is_expiring(attrs: &Attrs) -> bool {
    attrs.contains_key(table::TTL)
}

/// The page that an item holds.
pub(crate) fn page_of(attrs: &Attrs) -> Result<Page, Failure> {
    Ok(Page::decode(body_bytes(attrs))?)
}
