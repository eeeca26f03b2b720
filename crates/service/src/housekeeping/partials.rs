//! Making partial rollups of open hours.

use crate::engine::hours::ReceiptHour;
use crate::engine::service::{Service, Tenancy};
use crate::engine::times::seconds;
use crate::housekeeping::fold::{Chunks, ROWS_MAX};
use crate::store::body::{body_attrs, body_bytes};
use crate::store::clock::ulid;
use crate::store::failure::Failure;
use crate::store::forms;
use crate::store::store::Query;
use crate::usage::pages::{Walk, page_of};
use crate::usage::partials::{PartOfHour, Partial, PartialOfHour, Span, first_page};
use crate::usage::watermark::Reached;
use tollgate_core::{
    Attrs, Change, DAY_SECONDS, Guard, HOUR_SECONDS, Instant, Joined, Key, Name, Page, Roster,
    Rows, Value, View, Write, table,
};

/// A part ends this long before now, where other processes write too: their clocks
/// differ a little, and who lies behind is carried forward.
const BEHIND_SECONDS: i64 = 30;
/// How long the store keeps partial rollups; they are used for a day.
const KEPT_SECONDS: i64 = 2 * DAY_SECONDS;
/// Their heads outlive them: by those an erasure finds the names.
const HEADS_KEPT_SECONDS: i64 = 4 * DAY_SECONDS;
/// The parts of names in one transaction, which takes 4 MB.
const PARTS_AT_ONCE: usize = 8;

/// The bytes of pages that a list reads at once.
const SPAN_BYTES: usize = 48 * 1024;
/// The spans in one item.
const SPANS_AT_ONCE: usize = 500;

/// The items that are removed in one transaction.
const REMOVED_AT_ONCE: usize = 20;

/// A part being made.
struct Part {
    id: String,
    rows: Rows,
    chunks: Vec<(View, Chunks)>,
    pages: usize,
    events: u64,
    times: Option<(Instant, Instant)>,
    spans: Vec<Span>,
    /// The bytes of the last span's pages.
    bytes: usize,
}

