//! Where a tenant's limits stand, for reading.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use crate::usage::range::Range;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{
    Amount, Config, Count, CounterKey, Instant, Name, Scope, Standpoint, Value, Window, WindowKind,
};

/// A tenant's limits and what they have counted.
#[derive(Clone, Debug)]
pub struct LimitsView {
    /// The configuration that they are part of.
    pub config: Config,
    /// Where each limit of one tenant, agent and so on stands now. Those on
    /// each one of a scope have no single standing and are left out.
    pub standpoints: Vec<Standpoint>,
    /// When this was read.
    pub at: Instant,
}

impl Service {
    /// The limits of `tenant` as they stand now.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn limits(&self, tenant: &Name) -> Result<LimitsView, Failure> {
        let config = self.tenant(tenant).await?;
        let at = self.now();
        let mut found = Vec::new();
        for limit in config.all_limits() {
            let named = limit
                .scope_id
                .clone()
                .or_else(|| (limit.scope == Scope::Tenant).then(|| Arc::from("")));
            if let (Some(scope_id), Some(series)) = (
                named,
                config.series.iter().find(|series| series.is_for(&limit)),
            ) {
                let key = CounterKey {
                    scope: limit.scope,
                    scope_id,
                    window: series.calendar.holding(limit.window, at),
                };
                found.push((limit.clone(), series.clone(), key));
            }
        }
        let mut keys: Vec<CounterKey> = found.iter().map(|(_, _, key)| key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        let items = self.counters(tenant, &keys).await?;
        let items: BTreeMap<CounterKey, _> = keys.into_iter().zip(items).collect();
        let standpoint =
            |(limit, series, key): (tollgate_core::Limit, tollgate_core::Series, CounterKey)| {
                let number = |name: String| {
                    items
                        .get(&key)
                        .and_then(|attrs| attrs.get(&*name))
                        .and_then(Value::as_number)
                        .unwrap_or(0)
                };
                let count = Count {
                    taken: number(series.taken_attribute()),
                    held: number(series.held_attribute()),
                };
                Standpoint {
                    limit: Arc::new(limit),
                    scope_id: key.scope_id,
                    window: key.window,
                    count,
                    requested: 0,
                    hard_passed: false,
                }
            };
        Ok(LimitsView {
            standpoints: found.into_iter().map(standpoint).collect(),
            config,
            at,
        })
    }

    /// What the tenant has spent in the current window of this kind.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn spent(&self, tenant: &Name, window: WindowKind) -> Result<Amount, Failure> {
        let window = self
            .tenant(tenant)
            .await?
            .calendar()
            .holding(window, self.now());
        let start = window.end().map(|_| window.start);
        Ok(self
            .usage(
                tenant,
                Range {
                    start,
                    end: window.end(),
                },
            )
            .await?
            .tally
            .totals
            .cost)
    }

    /// The events of the tenant's current calendar month by operation, and the
    /// month.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn month(&self, tenant: &Name) -> Result<(BTreeMap<Name, i64>, Window), Failure> {
        let month = self
            .tenant(tenant)
            .await?
            .calendar()
            .holding(WindowKind::Month, self.now());
        let usage = self
            .usage(
                tenant,
                Range {
                    start: Some(month.start),
                    end: month.end(),
                },
            )
            .await?;
        Ok((usage.operations, month))
    }
}
