//! The service: a store, a clock, and what one process may remember.

use crate::engine::cache::Cache;
use crate::engine::head::Head;
use crate::engine::snapshot::Snapshot;
use crate::engine::throttled::Throttled;
use crate::engine::times::Times;
use crate::store::body::body;
use crate::store::clock::Clock;
use crate::store::failure::Failure;
use crate::store::forms::Before;
use crate::store::steady::Steady;
use crate::store::store::{Query, Slice, Store};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{
    Attrs, Config, FormVersion, HOUR_SECONDS, Instant, Key, Lanes, Name, Rules, Write, table,
};

/// How many processes change the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tenancy {
    /// This process alone: it may remember configurations, and waits for its
    /// own requests in flight when limits change.
    Sole,
    /// Others too: configurations are read for each request, and a change of
    /// limits waits this long for requests planned before it.
    Shared {
        /// At least the age that a reading may have (a second) and the longest
        /// that the store takes for a commit.
        settle: Duration,
    },
}

/// How old a reading may be when a commit starts, where others change it.
const READING_SECONDS_MAX: i64 = 1;
const READING_MAX: Duration = Duration::from_secs(1);

impl Tenancy {
    /// How old the catalogue's head may be when a request begins. A version that is
    /// put is told as done only once no process goes by an older head.
    pub(crate) fn head_age(self) -> Duration {
        match self {
            Self::Sole => Duration::ZERO,
            Self::Shared { settle } => settle.min(HEAD_AGE_MAX),
        }
    }
}

/// The longest that a process goes by the catalogue's head without reading it again:
/// one item is not read by every request of a deployment.
const HEAD_AGE_MAX: Duration = Duration::from_secs(1);

/// How a service is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    /// Whether the clock is near enough to what was received last; else nothing
    /// is swept, folded or expired by it until it is confirmed.
    pub clock_is_trusted: bool,
}

/// Metering, pricing and limits over a [`Store`].
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) steady: Arc<Steady>,
    clock: Arc<dyn Clock>,
    pub(crate) tenancy: Tenancy,
    /// Requests hold it to read from configuration to commit; a change of
    /// limits takes it to write, so that none planned before it commits after.
    pub(crate) gate: tokio::sync::RwLock<()>,
    pub(crate) cache: Cache,
    pub(crate) throttled: Throttled,
    /// The version of the forms that it writes.
    pub(crate) forms: FormVersion,
    secret: [u8; 32],
}

