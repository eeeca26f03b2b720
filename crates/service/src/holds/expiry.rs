//! Holds whose time is over.

use crate::engine::service::Service;
use crate::engine::tries::Tries;
use crate::store::failure::Failure;
use crate::store::store::Query;
use tollgate_core::{Hold, Name, expire, table};

/// The most holds that one request frees on its way before a limit refuses it.
const FREED_AT_ONCE: usize = 100;

impl Service {
    /// Expires every hold of every tenant whose time is over: the work of the
    /// schedule. Safe to repeat and to run twice at once. A tenant that fails
    /// keeps no other from it.
    ///
    /// # Errors
    /// The first tenant's failure; what is done stays, the next run goes on.
    pub async fn expire_holds(&self) -> Result<u64, Failure> {
        let (mut expired, mut failed) = (0_u64, None);
        for tenant in self.every_tenant().await? {
            match self.expire_due(&tenant).await {
                Ok(holds) => expired = expired.saturating_add(holds),
                Err(failure) => {
                    tracing::warn!(%tenant, %failure, "holds are not expired");
                    failed = failed.or(Some(failure));
                }
            }
        }
        failed.map_or(Ok(expired), Err)
    }

    async fn expire_due(&self, tenant: &Name) -> Result<u64, Failure> {
        let mut expired = 0_u64;
        let mut next = Some(self.due(tenant));
        while let Some(query) = next {
            let slice = self.store.query(&query).await?;
            next = query.after(&slice);
            let entries = slice.items.into_iter().map(|(entry, _)| entry).collect();
            expired = expired.saturating_add(self.expire_listed(tenant, entries).await?);
        }
        Ok(expired)
    }

    fn due(&self, tenant: &Name) -> Query {
        Query::of(table::open_holds(tenant)).to(table::holds_after(self.now()))
    }

    /// Expires what is over of the tenant's holds, up to 100 of them, before a
    /// limit refuses something; whether there was any, so that counters are to
    /// be read again.
    pub(crate) async fn free_due(&self, tenant: &Name) -> Result<bool, Failure> {
        let mut query = self.due(tenant);
        query.limit = FREED_AT_ONCE;
        let slice = self.store.query(&query).await?;
        let entries: Vec<String> = slice.items.into_iter().map(|(entry, _)| entry).collect();
        let any = !entries.is_empty();
        self.expire_listed(tenant, entries).await?;
        Ok(any)
    }

    async fn expire_listed(&self, tenant: &Name, entries: Vec<String>) -> Result<u64, Failure> {
        let mut expired = 0_u64;
        for hold in self.listed(tenant, entries).await? {
            if hold.is_due(self.now()) {
                self.expire_hold(tenant, hold).await?;
                expired = expired.saturating_add(1);
            }
        }
        Ok(expired)
    }

    /// Gives back what a hold whose time is over holds, and says so; the hold
    /// as it has ended, by this or by someone else.
    pub(crate) async fn expire_hold(&self, tenant: &Name, mut hold: Hold) -> Result<Hold, Failure> {
        let mut tries = Tries::new();
        let now = self.now();
        while hold.is_due(now) {
            let snapshot = self.snapshot(tenant).await?;
            let expired = expire(&snapshot.pack, tenant, &hold, now)?;
            if self.settle(&expired.writes).await? {
                return Ok(expired.hold);
            }
            tries.again("the hold moved").await?;
            hold = self.hold(tenant, hold.id()).await?;
        }
        Ok(hold)
    }
}
