//! Purging: whole receipt hours whose events are all past their retention.

use crate::engine::service::{Service, Tenancy};
use crate::engine::times::seconds;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change as Audit, audit_write};
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use crate::usage::hour::{Hour, LastPurge};
use crate::usage::pages::{Walk, is_expiring};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{
    Attrs, Config, DAY_SECONDS, Guard, Instant, Key, Name, PurgeOrder, Range, Write, table,
};

/// What was, or would be, purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Events.
    pub removed: u64,
    /// Pages.
    pub pages: u64,
}

impl Purged {
    fn add_open(&mut self, more: Self) {
        self.removed = self.removed.saturating_add(more.removed);
        self.pages = self.pages.saturating_add(more.pages);
    }

    fn add(&mut self, hour: &Hour) {
        self.removed = self.removed.saturating_add(hour.events);
        self.pages = self.pages.saturating_add(hour.pages);
    }
}

/// What is kept of a purged hour.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Purge {
    hour: Hour,
    at: Instant,
    by: String,
    /// Whether its pages are all gone.
    done: bool,
}

/// Pages that are left to expire at once.
const EXPIRED_AT_ONCE: usize = 25;

/// The pause between them: some 250 pages a second.
const PACE: Duration = Duration::from_millis(100);

/// How long a run goes on where nothing bounds it.
const RUN_MAX: Duration = Duration::from_secs(24 * 3600);

impl Service {
    /// Rolls up all closed hours of every tenant that has any: the work of the
    /// schedule. A tenant that fails keeps no other from it.
    ///
    /// # Errors
    /// The first tenant's failure; what is done stays, the next run goes on.
    pub async fn roll_up_all(&self) -> Result<u64, Failure> {
        if !self.trusts_clock().await? {
            tracing::error!("the clock is not confirmed: no hour closes by it");
            return Ok(0);
        }
        let tenants = self.list_unfolded(self.closing_hour()).await?;
        let done = self.roll_up_together(&tenants, Moment::now() + RUN_MAX);
        let (mut rolled, mut failed) = (0_u64, None);
        for (tenant, done) in tenants.iter().zip(done.await) {
            match done {
                Ok(hours) => rolled = rolled.saturating_add(hours),
                Err(failure) => failed = failed.or(Some(left_behind(tenant, failure))),
            }
        }
        failed.map_or(Ok(rolled), Err)
    }

    /// Purges, page by page, the receipt hours whose events are all older than
    /// the retention. Each is rolled up before and marked as purged before its
    /// first page goes, from when on queries read its rollup; markers,
    /// counters and totals stay. Safe to repeat. A tenant that fails keeps no
    /// other from it.
    ///
    /// # Errors
    /// The first tenant's failure; what is done stays.
    pub async fn purge(&self, order: &PurgeOrder, actor: &Actor) -> Result<Purged, Failure> {
        let tenants = match &order.tenant {
            Some(tenant) => vec![tenant.clone()],
            None => self.visit_tenants().await?,
        };
        let (mut sum, mut failed) = (Purged::default(), None);
        for tenant in tenants {
            let rolled = match order.dry_run {
                true => Ok(0),
                false => self.roll_up(&tenant).await,
            };
            let purged = match rolled {
                Ok(_) => {
                    let stop = Moment::now() + RUN_MAX;
                    self.purge_tenant(&tenant, order, actor, stop).await
                }
                Err(failure) => Err(failure),
            };
            match purged {
                Ok(purged) => {
                    sum.removed = sum.removed.saturating_add(purged.removed);
                    sum.pages = sum.pages.saturating_add(purged.pages);
                }
                Err(failure) => failed = failed.or(Some(left_behind(&tenant, failure))),
            }
        }
        failed.map_or(Ok(sum), Err)
    }

    /// Purges what is rolled up of a tenant. Nothing further is begun when it is `stop`;
    /// what is begun goes on with the next run.
    pub(crate) async fn purge_tenant(
        &self,
        tenant: &Name,
        order: &PurgeOrder,
        actor: &Actor,
        stop: Moment,
    ) -> Result<Purged, Failure> {
        if !self.trusts_clock().await? {
            tracing::error!("the clock is not confirmed: nothing is purged by it");
            return Ok(Purged::default());
        }
        let Some(reached) = self.read_reached(tenant).await? else {
            return Ok(Purged::default());
        };
        let config = self.read_config(tenant).await?;
        let days = order
            .older_than_days
            .unwrap_or_else(|| config.retention())
            .max(Config::RETENTION_DAYS_MIN);
        let cutoff = self
            .now()
            .plus_seconds(i64::from(days).saturating_mul(-86_400));
        let last = self.find_last_purge(tenant).await?;
        let from = last.map_or(Instant::EPOCH, |last| last.kept_from);
        let begun = self.list_begun_purges(tenant, from).await?;
        let mut kept_from = reached.mark.open_day();
        let mut sum = Purged::default();
        for purge in begun.values().filter(|purge| !purge.done) {
            sum.add(&purge.hour);
            if !order.dry_run {
                self.remove_pages(tenant, purge, stop).await?;
            }
        }
        // Days are rolled up from their pages, so none goes before.
        let until = Some(reached.mark.open_day());
        for (_, attrs) in self.list_hour_records(tenant, from, until).await? {
            // An hour without pages has an empty record.
            let Some(hour) = hour_of(&attrs)? else {
                continue;
            };
            if begun.contains_key(&hour.hour.hour()) {
                continue;
            }
            if hour.last >= cutoff {
                kept_from = kept_from.min(hour.hour);
                continue;
            }
            if !order.dry_run {
                if Moment::now() >= stop {
                    kept_from = kept_from.min(hour.hour);
                    break;
                }
                self.purge_hour(tenant, hour.clone(), actor, stop).await?;
            }
            sum.add(&hour);
        }
        if order.dry_run {
            sum.add_open(
                self.find_unfolded(tenant, reached.mark.open_day(), cutoff)
                    .await?,
            );
        }
        if sum.pages > 0 && !order.dry_run {
            self.note_purge(tenant, actor, sum, kept_from).await?;
        }
        Ok(sum)
    }

