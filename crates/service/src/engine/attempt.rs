//! Trying again: bounded, spaced out, with jitter; and the one place from which
//! anything is written.

use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::store::clock::random;
use crate::store::failure::Failure;
use crate::store::steady::{COMMIT_MIN, Crowded, note_given_up, note_unserved, patience_left};
use crate::store::store::{Commit, Reason, Refusal, StoreError};
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::sync::RwLockReadGuard;
use tokio::time::Instant;
use tollgate_core::{Attrs, Name, Role, Value, Write, table};

const PAUSE_MILLIS_MAX: u64 = 400;
/// The most tries of one transaction.
const TRIES_MAX: u32 = 16;
/// Less patience than this is none.
const PATIENCE_MIN: Duration = Duration::from_millis(50);

/// The tries of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Attempt {
    tries: u32,
    /// Where the last commit's outcome is not known: how often that was so.
    pub(crate) lost: u32,
}

/// What came of a commit.
#[derive(Debug)]
pub(crate) enum Committed {
    /// All of it happened.
    Done,
    /// None of it happened; a guard did not hold, or others were at its items.
    Refused(Vec<Refused>),
    /// It was not begun, as its readings are too old, or its answer was lost.
    Again,
}

/// A write that was refused.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What it is to its transaction.
    pub(crate) role: Role,
    /// The item as it stands, where a guard did not hold; else others were at it.
    pub(crate) guard: Option<Option<Attrs>>,
    /// Whether its item, or the table, has too much to do.
    is_throttled: bool,
}

impl Refused {
    /// The configuration version under which its counter was last written.
    fn version(&self) -> Option<i128> {
        let standing = self.guard.as_ref()?.as_ref()?;
        standing
            .get(table::LIMITS_VERSION)
            .and_then(Value::as_number)
    }
}

impl Attempt {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Waits before the next try after others were faster: up to 8, 16, 32 …
    /// milliseconds, at random: a transaction is at its items for some ten.
    ///
    /// # Errors
    /// [`Failure::Contended`] when the tries or the request's patience are used
    /// up.
    pub(crate) async fn again(&mut self, why: &str) -> Result<(), Failure> {
        self.pause()
            .await
            .ok_or_else(|| Failure::Contended(why.to_owned()))
    }

    /// The same after the store was out of reach.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the tries or the request's patience are
    /// used up.
    async fn after_loss(&mut self, why: &str) -> Result<(), Failure> {
        self.lost = self.lost.saturating_add(1);
        self.pause()
            .await
            .ok_or_else(|| Failure::Unavailable(why.to_owned()))
    }

    /// `None` = no further try.
    async fn pause(&mut self) -> Option<()> {
        self.tries = self.tries.saturating_add(1);
        note_unserved(Instant::now());
        if self.tries >= TRIES_MAX {
            note_given_up();
            return None;
        }
        let most = 1_u64
            .checked_shl(self.tries.saturating_add(2))
            .unwrap_or(PAUSE_MILLIS_MAX)
            .min(PAUSE_MILLIS_MAX);
        let chance = u64::from(u16::from_be_bytes(random()));
        let micros = most.saturating_mul(1000).saturating_mul(chance) / 65_536;
        let pause = Duration::from_micros(micros);
        if pause + PATIENCE_MIN > patience_left() {
            note_given_up();
            return None;
        }
        tokio::time::sleep(pause).await;
        Some(())
    }
}

fn crowded(_: Crowded) -> Failure {
    note_given_up();
    Failure::Contended("the tenant's commits keep meeting each other".to_owned())
}

