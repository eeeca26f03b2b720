//! Tenants: first use, configuration, and changes to it.

use crate::engine::service::{Service, Snapshot, Tenancy};
use crate::settings::audit::{Change, audit_write};
use crate::store::body::body_attrs;
use crate::store::failure::Failure;
use crate::store::store::Query;
use tollgate_core::{
    Attrs, Budget, Config, Currency, Draft, Guard, Instant, Limit, LimitsError, Name, Quota, Tree,
    Value, Write, table,
};

/// The most bytes of a configuration; an item holds 400 KB.
const CONFIG_BYTES_MAX: usize = 380_000;

/// Who changes something, and under which condition.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The id of the key that asked.
    pub key_id: String,
    /// The version that the change was made for; absent = any.
    pub if_match: Option<u64>,
}

impl Actor {
    /// The service itself, by schedule or on its own.
    pub(crate) fn schedule() -> Self {
        Self {
            key_id: "schedule".to_owned(),
            if_match: None,
        }
    }
}

/// A tenant's own fields; what is absent is unset, but for a currency, which
/// stays once it is fixed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct TenantSettings {
    /// Who it is, for people.
    pub name: Option<String>,
    /// Who it is, for links.
    pub slug: Option<String>,
    /// Its currency: the one that first use fixed, or any before that.
    pub currency: Option<Currency>,
    /// The card that prices all of its events.
    pub rate_card: Option<Name>,
    /// How long its events are kept, in days.
    pub retention_days: Option<u32>,
    /// Whether it needs a plan.
    pub require_plan: bool,
}

