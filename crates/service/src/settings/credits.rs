//! Credit: what a tenant was granted, and where it stands.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::Change;
use crate::settings::change::same_currency;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tollgate_core::{
    Amount, Config, Count, CounterKey, Currency, Figure, GRANTS_MAX, Grant, GrantOrder, Guard,
    Instant, Key, Name, Window, Write, table, uncovered_counter,
};

/// A grant as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    grant: Grant,
    currency: Currency,
}

/// A tenant's credit as it stands.
#[derive(Clone, Debug)]
pub struct CreditView {
    /// The currency of all of it, once it is fixed.
    pub currency: Option<Currency>,
    /// What the plan includes in the current period, what was taken of it, and the
    /// period.
    pub allowance: Option<(Amount, Count, Window)>,
    /// The grants that can be drawn on, those used up among them while there is
    /// room, and what is left of others within the 35 days after their end, in the
    /// order that they are drawn; and what was taken of each.
    pub grants: Vec<(Grant, Count)>,
    /// What was used beyond all credit; absent where there never was any.
    pub uncovered: Option<i128>,
    /// When this was read.
    pub at: Instant,
}

impl Service {
    /// Grants a tenant credit, once by the order's id; whether it was before.
    ///
    /// # Errors
    /// [`Failure::Taken`] where the id belongs to another grant,
    /// [`Failure::CurrencyMismatch`], [`Failure::TooManyGrants`].
    pub async fn grant_credit(
        &self,
        tenant: &Name,
        order: &GrantOrder,
        actor: &Actor,
    ) -> Result<(Grant, bool), Failure> {
        let mut attempt = Attempt::new();
        loop {
            let key = table::grant(tenant, &order.id);
            if let Some(attrs) = self.read_item(key.clone()).await? {
                let stored: Stored = body(&attrs)?;
                let same = stored.order() == *order;
                return if same {
                    Ok((stored.grant, true))
                } else {
                    Err(Failure::Taken("grant"))
                };
            }
            let now = self.now();
            if order.expires_at.is_some_and(|end| end <= now) {
                return Err(Failure::Expired);
            }
            let grant = Grant {
                id: order.id.clone(),
                amount: order.amount,
                priority: order.priority,
                granted_at: now,
                expires_at: order.expires_at,
            };
            let empty = self.find_used_up_if_full(tenant, now).await?;
            let put = body_attrs(&Stored {
                grant: grant.clone(),
                currency: order.currency,
            })?;
            let change = |config: &mut Config, _| {
                same_currency(config.currency, Some(order.currency))?;
                config.currency = Some(order.currency);
                config.prepaid = true;
                config.grants = list_grant(&config.grants, grant.clone(), &empty, now)?;
                Ok(vec![Write::put(key, put).when(Guard::Absent)])
            };
            let detail = serde_json::to_value(order)?;
            let audit = Change {
                action: "credit.grant",
                tenant: Some(tenant),
                detail,
            };
            if self
                .try_config(tenant, None, audit, actor, change)
                .await?
                .is_some()
            {
                return Ok((grant, false));
            }
            attempt.again("the tenant changes all the time").await?;
        }
    }

    /// Lists those of `grants` again that something can be drawn of, after
    /// something was given back to one that was used up: as many as there is
    /// room for, in the order that they are drawn.
    pub(crate) async fn relist_grants(
        &self,
        tenant: &Name,
        grants: &BTreeSet<Name>,
    ) -> Result<(), Failure> {
        let mut attempt = Attempt::new();
        loop {
            let (config, now) = (self.read_config(tenant).await?, self.now());
            let listed: BTreeSet<&Name> = config.grants.iter().map(|grant| &grant.id).collect();
            let missing = grants.iter().filter(|id| !listed.contains(id));
            let keys: Vec<Key> = missing.map(|id| table::grant(tenant, id)).collect();
            if keys.is_empty() {
                return Ok(());
            }
            let mut missing = Vec::new();
            for attrs in self.store.read(&keys).await?.into_iter().flatten() {
                missing.push(body::<Stored>(&attrs)?.grant);
            }
            missing.retain(|grant| grant.is_drawable(now));
            let empty = self.find_used_up_if_full(tenant, now).await?;
            let room = |config: &Config| {
                GRANTS_MAX.saturating_sub(keep_open(&config.grants, &empty, now).len())
            };
            if missing.is_empty() || room(&config) == 0 {
                return Ok(());
            }
            let change = |config: &mut Config, _| {
                for grant in missing.into_iter().take(room(config)) {
                    if !config.grants.contains(&grant) {
                        config.grants = list_grant(&config.grants, grant, &empty, now)?;
                    }
                }
                Ok(Vec::new())
            };
            let detail = serde_json::Value::Null;
            let audit = Change {
                action: "credit.relisted",
                tenant: Some(tenant),
                detail,
            };
            let done = self
                .try_config(tenant, None, audit, &Actor::schedule(), change)
                .await?;
            if done.is_some() {
                return Ok(());
            }
            attempt.again("the tenant changes all the time").await?;
        }
    }