impl Service {
    /// Rolls up what the tenant's open hours hold, where at least `pages_min` pages came
    /// since the last part; how many pages. Times of receipt before are closed for that.
    /// Safe to repeat and to run twice at once.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn roll_up_open(&self, tenant: &Name, pages_min: usize) -> Result<u64, Failure> {
        let Some(mut reached) = self.read_reached(tenant).await? else {
            return Ok(0);
        };
        if reached.mark.erasing.is_some() || !self.trusts_clock().await? {
            return Ok(0);
        }
        let behind = match self.tenancy {
            Tenancy::Sole => 0,
            Tenancy::Shared { .. } => BEHIND_SECONDS,
        };
        // Never ahead of what is stored: no clock that was right is refused for it.
        let newest = self.read_last_received(tenant).await?;
        let until = newest.min(self.now().plus_seconds(-behind)).floor_to(1);
        if self
            .find_due_parts(tenant, &reached, until)
            .await?
            .is_empty()
        {
            if newest <= until.plus_seconds(1) {
                self.settle_busy(tenant).await?;
            }
            return Ok(0);
        }
        if self.publish_closing(tenant, until).await? {
            self.wait_for_requests().await;
            self.settle_closing(tenant, until).await?;
            // Hours and lanes that were registered meanwhile.
            match self.read_reached(tenant).await? {
                Some(now) if now.mark.erasing.is_none() => reached = now,
                _ => return Ok(0),
            }
        }
        let due = self.find_due_parts(tenant, &reached, until).await?;
        let mut pages = 0_u64;
        for (hour, held, to) in due {
            let from = first_page(held.partial.until);
            let walk = Walk::new(tenant, [hour]).from(from).to(first_page(to));
            let mut part = Part::new(self.now());
            let mut roster = self.read_partial_roster(tenant, &held.partial).await?;
            let before = roster.extent();
            self.fold_part(tenant, &held.partial, (walk, &mut roster), &mut part)
                .await?;
            if part.pages < pages_min.max(1) {
                continue;
            }
            self.put_part_rows(tenant, hour.at, &mut part).await?;
            self.put_spans(tenant, hour.at, &part).await?;
            let mut next = held.partial.clone();
            next.until = to;
            next.parts.extend(part.of_hour());
            let joined = roster.joined(before);
            if self
                .publish_part(tenant, &mut reached, (held, next), &joined)
                .await?
            {
                pages = pages.saturating_add(part.pages.try_into().unwrap_or(u64::MAX));
            }
        }
        if pages == 0 && newest <= until.plus_seconds(1) {
            self.settle_busy(tenant).await?;
        }
        Ok(pages)
    }

    /// The open hours that a part may be added to, up to `until`: with what they have,
    /// and up to where.
    async fn find_due_parts(
        &self,
        tenant: &Name,
        reached: &Reached,
        until: Instant,
    ) -> Result<Vec<(ReceiptHour, PartialOfHour, Instant)>, Failure> {
        let mut partials = self.read_partials(tenant, &reached.mark).await?;
        let mut due = Vec::new();
        for hour in self.list_hours_from(tenant, reached.mark.next).await? {
            let held = partials.remove(&hour.at).unwrap_or_else(|| PartialOfHour {
                partial: Partial::empty(hour.at, &reached.mark),
                stored: None,
            });
            let to = until.min(hour.at.plus_seconds(HOUR_SECONDS));
            if held.partial.until < to && held.partial.is_young(self.now()) {
                due.push((hour, held, to));
            }
        }
        Ok(due)
    }

    /// Folds the pages of a walk into rows, and stores them where they are many; they
    /// count for nothing before the part is published.
    async fn fold_part(
        &self,
        tenant: &Name,
        partial: &Partial,
        (mut walk, roster): (Walk, &mut Roster),
        part: &mut Part,
    ) -> Result<(), Failure> {
        while let Some(slice) = walk.read_slice(self).await? {
            for (key, attrs) in &slice {
                let page = page_of(attrs)?;
                part.rows.add_page(&page, roster)?;
                part.note_page(&key.sk, &page, body_bytes(attrs).len());
                if part.rows.0.len() > ROWS_MAX {
                    self.put_part_rows(tenant, partial.hour, part).await?;
                }
            }
        }
        Ok(())
    }

    async fn put_part_rows(
        &self,
        tenant: &Name,
        hour: Instant,
        part: &mut Part,
    ) -> Result<(), Failure> {
        let (rows, id) = (std::mem::take(&mut part.rows), &part.id);
        for (view, chunks) in &mut part.chunks {
            let key = |span: Instant, number| {
                let pk = table::partial_rows(tenant, *view, hour);
                Key::new(pk, format!("{id}|{}|{number:06}", span.hour()))
            };
            for write in chunks.writes(&rows.seen(*view, HOUR_SECONDS)?, key)? {
                self.write(&[kept_until(write, hour)]).await?;
            }
        }
        Ok(())
    }

    /// Stores where the pages of a part are, by the times of their events.
    async fn put_spans(&self, tenant: &Name, hour: Instant, part: &Part) -> Result<(), Failure> {
        for (number, spans) in part.spans.chunks(SPANS_AT_ONCE).enumerate() {
            let key = Key::new(
                table::partial_spans(tenant, hour),
                format!("{}|{number:06}", part.id),
            );
            let write = Write::put(key, body_attrs(&spans)?);
            self.write(&[kept_until(write, hour)]).await?;
        }
        Ok(())
    }

    /// Says that a part counts, those whom it names stored before; whether it does.
    /// Everything with a name is written under the watermark, so none is once an
    /// erasure has begun.
    async fn publish_part(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        (held, next): (PartialOfHour, Partial),
        joined: &Joined,
    ) -> Result<bool, Failure> {
        let (hour, mark) = (next.hour, reached.mark.clone());
        let head = |partial: &Partial, stored: Option<&Value>| {
            let stands = stored.map_or(Guard::Absent, |stored| {
                Guard::Equals(table::BODY.into(), stored.clone())
            });
            let write = Write::put(table::partial(tenant, hour), body_attrs(partial)?);
            let seconds = HEADS_KEPT_SECONDS;
            Ok::<_, Failure>(kept_for(write.when(stands), hour, seconds))
        };
        let mut stored = held.stored;
        if stored.is_none() {
            // Who erases a name finds by it where names are.
            let first = vec![head(&held.partial, None)?];
            if !reached.move_to(self, tenant, mark.clone(), first).await? {
                return Ok(false);
            }
            let body = body_attrs(&held.partial)?.remove(table::BODY);
            stored = body.map(|body| forms::stored(self.forms, body));
        }
        let id = next.parts.last().map(|part| part.id.clone());
        let id = id.unwrap_or_default();
        let parts = joined.name_parts().into_iter().chain(joined.task_parts());
        let names: Result<Vec<Write>, Failure> = parts
            .enumerate()
            .map(|(number, part)| {
                let key = Key::new(
                    table::partial_names(tenant, hour),
                    format!("{id}|{number:06}"),
                );
                let attrs = Attrs::from([(table::BODY.into(), Value::B(part.encode()?))]);
                Ok(kept_until(Write::put(key, attrs), hour))
            })
            .collect();
        for names in names?.chunks(PARTS_AT_ONCE) {
            let moved = reached.move_to(self, tenant, mark.clone(), names.to_vec());
            if !moved.await? {
                return Ok(false);
            }
        }
        let last = vec![head(&next, stored.as_ref())?];
        reached.move_to(self, tenant, mark, last).await
    }

    /// Removes all partial rollups of a tenant, and the names in them, while the
    /// watermark stands as `reached`: later, others may be made.
    pub(crate) async fn remove_partials(
        &self,
        tenant: &Name,
        reached: &mut Reached,
    ) -> Result<(), Failure> {
        for (sk, _) in self.read_all(Query::of(table::partials(tenant))).await? {
            let hour: Instant = format!("{sk}:00:00Z")
                .parse()
                .map_err(|_| Failure::damaged("the key of a partial rollup"))?;
            let names = table::partial_names(tenant, hour);
            let items = self.read_all(Query::of(names.as_str())).await?;
            let keys = items
                .into_iter()
                .map(|(sk, _)| Key::new(names.as_str(), sk));
            // The head last: by it the names are found.
            let keys: Vec<Key> = keys.chain([table::partial(tenant, hour)]).collect();
            for keys in keys.chunks(REMOVED_AT_ONCE) {
                let gone = keys.iter().cloned().map(Write::delete).collect();
                if !reached
                    .move_to(self, tenant, reached.mark.clone(), gone)
                    .await?
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Part {
    fn new(now: Instant) -> Self {
        Self {
            id: ulid(now),
            rows: Rows::default(),
            chunks: Partial::views()
                .map(|view| (view, Chunks::default()))
                .collect(),
            pages: 0,
            events: 0,
            times: None,
            spans: Vec::new(),
            bytes: 0,
        }
    }

    fn note_page(&mut self, sk: &str, page: &Page, bytes: usize) {
        self.pages += 1;
        let events = page.events.len().try_into().unwrap_or(u64::MAX);
        self.events = self.events.saturating_add(events);
        let times = page.events.iter().map(|stored| stored.event.timestamp);
        let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
            return;
        };
        let (earliest, latest) = self.times.unwrap_or((first, last));
        self.times = Some((earliest.min(first), latest.max(last)));
        match self.spans.last_mut() {
            Some(span) if self.bytes < SPAN_BYTES => {
                sk.clone_into(&mut span.to);
                (span.first, span.last) = (span.first.min(first), span.last.max(last));
                self.bytes += bytes;
            }
            _ => {
                self.spans.push(Span {
                    from: sk.to_owned(),
                    to: sk.to_owned(),
                    first,
                    last,
                });
                self.bytes = bytes;
            }
        }
    }

    /// What is known of it; `None` where it has no event.
    fn of_hour(&self) -> Option<PartOfHour> {
        let (first, last) = self.times?;
        Some(PartOfHour {
            id: self.id.clone(),
            events: self.events,
            first,
            last,
        })
    }
}

/// The same, removed by the store some days after the hour.
fn kept_until(write: Write, hour: Instant) -> Write {
    kept_for(write, hour, KEPT_SECONDS)
}

fn kept_for(mut write: Write, hour: Instant, kept: i64) -> Write {
    if let Change::Put(attrs) = &mut write.change {
        attrs.insert(table::TTL.into(), seconds(hour.plus_seconds(kept)));
    }
    write
}
