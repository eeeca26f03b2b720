//! Who has something to be done: tenants put themselves on lists, so that a
//! schedule asks nobody who is idle.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::engine::times::seconds;
use crate::store::failure::Failure;
use crate::store::store::Query;
use tollgate_core::{Attrs, Guard, HOUR_SECONDS, Instant, Name, Value, Write, table};

/// How long after the last of its holds a tenant stays on their list: a process
/// whose clock lies behind may still take one that it knows to be covered.
const HOLDING_MARGIN_SECONDS: i64 = 600;

/// After so many pages of a process a tenant is put on the list of busy ones.
const PAGES_NOTED: u32 = 16;

/// A tenant's entry in the list of those with receipt hours that are not rolled up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Unfolded {
    /// From when on the first of them can be rolled up: its beginning.
    pub(crate) due: Instant,
    /// How often it was changed: who registers an hour moves it, so that nobody
    /// takes the tenant off the list who did not see that hour.
    version: i128,
}

impl Unfolded {
    /// What an item of the list says.
    pub(crate) fn of(attrs: &Attrs) -> Option<Self> {
        Some(Self {
            due: instant(attrs.get(table::DUE)?)?,
            version: attrs.get(table::VERSION)?.as_number()?,
        })
    }

    /// The entry after the hour `due` was registered at `now`, where it stood as `known`.
    pub(crate) fn renewed(known: Option<Self>, due: Instant, now: Instant) -> Self {
        Self {
            due: known.map_or(due, |known| known.due.min(due)),
            // By the time: one that was taken off and put on again is another.
            version: known.map_or(now.unix_nanos(), |known| known.version.saturating_add(1)),
        }
    }

    /// The write of the entry, if it still stands as `known`.
    pub(crate) fn write(self, tenant: &Name, known: Option<Self>) -> Write {
        let attrs = Attrs::from([
            (table::DUE.into(), seconds(self.due)),
            (table::VERSION.into(), Value::N(self.version)),
        ]);
        let stands = known.map_or(Guard::Absent, Self::stands);
        Write::put(table::unfolded(tenant), attrs).when(stands)
    }

    fn stands(self) -> Guard {
        Guard::Equals(table::VERSION.into(), Value::N(self.version))
    }
}

fn instant(value: &Value) -> Option<Instant> {
    let seconds = i64::try_from(value.as_number()?).ok()?;
    Some(Instant::EPOCH.plus_seconds(seconds))
}

impl Service {
    /// Puts the tenant on the list of those with something to roll up, at once.
    pub(crate) async fn note_unfolded(&self, tenant: &Name) -> Result<(), Failure> {
        let mut attempt = Attempt::new();
        loop {
            let known = self.read_unfolded(tenant).await?;
            let next = Unfolded::renewed(known, Instant::EPOCH, self.now());
            if self.write(&[next.write(tenant, known)]).await? {
                return Ok(());
            }
            attempt.again("others register hours of the tenant").await?;
        }
    }

    /// The tenant's entry in the list of those with something to roll up.
    pub(crate) async fn read_unfolded(&self, tenant: &Name) -> Result<Option<Unfolded>, Failure> {
        let attrs = self.read_item(table::unfolded(tenant)).await?;
        Ok(attrs.as_ref().and_then(Unfolded::of))
    }

    /// Says that the tenant has nothing to roll up before `next`, or nothing at all,
    /// unless an hour was registered since its entry was read as `seen`.
    pub(crate) async fn settle_unfolded(
        &self,
        tenant: &Name,
        seen: Unfolded,
        next: Option<Instant>,
    ) -> Result<(), Failure> {
        let write = match next {
            Some(due) if due == seen.due => return Ok(()),
            Some(due) => Unfolded { due, ..seen }.write(tenant, Some(seen)),
            None => Write::delete(table::unfolded(tenant)).when(seen.stands()),
        };
        self.write(&[write]).await.map(drop)
    }

    /// The tenants with something to roll up that closed before `until`.
    pub(crate) async fn list_unfolded(&self, until: Instant) -> Result<Vec<Name>, Failure> {
        let mut due = Vec::new();
        for list in table::unfolded_lists() {
            for (tenant, attrs) in self.read_all(Query::of(list)).await? {
                // One that cannot be read is looked at.
                if Unfolded::of(&attrs).is_none_or(|entry| entry.due < until) {
                    due.extend(Name::new(&tenant));
                }
            }
        }
        Ok(due)
    }

    /// Notes that a page of the tenant was written: with many of them it is put on the
    /// list of those whose open hours hold many. If that fails, a later page does it.
    pub(crate) async fn note_page(&self, tenant: &Name) {
        if !self.cache.counts_page(tenant, self.now(), PAGES_NOTED) {
            return;
        }
        let entry = [Write::put(table::busy(tenant), Attrs::new())];
        if let Err(failure) = self.write(&entry).await {
            tracing::debug!(%tenant, %failure, "a busy tenant is not listed yet");
        }
    }

    /// The tenants on that list.
    pub(crate) async fn list_busy(&self) -> Result<Vec<Name>, Failure> {
        self.list_of_tenants(table::busy_lists()).await
    }

    /// Takes the tenant off it: its next pages put it there again.
    pub(crate) async fn settle_busy(&self, tenant: &Name) -> Result<(), Failure> {
        self.write(&[Write::delete(table::busy(tenant))])
            .await
            .map(drop)
    }

    /// Puts the tenant on the list of those with open holds, up to `expires` at
    /// least: no hold is taken before that. A process that did so lately asks nobody.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store does not answer.
    pub async fn note_holding(&self, tenant: &Name, expires: Instant) -> Result<(), Failure> {
        if self.cache.holds_until(tenant) >= Some(expires) {
            return Ok(());
        }
        // Each tenant's hours begin at a time of their own, so that not all come at once.
        let letters = tenant.as_str().bytes().map(i64::from);
        let phase = letters.fold(0, |phase, letter| (phase * 31 + letter) % HOUR_SECONDS);
        let until = expires
            .plus_seconds(HOUR_SECONDS - phase)
            .floor_to(HOUR_SECONDS)
            .plus_seconds(phase);
        let before = i128::from(until.unix_seconds()).saturating_sub(1);
        let set = vec![(table::DUE.into(), seconds(until))];
        let earlier = Guard::AtMost(table::DUE.into(), before);
        // Refused = a later one stands.
        self.write(&[Write::set(table::holding(tenant), set).when(earlier)])
            .await?;
        self.cache.note_holds_until(tenant, until);
        Ok(())
    }

    /// Takes the tenant off that list, if by `now` no hold of it can be open any
    /// more; all that were over are expired.
    pub(crate) async fn settle_holding(&self, tenant: &Name, now: Instant) -> Result<(), Failure> {
        let last = now.plus_seconds(-HOLDING_MARGIN_SECONDS).unix_seconds();
        let over = Guard::AtMost(table::DUE.into(), i128::from(last));
        // Refused = there are.
        let off = Write::delete(table::holding(tenant)).when(over);
        self.write(&[off]).await.map(drop)
    }

    /// The tenants with open holds.
    pub(crate) async fn list_holding(&self) -> Result<Vec<Name>, Failure> {
        self.list_of_tenants(table::holding_lists()).await
    }

    pub(crate) async fn list_of_tenants(
        &self,
        lists: impl Iterator<Item = String>,
    ) -> Result<Vec<Name>, Failure> {
        let mut listed = Vec::new();
        for list in lists {
            for (tenant, _) in self.read_all(Query::of(list)).await? {
                listed.extend(Name::new(&tenant));
            }
        }
        Ok(listed)
    }
}
