//! Times of receipt: never in a closed hour, never before one given earlier.

use crate::engine::service::{Service, Tenancy};
use crate::engine::snapshot::Snapshot;
use crate::engine::submission::AHEAD_SECONDS_MAX;
use crate::engine::times::{Times, seconds};
use crate::store::failure::Failure;
use tollgate_core::{Attrs, DAY_SECONDS, Guard, Instant, Name, Write, table};
use ulid::Ulid;

/// How far a clock may lie behind what is stored; it is carried forward.
const BEHIND_SECONDS_MAX: i64 = 300;
/// How far a clock may lie ahead of the newest receipt until it is confirmed.
const TRUSTED_SECONDS: i64 = 35 * DAY_SECONDS;
/// The digits of a page's id that say when it was received.
const ULID_CHARS: usize = 26;

impl Service {
    /// The time of receipt of what is about to be written: now, but never within
    /// a closed hour, and never before what this process gave the tenant (where
    /// it makes every change: before what is stored).
    ///
    /// # Errors
    /// [`Failure::ClockBehind`] where the clock lies more than 5 minutes behind
    /// that.
    pub(crate) async fn stamp(&self, snapshot: &Snapshot) -> Result<Instant, Failure> {
        let (tenant, now) = (&snapshot.tenant, self.now());
        let last = match self.tenancy {
            Tenancy::Sole => self.read_last_stamp(tenant).await?,
            Tenancy::Shared { .. } => self.cache.last_stamp(tenant).unwrap_or(Instant::EPOCH),
        };
        let floor = last.max(snapshot.times.closed);
        if now.plus_seconds(BEHIND_SECONDS_MAX) < floor {
            tracing::error!(%tenant, %now, stored = %floor, "the clock lies behind what is stored");
            return Err(Failure::ClockBehind);
        }
        let stamp = now.max(floor);
        self.cache.note_stamp(tenant, stamp);
        Ok(stamp)
    }

    /// The last time of receipt that the tenant was given, by this process or one
    /// before it.
    pub(crate) async fn read_last_stamp(&self, tenant: &Name) -> Result<Instant, Failure> {
        if let Some(last) = self.cache.last_stamp(tenant) {
            return Ok(last);
        }
        let last = self.read_last_received(tenant).await?;
        self.cache.note_stamp(tenant, last);
        Ok(last)
    }

    /// Whether the clock is near enough to what was received last for anything
    /// to be removed or closed by it.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn trusts_clock(&self) -> Result<bool, Failure> {
        let now = self.now();
        let known = [self.cache.newest(), self.cache.confirmed()];
        let is_near_any = known.into_iter().flatten().any(|at| is_near(now, at));
        if self.cache.is_trusted() || is_near_any {
            return Ok(true);
        }
        let newest = self.read_newest_receipt().await?;
        Ok(newest.is_none_or(|newest| is_near(now, newest)))
    }

    /// Takes the clock as right, however far it lies ahead of what is stored, now
    /// and from now on.
    pub fn trust_clock(&self) {
        self.cache.trust();
    }

    /// Notes that a client's own time is near the clock's.
    pub(crate) fn compare_clock(&self, timestamp: Instant, now: Instant) {
        let early = now.plus_seconds(-AHEAD_SECONDS_MAX);
        if timestamp >= early && timestamp <= now.plus_seconds(AHEAD_SECONDS_MAX) {
            self.cache.confirm(now);
        }
    }

    async fn read_newest_receipt(&self) -> Result<Option<Instant>, Failure> {
        let Some(attrs) = self.read_item(table::clock()).await? else {
            return Ok(None);
        };
        let newest = Times::of(Some(&attrs)).closed;
        self.cache.note_newest(newest);
        Ok(Some(newest))
    }

    /// Notes the newest hour of receipt of all tenants, if the clock that gave it
    /// is trusted.
    pub(crate) async fn note_receipt(&self, hour: Instant) -> Result<(), Failure> {
        let is_noted = || self.cache.newest().is_some_and(|newest| newest >= hour);
        // Asking whether the clock is trusted may read what is noted.
        if is_noted() || !self.trusts_clock().await? || is_noted() {
            return Ok(());
        }
        let attrs = Attrs::from([(table::CLOSED.into(), seconds(hour))]);
        let before = i128::from(hour.unix_seconds()).saturating_sub(1);
        let newer = Guard::AtMost(table::CLOSED.into(), before);
        // Refused = it, or a newer one, is noted.
        self.write(&[Write::put(table::clock(), attrs).when(newer)])
            .await?;
        self.cache.note_newest(hour);
        Ok(())
    }

    /// Publishes that the tenant's receipt hours before `until` are closed;
    /// whether requests planned before that may still be under way.
    pub(crate) async fn publish_closing(
        &self,
        tenant: &Name,
        until: Instant,
    ) -> Result<bool, Failure> {
        let _alone = self.gate.write().await;
        let times = self.read_times(tenant).await?;
        if times.closed < until {
            self.set_time(tenant, table::CLOSED, until).await?;
            // Rules that were read before it do not know of it.
            self.cache.forget(tenant);
        }
        Ok(times.settled < until)
    }

    /// Says that nobody writes into the hours before `until` any more.
    pub(crate) async fn settle_closing(
        &self,
        tenant: &Name,
        until: Instant,
    ) -> Result<(), Failure> {
        self.set_time(tenant, table::SETTLED, until).await
    }

    /// Sets one of the tenant's times, unless a later one is set.
    pub(crate) async fn set_time(
        &self,
        tenant: &Name,
        name: &str,
        at: Instant,
    ) -> Result<(), Failure> {
        let before = i128::from(at.unix_seconds()).saturating_sub(1);
        let write = Write::set(table::version(tenant), vec![(name.into(), seconds(at))]);
        // Refused = a later one is set.
        self.write(&[write.when(Guard::AtMost(name.into(), before))])
            .await
            .map(drop)
    }

    /// Waits for requests planned before anything that was just published.
    pub(crate) async fn wait_for_requests(&self) {
        if let Tenancy::Shared { settle } = self.tenancy {
            tokio::time::sleep(settle).await;
        }
    }
}

fn is_near(now: Instant, newest: Instant) -> bool {
    now <= newest.plus_seconds(TRUSTED_SECONDS)
}

/// The time of receipt that a page's sort key begins with.
pub(crate) fn received_at(sk: &str) -> Option<Instant> {
    let millis = Ulid::from_string(sk.get(..ULID_CHARS)?)
        .ok()?
        .timestamp_ms();
    Instant::from_millis(i64::try_from(millis).ok()?).ok()
}
