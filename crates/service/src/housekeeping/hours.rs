//! Rolling up closed receipt hours and days.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::store::body::{body_attrs, body_bytes};
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::hour::Hour;
use crate::usage::pages::{Walk, page_of};
use crate::usage::scan::{rows_of, spans};
use crate::usage::tasks::TasksOfHour;
use crate::usage::watermark::{Reached, Watermark};
use sha2::{Digest, Sha256};
use tollgate_core::{
    Attrs, DAY_SECONDS, Guard, HOUR_SECONDS, Instant, Joined, Key, Name, Page, Roster, Rows, Value,
    View, Write, table,
};

/// An hour closes this long after its end, so that clocks that differ a little
/// need not be carried forward.
const CLOSES_SECONDS: i64 = 20 * 60;

/// The parts of a roster in one transaction, which takes 4 MB.
const PARTS_AT_ONCE: usize = 8;

/// The pages of a receipt hour, folded.
struct Folded {
    rows: Rows,
    joined: Joined,
    hour: Hour,
    tasks: TasksOfHour,
}

/// The roster of a receipt month as far as it was read or joined.
struct Held {
    month: String,
    roster: Roster,
}

/// What became of one step.
enum Step {
    /// The hour is behind; whether it had pages.
    Done(bool),
    /// Another moved the watermark.
    Overtaken,
}