impl Service {
    /// A service over `store`. The `secret` signs cursors; processes that
    /// answer for one table share it.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        tenancy: Tenancy,
        secret: [u8; 32],
    ) -> Self {
        let cache = Cache::new(tenancy == Tenancy::Sole);
        let steady = Arc::new(Steady::new(store));
        let store: Arc<dyn Store> = Arc::clone(&steady) as Arc<dyn Store>;
        let gate = tokio::sync::RwLock::new(());
        Self {
            store,
            steady,
            clock,
            tenancy,
            gate,
            cache,
            throttled: Throttled::default(),
            forms: FormVersion::Current,
            secret,
        }
    }

    /// The same, writing this version of each form; it reads both.
    #[must_use]
    pub fn writing(mut self, forms: FormVersion) -> Self {
        if forms == FormVersion::Before && self.forms == FormVersion::Current {
            self.steady = Arc::new(Steady::new(Arc::new(Before(self.steady.inner()))));
            self.store = Arc::clone(&self.steady) as Arc<dyn Store>;
            self.forms = forms;
        }
        self
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Runs a request: it is given up within six seconds of its first call that
    /// the store did not serve, and when it took `most`, whatever was served.
    pub async fn patiently<T>(&self, most: Duration, request: impl Future<Output = T>) -> T {
        self.steady.with_patience(most, request).await
    }

    /// Whether the store takes what is written to it, as far as is known, and
    /// whether the clock is trusted.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] where the last commit was not served, or nothing
    /// can be read.
    pub async fn check_health(&self) -> Result<Health, Failure> {
        self.read_item(table::catalog_head()).await?;
        if self.steady.fails_to_write() {
            self.write(&[Write::put(table::probe(), Attrs::new())])
                .await?;
        }
        let clock_is_trusted = self.trusts_clock().await?;
        Ok(Health { clock_is_trusted })
    }

    /// The tenant's configuration and the rate cards, as they are now. Of one that
    /// this process knows, only the version is read.
    pub(crate) fn snapshot<'a>(
        &'a self,
        tenant: &'a Name,
    ) -> BoxFuture<'a, Result<Snapshot, Failure>> {
        Box::pin(async move {
            let (read, forgotten) = (
                (self.now(), tokio::time::Instant::now()),
                self.cache.forgotten(),
            );
            let snapshot = |(rules, catalog, times)| Snapshot {
                tenant: tenant.clone(),
                rules,
                catalog,
                times,
                read,
            };
            if let Some(known) = self.cache.rules(tenant) {
                return Ok(snapshot(known));
            }
            let hour = read.0.floor_to(HOUR_SECONDS);
            let asks_hour = !self.cache.is_registered(tenant, hour, Lanes::ONE);
            let known_head = self.cache.head(self.tenancy.head_age());
            let mut keys = vec![table::version(tenant)];
            keys.extend(asks_hour.then(|| table::hour(tenant, hour)));
            keys.extend(known_head.is_none().then(table::catalog_head));
            let mut items = self.store.read(&keys).await?.into_iter();
            let times = Times::of(items.next().flatten().as_ref());
            if asks_hour && let Some(record) = items.next().flatten() {
                self.note_hour(tenant, hour, &record);
            }
            let head = known_head.unwrap_or_else(|| {
                let head = Head::of(items.next().flatten().as_ref());
                self.cache.remember_head(head, read.1);
                head
            });
            let catalog = self.read_catalog_at(head).await?;
            let rules = self.read_rules(tenant, times.version).await?;
            if self.tenancy == Tenancy::Sole {
                self.read_last_stamp(tenant).await?;
            }
            self.cache
                .remember_rules(tenant, (&rules, &catalog, times), forgotten);
            Ok(snapshot((rules, catalog, times)))
        })
    }

    /// The rules of the tenant's configuration of this version, or of a later one.
    async fn read_rules(&self, tenant: &Name, version: u64) -> Result<Arc<Rules>, Failure> {
        if version == 0 {
            return Ok(Arc::new(Rules::new(Arc::new(Config::default()))));
        }
        if let Some(known) = self.cache.rules_of(tenant, version) {
            return Ok(known);
        }
        let attrs = self.read_item(table::config(tenant)).await?;
        let config: Config = attrs.map_or_else(|| Ok(Config::default()), |attrs| body(&attrs))?;
        Ok(Arc::new(Rules::new(Arc::new(config))))
    }

    /// The tenant's configuration and the rate cards as they were last read,
    /// for while the store is out of reach.
    pub(crate) fn last_read(&self, tenant: &Name) -> Option<Snapshot> {
        let (rules, catalog) = self.cache.last_rules(tenant)?;
        let (tenant, times) = (tenant.clone(), Times::of(None));
        let read = (self.now(), tokio::time::Instant::now());
        Some(Snapshot {
            tenant,
            rules,
            catalog,
            times,
            read,
        })
    }

    /// Whether a commit may no longer start under `snapshot`: a change of limits
    /// waits only so long for requests planned before it.
    pub(crate) fn is_outdated(&self, snapshot: &Snapshot) -> bool {
        let (read, began) = snapshot.read;
        let by_clock = self.now() > read.plus_seconds(READING_SECONDS_MAX);
        let is_old = by_clock || began.elapsed() > READING_MAX;
        self.tenancy != Tenancy::Sole && is_old
    }

    /// Every item of `query`, slice by slice.
    pub(crate) fn read_all<'a>(
        &'a self,
        query: Query,
    ) -> BoxFuture<'a, Result<Vec<(String, Attrs)>, Failure>> {
        Box::pin(async move {
            let mut items = Vec::new();
            let mut next = Some(query);
            while let Some(query) = next {
                let slice: Slice = self.store.query(&query).await?;
                next = query.after(&slice);
                items.extend(slice.items);
            }
            Ok(items)
        })
    }

    /// Reads one item.
    pub(crate) fn read_item<'a>(
        &'a self,
        key: Key,
    ) -> BoxFuture<'a, Result<Option<Attrs>, Failure>> {
        Box::pin(async move { Ok(self.store.read(&[key]).await?.into_iter().next().flatten()) })
    }
}
