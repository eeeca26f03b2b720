//! What expired holds hold: it counts for nothing, whoever asks.

use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::record::record::Refusing;
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use tollgate_core::{CounterKey, Instant, Name, OpenHold, Posting, Scope, Standing, expire, table};

/// How many tenants' holds are expired at once.
const AT_ONCE: usize = 16;

/// How often a reading is made anew because holds expired meanwhile.
const PASSES_MAX: usize = 5;

impl Service {
    /// Expires every hold whose time is over, of every tenant with open holds: the
    /// work of the schedule. Safe to repeat and to run twice at once. A tenant that
    /// fails keeps no other from it.
    ///
    /// # Errors
    /// The first tenant's failure; what is done stays, the next run goes on.
    pub async fn expire_holds(&self) -> Result<u64, Failure> {
        if !self.trusts_clock().await? {
            tracing::error!("the clock is not confirmed: no hold expires by it");
            return Ok(0);
        }
        let tenants = self.list_holding().await?;
        let mut expire = Vec::new();
        for tenant in &tenants {
            expire.push(self.expire_holds_of(tenant));
        }
        let done: Vec<_> = stream::iter(expire).buffered(AT_ONCE).collect().await;
        let (mut expired, mut failed) = (0_u64, None);
        for (tenant, done) in tenants.iter().zip(done) {
            match done {
                Ok(holds) => expired = expired.saturating_add(holds),
                Err(failure) => {
                    tracing::warn!(%tenant, %failure, "holds are not expired");
                    failed = failed.or(Some(failure));
                }
            }
        }
        failed.map_or(Ok(expired), Err)
    }

    /// Expires the tenant's holds whose time is over. Safe to repeat and to run twice at
    /// once.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn expire_holds_of(&self, tenant: &Name) -> Result<u64, Failure> {
        if !self.trusts_clock().await? {
            return Ok(0);
        }
        let now = self.now();
        let due = self.find_due_holds(tenant, now).await?;
        if due.is_empty() {
            self.settle_holding(tenant, now).await?;
            return Ok(0);
        }
        let snapshot = self.snapshot(tenant).await?;
        self.expire_listed(&snapshot, due).await
    }

    /// The holds of the tenant that are over at `now` and that nobody has ended.
    async fn find_due_holds(&self, tenant: &Name, now: Instant) -> Result<Vec<OpenHold>, Failure> {
        let query = Query::of(table::open_holds(tenant)).to(table::due_by(now));
        let entries = self.read_all(query).await?;
        let open = entries.iter().map(|(place, attrs)| {
            OpenHold::from_attrs(place, attrs).ok_or(Failure::damaged("the entry of a hold"))
        });
        open.collect()
    }

    /// Expires what of the tenant's holds that are over is held of what refuses;
    /// whether there was any, so that counters are to be read again.
    pub(crate) fn free_due<'a>(
        &'a self,
        tenant: &'a Name,
        snapshot: &'a Snapshot,
        refusing: &'a Refusing,
    ) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move {
            let refuses = |posting: &Posting| {
                let credit = refusing.credit && posting.counter.scope == Scope::Credit;
                credit || refusing.counters.contains(&posting.counter)
            };
            let mut due = self.find_due_holds(tenant, self.now()).await?;
            due.retain(|hold| hold.postings.iter().any(refuses));
            let any = !due.is_empty();
            self.expire_listed(snapshot, due).await?;
            Ok(any)
        })
    }

    /// Expires these, many at once; one that somebody else moved is left to them.
    async fn expire_listed(&self, snapshot: &Snapshot, due: Vec<OpenHold>) -> Result<u64, Failure> {
        let (tenant, mut snapshot) = (&snapshot.tenant, snapshot.clone());
        let (mut expired, mut rest, mut most) = (0_u64, due.as_slice(), due.len());
        while !rest.is_empty() {
            let first = rest.get(..most.min(rest.len())).unwrap_or(rest);
            let expiring = expire(&snapshot.rules, tenant, first, self.now())?;
            if self.write(&expiring.writes).await? {
                expired = expired.saturating_add(expiring.holds.try_into().unwrap_or(u64::MAX));
                (rest, most) = (rest.get(expiring.holds..).unwrap_or_default(), due.len());
                continue;
            }
            if expiring.holds == 1 {
                // It moved, or the rules did.
                self.cache.forget(tenant);
                snapshot = self.snapshot(tenant).await?;
                let again = expire(&snapshot.rules, tenant, first, self.now())?;
                expired += u64::from(self.write(&again.writes).await?);
                (rest, most) = (rest.get(1..).unwrap_or_default(), due.len());
                continue;
            }
            most = 1;
        }
        Ok(expired)
    }

    /// Where these counters stand at `now`, without what expired holds hold.
    pub(crate) fn read_standing<'a>(
        &'a self,
        tenant: &'a Name,
        counters: &'a [CounterKey],
        now: Instant,
    ) -> BoxFuture<'a, Result<Standing, Failure>> {
        Box::pin(async move {
            let mut standing = self.read_counters(tenant, counters).await?;
            if !standing.holds_any() {
                return Ok(standing);
            }
            let mut due = self.find_due_holds(tenant, now).await?;
            for _ in 0..PASSES_MAX {
                standing = self.read_counters(tenant, counters).await?;
                // What is due only ever leaves the list, so two that agree show what
                // was due while the counters were read.
                let after = self.find_due_holds(tenant, now).await?;
                if after == due {
                    let config = self.snapshot(tenant).await?.rules.config().clone();
                    for posting in due.iter().flat_map(|hold| &hold.postings) {
                        let counter = config.stands_in(&posting.counter).clone();
                        standing.undo(&Posting {
                            counter,
                            ..posting.clone()
                        });
                    }
                    return Ok(standing);
                }
                due = after;
            }
            Err(Failure::Contended("holds are expiring".to_owned()))
        })
    }
}
