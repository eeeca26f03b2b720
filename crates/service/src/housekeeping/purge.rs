//! Purging: whole receipt hours whose events are all past their retention.

use crate::engine::service::Service;
use crate::housekeeping::hours::Hour;
use crate::settings::audit::{Change as Audit, audit_write};
use crate::settings::tenants::Actor;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use serde::{Deserialize, Serialize};
use tollgate_core::{Change, Config, Guard, HOUR_SECONDS, Instant, Key, Name, Value, Write, table};

/// What is to be purged.
#[derive(Clone, Debug, Default)]
pub struct PurgeOrder {
    /// Whose events; absent = every tenant's.
    pub tenant: Option<Name>,
    /// In place of the tenant's own retention; at least
    /// [`Config::RETENTION_DAYS_MIN`].
    pub older_than_days: Option<u32>,
    /// Only count.
    pub dry_run: bool,
}

/// What was, or would be, purged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Events.
    pub removed: u64,
    /// Pages.
    pub pages: u64,
}

impl Purged {
    fn add(&mut self, hour: &Hour) {
        self.removed = self.removed.saturating_add(hour.events);
        self.pages = self.pages.saturating_add(hour.pages);
    }
}

/// The last purge of a tenant that removed anything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPurge {
    /// When.
    pub at: Instant,
    /// The id of the key that ordered it, or `schedule`.
    pub by: String,
    /// How many events it removed.
    pub events: u64,
    /// In how many pages.
    pub pages: u64,
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

/// Pages deleted in one transaction, which may concern 4 MB of items: one that
/// is begun within this takes 300 KB more at most.
const DELETES: usize = 50;

const DELETES_BYTES: usize = 3_000_000;

const TENANTS_AT_ONCE: usize = 100;

