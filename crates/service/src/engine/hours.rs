//! The receipt hours of a tenant: who reads pages asks for them here, and never a
//! clock.

use crate::engine::agenda::Unfolded;
use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::engine::stamp::received_at;
use crate::engine::times::Times;
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::future::BoxFuture;
use tollgate_core::{Attrs, Guard, HOUR_SECONDS, Instant, Lanes, Name, Value, Write, table};

/// A receipt hour with pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ReceiptHour {
    /// Its first instant.
    pub(crate) at: Instant,
    /// How many lanes its pages may be in.
    pub(crate) lanes: u8,
}

impl ReceiptHour {
    fn of(at: Instant, record: Option<&Attrs>) -> Self {
        let lanes = lanes_of(record).unwrap_or(Lanes::ONE).count();
        Self { at, lanes }
    }
}

/// The write that says in how many lanes the pages of an hour may be, unless more are
/// said.
fn with_lanes(tenant: &Name, hour: Instant, lanes: Lanes) -> Write {
    let count = i128::from(lanes.count());
    let set = vec![(table::LANES.into(), Value::N(count))];
    let fewer = Guard::AtMost(table::LANES.into(), count.saturating_sub(1));
    Write::set(table::hour(tenant, hour), set).when(fewer)
}

fn lanes_of(record: Option<&Attrs>) -> Option<Lanes> {
    let lanes = record?.get(table::LANES)?.as_number()?;
    Lanes::try_from(u8::try_from(lanes).ok()?).ok()
}