    async fn note_purge(
        &self,
        tenant: &Name,
        actor: &Actor,
        sum: Purged,
        kept_from: Instant,
    ) -> Result<(), Failure> {
        let last = LastPurge {
            at: self.now(),
            by: actor.key_id.clone(),
            events: sum.removed,
            pages: sum.pages,
            kept_from,
        };
        let write = Write::put(table::last_purge(tenant), body_attrs(&last)?);
        self.write(&[write]).await.map(drop)
    }

    /// What a purge would take of hours whose day is not rolled up yet, and would
    /// be first.
    async fn find_unfolded(
        &self,
        tenant: &Name,
        from: Instant,
        cutoff: Instant,
    ) -> Result<Purged, Failure> {
        let mut sum = Purged::default();
        let until = cutoff.floor_to(DAY_SECONDS);
        for hour in self
            .list_hours_from(tenant, from)
            .await?
            .into_iter()
            .map(|hour| hour.at)
            .filter(|at| *at < until)
        {
            let (mut events, mut pages, mut last) = (0_u64, 0_u64, Instant::EPOCH);
            self.visit_hour(tenant, hour, Range::default(), |page| {
                pages += 1;
                for stored in page.events {
                    (events, last) = (events + 1, last.max(stored.event.timestamp));
                }
                Ok(())
            })
            .await?;
            if last < cutoff {
                sum.add_open(Purged {
                    removed: events,
                    pages,
                });
            }
        }
        Ok(sum)
    }

    /// The purges of the hours from `from` on.
    async fn list_begun_purges(
        &self,
        tenant: &Name,
        from: Instant,
    ) -> Result<BTreeMap<String, Purge>, Failure> {
        let mut purges = BTreeMap::new();
        for month in self.list_months(tenant, from, None).await? {
            let marks = Query::of(table::purges(tenant, &month)).from(from.hour());
            for (hour, attrs) in self.read_all(marks).await? {
                purges.insert(hour, body(&attrs)?);
            }
        }
        Ok(purges)
    }

    async fn purge_hour(
        &self,
        tenant: &Name,
        hour: Hour,
        actor: &Actor,
        stop: Moment,
    ) -> Result<(), Failure> {
        let now = self.now();
        let detail =
            serde_json::json!({ "hour": hour.hour, "events": hour.events, "pages": hour.pages });
        let (audit, _) = audit_write(
            now,
            actor,
            Audit {
                action: "usage.purge",
                tenant: Some(tenant),
                detail,
            },
        )?;
        let purge = Purge {
            hour,
            at: now,
            by: actor.key_id.clone(),
            done: false,
        };
        let mark = self.mark(tenant, &purge, vec![Guard::Absent])?;
        self.write(&[mark, audit]).await?;
        self.remove_pages(tenant, &purge, stop).await
    }

    /// Lets what pages the hour still has expire, then says that none is left. An
    /// update of one item costs half of a delete in a transaction, and cancels
    /// nobody's; the store removes what is expired.
    async fn remove_pages(
        &self,
        tenant: &Name,
        purge: &Purge,
        stop: Moment,
    ) -> Result<(), Failure> {
        let hour = self.read_hour(tenant, purge.hour.hour).await?;
        let mut walk = Walk::new(tenant, [hour]);
        while let Some(slice) = walk.read_slice(self).await? {
            let kept = slice.into_iter().filter(|(_, attrs)| !is_expiring(attrs));
            let keys: Vec<Key> = kept.map(|(key, _)| key).collect();
            for chunk in keys.chunks(EXPIRED_AT_ONCE) {
                if Moment::now() >= stop {
                    return Ok(());
                }
                let expiries = chunk.iter().map(|key| self.expire_page(key));
                try_join_all(expiries).await?;
                self.pace().await;
            }
        }
        let done = Purge {
            done: true,
            ..purge.clone()
        };
        self.write(&[self.mark(tenant, &done, Vec::new())?]).await?;
        Ok(())
    }

    async fn expire_page(&self, key: &Key) -> Result<(), Failure> {
        let set = vec![(table::TTL.into(), seconds(self.now()))];
        // Refused = it is gone already.
        let write = Write::set(key.clone(), set).when(Guard::Present);
        self.write(&[write]).await.map(drop)
    }

    /// Leaves the store room for requests, where others have it too.
    async fn pace(&self) {
        if let Tenancy::Shared { settle } = self.tenancy {
            tokio::time::sleep(settle.min(PACE)).await;
        }
    }

    fn mark(&self, tenant: &Name, purge: &Purge, guards: Vec<Guard>) -> Result<Write, Failure> {
        let key = table::purge(tenant, purge.hour.hour);
        Ok(Write {
            guards,
            ..Write::put(key, body_attrs(purge)?)
        })
    }
}

/// What is known of a rolled up hour; `None` = it had no pages.
fn hour_of(attrs: &Attrs) -> Result<Option<Hour>, Failure> {
    attrs.get(table::BODY).map(|_| body(attrs)).transpose()
}

fn left_behind(tenant: &Name, failure: Failure) -> Failure {
    tracing::warn!(%tenant, %failure, "a schedule's work is not done");
    failure
}
