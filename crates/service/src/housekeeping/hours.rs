//! Rolling up closed receipt hours and days.

use crate::engine::agenda::Unfolded;
use crate::engine::service::Service;
use crate::store::body::body_attrs;
use crate::store::failure::Failure;
use crate::usage::watermark::{Reached, Watermark};
use futures::stream::{self, StreamExt};
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{
    Attrs, DAY_SECONDS, HOUR_SECONDS, Instant, Joined, Name, Roster, Value, Write, table,
};

/// An hour closes this long after its end, so that clocks that differ a little
/// need not be carried forward.
const CLOSES_SECONDS: i64 = 20 * 60;

/// The most tenants whose hours are closed at once.
const CLOSED_AT_ONCE: usize = 16;
/// The most tenants that are folded at once, each with an hour's rows in memory.
const FOLDED_AT_ONCE: usize = 4;
/// How long one tenant's hours are folded where nothing bounds it.
const TURN_MAX: Duration = Duration::from_secs(24 * 3600);

/// The parts of a roster in one transaction, which takes 4 MB.
const PARTS_AT_ONCE: usize = 8;

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
        self.fold_hours(tenant, until, Moment::now() + TURN_MAX)
            .await
    }

    /// The same for several tenants, in their order: all wait together for requests
    /// planned before. No further hour is begun when it is `stop`. What fails for one
    /// keeps no other from it.
    pub(crate) async fn roll_up_together(
        &self,
        tenants: &[Name],
        stop: Moment,
    ) -> Vec<Result<u64, Failure>> {
        match self.trusts_clock().await {
            Ok(true) => {}
            Ok(false) => return tenants.iter().map(|_| Ok(0)).collect(),
            Err(failure) => {
                let why = failure.to_string();
                let away = |_| Err(Failure::Unavailable(why.clone()));
                return tenants.iter().map(away).collect();
            }
        }
        let until = self.closing_hour();
        let mut close = Vec::new();
        for tenant in tenants {
            close.push(self.close_hours(tenant, until));
        }
        let closed: Vec<_> = stream::iter(close).buffered(CLOSED_AT_ONCE).collect().await;
        if closed.iter().any(|published| matches!(published, Ok(true))) {
            self.wait_for_requests().await;
        }
        let mut fold = Vec::new();
        for (tenant, closed) in tenants.iter().zip(closed) {
            fold.push(self.fold_closed(tenant, closed, (until, stop)));
        }
        stream::iter(fold).buffered(FOLDED_AT_ONCE).collect().await
    }

    async fn fold_closed(
        &self,
        tenant: &Name,
        closed: Result<bool, Failure>,
        (until, stop): (Instant, Moment),
    ) -> Result<u64, Failure> {
        closed?;
        self.fold_hours(tenant, until, stop).await
    }

    /// Publishes that the receipt hours before `until` are closed, if any of them
    /// is to be rolled up; whether requests planned before that may still be
    /// under way.
    pub(crate) async fn close_hours(&self, tenant: &Name, until: Instant) -> Result<bool, Failure> {
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(false);
        };
        let next = self.find_next_hour(tenant, &reached.mark, Some(until));
        match next.await? {
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
    /// planned before being done; no further one is begun when it is `stop`.
    async fn fold_hours(
        &self,
        tenant: &Name,
        until: Instant,
        stop: Moment,
    ) -> Result<u64, Failure> {
        let listed = self.read_unfolded(tenant).await?;
        let rolled = self.fold_hours_before(tenant, until, stop).await?;
        self.settle_list(tenant, listed).await?;
        Ok(rolled)
    }

    /// Says when the tenant next has something to roll up, where its entry in the list
    /// of those was `listed`.
    pub(crate) async fn settle_list(
        &self,
        tenant: &Name,
        listed: Option<Unfolded>,
    ) -> Result<(), Failure> {
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(());
        };
        let next = self.find_next_hour(tenant, &reached.mark, None).await?;
        match listed {
            Some(seen) if reached.mark.erasing.is_none() => {
                self.settle_unfolded(tenant, seen, next).await?;
            }
            // It is on no list although it should be.
            None if next.is_some() => self.note_unfolded(tenant).await?,
            _ => {}
        }
        Ok(())
    }

    async fn fold_hours_before(
        &self,
        tenant: &Name,
        until: Instant,
        stop: Moment,
    ) -> Result<u64, Failure> {
        let times = self.read_times(tenant).await?;
        // What is closed of an hour that goes on is closed for its partial rollups.
        let closed = times.closed.min(until).floor_to(HOUR_SECONDS);
        if times.settled < closed {
            self.settle_closing(tenant, closed).await?;
        }
        let (mut rolled, mut held) = (0, None);
        while let Some(mut reached) = self.read_reached(tenant).await? {
            if let Some(erasing) = reached.mark.erasing.clone() {
                self.erase_name(tenant, &mut reached, &erasing).await?;
                continue;
            }
            let next = self.find_next_hour(tenant, &reached.mark, Some(closed));
            let Some(at) = next.await?.filter(|_| Moment::now() < stop) else {
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

    /// The next hour to roll up, before `until` if that is given: one that may have
    /// pages, or the last of a day in which any has.
    async fn find_next_hour(
        &self,
        tenant: &Name,
        mark: &Watermark,
        until: Option<Instant>,
    ) -> Result<Option<Instant>, Failure> {
        let next = self.find_first_hour(tenant, mark.next, until).await?;
        let last_of_day = mark.open_day().plus_seconds(DAY_SECONDS - HOUR_SECONDS);
        if next.is_some_and(|next| next <= last_of_day) {
            return Ok(next);
        }
        let is_before = until.is_none_or(|until| last_of_day < until);
        let is_inside = mark.next > mark.open_day() && is_before;
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
        let folded = self.fold_pages(tenant, &reached.mark, roster).await?;
        let has_pages = folded.hour.pages > 0;
        if has_pages || ends_day {
            if !self.join(tenant, reached, &folded.joined).await? {
                return Ok(Step::Overtaken);
            }
            if !self
                .put_hour(tenant, &reached.mark, roster, folded.rows)
                .await?
            {
                return Ok(Step::Overtaken);
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
                    (table::BODY.into(), Value::B(part.encode()?)),
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
}
