//! Housekeeping in pieces, of one tenant each: a schedule finds who has something
//! to be done, and workers do it, each piece apart from all others.

use crate::engine::service::Service;
use crate::housekeeping::alerts::Deliveries;
use crate::settings::actor::Actor;
use crate::store::failure::Failure;
use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant as Moment;
use tollgate_core::{Instant, Name, PurgeOrder};

/// A piece of housekeeping. Each is safe to repeat and to do twice at once; of a
/// tenant's, one at a time is less work.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(tag = "chore", rename_all = "snake_case")]
pub enum Chore {
    /// Roll up a tenant's closed hours.
    RollUp {
        /// The tenant.
        tenant_id: Name,
    },
    /// Roll up a tenant's open hours as far as they are.
    RollUpOpen {
        /// The tenant.
        tenant_id: Name,
    },
    /// Purge what is past a tenant's retention, everything closed rolled up before.
    Purge {
        /// The tenant.
        tenant_id: Name,
    },
    /// Expire a tenant's holds whose time is over.
    ExpireHolds {
        /// The tenant.
        tenant_id: Name,
    },
    /// Send a tenant's alerts that are due.
    DeliverAlerts {
        /// The tenant.
        tenant_id: Name,
        /// Their entries in the list of those that are due.
        entries: Vec<String>,
    },
    /// Complete a change of limits or of a plan.
    CompleteChange {
        /// Its entry in the list of changes.
        entry: String,
    },
}

/// A kind of housekeeping, which a schedule asks for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Housekeeping {
    /// `rollup`.
    RollUp,
    /// `rollup_open`.
    RollUpOpen,
    /// `purge`.
    Purge,
    /// `expire_holds`.
    ExpireHolds,
    /// `complete_changes`.
    CompleteChanges,
    /// `deliver_alerts`.
    DeliverAlerts,
}

/// Where chores wait for a worker.
#[async_trait]
pub trait ChoreQueue: Send + Sync {
    /// Adds chores, as a round of the schedule at `round` asks for them; the same of
    /// that round again, and what waits already, may be left out.
    ///
    /// # Errors
    /// A sentence where not all were taken; those that were may come twice.
    async fn send(&self, chores: Vec<Chore>, round: Instant) -> Result<(), String>;
}

/// The fewest pages of a part of a partial rollup.
const PAGES_MIN: usize = 32;

/// The most chores of one kind that a worker does at once.
const AT_ONCE: usize = 8;

impl Chore {
    /// The kind of housekeeping that it is a piece of.
    #[must_use]
    pub const fn kind(&self) -> Housekeeping {
        match self {
            Self::RollUp { .. } => Housekeeping::RollUp,
            Self::RollUpOpen { .. } => Housekeeping::RollUpOpen,
            Self::Purge { .. } => Housekeeping::Purge,
            Self::ExpireHolds { .. } => Housekeeping::ExpireHolds,
            Self::DeliverAlerts { .. } => Housekeeping::DeliverAlerts,
            Self::CompleteChange { .. } => Housekeeping::CompleteChanges,
        }
    }

    /// What one worker at a time does: one that cannot be done keeps others of the same
    /// group waiting, and nothing else, not even of the same tenant.
    #[must_use]
    pub fn group(&self) -> String {
        match self {
            Self::RollUp { tenant_id }
            | Self::RollUpOpen { tenant_id }
            | Self::Purge { tenant_id } => format!("hours|{tenant_id}"),
            Self::ExpireHolds { tenant_id } => format!("holds|{tenant_id}"),
            Self::DeliverAlerts { tenant_id, .. } => format!("alerts|{tenant_id}"),
            Self::CompleteChange { entry } => format!("change|{entry}"),
        }
    }
}

