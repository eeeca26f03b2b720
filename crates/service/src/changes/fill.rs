//! Filling new series with what their open windows already hold, stretch by
//! stretch.

use crate::changes::job::{Adding, Job, Phase, Position, Stored};
use crate::changes::sums::Sums;
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::store::failure::Failure;
use crate::store::store::{Query, Slice};
use crate::usage::pages::{Walk, page_of};
use crate::usage::rows::{rows_of, spans};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{
    ACTIONS_MAX, HOUR_SECONDS, Hold, Instant, Name, OpenHold, Page, Postings, Range, Roster,
    Series, State, View, count_anew, table,
};

/// The most slices that are read before their sums are added.
const SLICES_MAX: usize = 16;
/// The most counters that are summed before they are added.
const COUNTERS_MAX: usize = 20_000;
/// How long what was read is added at least.
const ADDING_MIN: Duration = Duration::from_secs(2);
/// The most open holds of one slice.
const HOLDS_MAX: usize = 50;

/// One stretch under way.
struct Stretch<'a> {
    service: &'a Service,
    snapshot: &'a Snapshot,
    series: Vec<Series>,
    sums: Sums,
    rosters: BTreeMap<String, Roster>,
    /// Nothing from there on belongs to it.
    to: Option<Position>,
    /// When no further slice is read.
    until: Moment,
}

impl Service {
    /// Does the next stretch of a job, or as much of it as is done by `until`; the
    /// job as it is then, or `None` where another did it.
    pub(crate) async fn fill_stretch(
        &self,
        snapshot: &Snapshot,
        stored: &Stored,
        until: Moment,
    ) -> Result<Option<Stored>, Failure> {
        let job = &stored.job;
        if job.at.phase == Phase::Holds {
            return self.count_holds(snapshot, stored).await;
        }
        let series = snapshot.rules.config().series.iter();
        let filled =
            |series: &&Series| series.state == State::Counting && series.since <= job.version;
        let mut stretch = Stretch {
            service: self,
            snapshot,
            series: series.filter(filled).cloned().collect(),
            sums: Sums::default(),
            rosters: BTreeMap::new(),
            to: job.adding.as_ref().map(|adding| adding.to.clone()),
            until,
        };
        let to = stretch.read_from(job.at.clone()).await?;
        let postings = stretch
            .sums
            .into_postings(job.adding.as_ref().map(|adding| &adding.last));
        // What was read is not read again for a few of its sums.
        let until = until.max(Moment::now() + ADDING_MIN);
        self.add((snapshot, stored), (to, postings), until).await
    }

    /// Adds the sums of a stretch that ends at `to`, moving the job along with each
    /// transaction, until it is `until`.
    async fn add(
        &self,
        (snapshot, stored): (&Snapshot, &Stored),
        (to, postings): (Position, Postings),
        until: Moment,
    ) -> Result<Option<Stored>, Failure> {
        let tenant = &snapshot.tenant;
        let (mut stored, version, at) = (stored.clone(), stored.job.version, &stored.job.at);
        let counters: Vec<_> = postings.counters().cloned().collect();
        let writes = postings.writes(&snapshot.rules, tenant, self.now());
        let mut pairs = counters
            .chunks(ACTIONS_MAX - 1)
            .zip(writes.chunks(ACTIONS_MAX - 1));
        let mut next = pairs.next();
        loop {
            let (chunk, writes) = next.unwrap_or((&[], &[]));
            next = pairs.next();
            let job = match (next, chunk.last()) {
                (Some(_), Some(last)) => {
                    let adding = Adding {
                        to: to.clone(),
                        last: last.clone(),
                    };
                    Job {
                        version,
                        at: at.clone(),
                        adding: Some(adding),
                    }
                }
                _ => Job {
                    version,
                    at: to.clone(),
                    adding: None,
                },
            };
            let (moved, write) = stored.advance(tenant, job, self.forms)?;
            let mut all = writes.to_vec();
            all.push(write);
            if !self.write(&all).await? {
                return Ok(None);
            }
            stored = moved;
            if next.is_none() || Moment::now() >= until {
                return Ok(Some(stored));
            }
        }
    }

