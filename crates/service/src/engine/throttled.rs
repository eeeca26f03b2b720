//! Lanes of tenants that have too much to do, as this process met them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tollgate_core::{Lanes, Name};

/// There should be more lanes where so many pages were throttled within a second.
const PAGES_MIN: u32 = 3;
const SECOND: Duration = Duration::from_secs(1);
/// The most tenants that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// Pages that were throttled.
#[derive(Clone, Copy)]
struct Pages {
    /// How many lanes there were for them.
    lanes: Lanes,
    /// How many, in the second that began then.
    count: u32,
    since: Instant,
}

/// By tenant, what was throttled lately.
#[derive(Default)]
pub(crate) struct Throttled(Mutex<BTreeMap<Name, Pages>>);

impl Throttled {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Pages>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a page was throttled that was to be in one of so many lanes.
    pub(crate) fn note(&self, tenant: &Name, lanes: Lanes) {
        let since = Instant::now();
        let mut tenants = self.lock();
        if tenants.len() >= REMEMBERED_MAX {
            tenants.clear();
        }
        let anew = Pages {
            lanes,
            count: 0,
            since,
        };
        let pages = tenants.entry(tenant.clone()).or_insert(anew);
        if since >= pages.since + SECOND || lanes != pages.lanes {
            *pages = anew;
        }
        pages.count = pages.count.saturating_add(1);
    }

    /// The lanes that were throttled so often that there should be more, told once.
    pub(crate) fn take(&self, tenant: &Name) -> Option<Lanes> {
        let mut tenants = self.lock();
        let pages = tenants.get(tenant)?;
        let lanes = (pages.count >= PAGES_MIN).then_some(pages.lanes)?;
        tenants.remove(tenant);
        Some(lanes)
    }
}