impl Service {
    /// The tenant's configuration; version 0 for one never seen.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn tenant(&self, tenant: &Name) -> Result<Config, Failure> {
        Ok(Config::clone(self.snapshot(tenant).await?.pack.config()))
    }

    /// The ids of all tenants, ascending, after `after`.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn tenants(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Name>, bool), Failure> {
        let mut query = Query::of(table::TENANTS)
            .from(after.map_or_else(String::new, |after| format!("{after}\0")));
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let names = slice
            .items
            .iter()
            .filter_map(|(id, _)| Name::new(id).ok())
            .collect();
        Ok((names, slice.more))
    }

    /// The tenant's snapshot after making it known, with the currency of its
    /// first event.
    pub(crate) async fn registered(
        &self,
        tenant: &Name,
        snapshot: Snapshot,
        drafts: &[(usize, Draft)],
    ) -> Result<Snapshot, Failure> {
        let config = snapshot.pack.config();
        let (Some((_, first)), None) = (drafts.first(), config.currency) else {
            return Ok(snapshot);
        };
        let mut next = Config::clone(config);
        next.currency = Some(first.priced.currency);
        next.version = next.version.saturating_add(1);
        next.created = next.created.or(Some(self.now()));
        let writes = config_writes(tenant, config, &next)?;
        // Refused = another request was first: its currency stands.
        self.settle(&writes).await?;
        self.forget(tenant);
        self.snapshot(tenant).await
    }

    /// Changes the tenant's own fields.
    ///
    /// # Errors
    /// [`Failure::CurrencyMismatch`] for another currency after first use, and
    /// for a card whose currency no exchange rate converts now;
    /// [`Failure::UnknownCard`], [`Failure::Stale`].
    pub async fn put_tenant(
        &self,
        tenant: &Name,
        settings: &TenantSettings,
        actor: &Actor,
    ) -> Result<Config, Failure> {
        if let Some(card) = &settings.rate_card {
            let snapshot = self.snapshot(tenant).await?;
            let known = snapshot
                .catalog
                .card(card.as_str(), None)
                .ok_or_else(|| Failure::UnknownCard(card.to_string()))?;
            let currency = settings.currency.or(snapshot.pack.config().currency);
            let converts = |into| {
                snapshot
                    .catalog
                    .exchange(known.currency, into, self.now())
                    .is_some()
            };
            if !currency.is_some_and(converts) {
                same_currency(currency, Some(known.currency))?;
            }
        }
        let audit = serde_json::to_value(settings)?;
        self.change_config(tenant, "tenant.put", audit, actor, |config, now| {
            same_currency(config.currency, settings.currency)?;
            config.currency = settings.currency.or(config.currency);
            config.name.clone_from(&settings.name);
            config.slug.clone_from(&settings.slug);
            config.rate_card.clone_from(&settings.rate_card);
            config.set_retention(settings.retention_days, now);
            config.require_plan = settings.require_plan;
            Ok(())
        })
        .await
    }

    /// Replaces the quota layer of the tenant's limits; usage stays counted.
    ///
    /// # Errors
    /// As [`Service::put_limits`].
    pub async fn put_quota(
        &self,
        tenant: &Name,
        quota: &Quota,
        actor: &Actor,
    ) -> Result<Config, Failure> {
        let audit = serde_json::to_value(quota)?;
        let config = self.change_config(tenant, "quota.set", audit, actor, |config, _| {
            config.quota = Some(quota.clone());
            Ok(())
        });
        self.activated(tenant, config.await?).await
    }

    /// Replaces the general layer of the tenant's limits. What their open
    /// windows already hold is counted before this returns.
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
        let audit = serde_json::json!({ "limits": limits.iter().map(|limit| limit.id.as_str()).collect::<Vec<_>>() });
        let config = self.change_config(tenant, "limits.put", audit, actor, |config, _| {
            for currency in limits.iter().filter_map(|limit| limit.currency) {
                same_currency(config.currency, Some(currency))?;
                config.currency = Some(currency);
            }
            config.limits = limits.to_vec();
            Ok(())
        });
        self.activated(tenant, config.await?).await
    }

    /// Replaces the tenant's budget; `None` removes it. What its window already
    /// holds is counted before this returns.
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
        let config = self.change_config(tenant, "budget.put", audit, actor, |config, _| {
            let currency = budget.map(|budget| budget.currency);
            same_currency(config.currency, currency)?;
            config.currency = currency.or(config.currency);
            config.budget = budget.cloned();
            Ok(())
        });
        self.activated(tenant, config.await?).await
    }

    /// Replaces the tenant's tree of budgets; `None` removes it. What its
    /// windows already hold is counted before this returns: by the nodes that
    /// events name, in the tree as it is now.
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
        let config = self.change_config(tenant, "tree.put", audit, actor, |config, _| {
            let currency = tree.map(|tree| tree.currency);
            same_currency(config.currency, currency)?;
            config.currency = currency.or(config.currency);
            config.set_tree(tree.cloned());
            Ok(())
        });
        self.activated(tenant, config.await?).await
    }

    /// Applies `change` to the configuration in one guarded step, again from
    /// the start where someone else was first.
    pub(crate) async fn change_config<F>(
        &self,
        tenant: &Name,
        action: &str,
        detail: serde_json::Value,
        actor: &Actor,
        change: F,
    ) -> Result<Config, Failure>
    where
        F: Fn(&mut Config, Instant) -> Result<(), Failure>,
    {
        loop {
            let change = |config: &mut Config, now| change(config, now).map(|()| Vec::new());
            let audit = Change {
                action,
                tenant: Some(tenant),
                detail: detail.clone(),
            };
            if let Some(config) = self.try_config(tenant, audit, actor, change).await? {
                return Ok(config);
            }
        }
    }

    /// One step of a change, with the further writes that it asks for; `None`:
    /// someone else was first, or a guard of those writes did not hold.
    pub(crate) async fn try_config<F>(
        &self,
        tenant: &Name,
        audit: Change<'_>,
        actor: &Actor,
        change: F,
    ) -> Result<Option<Config>, Failure>
    where
        F: FnOnce(&mut Config, Instant) -> Result<Vec<Write>, Failure>,
    {
        // Requests in flight planned under the old limits commit first.
        let _alone = self.gate.write().await;
        self.forget(tenant);
        let snapshot = self.snapshot(tenant).await?;
        let held = snapshot.pack.config();
        if let Some(wanted) = actor.if_match.filter(|wanted| *wanted != held.version) {
            tracing::debug!(wanted, "stale version");
            return Err(Failure::Stale(held.version));
        }
        let now = self.now();
        let mut next = Config::clone(held);
        let further = change(&mut next, now)?;
        next.created = next.created.or(Some(now));
        let next = next.renewed(now)?;
        let mut writes = config_writes(tenant, held, &next)?;
        writes.extend(further);
        let (audit, key) = audit_write(now, actor, audit)?;
        writes.push(audit);
        let settled = self.settle(&writes).await;
        // Whatever came of it: a lost answer may have been a yes.
        self.forget(tenant);
        // Refused, or this very change arrived although its answer was lost.
        let done = settled? || self.item(key).await?.is_some();
        Ok(done.then_some(next))
    }

    /// Completes the series that a change of limits began to count, then says
    /// so: from there on limits test them.
    pub(crate) async fn activated(&self, tenant: &Name, config: Config) -> Result<Config, Failure> {
        if config.is_counting() {
            self.activate(tenant).await
        } else {
            Ok(config)
        }
    }

    /// Completes whatever series of the tenant are still being filled. Safe to
    /// repeat and to run twice at once.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn activate(&self, tenant: &Name) -> Result<Config, Failure> {
        loop {
            self.forget(tenant);
            let snapshot = self.snapshot(tenant).await?;
            let held = snapshot.pack.config();
            if !held.is_counting() {
                return Ok(Config::clone(held));
            }
            if let Tenancy::Shared { settle } = self.tenancy {
                // Requests planned before these series began commit first.
                tokio::time::sleep(settle).await;
            }
            self.backfill(tenant, held).await?;
            let next = Config::clone(held).activated();
            let writes = config_writes(tenant, held, &next)?;
            let _alone = self.gate.write().await;
            let settled = self.settle(&writes).await;
            // While alone: the next request plans under what is stored now.
            self.forget(tenant);
            settled?;
        }
    }
}