    /// Counts the next open holds in the series made since they were taken.
    async fn count_holds(
        &self,
        snapshot: &Snapshot,
        stored: &Stored,
    ) -> Result<Option<Stored>, Failure> {
        let tenant = &snapshot.tenant;
        let mut query = Query::of(table::open_holds(tenant)).from(stored.job.at.from.as_str());
        query.limit = HOLDS_MAX;
        let slice = self.store.query(&query).await?;
        for (place, attrs) in &slice.items {
            let open = OpenHold::from_attrs(place, attrs);
            let open = open.ok_or(Failure::damaged("the entry of a hold"))?;
            if open.config_version < stored.job.version {
                self.count_hold(snapshot, &open.id).await?;
            }
        }
        let at = match query.after(&slice) {
            Some(next) => Position {
                from: next.from,
                ..Position::of(Phase::Holds)
            },
            None => Position::of(Phase::Rows),
        };
        let job = Job {
            at,
            ..stored.job.clone()
        };
        let (moved, write) = stored.advance(tenant, job, self.forms)?;
        Ok(self.write(&[write]).await?.then_some(moved))
    }

    async fn count_hold(&self, snapshot: &Snapshot, id: &Name) -> Result<(), Failure> {
        let tenant = &snapshot.tenant;
        loop {
            let Some(attrs) = self.read_item(table::hold(tenant, id)).await? else {
                return Ok(());
            };
            let hold = Hold::from_attrs(&attrs).ok_or(Failure::damaged("a hold"))?;
            if hold.closing.is_some() {
                return Ok(());
            }
            let Some(counted) = count_anew(&snapshot.rules, tenant, &hold, self.now())? else {
                return Ok(());
            };
            // Refused = it moved meanwhile.
            if self.write(&counted.writes).await? {
                return Ok(());
            }
            if !self.is_current(snapshot).await? {
                return Err(Failure::Contended("the tenant changes".to_owned()));
            }
        }
    }

    /// Whether the configuration is still the one of `snapshot`.
    async fn is_current(&self, snapshot: &Snapshot) -> Result<bool, Failure> {
        self.cache.forget(&snapshot.tenant);
        let now = self.snapshot(&snapshot.tenant).await?;
        Ok(now.rules.config().version == snapshot.rules.config().version)
    }
}