impl Service {
    /// Makes it known, before its first page, that an hour has any, and in how many
    /// lanes.
    pub(crate) fn register_hour<'a>(
        &'a self,
        tenant: &'a Name,
        received: Instant,
        lanes: Lanes,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let hour = received.floor_to(HOUR_SECONDS);
            if self.cache.is_registered(tenant, hour, lanes) {
                return Ok(());
            }
            let month = table::month(tenant, &hour.month());
            let keys = [table::hour(tenant, hour), month.clone(), table::clock()];
            let mut items = self.store.read(&keys).await?.into_iter();
            let record = items.next().flatten();
            let begins_month = items.next().flatten().is_none();
            if begins_month {
                // Before its first hour; twice is as well.
                self.write(&[Write::put(month, Attrs::new())]).await?;
            }
            if let Some(clock) = items.next().flatten() {
                self.cache.note_newest(Times::of(Some(&clock)).closed);
            }
            if record.is_none() {
                // Who is new has no entry; a refusal shows the one that there is.
                let known = match begins_month {
                    true => None,
                    false => self.read_unfolded(tenant).await?,
                };
                self.register_first(tenant, hour, lanes, known).await?;
            } else if lanes_of(record.as_ref()) < Some(lanes) {
                // Refused = another was first, perhaps with more.
                self.write(&[with_lanes(tenant, hour, lanes)]).await?;
            }
            self.note_receipt(hour).await?;
            self.cache.note_registered(tenant, hour, lanes);
            Ok(())
        })
    }

    /// Registers an hour that was not, and puts the tenant on the list of those with
    /// something to roll up: in one step, so that none is registered and not listed.
    async fn register_first(
        &self,
        tenant: &Name,
        hour: Instant,
        lanes: Lanes,
        mut known: Option<Unfolded>,
    ) -> Result<(), Failure> {
        let mut attempt = Attempt::new();
        loop {
            let listed = Unfolded::renewed(known, hour, self.now()).write(tenant, known);
            let writes = [listed, with_lanes(tenant, hour, lanes)];
            let Err(refused) = self.write_or_see(&writes).await? else {
                return Ok(());
            };
            // The refusal shows the hour, if another registered it, or the entry.
            let stands = refused.iter().filter_map(|of| of.guard.as_ref());
            if stands
                .clone()
                .any(|of| lanes_of(of.as_ref()) >= Some(lanes))
            {
                return Ok(());
            }
            known = stands.flatten().find_map(Unfolded::of);
            attempt.again("others register hours of the tenant").await?;
        }
    }

    /// Notes what the record of an hour says of its lanes.
    pub(crate) fn note_hour(&self, tenant: &Name, hour: Instant, record: &Attrs) {
        if let Some(lanes) = lanes_of(Some(record)) {
            self.cache.note_registered(tenant, hour, lanes);
        }
    }

    /// The receipt months (`YYYY-MM`) that may have pages from `from` on and before
    /// `to`, ascending.
    pub(crate) async fn list_months(
        &self,
        tenant: &Name,
        from: Instant,
        to: Option<Instant>,
    ) -> Result<Vec<String>, Failure> {
        let mut query = Query::of(table::months(tenant)).from(from.month());
        query.to = to.map(|to| format!("{}~", to.month()));
        let months = self.read_all(query).await?;
        Ok(months.into_iter().map(|(month, _)| month).collect())
    }

    /// What the tenant's version item says.
    pub(crate) async fn read_times(&self, tenant: &Name) -> Result<Times, Failure> {
        let attrs = self.read_item(table::version(tenant)).await?;
        Ok(Times::of(attrs.as_ref()))
    }

    /// The receipt hour from `at` on.
    pub(crate) async fn read_hour(
        &self,
        tenant: &Name,
        at: Instant,
    ) -> Result<ReceiptHour, Failure> {
        let record = self.read_item(table::hour(tenant, at)).await?;
        Ok(ReceiptHour::of(at, record.as_ref()))
    }

    /// The first receipt hour from `from` on, and before `to`, that may have
    /// pages.
    pub(crate) async fn find_first_hour(
        &self,
        tenant: &Name,
        from: Instant,
        to: Option<Instant>,
    ) -> Result<Option<Instant>, Failure> {
        for month in self.list_months(tenant, from, to).await? {
            let mut query = Query::of(table::hours(tenant, &month)).from(from.hour());
            (query.to, query.limit) = (to.map(Instant::hour), 1);
            let hours = self.store.query(&query).await?.items;
            if let Some((hour, _)) = hours.first() {
                return hour_of(hour).map(Some);
            }
        }
        Ok(None)
    }

    /// The receipt hours from `from` on that may have pages.
    pub(crate) fn list_hours_from<'a>(
        &'a self,
        tenant: &'a Name,
        from: Instant,
    ) -> BoxFuture<'a, Result<Vec<ReceiptHour>, Failure>> {
        Box::pin(async move {
            let records = self.list_hour_records(tenant, from, None).await?;
            let hour = |(at, record): &(Instant, Attrs)| ReceiptHour::of(*at, Some(record));
            Ok(records.iter().map(hour).collect())
        })
    }

    /// The records of receipt hours from `from` on and before `to`.
    pub(crate) async fn list_hour_records(
        &self,
        tenant: &Name,
        from: Instant,
        to: Option<Instant>,
    ) -> Result<Vec<(Instant, Attrs)>, Failure> {
        let mut records = Vec::new();
        for month in self.list_months(tenant, from, to).await? {
            let mut query = Query::of(table::hours(tenant, &month)).from(from.hour());
            query.to = to.map(Instant::hour);
            for (hour, attrs) in self.read_all(query).await? {
                records.push((hour_of(&hour)?, attrs));
            }
        }
        Ok(records)
    }

    /// When the tenant's newest page was received; the epoch without any.
    pub(crate) async fn read_last_received(&self, tenant: &Name) -> Result<Instant, Failure> {
        let newest = |pk: String| {
            let mut query = Query::of(pk);
            (query.descending, query.limit) = (true, 1);
            query
        };
        let months = newest(table::months(tenant));
        let months = self.store.query(&months).await?.items;
        let Some((month, _)) = months.first() else {
            return Ok(Instant::EPOCH);
        };
        let hours = newest(table::hours(tenant, month));
        let hours = self.store.query(&hours).await?.items;
        let Some((hour, record)) = hours.first() else {
            let first = format!("{month}-01T00:00:00Z").parse();
            return first.map_err(|_| Failure::damaged("the key of a month"));
        };
        let hour = ReceiptHour::of(hour_of(hour)?, Some(record));
        let mut last = hour.at;
        for lane in 0..hour.lanes {
            let stretch = table::stretch(hour.at, lane);
            let pages = newest(table::pages(tenant, &stretch));
            let pages = self.store.query(&pages).await?.items;
            let received = pages.first().and_then(|(sk, _)| received_at(sk));
            last = received.map_or(last, |received| received.max(last));
        }
        Ok(last)
    }
}

fn hour_of(sk: &str) -> Result<Instant, Failure> {
    format!("{sk}:00:00Z")
        .parse()
        .map_err(|_| Failure::damaged("the key of an hour"))
}