pub(crate) fn same_currency(
    tenant: Option<Currency>,
    other: Option<Currency>,
) -> Result<(), Failure> {
    match (tenant, other) {
        (Some(tenant), Some(other)) if tenant != other => Err(Failure::CurrencyMismatch {
            tenant: tenant.to_string(),
            other: other.to_string(),
        }),
        _ => Ok(()),
    }
}

/// The writes that replace `held` by `next`, and list the tenant if it is new.
fn config_writes(tenant: &Name, held: &Config, next: &Config) -> Result<Vec<Write>, Failure> {
    let mut attrs = body_attrs(next)?;
    if attrs
        .get(table::BODY)
        .and_then(Value::as_bytes)
        .is_some_and(|bytes| bytes.len() > CONFIG_BYTES_MAX)
    {
        return Err(Failure::Limits(LimitsError));
    }
    attrs.insert(table::VERSION.into(), Value::N(i128::from(next.version)));
    let guard = match held.version {
        0 => Guard::Absent,
        version => Guard::Equals(table::VERSION.into(), Value::N(i128::from(version))),
    };
    let put = |key, attrs: Attrs, guards| Write {
        key,
        change: tollgate_core::Change::Put(attrs),
        guards,
    };
    let mut writes = vec![put(table::config(tenant), attrs, vec![guard])];
    if held.version == 0 {
        let since = Value::S(next.created.unwrap_or(Instant::EPOCH).to_string());
        writes.push(put(
            table::tenant_entry(tenant),
            Attrs::from([(table::BODY.into(), since)]),
            Vec::new(),
        ));
    }
    Ok(writes)
}
