//! So many requests a second of one tenant: the rest is refused before anything is
//! asked of the store.

use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tollgate_api::Problem;
use tollgate_core::Name;

/// What is unused is kept for so long.
const BURST: Duration = Duration::from_secs(1);
/// The most tenants, and keys, that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// A token bucket for each tenant, of this process.
pub(crate) struct Ceiling {
    /// The time that a request uses up; `None` = no bound.
    each: Option<Duration>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Up to when each tenant's time is used up.
    used: BTreeMap<Name, Instant>,
    /// Digests of keys of tenants that have none left, as they were verified: whoever
    /// comes again with one is not looked up.
    keys: BTreeMap<[u8; 32], Name>,
}

impl Inner {
    fn has_time(&self, tenant: &Name, now: Instant) -> bool {
        self.used
            .get(tenant)
            .is_none_or(|used| *used <= now + BURST)
    }

    /// Forgets whose time is whole again, if they are many.
    fn make_room(&mut self, now: Instant) {
        if self.used.len() >= REMEMBERED_MAX {
            self.used.retain(|_, used| *used > now);
        }
        if self.keys.len() >= REMEMBERED_MAX {
            self.keys.clear();
        }
    }
}

impl Ceiling {
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self {
            each: per_second.map(|per_second| Duration::from_secs(1) / per_second.get()),
            inner: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a key that was verified lately, of a tenant that has no request left.
    ///
    /// # Errors
    /// 429.
    pub(crate) fn check(&self, key: &str) -> Result<(), Problem> {
        if self.lock().keys.is_empty() {
            return Ok(());
        }
        let digest: [u8; 32] = Sha256::digest(key).into();
        let mut inner = self.lock();
        let Some(tenant) = inner.keys.get(&digest) else {
            return Ok(());
        };
        if inner.has_time(tenant, Instant::now()) {
            inner.keys.remove(&digest);
            return Ok(());
        }
        Err(Problem::too_many_requests())
    }

    /// Takes a request of the tenant, whose verified key this is.
    ///
    /// # Errors
    /// 429 when it has none left.
    pub(crate) fn take(&self, tenant: &Name, key: &str) -> Result<(), Problem> {
        let Some(each) = self.each else {
            return Ok(());
        };
        let now = Instant::now();
        let mut inner = self.lock();
        inner.make_room(now);
        if !inner.has_time(tenant, now) {
            inner
                .keys
                .insert(Sha256::digest(key).into(), tenant.clone());
            return Err(Problem::too_many_requests());
        }
        let used = inner.used.entry(tenant.clone()).or_insert(now);
        *used = (*used).max(now) + each;
        Ok(())
    }
}