    /// A tenant's credit as it stands now.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn read_credit(&self, tenant: &Name) -> Result<CreditView, Failure> {
        let (config, at) = (self.read_config(tenant).await?, self.now());
        let mut grants = config.grants.clone();
        grants.retain(|grant| grant.is_drawable(at));
        let of_period = config.allowance_counter(at);
        let mut counters = vec![uncovered_counter(), of_period.clone()];
        counters.extend(grants.iter().map(Grant::counter));
        let standing = self.read_standing(tenant, &counters, at).await?;
        let credit = Figure::credit();
        let count = |counter: &CounterKey| standing.count(counter, &credit);
        let uncovered = count(&uncovered_counter()).taken();
        let has_credit = config.prepaid || config.allowance().is_some() || uncovered > 0;
        let allowance = config.allowance();
        let allowance = allowance.map(|amount| (amount, count(&of_period), of_period.window));
        let counted = |grant: Grant| {
            let count = count(&grant.counter());
            (grant, count)
        };
        let grants = grants.into_iter().map(counted).collect();
        Ok(CreditView {
            currency: config.currency,
            allowance,
            grants,
            uncovered: has_credit.then_some(uncovered),
            at,
        })
    }

    /// The grants that the tenant ever got, by id, after `after`, at most `limit`,
    /// each with what was taken of it; and whether there are more.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn list_grants(
        &self,
        tenant: &Name,
        after: Option<&Name>,
        limit: usize,
    ) -> Result<(Vec<(Grant, Count)>, bool), Failure> {
        let from = after.map_or_else(String::new, |after| format!("{after}\0"));
        let mut query = Query::of(table::grants(tenant)).from(from);
        query.limit = limit.min(Query::LIMIT_MAX);
        let slice = self.store.query(&query).await?;
        let found = slice.items.iter();
        let grants: Result<Vec<Grant>, Failure> = found
            .map(|(_, attrs)| Ok(body::<Stored>(attrs)?.grant))
            .collect();
        let grants = grants?;
        let counters: Vec<CounterKey> = grants.iter().map(Grant::counter).collect();
        let standing = self.read_standing(tenant, &counters, self.now()).await?;
        let credit = Figure::credit();
        let counted = |grant: Grant| {
            let count = standing.count(&grant.counter(), &credit);
            (grant, count)
        };
        Ok((grants.into_iter().map(counted).collect(), slice.more))
    }

    /// Where as many grants are listed as may be, those that nothing is left or
    /// held of; else none is asked for.
    async fn find_used_up_if_full(
        &self,
        tenant: &Name,
        now: Instant,
    ) -> Result<BTreeSet<Name>, Failure> {
        let mut grants = self.read_config(tenant).await?.grants;
        grants.retain(|grant| grant.is_open(now));
        if grants.len() < GRANTS_MAX {
            return Ok(BTreeSet::new());
        }
        let counters: Vec<CounterKey> = grants.iter().map(Grant::counter).collect();
        let standing = self.read_counters(tenant, &counters).await?;
        let credit = Figure::credit();
        let is_empty = |grant: &Grant| {
            let count = standing.count(&grant.counter(), &credit);
            count.held == 0 && count.used >= grant.amount.units()
        };
        Ok(grants
            .into_iter()
            .filter(is_empty)
            .map(|grant| grant.id)
            .collect())
    }
}

impl Stored {
    /// What was asked for.
    fn order(&self) -> GrantOrder {
        GrantOrder {
            id: self.grant.id.clone(),
            amount: self.grant.amount,
            currency: self.currency,
            priority: self.grant.priority,
            expires_at: self.grant.expires_at,
        }
    }
}

/// The grants whose time is not over and that are not known to be used up.
fn keep_open(grants: &[Grant], empty: &BTreeSet<Name>, now: Instant) -> Vec<Grant> {
    let is_kept = |grant: &&Grant| grant.is_open(now) && !empty.contains(&grant.id);
    grants.iter().filter(is_kept).cloned().collect()
}

/// `grants` and one more, in the order that they are drawn: those whose time is
/// not over, and of the others the last to end that late events may still draw
/// on. Those that are used up go only where there is no room: what is given
/// back to one that is listed can be drawn again at once.
fn list_grant(
    grants: &[Grant],
    more: Grant,
    empty: &BTreeSet<Name>,
    now: Instant,
) -> Result<Vec<Grant>, Failure> {
    let (mut open, ended): (Vec<Grant>, Vec<Grant>) =
        grants.iter().cloned().partition(|grant| grant.is_open(now));
    if open.len() >= GRANTS_MAX {
        open = keep_open(&open, empty, now);
    }
    if open.len() >= GRANTS_MAX {
        return Err(Failure::TooManyGrants);
    }
    let mut ended: Vec<Grant> = ended
        .into_iter()
        .filter(|grant| grant.is_drawable(now))
        .collect();
    ended.sort_by_key(|grant| std::cmp::Reverse(grant.expires_at));
    ended.truncate(GRANTS_MAX);
    open.extend(ended);
    open.push(more);
    open.sort_by(|a, b| a.rank().cmp(&b.rank()));
    Ok(open)
}