impl Service {
    /// Rolls up every closed receipt hour of `tenant` that is not yet, oldest
    /// first, and each day with its last hour, and says how many hours had
    /// pages. A rollup is a pure function of the pages up to it, written once,
    /// and the watermark moves from where it was read: two at once, a crash in
    /// the middle, and a purge meanwhile change nothing. A name on its way out
    /// is erased first.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn roll_up(&self, tenant: &Name) -> Result<u64, Failure> {
        if !self.trusts_clock().await? {
            tracing::error!("the clock is not confirmed: no hour closes by it");
            return Ok(0);
        }
        let until = self.closing_hour();
        if self.close_hours(tenant, until).await? {
            self.wait_for_requests().await;
        }
        self.fold_hours(tenant, until).await
    }

    /// Publishes that the receipt hours before `until` are closed, if any of them
    /// is to be rolled up; whether requests planned before that may still be
    /// under way.
    pub(crate) async fn close_hours(&self, tenant: &Name, until: Instant) -> Result<bool, Failure> {
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(false);
        };
        match self.find_next_hour(tenant, &reached.mark, until).await? {
            Some(_) => self.publish_closing(tenant, until).await,
            None => Ok(false),
        }
    }

    /// The first hour that is not yet to be closed.
    pub(crate) fn closing_hour(&self) -> Instant {
        self.now()
            .plus_seconds(-CLOSES_SECONDS)
            .floor_to(HOUR_SECONDS)
    }

    /// Rolls up the hours before `until` that were published as closed, requests
    /// planned before being done.
    pub(crate) async fn fold_hours(&self, tenant: &Name, until: Instant) -> Result<u64, Failure> {
        let times = self.read_times(tenant).await?;
        let closed = times.closed.min(until);
        if times.settled < closed {
            self.settle_closing(tenant, closed).await?;
        }
        let (mut rolled, mut held) = (0, None);
        while let Some(mut reached) = self.read_reached(tenant).await? {
            if let Some(erasing) = reached.mark.erasing.clone() {
                self.erase_name(tenant, &mut reached, &erasing).await?;
                continue;
            }
            let Some(at) = self.find_next_hour(tenant, &reached.mark, closed).await? else {
                break;
            };
            reached.mark.next = at;
            match self.roll_up_hour(tenant, &mut reached, &mut held).await? {
                Step::Done(had_pages) => rolled += u64::from(had_pages),
                Step::Overtaken => held = None,
            }
        }
        Ok(rolled)
    }

    /// The next hour to roll up: one that may have pages, or the last of a day
    /// in which any has.
    async fn find_next_hour(
        &self,
        tenant: &Name,
        mark: &Watermark,
        until: Instant,
    ) -> Result<Option<Instant>, Failure> {
        let next = self.find_first_hour(tenant, mark.next, Some(until)).await?;
        let last_of_day = mark.open_day().plus_seconds(DAY_SECONDS - HOUR_SECONDS);
        if next.is_some_and(|next| next <= last_of_day) {
            return Ok(next);
        }
        let is_inside = mark.next > mark.open_day() && last_of_day < until;
        if is_inside
            && self
                .find_first_hour(tenant, mark.open_day(), Some(mark.next))
                .await?
                .is_some()
        {
            return Ok(Some(last_of_day));
        }
        Ok(next)
    }

    /// Rolls up the hour at the watermark, and its day if it ends one.
    async fn roll_up_hour(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        held: &mut Option<Held>,
    ) -> Result<Step, Failure> {
        let at = reached.mark.next;
        let ends_day = at.plus_seconds(HOUR_SECONDS).floor_to(DAY_SECONDS) > at;
        let mut next = Watermark {
            next: at.plus_seconds(HOUR_SECONDS),
            begun: false,
            at: Some(self.now()),
            ..reached.mark.clone()
        };
        let mut writes = Vec::new();
        let roster = self.held(tenant, at, held).await?;
        let folded = self.fold_pages(tenant, reached, roster).await?;
        let has_pages = folded.hour.pages > 0;
        if has_pages || ends_day {
            if !self.join(tenant, reached, &folded.joined).await? {
                return Ok(Step::Overtaken);
            }
            for view in View::ALL {
                let rows = folded.rows.seen(view, HOUR_SECONDS)?;
                self.put_rows(&rows, |span, number| {
                    table::hour_rollup(tenant, view, span, at, number)
                })
                .await?;
            }
            let kept_until = self.snapshot(tenant).await?.rules.expiry(at);
            self.index_tasks(tenant, at, (&folded.tasks, kept_until))
                .await?;
            if ends_day {
                self.roll_up_day(tenant, at.floor_to(DAY_SECONDS)).await?;
            }
            if has_pages {
                next.digest.clone_from(&folded.hour.digest);
                let known = body_attrs(&folded.hour)?.into_iter().collect();
                writes.push(Write::set(table::hour(tenant, at), known));
            }
        }
        let moved = reached.move_to(self, tenant, next, writes).await?;
        Ok(if moved {
            Step::Done(has_pages)
        } else {
            Step::Overtaken
        })
    }

    /// The roster of the month of `at` before that hour, or with it, if it is
    /// held.
    async fn held<'a>(
        &self,
        tenant: &Name,
        at: Instant,
        held: &'a mut Option<Held>,
    ) -> Result<&'a mut Roster, Failure> {
        let month = at.month();
        let kept = held.take().filter(|held| held.month == month);
        let kept = match kept {
            Some(kept) => kept,
            None => Held {
                roster: self.read_roster(tenant, &month, at).await?,
                month,
            },
        };
        Ok(&mut held.insert(kept).roster)
    }

    /// Folds the pages of the hour at the watermark, slice by slice: a page is not
    /// kept once it is added.
    async fn fold_pages(
        &self,
        tenant: &Name,
        reached: &Reached,
        roster: &mut Roster,
    ) -> Result<Folded, Failure> {
        let at = reached.mark.next;
        let before = roster.extent();
        let (mut rows, mut tasks) = (Rows::default(), TasksOfHour::default());
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
        hash.update(reached.mark.digest.as_bytes());
        let mut walk = Walk::new(tenant, [self.read_hour(tenant, at).await?]);
        while let Some(slice) = walk.read_slice(self).await? {
            for (key, attrs) in &slice {
                let page = page_of(attrs)?;
                rows.add_page(&page, roster)?;
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

    /// Stores those who joined the roster in the hour at the watermark, and
    /// then says so there; `false` if another moved it.
    async fn join(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        joined: &Joined,
    ) -> Result<bool, Failure> {
        if reached.mark.begun {
            return Ok(true);
        }
        let mut writes = Vec::new();
        for (kind, parts) in [
            (table::ROSTER_NAMES, joined.name_parts()),
            (table::ROSTER_TASKS, joined.task_parts()),
        ] {
            let count = Value::N(i128::try_from(parts.len()).unwrap_or(i128::MAX));
            for (number, part) in parts.iter().enumerate() {
                let attrs = Attrs::from([
                    (table::BODY.into(), Value::B(part.encode())),
                    (table::COUNT.into(), count.clone()),
                ]);
                let key = table::roster_part(tenant, kind, reached.mark.next, number);
                writes.push(Write::put(key, attrs));
            }
        }
        let mut chunks = writes.chunks(PARTS_AT_ONCE).peekable();
        while let Some(chunk) = chunks.next() {
            let mark = Watermark {
                begun: chunks.peek().is_none(),
                ..reached.mark.clone()
            };
            if !reached.move_to(self, tenant, mark, chunk.to_vec()).await? {
                return Ok(false);
            }
        }
        let begun = Watermark {
            begun: true,
            ..reached.mark.clone()
        };
        Ok(reached.mark.begun || reached.move_to(self, tenant, begun, Vec::new()).await?)
    }

    /// Rolls up a receipt day from the rollups of its hours, one view after the
    /// other. All of them are there.
    async fn roll_up_day(&self, tenant: &Name, day: Instant) -> Result<(), Failure> {
        for view in View::ALL.into_iter().filter(|view| view.has_days()) {
            let mut rows = Rows::default();
            let mut next = Some(Query::of(table::hour_rollups(tenant, view, &day.day())));
            while let Some(query) = next {
                let slice = self.store.query(&query).await?;
                next = query.after(&slice);
                for (sk, attrs) in &slice.items {
                    let span = spans(sk, ":00:00Z")?.0.floor_to(DAY_SECONDS);
                    for (place, tally) in rows_of(attrs)? {
                        rows.0.entry((span, place)).or_default().add(&tally)?;
                    }
                }
            }
            self.put_rows(&rows, |span, number| {
                table::day_rollup(tenant, view, span, day, number)
            })
            .await?;
        }
        Ok(())
    }

    async fn put_rows(
        &self,
        rows: &Rows,
        key: impl Fn(Instant, usize) -> Key,
    ) -> Result<(), Failure> {
        for chunk in rows.encode()? {
            let attrs = Attrs::from([(table::BODY.into(), Value::B(chunk.bytes))]);
            let key = key(chunk.span, chunk.number);
            // Refused = it is there, perhaps from before a purge took pages.
            self.write(&[Write::put(key, attrs).when(Guard::Absent)])
                .await?;
        }
        Ok(())
    }
}