impl Stretch<'_> {
    /// Reads from `at` on, until enough is summed, or up to where the stretch
    /// ended before; where it ends.
    async fn read_from(&mut self, mut at: Position) -> Result<Position, Failure> {
        let mut slices = 0;
        loop {
            if self.to.as_ref().is_some_and(|to| at >= *to) {
                return Ok(self.to.clone().unwrap_or(at));
            }
            let is_late = slices > 0 && Moment::now() >= self.until;
            let is_enough = slices >= SLICES_MAX || self.sums.len() >= COUNTERS_MAX || is_late;
            if at.phase == Phase::End || (self.to.is_none() && is_enough) {
                return Ok(at);
            }
            at = match at.phase {
                Phase::Holds | Phase::Rows => self.read_rows(at).await?,
                Phase::Pages | Phase::End => self.read_pages(at).await?,
            };
            slices += 1;
        }
    }

    fn rolled(&self) -> impl Iterator<Item = Instant> + '_ {
        self.series.iter().map(|series| series.rolled)
    }

    fn is_before_end(&self, phase: Phase, span: &str, from: &str) -> bool {
        let here = Position {
            phase,
            span: span.to_owned(),
            from: from.to_owned(),
        };
        self.to.as_ref().is_none_or(|to| here < *to)
    }

    /// Reads a slice of rollups; where the next begins.
    async fn read_rows(&mut self, at: Position) -> Result<Position, Failure> {
        let tenant = &self.snapshot.tenant;
        let pages = Position::of(Phase::Pages);
        let Some(until) = self.rolled().max() else {
            return Ok(pages);
        };
        let first = self.sums_from();
        if at.span.is_empty() {
            return self.find_next_day(first, until).await;
        }
        let from = at.from.max(first.floor_to(HOUR_SECONDS).hour());
        let query = Query::of(table::hour_rollups(tenant, View::Full, &at.span)).from(from);
        let slice: Slice = self.service.store.query(&query).await?;
        for (sk, attrs) in &slice.items {
            if self.is_before_end(Phase::Rows, &at.span, sk) {
                self.add_rows(sk, rows_of(attrs)?).await?;
            }
        }
        if let Some(next) = query.after(&slice) {
            return Ok(Position {
                from: next.from,
                ..at
            });
        }
        let day: Instant = format!("{}T00:00:00Z", at.span)
            .parse()
            .map_err(|_| Failure::damaged("the place of a change"))?;
        self.find_next_day(day.plus_seconds(24 * HOUR_SECONDS), until)
            .await
    }

    /// The earliest receipt that can hold anything of the open windows.
    fn sums_from(&self) -> Instant {
        let first = self.series.iter().map(Sums::first_event).min();
        first.unwrap_or(Instant::EPOCH)
    }

    /// The first receipt day from `from` on that has anything rolled up.
    async fn find_next_day(&self, from: Instant, until: Instant) -> Result<Position, Failure> {
        let tenant = &self.snapshot.tenant;
        let hour = self
            .service
            .find_first_hour(tenant, from, Some(until))
            .await?;
        Ok(hour.map_or(Position::of(Phase::Pages), |hour| Position {
            span: hour.day(),
            ..Position::of(Phase::Rows)
        }))
    }

    /// Adds a chunk of rows, or the events behind it where its hour is cut.
    async fn add_rows(
        &mut self,
        sk: &str,
        rows: Vec<(tollgate_core::Place, tollgate_core::Tally)>,
    ) -> Result<(), Failure> {
        let (hour, received) = spans(sk, ":00:00Z")?;
        let covers = |series: &&Series| received < series.rolled;
        let (cut, whole): (Vec<Series>, Vec<Series>) = self
            .series
            .iter()
            .filter(covers)
            .cloned()
            .partition(|of| Sums::is_cut(of, hour));
        let mut by_row = whole;
        if !cut.is_empty() {
            let hours = BTreeSet::from([received]);
            if !self
                .service
                .find_purged(&self.snapshot.tenant, &hours)
                .await?
                .is_empty()
            {
                by_row.extend(cut);
            } else if sk.ends_with("|000000") {
                self.add_hour(&cut, hour, received).await?;
            }
        }
        if by_row.is_empty() {
            return Ok(());
        }
        let month = received.month();
        if !self.rosters.contains_key(&month) {
            let tenant = &self.snapshot.tenant;
            let roster = self.service.read_roster_of_names(tenant, &month).await?;
            self.rosters.insert(month.clone(), roster);
        }
        let Some(roster) = self.rosters.get(&month) else {
            return Ok(());
        };
        for (place, tally) in rows {
            let at = roster
                .dimensions(place)
                .ok_or(Failure::damaged("a rollup row"))?;
            self.sums.add(&by_row, (&at, hour, received), &tally.totals);
        }
        Ok(())
    }

    /// Adds the events of an hour that one receipt hour holds.
    async fn add_hour(
        &mut self,
        series: &[Series],
        hour: Instant,
        received: Instant,
    ) -> Result<(), Failure> {
        let range = Range {
            start: Some(hour),
            end: Some(hour.plus_seconds(HOUR_SECONDS)),
        };
        let (service, tenant, sums) = (self.service, &self.snapshot.tenant, &mut self.sums);
        service
            .visit_hour(tenant, received, range, |page| {
                let inside = |stored: &&tollgate_core::Stored| range.holds(stored.event.timestamp);
                for stored in page.events.iter().filter(inside) {
                    sums.add_event(series, stored, page.received);
                }
                Ok(())
            })
            .await
    }

    /// Reads a slice of pages; where the next begins.
    async fn read_pages(&mut self, at: Position) -> Result<Position, Failure> {
        let tenant = &self.snapshot.tenant;
        let Some(rolled) = self.rolled().min() else {
            return Ok(Position::of(Phase::End));
        };
        if at.span.is_empty() {
            return self.find_next_page_hour(rolled).await;
        }
        let hour: Instant = format!("{}:00:00Z", at.span)
            .parse()
            .map_err(|_| Failure::damaged("the place of a change"))?;
        let hour_read = self.service.read_hour(tenant, hour).await?;
        let mut walk = Walk::new(tenant, [hour_read]).from(at.from.as_str());
        let slice = walk.read_slice(self.service).await?.unwrap_or_default();
        for (key, attrs) in &slice {
            if self.is_before_end(Phase::Pages, &at.span, &key.sk) {
                self.add_page(hour, &page_of(attrs)?);
            }
        }
        match slice.last().filter(|_| !walk.is_at_end()) {
            Some((last, _)) => Ok(Position {
                from: format!("{}\0", last.sk),
                ..at
            }),
            None => {
                self.find_next_page_hour(hour.plus_seconds(HOUR_SECONDS))
                    .await
            }
        }
    }

    async fn find_next_page_hour(&self, from: Instant) -> Result<Position, Failure> {
        let hour = self
            .service
            .find_first_hour(&self.snapshot.tenant, from, None)
            .await?;
        Ok(hour.map_or(Position::of(Phase::End), |hour| Position {
            span: hour.hour(),
            ..Position::of(Phase::Pages)
        }))
    }

    /// Adds the events of a page to the series that began after it was planned.
    fn add_page(&mut self, hour: Instant, page: &Page) {
        let is_missing =
            |series: &&Series| page.config_version < series.since && hour >= series.rolled;
        let series: Vec<Series> = self.series.iter().filter(is_missing).cloned().collect();
        for stored in &page.events {
            self.sums.add_event(&series, stored, page.received);
        }
    }
}
