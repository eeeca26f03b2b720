//! Credit: what a tenant was granted, and where it stands.

use crate::engine::service::Service;
use crate::engine::tries::Tries;
use crate::settings::audit::Change;
use crate::settings::tenants::{Actor, same_currency};
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use tollgate_core::{
    Amount, Attrs, Config, Count, CounterKey, Currency, GRANTS_MAX, Grant, Guard, Instant, Name,
    Scope, Standing, Value, Write, credit_attribute, credit_held_attribute, table,
    uncovered_counter,
};

/// A grant as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOrder {
    /// Unique for the tenant, for ever: it makes the grant happen once.
    pub id: Name,
    /// How much; above 0.
    pub amount: Amount,
    /// The tenant's currency.
    pub currency: Currency,
    /// What is drawn first: the lowest number.
    pub priority: u32,
    /// From when on nothing is drawn of it.
    pub expires_at: Option<Instant>,
}

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
    /// What the plan includes in the current period, and what was taken of it.
    pub allowance: Option<(Amount, Count)>,
    /// Every grant ever made, in the order that they are drawn, and what was
    /// taken of each.
    pub grants: Vec<(Grant, Count)>,
    /// What was used beyond all credit.
    pub uncovered: i128,
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
        let mut tries = Tries::new();
        loop {
            let key = table::grant(tenant, &order.id);
            if let Some(attrs) = self.item(key.clone()).await? {
                let Stored { grant, currency } = body(&attrs)?;
                let same = GrantOrder {
                    id: grant.id.clone(),
                    amount: grant.amount,
                    currency,
                    priority: grant.priority,
                    expires_at: grant.expires_at,
                };
                return if same == *order {
                    Ok((grant, true))
                } else {
                    Err(Failure::Taken("grant"))
                };
            }
            let now = self.now();
            let grant = Grant {
                id: order.id.clone(),
                amount: order.amount,
                priority: order.priority,
                granted_at: now,
                expires_at: order.expires_at,
            };
            if order.expires_at.is_some_and(|end| end <= now) {
                return Err(Failure::Expired);
            }
            let empty = self.used_up(tenant, now).await?;
            let put = body_attrs(&Stored {
                grant: grant.clone(),
                currency: order.currency,
            })?;
            let change = |config: &mut Config, _| {
                same_currency(config.currency, Some(order.currency))?;
                config.currency = Some(order.currency);
                config.prepaid = true;
                config.grants = listed(&config.grants, grant.clone(), &empty, now)?;
                let change = tollgate_core::Change::Put(put);
                Ok(vec![Write {
                    key,
                    change,
                    guards: vec![Guard::Absent],
                }])
            };
            let audit = Change {
                action: "credit.grant",
                tenant: Some(tenant),
                detail: serde_json::to_value(order)?,
            };
            if self
                .try_config(tenant, audit, actor, change)
                .await?
                .is_some()
            {
                return Ok((grant, false));
            }
            tries.again("the tenant changes all the time").await?;
        }
    }

    /// Lists the grants that something can be drawn of again, after something
    /// was given back to one that was used up: as many as there is room for, in
    /// the order that they are drawn.
    pub(crate) async fn relist_grants(&self, tenant: &Name) -> Result<(), Failure> {
        let mut tries = Tries::new();
        loop {
            let (config, now) = (self.tenant(tenant).await?, self.now());
            if !config.prepaid {
                return Ok(());
            }
            let (all, empty) = (self.grants(tenant).await?, self.used_up(tenant, now).await?);
            let missing = |grant: &Grant| {
                grant.is_open(now) && !empty.contains(&grant.id) && !config.grants.contains(grant)
            };
            let missing: Vec<Grant> = all.into_iter().filter(missing).collect();
            let room = |config: &Config| {
                GRANTS_MAX.saturating_sub(kept(&config.grants, &empty, now).len())
            };
            if missing.is_empty() || room(&config) == 0 {
                return Ok(());
            }
            let change = |config: &mut Config, _| {
                for grant in missing.into_iter().take(room(config)) {
                    if !config.grants.contains(&grant) {
                        config.grants = listed(&config.grants, grant, &empty, now)?;
                    }
                }
                Ok(Vec::new())
            };
            let audit = Change {
                action: "credit.relisted",
                tenant: Some(tenant),
                detail: serde_json::Value::Null,
            };
            if self
                .try_config(tenant, audit, &Actor::schedule(), change)
                .await?
                .is_some()
            {
                return Ok(());
            }
            tries.again("the tenant changes all the time").await?;
        }
    }

    /// A tenant's credit as it stands now.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn credits(&self, tenant: &Name) -> Result<CreditView, Failure> {
        let (config, at) = (self.tenant(tenant).await?, self.now());
        let grants = self.grants(tenant).await?;
        let mut keys = vec![uncovered_counter(), config.allowance_counter(at)];
        keys.extend(grants.iter().map(Grant::counter));
        let mut counts = self
            .counters(tenant, &keys)
            .await?
            .into_iter()
            .map(|attrs| count(&attrs));
        let uncovered = counts.next().unwrap_or_default().taken;
        let allowance = config.allowance().zip(counts.next());
        Ok(CreditView {
            currency: config.currency,
            allowance,
            grants: grants.into_iter().zip(counts).collect(),
            uncovered,
            at,
        })
    }

    /// Every grant ever made, in the order that they are drawn.
    async fn grants(&self, tenant: &Name) -> Result<Vec<Grant>, Failure> {
        let items = self.all(Query::of(table::grants(tenant))).await?;
        let grants: Result<Vec<Grant>, Failure> = items
            .iter()
            .map(|(_, attrs)| Ok(body::<Stored>(attrs)?.grant))
            .collect();
        let mut grants = grants?;
        grants.sort_by(|a, b| a.rank().cmp(&b.rank()));
        Ok(grants)
    }

    /// The grants, of those whose time is not over, that nothing is left or held
    /// of.
    async fn used_up(&self, tenant: &Name, now: Instant) -> Result<BTreeSet<Name>, Failure> {
        let mut grants = self.grants(tenant).await?;
        grants.retain(|grant| grant.is_open(now));
        let keys: Vec<CounterKey> = grants.iter().map(Grant::counter).collect();
        let counts = self.counters(tenant, &keys).await?;
        let is_empty =
            |grant: &Grant, count: Count| count.held == 0 && count.taken >= grant.amount.units();
        let empty = grants
            .into_iter()
            .zip(&counts)
            .filter(|(grant, attrs)| is_empty(grant, count(attrs)));
        Ok(empty.map(|(grant, _)| grant.id).collect())
    }
}

