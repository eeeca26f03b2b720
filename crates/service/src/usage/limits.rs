//! Where a tenant's limits stand, for reading.

use crate::engine::service::Service;
use crate::store::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_core::{
    Amount, Config, CounterKey, Figure, Instant, Limit, Name, Range, Scope, Standpoint, Window,
    WindowKind,
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
    pub async fn read_limits(&self, tenant: &Name) -> Result<LimitsView, Failure> {
        let (config, at) = (self.read_config(tenant).await?, self.now());
        let mut found = Vec::new();
        for limit in config.all_limits() {
            let of_tenant = (limit.scope == Scope::Tenant).then(|| Arc::from(""));
            let named = limit.scope_id.clone().or(of_tenant);
            let series = config.series.iter().find(|series| series.is_for(&limit));
            if let (Some(scope_id), Some(series)) = (named, series) {
                let window = series.calendar.holding(limit.window, at);
                let figure = Figure::new(series.measure.clone(), series.since);
                found.push((
                    CounterKey {
                        scope: limit.scope,
                        scope_id,
                        window,
                    },
                    figure,
                    limit,
                ));
            }
        }
        let counters: BTreeSet<CounterKey> = found.iter().map(|(key, ..)| key.clone()).collect();
        let counters: Vec<CounterKey> = counters.into_iter().collect();
        let standing = self.read_standing(tenant, &counters, at).await?;
        let standpoint = |(key, figure, limit): (CounterKey, Figure, Limit)| Standpoint {
            limit: Arc::new(limit),
            count: standing.count(&key, &figure),
            scope_id: key.scope_id,
            window: key.window,
            requested: 0,
            hard_passed: false,
        };
        let standpoints = found.into_iter().map(standpoint).collect();
        Ok(LimitsView {
            config,
            standpoints,
            at,
        })
    }

    /// What the tenant has spent in the current window of this kind.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_spend(&self, tenant: &Name, window: WindowKind) -> Result<Amount, Failure> {
        let window = self
            .read_config(tenant)
            .await?
            .calendar()
            .holding(window, self.now());
        let start = window.end().map(|_| window.start);
        let range = Range {
            start,
            end: window.end(),
        };
        Ok(self.read_usage(tenant, range).await?.tally.totals.cost()?)
    }

    /// The events of the tenant's current calendar month by operation, and the
    /// month.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_month(
        &self,
        tenant: &Name,
    ) -> Result<(BTreeMap<Name, i64>, Window), Failure> {
        let month = self
            .read_config(tenant)
            .await?
            .calendar()
            .holding(WindowKind::Month, self.now());
        let usage = self
            .read_usage(
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