impl Housekeeping {
    /// All kinds, by the words that schedules have for them.
    pub const ALL: [(&'static str, Self); 6] = [
        ("rollup", Self::RollUp),
        ("rollup_open", Self::RollUpOpen),
        ("purge", Self::Purge),
        ("expire_holds", Self::ExpireHolds),
        ("complete_changes", Self::CompleteChanges),
        ("deliver_alerts", Self::DeliverAlerts),
    ];

    /// Whether it goes by the clock: while that is not trusted, nothing is to be done.
    const fn is_by_clock(self) -> bool {
        matches!(
            self,
            Self::RollUp | Self::RollUpOpen | Self::Purge | Self::ExpireHolds
        )
    }
}

impl Service {
    /// What is to be done of a kind, one chore a tenant. Only a purge asks for every
    /// tenant, so what no list knows of is found by it.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_chores(&self, kind: Housekeeping) -> Result<Vec<Chore>, Failure> {
        if kind.is_by_clock() && !self.trusts_clock().await? {
            tracing::error!(?kind, "the clock is not confirmed: nothing is done by it");
            return Ok(Vec::new());
        }
        let each =
            |tenants: Vec<Name>, of: fn(Name) -> Chore| tenants.into_iter().map(of).collect();
        Ok(match kind {
            Housekeeping::RollUp => {
                let tenants = self.list_unfolded(self.closing_hour()).await?;
                each(tenants, |tenant_id| Chore::RollUp { tenant_id })
            }
            Housekeeping::RollUpOpen => each(self.list_busy().await?, |tenant_id| {
                Chore::RollUpOpen { tenant_id }
            }),
            Housekeeping::Purge => each(self.visit_tenants().await?, |tenant_id| Chore::Purge {
                tenant_id,
            }),
            Housekeeping::ExpireHolds => each(self.list_holding().await?, |tenant_id| {
                Chore::ExpireHolds { tenant_id }
            }),
            Housekeeping::DeliverAlerts => {
                let due = self.list_due_alerts().await?.into_iter();
                due.map(|(tenant_id, entries)| Chore::DeliverAlerts { tenant_id, entries })
                    .collect()
            }
            Housekeeping::CompleteChanges => {
                let entries = self.list_changes().await?.into_iter();
                entries
                    .map(|entry| Chore::CompleteChange { entry })
                    .collect()
            }
        })
    }

    /// Puts what is to be done of a kind into a queue; how many chores.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store or the queue is out of reach; the next
    /// run sends again.
    pub async fn dispatch(
        &self,
        kind: Housekeeping,
        queue: &dyn ChoreQueue,
    ) -> Result<u64, Failure> {
        let chores = self.list_chores(kind).await?;
        let count = u64::try_from(chores.len()).unwrap_or(u64::MAX);
        if !chores.is_empty() {
            let sent = queue.send(chores, self.now()).await;
            sent.map_err(Failure::Unavailable)?;
        }
        Ok(count)
    }

    /// Does several chores; of each, how much was done, in their order. All of them
    /// wait together where one has to. Nothing further is begun when it is `stop`:
    /// what is left stays on its list. What fails keeps no other from it.
    pub async fn do_chores(
        &self,
        chores: &[Chore],
        deliveries: &Deliveries<'_>,
        stop: Moment,
    ) -> Vec<Result<u64, Failure>> {
        let rolled = self.roll_up_for(chores, stop).await;
        let mut done = Vec::new();
        for (chore, rolled) in chores.iter().zip(rolled) {
            done.push(self.do_chore(chore, rolled, deliveries, stop));
        }
        let done: Vec<_> = stream::iter(done).buffered(AT_ONCE).collect().await;
        for (chore, done) in chores.iter().zip(&done) {
            if let Err(failure) = done {
                tracing::warn!(?chore, %failure, "a chore is not done");
            }
        }
        done
    }

    /// Rolls up the tenants of those chores that begin so; of each chore, what came of
    /// that.
    async fn roll_up_for(
        &self,
        chores: &[Chore],
        stop: Moment,
    ) -> Vec<Option<Result<u64, Failure>>> {
        let tenant = |chore: &Chore| match chore {
            Chore::RollUp { tenant_id } | Chore::Purge { tenant_id } => Some(tenant_id.clone()),
            _ => None,
        };
        let tenants: BTreeSet<Name> = chores.iter().filter_map(tenant).collect();
        let tenants: Vec<Name> = tenants.into_iter().collect();
        let rolled = self.roll_up_together(&tenants, stop).await;
        let mut rolled: BTreeMap<Name, _> = tenants.into_iter().zip(rolled).collect();
        // What came of a tenant is told of its first chore; the others repeat it.
        let mut of = |chore| Some(rolled.remove(&tenant(chore)?).unwrap_or(Ok(0)));
        chores.iter().map(&mut of).collect()
    }

    async fn do_chore(
        &self,
        chore: &Chore,
        rolled: Option<Result<u64, Failure>>,
        deliveries: &Deliveries<'_>,
        stop: Moment,
    ) -> Result<u64, Failure> {
        let hours = rolled.transpose()?.unwrap_or(0);
        match chore {
            Chore::RollUp { .. } => Ok(hours),
            Chore::RollUpOpen { tenant_id } => self.roll_up_open(tenant_id, PAGES_MIN).await,
            Chore::Purge { tenant_id } => {
                let (order, actor) = (PurgeOrder::default(), Actor::schedule());
                let purged = self.purge_tenant(tenant_id, &order, &actor, stop).await?;
                Ok(purged.pages)
            }
            Chore::ExpireHolds { tenant_id } => self.expire_holds_of(tenant_id).await,
            Chore::DeliverAlerts { tenant_id, entries } => {
                self.deliver_entries(tenant_id, entries, deliveries).await
            }
            Chore::CompleteChange { entry } => self.complete_listed(entry, stop).await,
        }
    }
}
