//! Adding up what was recorded: rollups of closed receipt hours, pages of open
//! ones, and pages where a range cuts through an hour.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::cover::Cover;
use crate::usage::pages::{PageBudget, Walk};
use crate::usage::partials::{Partial, PartialOfHour, first_page};
use crate::usage::rosters::Mask;
use crate::usage::rows::{rows_of, spans};
use crate::usage::watermark::Watermark;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    Attrs, DAY_SECONDS, HOUR_SECONDS, Instant, Kept, Name, Overflow, Page, Place, Range,
    Renumbering, Roster, Stored, Tally, View, table,
};

/// Which rows a question needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    /// The rows.
    pub(crate) view: View,
    /// Whether hours must stay apart.
    pub(crate) hourly: bool,
    /// Whether agents, consumers and tasks are told apart.
    pub(crate) people: bool,
}

impl Ask {
    /// The rows that keep `needs`, of whole days where they may be.
    pub(crate) fn keeping(needs: Kept) -> Self {
        let view = View::keeping(needs);
        Self {
            view,
            hourly: !view.has_days(),
            people: true,
        }
    }
}

/// How often a scan starts anew because a name was erased meanwhile, or hours
/// were rolled up and purged that were open when it began.
pub(crate) const PASSES_MAX: usize = 5;

/// One scan: what it asks, and the sum so far.
struct Scan<'a, A, F> {
    service: &'a Service,
    tenant: &'a Name,
    range: Range,
    ask: Ask,
    mark: Watermark,
    mask: Mask<'a>,
    /// Numbers everyone met.
    roster: Roster,
    /// The numbers of receipt months on it.
    months: BTreeMap<String, Arc<Renumbering>>,
    sum: A,
    visit: F,
}

impl Service {
    /// Folds everything recorded of `tenant` in `range` into what `begin`
    /// makes, and says how the roster numbers whom it met. What it costs grows
    /// with the days of the range and with what the open hours hold, not with
    /// the events. A name that is erased meanwhile, or a purge of hours that
    /// were open when it began, makes it start anew.
    ///
    /// # Errors
    /// [`Failure::RangePurged`] where the range cuts through an hour whose
    /// pages are purged.
    pub(crate) async fn gather<A, B, F>(
        &self,
        tenant: &Name,
        range: Range,
        ask: Ask,
        begin: B,
        visit: F,
    ) -> Result<(A, Roster), Failure>
    where
        B: Fn(&mut Roster) -> Result<A, Overflow>,
        F: Fn(&mut A, Instant, &Place, &Tally) -> Result<(), Overflow> + Copy,
    {
        for _ in 0..PASSES_MAX {
            let mut roster = Roster::default();
            let sum = begin(&mut roster)?;
            let Some(reached) = self.read_reached(tenant).await? else {
                return Ok((sum, roster));
            };
            let mark = reached.mark;
            let erased = mark.erased;
            let mask = Mask::new(self, tenant, mark.erasing.clone());
            let months = BTreeMap::new();
            let mut scan = Scan {
                service: self,
                tenant,
                range,
                ask,
                mark,
                mask,
                roster,
                months,
                sum,
                visit,
            };
            let ran = scan.run().await;
            if matches!(ran, Err(Failure::Damaged(_))) && self.erases_since(tenant, erased).await? {
                continue;
            }
            ran?;
            if self.is_purged_since(tenant, scan.mark.next).await? {
                continue;
            }
            if !ask.people || !self.erases_since(tenant, erased).await? {
                return Ok((scan.sum, scan.roster));
            }
        }
        Err(Failure::Unavailable(
            "names are being erased, or hours purged".to_owned(),
        ))
    }
}

impl Service {
    /// Whether names were, or are being, erased since so many were.
    async fn erases_since(&self, tenant: &Name, erased: u64) -> Result<bool, Failure> {
        let reached = self.read_reached(tenant).await?;
        Ok(reached.is_some_and(|reached| reached.mark.erased != erased))
    }
}

