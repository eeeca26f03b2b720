//! Folding pages into rows, in bounded memory: an hour of many rows is read twice, once
//! for who is in it and once for its rows, which are stored part by part.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::store::body::body_bytes;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::hour::Hour;
use crate::usage::pages::{Walk, page_of};
use crate::usage::rows::{rows_of, spans};
use crate::usage::tasks::TasksOfHour;
use crate::usage::watermark::Watermark;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tollgate_core::{
    Attrs, DAY_SECONDS, Guard, HOUR_SECONDS, Instant, Joined, Key, Name, Page, Roster, Rows, Value,
    View, Write, table,
};

/// The most rows in memory, of some 1 KB each; twice that while they are stored.
pub(crate) const ROWS_MAX: usize = 12_000;

/// The pages of a receipt hour, folded.
pub(crate) struct Folded {
    /// Its rows; `None` = there are more than are kept in memory.
    pub(crate) rows: Option<Rows>,
    pub(crate) joined: Joined,
    pub(crate) hour: Hour,
    pub(crate) tasks: TasksOfHour,
}

/// Rows on their way into the store: how many chunks each span of event time has.
#[derive(Default)]
pub(crate) struct Chunks(BTreeMap<Instant, usize>);

impl Chunks {
    /// The writes of further rows of a view. Several chunks of a span add up.
    pub(crate) fn writes(
        &mut self,
        rows: &Rows,
        key: impl Fn(Instant, usize) -> Key,
    ) -> Result<Vec<Write>, Failure> {
        let mut writes = Vec::new();
        for chunk in rows.encode()? {
            let number = self.0.entry(chunk.span).or_default();
            let attrs = Attrs::from([(table::BODY.into(), Value::B(chunk.bytes))]);
            let write = Write::put(key(chunk.span, *number), attrs);
            // Refused = it is there, perhaps from before a purge took pages.
            writes.push(write.when(Guard::Absent));
            *number += 1;
        }
        Ok(writes)
    }
}

impl Service {
    /// Folds the pages of the hour at the watermark, slice by slice: a page is not
    /// kept once it is added. Who is new in it joins `roster`.
    pub(crate) async fn fold_pages(
        &self,
        tenant: &Name,
        mark: &Watermark,
        roster: &mut Roster,
    ) -> Result<Folded, Failure> {
        let at = mark.next;
        let before = roster.extent();
        let (mut rows, mut tasks) = (Some(Rows::default()), TasksOfHour::default());
        let mut times: Option<(Instant, Instant)> = None;
        let mut hour = Hour {
            hour: at,
            pages: 0,
            events: 0,
            first: at,
            last: at,
            digest: String::new(),
        };
        let mut hash = Sha256::new();
        hash.update(mark.digest.as_bytes());
        let mut walk = Walk::new(tenant, [self.read_hour(tenant, at).await?]);
        while let Some(slice) = walk.read_slice(self).await? {
            for (key, attrs) in &slice {
                let page = page_of(attrs)?;
                match &mut rows {
                    Some(rows) => rows.add_page(&page, roster)?,
                    None => roster.enrol_page(&page)?,
                }
                tasks.add_page(&page);
                hour.pages += 1;
                let events = page.events.len().try_into().unwrap_or(u64::MAX);
                hour.events = hour.events.saturating_add(events);
                for at in page.events.iter().map(|stored| stored.event.timestamp) {
                    let (first, last) = times.unwrap_or((at, at));
                    times = Some((first.min(at), last.max(at)));
                }
                hash.update(key.sk.as_bytes());
                hash.update(Page::digest(body_bytes(attrs))?);
            }
            rows = rows.filter(|rows| rows.0.len() <= ROWS_MAX);
        }
        (hour.first, hour.last) = times.unwrap_or((at, at));
        hour.digest = hex(&hash.finalize());
        Ok(Folded {
            rows,
            joined: roster.joined(before),
            hour,
            tasks,
        })
    }

    /// Stores the rows of the hour at the watermark, whose pages were folded; where there
    /// were too many to keep, its pages are read again. `false` = another moved the
    /// watermark: an erasure may have changed those pages.
    pub(crate) async fn put_hour(
        &self,
        tenant: &Name,
        mark: &Watermark,
        roster: &mut Roster,
        rows: Option<Rows>,
    ) -> Result<bool, Failure> {
        let at = mark.next;
        let mut chunks = View::ALL.map(|view| (view, Chunks::default()));
        if let Some(rows) = rows {
            self.put_views(tenant, at, rows, &mut chunks).await?;
            return Ok(true);
        }
        let mut rows = Rows::default();
        let mut walk = Walk::new(tenant, [self.read_hour(tenant, at).await?]);
        while let Some(slice) = walk.read_slice(self).await? {
            for (_, attrs) in &slice {
                rows.add_page(&page_of(attrs)?, roster)?;
                if rows.0.len() <= ROWS_MAX {
                    continue;
                }
                // Asked after reading: what was read is as it was folded.
                if !self.stands_at(tenant, mark).await? {
                    return Ok(false);
                }
                let full = std::mem::take(&mut rows);
                self.put_views(tenant, at, full, &mut chunks).await?;
            }
        }
        if !self.stands_at(tenant, mark).await? {
            return Ok(false);
        }
        self.put_views(tenant, at, rows, &mut chunks).await?;
        Ok(true)
    }

    async fn stands_at(&self, tenant: &Name, mark: &Watermark) -> Result<bool, Failure> {
        let reached = self.read_reached(tenant).await?;
        Ok(reached.is_some_and(|reached| reached.mark == *mark))
    }

    /// Stores what each view keeps of rows of the hour `at`.
    async fn put_views(
        &self,
        tenant: &Name,
        at: Instant,
        rows: Rows,
        chunks: &mut [(View, Chunks)],
    ) -> Result<(), Failure> {
        for (view, chunks) in chunks {
            let rows = rows.seen(*view, HOUR_SECONDS)?;
            let key = |span, number| table::hour_rollup(tenant, *view, span, at, number);
            self.put_all(chunks.writes(&rows, key)?).await?;
        }
        Ok(())
    }

    /// Rolls up a receipt day from the rollups of its hours, one view after the
    /// other. All of them are there.
    pub(crate) async fn roll_up_day(&self, tenant: &Name, day: Instant) -> Result<(), Failure> {
        for view in View::ALL.into_iter().filter(|view| view.has_days()) {
            let (mut rows, mut chunks) = (Rows::default(), Chunks::default());
            let key = |span, number| table::day_rollup(tenant, view, span, day, number);
            let mut next = Some(Query::of(table::hour_rollups(tenant, view, &day.day())));
            while let Some(query) = next {
                let slice = self.store.query(&query).await?;
                next = query.after(&slice);
                for (sk, attrs) in &slice.items {
                    let span = spans(sk, ":00:00Z")?.0.floor_to(DAY_SECONDS);
                    for (place, tally) in rows_of(attrs)? {
                        rows.0.entry((span, place)).or_default().add(&tally)?;
                    }
                    if rows.0.len() > ROWS_MAX {
                        let full = std::mem::take(&mut rows);
                        self.put_all(chunks.writes(&full, key)?).await?;
                    }
                }
            }
            self.put_all(chunks.writes(&rows, key)?).await?;
        }
        Ok(())
    }

    async fn put_all(&self, writes: Vec<Write>) -> Result<(), Failure> {
        for write in writes {
            self.write(&[write]).await?;
        }
        Ok(())
    }
}