impl Service {
    /// Lets a request in that will write for the tenant, before it asks anything of the
    /// store: where the tenant's commits keep meeting each other they come at a pace. A
    /// change of limits waits until it has left.
    ///
    /// # Errors
    /// [`Failure::Contended`] when its turn does not come soon.
    pub(crate) async fn enter(&self, tenant: &Name) -> Result<RwLockReadGuard<'_, ()>, Failure> {
        self.raise_lanes(tenant).await;
        self.steady.check_place(tenant).map_err(crowded)?;
        Ok(self.gate.read().await)
    }

    /// The same for a try of several: only the first waits to be let in.
    pub(crate) async fn enter_again(
        &self,
        attempt: &Attempt,
        tenant: &Name,
    ) -> Result<RwLockReadGuard<'_, ()>, Failure> {
        match attempt.tries {
            0 => self.enter(tenant).await,
            _ => Ok(self.gate.read().await),
        }
    }

    /// Commits writes that were planned on `snapshot`, if that is still young
    /// enough. Waits before the next try unless a marker stands, which is
    /// progress.
    pub(crate) fn commit_planned<'a>(
        &'a self,
        attempt: &'a mut Attempt,
        snapshot: &'a Snapshot,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Committed, Failure>> {
        Box::pin(async move {
            let tenant = &snapshot.tenant;
            self.steady
                .take_place(tenant, attempt.tries)
                .await
                .map_err(crowded)?;
            if self.is_outdated(snapshot) {
                attempt.again("slow readings").await?;
                return Ok(Committed::Again);
            }
            let committed = self.commit(attempt, writes).await?;
            let Committed::Refused(refused) = &committed else {
                return Ok(committed);
            };
            if let [only] = refused.as_slice()
                && only.role == Role::Page
                && only.is_throttled
            {
                // The table has room for all else: the page's lane has too much to do.
                let lanes = snapshot.rules.config().lanes();
                self.throttled.note(tenant, lanes);
            }
            let version = i128::from(snapshot.rules.config().version);
            if refused
                .iter()
                .filter_map(Refused::version)
                .any(|newer| newer > version)
            {
                self.cache.forget(&snapshot.tenant);
            }
            let shows_marker = |of: &Refused| {
                matches!(
                    (of.role, &of.guard),
                    (Role::Marker(_) | Role::Batch, Some(Some(_)))
                )
            };
            if !refused.iter().any(shows_marker) {
                attempt.again("too many conflicts").await?;
            }
            Ok(committed)
        })
    }

    /// Commits writes; an unknown outcome is told as `Again`, after a pause.
    async fn commit(&self, attempt: &mut Attempt, writes: &[Write]) -> Result<Committed, Failure> {
        // Others were faster until it is too late to begin: the store does its work.
        if attempt.tries > 0 && attempt.lost == 0 && patience_left() < COMMIT_MIN {
            note_given_up();
            return Err(Failure::Contended("others were faster".to_owned()));
        }
        match self.store.commit(writes).await {
            Ok(Commit::Done { write_units }) => {
                tracing::debug!(write_units, "committed");
                Ok(Committed::Done)
            }
            Ok(Commit::Refused(refusals)) => {
                let refused = |Refusal { index, reason }: Refusal| Refused {
                    role: writes.get(index).map_or(Role::Other, |write| write.role),
                    is_throttled: reason == Reason::Throttled,
                    guard: match reason {
                        Reason::Guard(standing) => Some(standing),
                        Reason::Conflict | Reason::Throttled => None,
                    },
                };
                Ok(Committed::Refused(
                    refusals.into_iter().map(refused).collect(),
                ))
            }
            Err(StoreError::Unavailable(why)) => {
                attempt.after_loss(&why).await?;
                Ok(Committed::Again)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Commits writes whose guards, if refused, mean that someone else was
    /// first: `false`. Passing faults are tried again.
    pub(crate) fn write<'a>(&'a self, writes: &'a [Write]) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async move { Ok(self.write_or_see(writes).await?.is_ok()) })
    }

    /// The same; where someone else was first, what was refused, and what stands there.
    pub(crate) fn write_or_see<'a>(
        &'a self,
        writes: &'a [Write],
    ) -> BoxFuture<'a, Result<Result<(), Vec<Refused>>, Failure>> {
        Box::pin(async move {
            let mut attempt = Attempt::new();
            loop {
                match self.commit(&mut attempt, writes).await? {
                    Committed::Done => return Ok(Ok(())),
                    // Guards come first: what stands will stand at the next try.
                    Committed::Refused(refused) if refused.iter().any(|of| of.guard.is_some()) => {
                        return Ok(Err(refused));
                    }
                    Committed::Refused(_) => attempt.again("conflict").await?,
                    Committed::Again => {}
                }
            }
        })
    }
}
