//! What is stored of a tenant.

use crate::engine::service::Service;
use crate::store::body::body;
use crate::store::failure::Failure;
use crate::usage::hour::{Hour, LastPurge};
use crate::usage::pages::{PageBudget, Walk};
use crate::usage::partials::{PartialOfHour, first_page};
use crate::usage::scan::PASSES_MAX;
use tollgate_core::{Instant, Name, Page, Range, table};

/// What is stored of a tenant, event by event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events that are not purged.
    pub events: u64,
    /// The earliest time of any of them.
    pub oldest: Option<Instant>,
    /// The latest time of any of them.
    pub newest: Option<Instant>,
    /// How long events are kept, in days.
    pub retention_days: u32,
    /// When hours were last rolled up.
    pub last_rollup: Option<Instant>,
    /// The last purge that removed anything.
    pub last_purge: Option<LastPurge>,
}

impl Stats {
    fn add(&mut self, events: u64, first: Instant, last: Instant) {
        self.events = self.events.saturating_add(events);
        self.oldest = Some(self.oldest.map_or(first, |oldest| oldest.min(first)));
        self.newest = Some(self.newest.map_or(last, |newest| newest.max(last)));
    }
}

impl Service {
    /// What is stored of `tenant`, from the records of closed hours and the
    /// pages of open ones.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_stats(&self, tenant: &Name) -> Result<Stats, Failure> {
        for _ in 0..PASSES_MAX {
            if let Some(stats) = self.read_stats_once(tenant).await? {
                return Ok(stats);
            }
        }
        Err(Failure::Unavailable("a purge is going on".to_owned()))
    }

    /// `None` if a purge passed by.
    async fn read_stats_once(&self, tenant: &Name) -> Result<Option<Stats>, Failure> {
        let config = self.read_config(tenant).await?;
        let mut stats = Stats {
            retention_days: config.retention(),
            ..Stats::default()
        };
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(Some(stats));
        };
        stats.last_rollup = reached.mark.at;
        stats.last_purge = self.find_last_purge(tenant).await?;
        let kept_from = stats.last_purge.as_ref().map(|purge| purge.kept_from);
        let from = kept_from.unwrap_or(Instant::EPOCH);
        let purged = self.list_purged(tenant, from, None).await?;
        let until = Some(reached.mark.next);
        for (hour, attrs) in self.list_hour_records(tenant, from, until).await? {
            if attrs.contains_key(table::BODY) && !purged.contains(&hour.hour()) {
                let known: Hour = body(&attrs)?;
                stats.add(known.events, known.first, known.last);
            }
        }
        let budget = PageBudget::new();
        let mut partials = self.read_partials(tenant, &reached.mark).await?;
        for hour in self.list_hours_from(tenant, reached.mark.next).await? {
            let mut walk = Walk::new(tenant, [hour]);
            if let Some(PartialOfHour { partial, .. }) = partials.remove(&hour.at) {
                for part in &partial.parts {
                    stats.add(part.events, part.first, part.last);
                }
                walk = walk.from(first_page(partial.until));
            }
            let add = |page: Page| {
                let times = page.events.iter().map(|stored| stored.event.timestamp);
                times.for_each(|at| stats.add(1, at, at));
                Ok(())
            };
            self.visit_within(walk, Range::default(), &budget, add)
                .await?;
        }
        Ok(if self.list_purged(tenant, from, None).await? == purged {
            Some(stats)
        } else {
            None
        })
    }

    /// The tenant's last purge that removed anything.
    pub(crate) async fn find_last_purge(
        &self,
        tenant: &Name,
    ) -> Result<Option<LastPurge>, Failure> {
        let last = self.read_item(table::last_purge(tenant)).await?;
        last.map(|attrs| body(&attrs)).transpose()
    }
}
