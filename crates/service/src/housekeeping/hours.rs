//! Rolling up closed receipt hours and days.

use crate::engine::key::hex;
use crate::engine::service::Service;
use crate::settings::tenants::Actor;
use crate::store::body::body_attrs;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::pages::page_of;
use crate::usage::pseudonym::Pseudonyms;
use crate::usage::scan::{rows_of, spans};
use crate::usage::watermark::{Reached, Watermark};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tollgate_core::{
    Attrs, Change, DAY_SECONDS, Guard, HOUR_SECONDS, Instant, Joined, Key, Name, Page, Roster,
    Rows, Value, View, Write, table,
};

/// An hour closes this long after its end: no commit starts over 60 seconds
/// after its stamp of receipt.
const CLOSES_SECONDS: i64 = 20 * 60;

/// The parts of a roster in one transaction, which takes 4 MB.
const PARTS_AT_ONCE: usize = 8;

/// What is known of a closed receipt hour with pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    /// Its first instant.
    pub hour: Instant,
    /// How many pages it has.
    pub pages: u64,
    /// How many events they hold.
    pub events: u64,
    /// The earliest time of any of them.
    pub first: Instant,
    /// The latest time of any of them.
    pub last: Instant,
    /// SHA-256 over the hour before's digest and its pages, sorted by key, with
    /// pseudonyms in place of agents and consumers.
    pub digest: String,
}

/// The pages of a receipt hour, folded.
struct Folded {
    rows: Rows,
    joined: Joined,
    hour: Hour,
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
        // What keeps these from the tenant keeps nothing else from it.
        for settled in [
            self.renew_plan(tenant, &Actor::schedule()).await,
            self.relist_grants(tenant).await,
        ] {
            settled.unwrap_or_else(
                |failure| tracing::warn!(%tenant, %failure, "a change is not completed"),
            );
        }
        self.activate(tenant).await?;
        let closed = self.now().plus_seconds(-CLOSES_SECONDS - HOUR_SECONDS);
        let mut rolled = 0;
        while let Some(mut reached) = self.reached(tenant).await? {
            if let Some(erasing) = reached.mark.erasing.clone() {
                self.erase_name(tenant, &mut reached, &erasing).await?;
                continue;
            }
            if reached.mark.next > closed {
                break;
            }
            let mut held = None;
            while reached.mark.next <= closed {
                match self
                    .roll_up_hour(tenant, &mut reached, closed, &mut held)
                    .await?
                {
                    Step::Done(had_pages) => rolled += u64::from(had_pages),
                    Step::Overtaken => break,
                }
            }
        }
        Ok(rolled)
    }

    /// Rolls up the hour at the watermark, and its day if it ends one.
    async fn roll_up_hour(
        &self,
        tenant: &Name,
        reached: &mut Reached,
        closed: Instant,
        held: &mut Option<Held>,
    ) -> Result<Step, Failure> {
        let at = reached.mark.next;
        let pages = self.pages_of_hour(tenant, at).await?;
        let ends_day = self.ends_day(tenant, at, !pages.is_empty()).await?;
        let mut next = Watermark {
            next: at.plus_seconds(HOUR_SECONDS),
            begun: false,
            at: Some(self.now()),
            ..reached.mark.clone()
        };
        let mut writes = Vec::new();
        if !pages.is_empty() || ends_day {
            let roster = self.held(tenant, at, held).await?;
            let folded = self.folded(tenant, reached, &pages, roster)?;
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
            if ends_day {
                self.roll_up_day(tenant, at.floor_to(DAY_SECONDS)).await?;
            }
            if !pages.is_empty() {
                next.digest.clone_from(&folded.hour.digest);
                let change = Change::Put(body_attrs(&folded.hour)?);
                writes.push(Write {
                    key: table::hour(tenant, at),
                    change,
                    guards: Vec::new(),
                });
            }
        } else if next.next.floor_to(DAY_SECONDS) != next.next && next.next <= closed {
            // Over hours without pages it is stored day by day, and at the end.
            reached.mark = next;
            return Ok(Step::Done(false));
        }
        let moved = reached.move_to(self, tenant, next, writes).await?;
        Ok(if moved {
            Step::Done(!pages.is_empty())
        } else {
            Step::Overtaken
        })
    }

    /// Whether `at` is the last hour of a day in which any has pages.
    async fn ends_day(&self, tenant: &Name, at: Instant, has_pages: bool) -> Result<bool, Failure> {
        let day = at.floor_to(DAY_SECONDS);
        if has_pages || at.plus_seconds(HOUR_SECONDS).floor_to(DAY_SECONDS) == day {
            return Ok(at.plus_seconds(HOUR_SECONDS).floor_to(DAY_SECONDS) != day);
        }
        let mut hours = Query::of(table::hours(tenant))
            .from(day.hour())
            .to(at.hour());
        hours.limit = 1;
        Ok(!self.store.query(&hours).await?.items.is_empty())
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
                roster: self.roster(tenant, &month, at).await?,
                month,
            },
        };
        Ok(&mut held.insert(kept).roster)
    }

    fn folded(
        &self,
        tenant: &Name,
        reached: &Reached,
        pages: &[(String, Attrs)],
        roster: &mut Roster,
    ) -> Result<Folded, Failure> {
        let at = reached.mark.next;
        let before = roster.extent();
        let mut rows = Rows::default();
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
        let mut pseudonyms = self.pseudonyms(tenant);
        for (sk, attrs) in pages {
            let page = page_of(attrs)?;
            rows.add_page(&page, roster)?;
            hour.pages += 1;
            hour.events = hour
                .events
                .saturating_add(page.events.len().try_into().unwrap_or(u64::MAX));
            for at in page.events.iter().map(|stored| stored.event.timestamp) {
                times = Some(times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
            }
            hash.update(sk.as_bytes());
            hash.update(covered_digest(page, &mut pseudonyms)?);
        }
        (hour.first, hour.last) = times.unwrap_or((at, at));
        hour.digest = hex(&hash.finalize());
        Ok(Folded {
            rows,
            joined: roster.joined(before),
            hour,
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
                writes.push(Write {
                    key,
                    change: Change::Put(attrs),
                    guards: Vec::new(),
                });
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
        for chunk in rows.encode() {
            let attrs = Attrs::from([(table::BODY.into(), Value::B(chunk.bytes))]);
            let key = key(chunk.span, chunk.number);
            // Refused = it is there, perhaps from before a purge took pages.
            self.settle(&[Write {
                key,
                change: Change::Put(attrs),
                guards: vec![Guard::Absent],
            }])
            .await?;
        }
        Ok(())
    }
}

/// The digest of a page in which pseudonyms stand for agents and consumers, so
/// that erasing a name changes no digest.
fn covered_digest(mut page: Page, pseudonyms: &mut Pseudonyms<'_>) -> Result<[u8; 32], Failure> {
    page.events
        .iter_mut()
        .for_each(|stored| pseudonyms.cover(&mut stored.event));
    Ok(Sha256::digest(page.encode()?).into())
}
