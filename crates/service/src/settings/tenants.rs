//! Tenants: first use, configuration, and changes to it.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::engine::snapshot::Snapshot;
use crate::settings::actor::Actor;
use crate::settings::audit::Change;
use crate::settings::change::{config_writes, same_currency};
use crate::settings::replay::Once;
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{
    Budget, Config, Currency, Limit, Name, Quota, Resource, TenantSettings, Tree, table,
};

/// How long raising lanes may take.
const RAISING_MAX: Duration = Duration::from_secs(2);

impl Service {
    /// The tenant's configuration; version 0 for one never seen.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_config(&self, tenant: &Name) -> Result<Config, Failure> {
        Ok(Config::clone(self.snapshot(tenant).await?.rules.config()))
    }

    /// The ids of all tenants, ascending, after `after`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_tenants(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Name>, bool), Failure> {
        let from = after.map_or_else(String::new, |after| format!("{after}\0"));
        let queries: Vec<Query> = table::known_lists()
            .map(|list| Query {
                limit,
                ..Query::of(list).from(&from)
            })
            .collect();
        let slices = try_join_all(queries.iter().map(|query| self.store.query(query))).await?;
        let parts = slices.iter().filter(|slice| slice.more);
        // All ids up to here are known.
        let reached = parts.filter_map(|part| Some(&part.items.last()?.0)).min();
        let ids = slices.iter().flat_map(|slice| &slice.items);
        let ids = ids.filter(|(id, _)| reached.is_none_or(|reached| id <= reached));
        let mut names: Vec<Name> = ids.filter_map(|(id, _)| Name::new(id).ok()).collect();
        names.sort_unstable();
        let more = reached.is_some() || names.len() > limit;
        names.truncate(limit);
        Ok((names, more))
    }

    /// The ids of all tenants.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn visit_tenants(&self) -> Result<Vec<Name>, Failure> {
        self.list_of_tenants(table::known_lists()).await
    }

    /// The tenant's snapshot after making it known, with the currency of the
    /// first that is to be written of it.
    pub(crate) async fn register(
        &self,
        tenant: &Name,
        snapshot: Snapshot,
        currency: Currency,
    ) -> Result<Snapshot, Failure> {
        let held = snapshot.rules.config();
        if held.currency.is_some() {
            return Ok(snapshot);
        }
        let mut next = Config::clone(held);
        next.currency = Some(currency);
        next.version = next.version.saturating_add(1);
        next.created = next.created.or(Some(self.now()));
        let writes = config_writes(tenant, held, &next)?;
        // Refused = another request was first: its currency stands.
        self.write(&writes).await?;
        self.cache.forget(tenant);
        self.snapshot(tenant).await
    }

    /// Changes the tenant's own fields.
    ///
    /// # Errors
    /// [`Failure::CurrencyMismatch`] for another currency after first use, and
    /// for a card whose currency no exchange rate converts now;
    /// [`Failure::UnknownCard`], [`Failure::Stale`]; [`Failure::WouldDrop`] for what is
    /// set and not named, unless that is to be replaced.
    pub async fn put_tenant(
        &self,
        tenant: &Name,
        settings: &TenantSettings,
        replace: bool,
        actor: &Actor,
    ) -> Result<Config, Failure> {
        if !settings.rate_cards.is_empty() {
            self.check_cards(tenant, settings).await?;
        }
        let audit = serde_json::to_value(settings)?;
        self.change_config(
            tenant,
            (Resource::Tenant, "tenant.put"),
            audit,
            actor,
            |config, now| {
                same_currency(config.currency, settings.currency)?;
                let dropped = settings.dropped(config).map(|field| format!("/{field}"));
                let dropped: Vec<String> = dropped.filter(|_| !replace).collect();
                if !dropped.is_empty() {
                    return Err(Failure::WouldDrop(dropped));
                }
                config.currency = settings.currency.or(config.currency);
                config.name.clone_from(&settings.name);
                config.slug.clone_from(&settings.slug);
                config.rate_cards.clone_from(&settings.rate_cards);
                config.set_retention(settings.retention_days, now);
                config.require_plan = settings.require_plan;
                // Who says the same again did not mean to take back what was raised since.
                if settings.lanes.is_some() && settings.lanes != config.lanes {
                    config.raised_lanes = None;
                }
                config.lanes = settings.lanes;
                Ok(())
            },
        )
        .await
    }

    /// Whether each card is there, and what it costs is in the tenant's currency or is
    /// converted into it now; of cards that the tenant has already nothing is asked.
    async fn check_cards(&self, tenant: &Name, settings: &TenantSettings) -> Result<(), Failure> {
        let snapshot = self.snapshot(tenant).await?;
        let config = snapshot.rules.config();
        let currency = settings.currency.or(config.currency);
        if config.rate_cards == settings.rate_cards && config.currency == currency {
            return Ok(());
        }
        let now = self.now();
        let (catalog, times) = (Arc::clone(&snapshot.catalog), [now].into());
        let catalog = self.reach_times(catalog, &times).await?;
        for id in &settings.rate_cards {
            let known = catalog.card(id.as_str(), None);
            let known = known.ok_or_else(|| Failure::UnknownCard(id.clone()))?;
            let converts = |into| catalog.exchange(known.currency, into, now).is_some();
            if !currency.is_some_and(converts) {
                same_currency(currency, Some(known.currency))?;
            }
        }
        Ok(())
    }

    /// Spreads the tenant's pages over twice as many lanes, if a request found those that
    /// it has throttled; a later one tries again where that fails.
    pub(crate) async fn raise_lanes(&self, tenant: &Name) {
        let Some(throttled) = self.throttled.take(tenant) else {
            return;
        };
        let raised = async {
            let lanes = self.snapshot(tenant).await?.rules.config().lanes();
            let Some(more) = throttled.doubled().filter(|more| *more > lanes) else {
                return Ok(());
            };
            let audit = Change {
                action: "lanes.raise",
                tenant: Some(tenant),
                detail: serde_json::json!({ "lanes": more }),
            };
            let change = |config: &mut Config, _| {
                config.raised_lanes = Some(config.lanes().max(more));
                Ok(Vec::new())
            };
            // Once: whoever was first raised them as well.
            let itself = Actor::schedule();
            let raised = self.try_config(tenant, None, audit, &itself, change);
            raised.await.map(drop)
        };
        // It takes nothing of the time that the request has.
        let raised = self.steady.with_patience(RAISING_MAX, raised).await;
        if let Err::<(), Failure>(failure) = raised {
            tracing::warn!(%tenant, %failure, "lanes are not raised yet");
        }
    }

    /// Replaces the quota layer of the tenant's limits; usage stays counted. The
    /// answer `once` is stored with it.
    ///
    /// # Errors
    /// As [`Service::put_limits`]; [`Failure::Answered`] where an answer is stored
    /// already.
    pub async fn put_quota(
        &self,
        tenant: &Name,
        quota: &Quota,
        actor: &Actor,
        once: Option<&Once>,
    ) -> Result<Config, Failure> {
        let detail = serde_json::to_value(quota)?;
        let mut attempt = Attempt::new();
        loop {
            let change = |config: &mut Config, now| {
                config.quota = Some(quota.clone());
                once.map(|once| once.write(now))
                    .transpose()
                    .map(|once| once.into_iter().collect())
            };
            let audit = Change {
                action: "quota.set",
                tenant: Some(tenant),
                detail: detail.clone(),
            };
            if let Some(config) = self
                .try_config(tenant, Some(Resource::Quota), audit, actor, change)
                .await?
            {
                return self.complete_in_request(tenant, config).await;
            }
            self.check_unanswered(once).await?;
            attempt.again("the tenant changes all the time").await?;
        }
    }

    /// Replaces the general layer of the tenant's limits. What their open
    /// windows already hold is counted as far as 15 seconds allow; where that is
    /// not all, they are still counting, and `complete_changes` completes them.
    ///
    /// # Errors
    /// [`Failure::Limits`] for too many, [`Failure::CurrencyMismatch`],
    /// [`Failure::Stale`] for another version than `actor` names.
    pub async fn put_limits(
        &self,
        tenant: &Name,
        limits: &[Limit],
        actor: &Actor,
    ) -> Result<Config, Failure> {
        let ids: Vec<&str> = limits.iter().map(|limit| limit.id.as_str()).collect();
        let audit = serde_json::json!({ "limits": ids });
        let config = self.change_config(
            tenant,
            (Resource::Limits, "limits.put"),
            audit,
            actor,
            |config, _| {
                for currency in limits.iter().filter_map(|limit| limit.currency) {
                    same_currency(config.currency, Some(currency))?;
                    config.currency = Some(currency);
                }
                config.limits = limits.to_vec();
                Ok(())
            },
        );
        self.complete_in_request(tenant, config.await?).await
    }

    /// Replaces the tenant's budget; `None` removes it. What its window already
    /// holds is counted as by [`Service::put_limits`].
    ///
    /// # Errors
    /// As [`Service::put_limits`].
    pub async fn put_budget(
        &self,
        tenant: &Name,
        budget: Option<&Budget>,
        actor: &Actor,
    ) -> Result<Config, Failure> {
        let audit = serde_json::to_value(budget)?;
        let config = self.change_config(
            tenant,
            (Resource::Budget, "budget.put"),
            audit,
            actor,
            |config, _| {
                let currency = budget.map(|budget| budget.currency);
                same_currency(config.currency, currency)?;
                config.currency = currency.or(config.currency);
                config.budget = budget.cloned();
                Ok(())
            },
        );
        self.complete_in_request(tenant, config.await?).await
    }

    /// Replaces the tenant's tree of budgets; `None` removes it. What its
    /// windows already hold is counted as by [`Service::put_limits`], by the
    /// nodes that events counted in when they happened.
    ///
    /// # Errors
    /// As [`Service::put_limits`].
    pub async fn put_tree(
        &self,
        tenant: &Name,
        tree: Option<&Tree>,
        actor: &Actor,
    ) -> Result<Config, Failure> {
        let audit =
            serde_json::json!({ "nodes": tree.map(|tree| tree.nodes.keys().collect::<Vec<_>>()) });
        let config = self.change_config(
            tenant,
            (Resource::Tree, "tree.put"),
            audit,
            actor,
            |config, _| {
                let currency = tree.map(|tree| tree.currency);
                same_currency(config.currency, currency)?;
                config.currency = currency.or(config.currency);
                config.tree = tree.cloned();
                Ok(())
            },
        );
        self.complete_in_request(tenant, config.await?).await
    }
}