/// The grants whose time is not over and that are not known to be used up.
fn kept(grants: &[Grant], empty: &BTreeSet<Name>, now: Instant) -> Vec<Grant> {
    grants
        .iter()
        .filter(|grant| grant.is_open(now) && !empty.contains(&grant.id))
        .cloned()
        .collect()
}

/// `grants` and one more, in the order that they are drawn, without those whose
/// time is over. Those that are used up go only where there is no room: what
/// is given back to one that is listed can be drawn again at once.
fn listed(
    grants: &[Grant],
    more: Grant,
    empty: &BTreeSet<Name>,
    now: Instant,
) -> Result<Vec<Grant>, Failure> {
    let mut grants: Vec<Grant> = grants
        .iter()
        .filter(|grant| grant.is_open(now))
        .cloned()
        .collect();
    if grants.len() >= GRANTS_MAX {
        grants = kept(&grants, empty, now);
    }
    if grants.len() >= GRANTS_MAX {
        return Err(Failure::TooManyGrants);
    }
    grants.push(more);
    grants.sort_by(|a, b| a.rank().cmp(&b.rank()));
    Ok(grants)
}

/// The part of `standing` that is credit.
pub(crate) fn credit_of(standing: &Standing) -> Standing {
    let credit = standing
        .iter()
        .filter(|(counter, _)| counter.scope == Scope::Credit);
    credit
        .map(|(counter, counts)| (counter.clone(), counts.clone()))
        .collect()
}

fn count(attrs: &Attrs) -> Count {
    let number = |name| attrs.get(&name).and_then(Value::as_number).unwrap_or(0);
    Count {
        taken: number(credit_attribute()),
        held: number(credit_held_attribute()),
    }
}