impl Service {
    /// Rolls up all closed hours of every tenant: the work of the schedule. A
    /// tenant that fails keeps no other from it.
    ///
    /// # Errors
    /// The first tenant's failure; what is done stays, the next run goes on.
    pub async fn roll_up_all(&self) -> Result<u64, Failure> {
        let (mut rolled, mut failed) = (0_u64, None);
        for tenant in self.tenants_in_turn().await? {
            match self.roll_up(&tenant).await {
                Ok(hours) => rolled = rolled.saturating_add(hours),
                Err(failure) => failed = failed.or(Some(left_behind(&tenant, failure))),
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
            None => self.tenants_in_turn().await?,
        };
        let (mut sum, mut failed) = (Purged::default(), None);
        for tenant in tenants {
            match self.purge_tenant(&tenant, order, actor).await {
                Ok(purged) => {
                    sum.removed = sum.removed.saturating_add(purged.removed);
                    sum.pages = sum.pages.saturating_add(purged.pages);
                }
                Err(failure) => failed = failed.or(Some(left_behind(&tenant, failure))),
            }
        }
        failed.map_or(Ok(sum), Err)
    }

    async fn purge_tenant(
        &self,
        tenant: &Name,
        order: &PurgeOrder,
        actor: &Actor,
    ) -> Result<Purged, Failure> {
        self.roll_up(tenant).await?;
        let Some(reached) = self.reached(tenant).await? else {
            return Ok(Purged::default());
        };
        let config = self.tenant(tenant).await?;
        let days = order
            .older_than_days
            .unwrap_or_else(|| config.retention())
            .max(Config::RETENTION_DAYS_MIN);
        let cutoff = self
            .now()
            .plus_seconds(i64::from(days).saturating_mul(-86_400));
        let begun = self.begun_purges(tenant).await?;
        let mut sum = Purged::default();
        for purge in begun.values().filter(|purge| !purge.done) {
            sum.add(&purge.hour);
            if !order.dry_run {
                self.remove_pages(tenant, purge).await?;
            }
        }
        // Days are rolled up from their pages, so none goes before.
        let hours = Query::of(table::hours(tenant)).to(reached.mark.open_day().hour());
        for (_, attrs) in self.all(hours).await? {
            let hour: Hour = body(&attrs)?;
            if hour.last >= cutoff || begun.contains_key(&hour.hour.hour()) {
                continue;
            }
            sum.add(&hour);
            if !order.dry_run {
                self.purge_hour(tenant, hour, actor).await?;
            }
        }
        if sum.pages > 0 && !order.dry_run {
            let last = LastPurge {
                at: self.now(),
                by: actor.key_id.clone(),
                events: sum.removed,
                pages: sum.pages,
            };
            let change = Change::Put(body_attrs(&last)?);
            self.settle(&[Write {
                key: table::last_purge(tenant),
                change,
                guards: Vec::new(),
            }])
            .await?;
        }
        Ok(sum)
    }

    async fn begun_purges(
        &self,
        tenant: &Name,
    ) -> Result<std::collections::BTreeMap<String, Purge>, Failure> {
        let items = self.all(Query::of(table::purges(tenant))).await?;
        items
            .into_iter()
            .map(|(hour, attrs)| Ok((hour, body(&attrs)?)))
            .collect()
    }

    async fn purge_hour(&self, tenant: &Name, hour: Hour, actor: &Actor) -> Result<(), Failure> {
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
        self.settle(&[mark, audit]).await?;
        self.remove_pages(tenant, &purge).await
    }

    /// Deletes what pages the hour still has, then says that none is left.
    async fn remove_pages(&self, tenant: &Name, purge: &Purge) -> Result<(), Failure> {
        let at = purge.hour.hour;
        let pages = self.pages_of_hour(tenant, at).await?;
        let (mut deletes, mut bytes) = (Vec::new(), 0);
        for (sk, attrs) in &pages {
            let key = Key::new(table::pages(tenant, &at.day()), sk.as_str());
            deletes.push(Write {
                key,
                change: Change::Delete,
                guards: Vec::new(),
            });
            bytes += attrs
                .get(table::BODY)
                .and_then(Value::as_bytes)
                .map_or(0, <[u8]>::len);
            if deletes.len() == DELETES || bytes > DELETES_BYTES {
                self.settle(&std::mem::take(&mut deletes)).await?;
                bytes = 0;
            }
        }
        if !deletes.is_empty() {
            self.settle(&deletes).await?;
        }
        let done = Purge {
            done: true,
            ..purge.clone()
        };
        self.settle(&[self.mark(tenant, &done, Vec::new())?])
            .await?;
        Ok(())
    }

    fn mark(&self, tenant: &Name, purge: &Purge, guards: Vec<Guard>) -> Result<Write, Failure> {
        let key = table::purge(tenant, &purge.hour.hour.hour());
        Ok(Write {
            key,
            change: Change::Put(body_attrs(purge)?),
            guards,
        })
    }

    /// All tenants, each hour from another one on, so that none waits for ever
    /// behind those that take a whole run.
    async fn tenants_in_turn(&self) -> Result<Vec<Name>, Failure> {
        let mut all = self.every_tenant().await?;
        let hours = usize::try_from(self.now().unix_seconds() / HOUR_SECONDS).unwrap_or(0);
        let first = hours.checked_rem(all.len()).unwrap_or(0);
        all.rotate_left(first);
        Ok(all)
    }

    /// The ids of all tenants, ascending.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn every_tenant(&self) -> Result<Vec<Name>, Failure> {
        let (mut all, mut more) = self.tenants(None, TENANTS_AT_ONCE).await?;
        while more {
            let last = all.last().map(Name::to_string);
            let (next, further) = self.tenants(last.as_deref(), TENANTS_AT_ONCE).await?;
            all.extend(next);
            more = further;
        }
        Ok(all)
    }
}

fn left_behind(tenant: &Name, failure: Failure) -> Failure {
    tracing::warn!(%tenant, %failure, "a schedule's work is not done");
    failure
}