impl<A, F> Scan<'_, A, F>
where
    F: Fn(&mut A, Instant, &Place, &Tally) -> Result<(), Overflow> + Copy,
{
    async fn run(&mut self) -> Result<(), Failure> {
        let cover = Cover::of(self.range, !self.ask.hourly);
        let days = self.list_days(&cover).await?;
        self.list_hours(&cover, &days).await?;
        self.find_cut_hours(&cover, &days).await?;
        self.read_open_hours(&cover).await
    }

    /// Visits the rollups of whole days, and says in which receipt days there
    /// is something of the days that are wanted in parts.
    async fn list_days(&mut self, cover: &Cover) -> Result<BTreeSet<Instant>, Failure> {
        let open_day = self.mark.open_day();
        let view = if self.ask.view.has_days() {
            self.ask.view
        } else {
            View::Totals
        };
        let days = self.range.days();
        let mut query = Query::of(table::day_rollups(self.tenant, view))
            .from(days.start.map_or_else(String::new, Instant::day));
        query.to = days.end.map(Instant::day);
        let mut parts = BTreeSet::new();
        let mut next = Some(query);
        while let Some(query) = next {
            let slice = self.service.store.query(&query).await?;
            next = query.after(&slice);
            for (sk, attrs) in &slice.items {
                let (day, received) = spans(sk, "T00:00:00Z")?;
                if received >= open_day {
                    continue;
                }
                if cover.cuts_day(day) {
                    parts.insert(received);
                }
                if cover.days.is_some_and(|days| days.holds(day)) {
                    self.read_rows_of(day, received, attrs).await?;
                }
            }
        }
        Ok(parts)
    }

    /// Visits the rollups of whole hours: of `days`, those beside the whole
    /// days; of the day that has no rollup of its own yet, all.
    async fn list_hours(&mut self, cover: &Cover, days: &BTreeSet<Instant>) -> Result<(), Failure> {
        for day in days {
            for hours in &cover.hours {
                self.list_hours_of(*day, *hours).await?;
            }
        }
        match cover.all_hours {
            Some(hours) => self.list_hours_of(self.mark.open_day(), hours).await,
            None => Ok(()),
        }
    }

    async fn list_hours_of(&mut self, received: Instant, hours: Range) -> Result<(), Failure> {
        let mut next = Some(hour_query(self.tenant, self.ask.view, received, hours));
        while let Some(query) = next {
            let slice = self.service.store.query(&query).await?;
            next = query.after(&slice);
            for (sk, attrs) in &slice.items {
                let (hour, received) = spans(sk, ":00:00Z")?;
                if received < self.mark.next {
                    self.read_rows_of(hour, received, attrs).await?;
                }
            }
        }
        Ok(())
    }

    async fn read_rows_of(
        &mut self,
        span: Instant,
        received: Instant,
        attrs: &Attrs,
    ) -> Result<(), Failure> {
        let renumbering = if self.ask.people {
            Some(self.renumber(received).await?)
        } else {
            None
        };
        self.visit_rows(span, attrs, renumbering.as_deref())
    }

    /// Visits the rows of a chunk, in the numbers of the scan's roster.
    fn visit_rows(
        &mut self,
        span: Instant,
        attrs: &Attrs,
        renumbering: Option<&Renumbering>,
    ) -> Result<(), Failure> {
        let damaged = || Failure::damaged("a rollup");
        for (mut place, mut tally) in rows_of(attrs)? {
            match renumbering {
                Some(renumbering) => renumbering
                    .apply(&mut place, &mut tally)
                    .ok_or_else(damaged)?,
                None => (place, tally) = (place.without_people(), Tally::from(tally.totals)),
            }
            (self.visit)(&mut self.sum, span, &place, &tally)?;
        }
        Ok(())
    }

    /// The numbers of a receipt month on the scan's roster.
    async fn renumber(&mut self, received: Instant) -> Result<Arc<Renumbering>, Failure> {
        let month = received.month();
        if let Some(known) = self.months.get(&month) {
            return Ok(Arc::clone(known));
        }
        let stored = self
            .service
            .read_masked_roster(self.tenant, &month, self.mark.next, &mut self.mask)
            .await?;
        let renumbering = Arc::new(stored.onto(&mut self.roster)?);
        self.months.insert(month, Arc::clone(&renumbering));
        Ok(renumbering)
    }

    /// Visits the events of the hours that the range cuts through, which rolled
    /// up receipt hours hold.
    async fn find_cut_hours(
        &mut self,
        cover: &Cover,
        days: &BTreeSet<Instant>,
    ) -> Result<(), Failure> {
        let mut received = BTreeSet::new();
        for cut in &cover.cut {
            let hour = Range {
                start: Some(*cut),
                end: Some(cut.plus_seconds(HOUR_SECONDS)),
            };
            for day in days.iter().chain([&self.mark.open_day()]) {
                let rollups = self
                    .service
                    .read_all(hour_query(self.tenant, View::Totals, *day, hour))
                    .await?;
                for (sk, _) in &rollups {
                    received.insert(spans(sk, ":00:00Z")?.1);
                }
            }
        }
        received.retain(|hour| *hour < self.mark.next);
        for hour in &received {
            let (service, tenant, range) = (self.service, self.tenant, self.range);
            let of_cut = |at: Instant| cover.cut.contains(&at.floor_to(HOUR_SECONDS));
            service
                .visit_hour(tenant, *hour, range, |page| self.events(page, of_cut))
                .await?;
        }
        // Asked after reading: an hour that is not marked was whole.
        let purged = self.service.find_purged(self.tenant, &received).await?;
        if purged.is_empty() {
            Ok(())
        } else {
            Err(Failure::RangePurged)
        }
    }

    /// Visits what came in receipt hours that are not yet rolled up: rows of what is
    /// rolled up in part, and the events of pages behind that, and of hours that the
    /// range cuts through.
    async fn read_open_hours(&mut self, cover: &Cover) -> Result<(), Failure> {
        let (service, tenant, range) = (self.service, self.tenant, self.range);
        let budget = PageBudget::new();
        let mut partials = service.read_partials(tenant, &self.mark).await?;
        for hour in service.list_hours_from(tenant, self.mark.next).await? {
            let partial = partials.remove(&hour.at);
            let partial = partial.filter(|_| Partial::views().any(|view| view == self.ask.view));
            let Some(PartialOfHour { partial, .. }) = partial else {
                let walk = Walk::new(tenant, [hour]);
                let events = |page| self.events(page, |_| true);
                service.visit_within(walk, range, &budget, events).await?;
                continue;
            };
            self.read_partial(&partial, cover).await?;
            let until = first_page(partial.until);
            let cut = service.find_partial_hours(tenant, &partial, &cover.cut);
            let cut = cut.await?;
            if !cut.is_empty() {
                let walk = Walk::new(tenant, [hour]).to(until.as_str());
                let of_cut = |at: Instant| cut.contains(&at.floor_to(HOUR_SECONDS));
                let events = |page| self.events(page, of_cut);
                service.visit_within(walk, range, &budget, events).await?;
            }
            let walk = Walk::new(tenant, [hour]).from(until);
            let events = |page| self.events(page, |_| true);
            service.visit_within(walk, range, &budget, events).await?;
        }
        Ok(())
    }

    /// Visits the rows of whole hours of a partial rollup.
    async fn read_partial(&mut self, partial: &Partial, cover: &Cover) -> Result<(), Failure> {
        let Some(hours) = cover.all_hours else {
            return Ok(());
        };
        let (service, tenant) = (self.service, self.tenant);
        let rows = service.read_partial_rows(tenant, partial, self.ask.view, hours);
        let rows = rows.await?;
        let renumbering = if self.ask.people && !rows.is_empty() {
            let roster = service.read_partial_roster(tenant, partial).await?;
            Some(roster.onto(&mut self.roster)?)
        } else {
            None
        };
        for (hour, attrs) in rows {
            self.visit_rows(hour, &attrs, renumbering.as_ref())?;
        }
        Ok(())
    }

    fn events(&mut self, page: Page, wanted: impl Fn(Instant) -> bool) -> Result<(), Failure> {
        let received = page.received;
        for mut stored in page.events {
            let at = stored.event.timestamp;
            if self.range.holds(at) && wanted(at) {
                self.mask.cover(&mut stored.event.dimensions, received);
                let place = self.place(&stored)?;
                let tally = Tally::from(stored.totals());
                (self.visit)(&mut self.sum, at, &place, &tally)?;
            }
        }
        Ok(())
    }

    fn place(&mut self, stored: &Stored) -> Result<Place, Overflow> {
        let mut place = if self.ask.people {
            self.roster.place(&stored.event)?
        } else {
            Place::of(&stored.event)
        };
        place.card.clone_from(&stored.card);
        place.overridden = stored.event.cost_override.is_some();
        Ok(place)
    }
}

/// The rollups of the hours of `received`, a day, for events of `hours`.
fn hour_query(tenant: &Name, view: View, received: Instant, hours: Range) -> Query {
    let mut query = Query::of(table::hour_rollups(
        tenant,
        view,
        &received.floor_to(DAY_SECONDS).day(),
    ));
    query.from = hours.start.map_or_else(String::new, Instant::hour);
    query.to = hours.end.map(Instant::hour);
    query
}
