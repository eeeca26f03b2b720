//! Plans, and who subscribes to them.

use crate::engine::service::Service;
use crate::engine::tries::Tries;
use crate::settings::audit::{Change, audit_write};
use crate::settings::tenants::{Actor, same_currency};
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::stream;
use futures::stream::StreamExt;
use tollgate_core::{
    Amount, Attrs, Config, Guard, Instant, Measure, Name, Override, Plan, Status, Subscription,
    Value, Write, Zone, table,
};

/// How many subscribers get a new version of their plan at the same time.
const RENEWED_AT_ONCE: usize = 64;

/// A subscription as it is asked for.
#[derive(Clone, Debug)]
pub struct SubscriptionOrder {
    /// The plan's code; absent = no plan any more.
    pub plan: Option<Name>,
    /// Whether it entitles to anything.
    pub status: Status,
    /// Where its periods begin; absent = with each calendar month.
    pub period_anchor: Option<Instant>,
    /// Whose midnights count; absent = UTC.
    pub time_zone: Option<Zone>,
    /// Features whose values are this tenant's own: key, soft, hard.
    pub overrides: Vec<(Name, Option<Amount>, Option<Amount>)>,
}

impl Service {
    /// A plan as it was last put.
    ///
    /// # Errors
    /// [`Failure::NotFound`], [`Failure::Unavailable`].
    pub async fn plan(&self, code: &Name) -> Result<Plan, Failure> {
        self.stored_plan(code)
            .await?
            .ok_or(Failure::NotFound("plan"))
    }

    async fn stored_plan(&self, code: &Name) -> Result<Option<Plan>, Failure> {
        self.item(table::plan(code))
            .await?
            .map(|attrs| body(&attrs))
            .transpose()
    }

    /// All plans by code, after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] when the store is out of reach.
    pub async fn plans(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<Plan>, bool), Failure> {
        let mut query = Query::of(table::PLANS)
            .from(after.map_or_else(String::new, |after| format!("{after}\0")));
        query.limit = limit;
        let slice = self.store.query(&query).await?;
        let plans: Result<Vec<Plan>, Failure> =
            slice.items.iter().map(|(_, attrs)| body(attrs)).collect();
        Ok((plans?, slice.more))
    }

    /// Puts a plan, as the next version of its code, and renews every
    /// subscription to it before it answers; what was used stays counted. A
    /// renewal that is cut off is completed by the next rollup.
    ///
    /// # Errors
    /// [`Failure::Stale`] for another version than `actor` names; a
    /// subscriber's failure, after all others are renewed.
    pub async fn put_plan(&self, mut plan: Plan, actor: &Actor) -> Result<Plan, Failure> {
        loop {
            let stored = self.stored_plan(&plan.code).await?;
            if let Some(currency) = stored
                .as_ref()
                .map(|stored| stored.currency)
                .filter(|currency| *currency != plan.currency)
            {
                return Err(Failure::PlanCurrency(currency));
            }
            let held = stored.map_or(0, |held| held.version);
            if actor.if_match.is_some_and(|wanted| wanted != held) {
                return Err(Failure::Stale(held));
            }
            plan.version = held.saturating_add(1);
            let mut attrs = body_attrs(&plan)?;
            attrs.insert(table::VERSION.into(), Value::N(i128::from(plan.version)));
            let put = Write {
                key: table::plan(&plan.code),
                change: tollgate_core::Change::Put(attrs),
                guards: vec![at_version(held)],
            };
            let detail = serde_json::json!({ "plan": plan.code, "version": plan.version });
            let (audit, key) = audit_write(
                self.now(),
                actor,
                Change {
                    action: "plan.put",
                    tenant: None,
                    detail,
                },
            )?;
            let settled = self.settle(&[put, audit]).await?;
            if settled || self.item(key).await?.is_some() {
                break;
            }
        }
        let renewer = Actor {
            key_id: actor.key_id.clone(),
            if_match: None,
        };
        let mut renewals = Vec::new();
        for (tenant, _) in self.all(Query::of(table::subscribers(&plan.code))).await? {
            renewals.extend(Name::new(&tenant).map(|tenant| self.renewed(tenant, &renewer)));
        }
        let renewed: Vec<Result<(), Failure>> = stream::iter(renewals)
            .buffer_unordered(RENEWED_AT_ONCE)
            .collect()
            .await;
        renewed
            .into_iter()
            .find_map(Result::err)
            .map_or(Ok(plan), Err)
    }

    async fn renewed(&self, tenant: Name, actor: &Actor) -> Result<(), Failure> {
        let renewed = self.renew_plan(&tenant, actor).await;
        renewed.inspect_err(|failure| tracing::warn!(%tenant, %failure, "the plan is not renewed"))
    }

    /// Gives a subscribing tenant the version of its plan that was last put.
    /// Safe to repeat.
    pub(crate) async fn renew_plan(&self, tenant: &Name, actor: &Actor) -> Result<(), Failure> {
        let mut tries = Tries::new();
        loop {
            let config = self.tenant(tenant).await?;
            let Some(held) = config.subscription else {
                return Ok(());
            };
            let Some(plan) = self.stored_plan(&held.plan.code).await? else {
                return Ok(());
            };
            if plan.version <= held.plan.version {
                return Ok(());
            }
            let detail = serde_json::json!({ "plan": plan.code, "version": plan.version });
            let change = |config: &mut Config, _| {
                let own = config
                    .subscription
                    .as_mut()
                    .filter(|own| own.plan.code == plan.code && own.plan.version < plan.version);
                own.into_iter().for_each(|own| own.renew(plan.clone()));
                Ok(Vec::new())
            };
            let audit = Change {
                action: "plan.renewed",
                tenant: Some(tenant),
                detail,
            };
            if let Some(config) = self.try_config(tenant, audit, actor, change).await? {
                self.activated(tenant, config).await?;
                return Ok(());
            }
            tries.again("the tenant changes all the time").await?;
        }
    }

    /// Subscribes a tenant to a plan in place of any other, or to none. What
    /// its open windows already hold is counted before this returns.
    ///
    /// # Errors
    /// [`Failure::UnknownPlan`], [`Failure::Override`] for a feature that the
    /// plan does not meter, else as [`Service::put_limits`].
    pub async fn put_subscription(
        &self,
        tenant: &Name,
        order: &SubscriptionOrder,
        actor: &Actor,
    ) -> Result<Config, Failure> {
        let mut tries = Tries::new();
        loop {
            let plan = match &order.plan {
                Some(code) => Some(
                    self.stored_plan(code)
                        .await?
                        .ok_or_else(|| Failure::UnknownPlan(code.clone()))?,
                ),
                None => None,
            };
            let next = plan
                .map(|plan| subscription(plan, order, self.now()))
                .transpose()?;
            let carried = self.carried_allowance(tenant, next.as_ref()).await?;
            let detail = serde_json::json!({
                "plan": order.plan, "status": order.status, "period_anchor": order.period_anchor, "time_zone": order.time_zone,
            });
            let change = |config: &mut Config, _| {
                let mut writes = Vec::new();
                if let Some(plan) = next.as_ref().map(|next| &next.plan) {
                    same_currency(config.currency, Some(plan.currency))?;
                    config.currency = Some(plan.currency);
                    writes.extend([standing(plan), entry(plan, tenant)]);
                }
                let before = config
                    .plan_code()
                    .filter(|before| Some(*before) != order.plan.as_ref());
                writes.extend(
                    before
                        .map(|before| table::subscriber(before, tenant))
                        .map(deleted),
                );
                writes.extend(
                    carried
                        .as_ref()
                        .map(|carried| carried.writes(tenant, config))
                        .unwrap_or_default(),
                );
                let since = config.subscription.as_ref().map(|held| held.since);
                config.subscription = next.clone().map(|next| Subscription {
                    since: since.unwrap_or(next.since),
                    ..next
                });
                Ok(writes)
            };
            let audit = Change {
                action: "subscription.put",
                tenant: Some(tenant),
                detail,
            };
            if let Some(config) = self.try_config(tenant, audit, actor, change).await? {
                return self.activated(tenant, config).await;
            }
            tries.again("the plan changes all the time").await?;
        }
    }
}

fn subscription(
    plan: Plan,
    order: &SubscriptionOrder,
    now: Instant,
) -> Result<Subscription, Failure> {
    let overrides = order
        .overrides
        .iter()
        .enumerate()
        .map(|(place, (key, soft, hard))| {
            let wrong = |field, why| Failure::Override { place, field, why };
            let feature = plan
                .features
                .iter()
                .find(|feature| feature.is_metered && feature.feature_key == *key);
            let feature = feature
                .ok_or_else(|| wrong("feature_key", "names no metered feature of the plan"))?;
            let units = |field, value: Option<Amount>| match (&feature.measure, value) {
                (_, None) => Ok(None),
                (Measure::Spend, Some(value)) => Ok(Some(value.units())),
                (_, Some(value)) => value
                    .to_whole()
                    .map(Some)
                    .ok_or_else(|| wrong(field, "must be an integer")),
            };
            Ok(Override {
                feature_key: key.clone(),
                soft: units("soft_limit", *soft)?,
                hard: units("hard_limit", *hard)?,
            })
        });
    let overrides: Result<Vec<Override>, Failure> = overrides.collect();
    let SubscriptionOrder {
        status,
        period_anchor,
        time_zone,
        ..
    } = order;
    Ok(Subscription {
        overrides: overrides?,
        plan,
        status: *status,
        period_anchor: *period_anchor,
        time_zone: time_zone.clone(),
        since: now,
    })
}

fn at_version(version: u64) -> Guard {
    match version {
        0 => Guard::Absent,
        version => Guard::Equals(table::VERSION.into(), Value::N(i128::from(version))),
    }
}

/// The write that stands only while the plan is as it was read: a version put
/// meanwhile renews all subscribers listed by then.
fn standing(plan: &Plan) -> Write {
    let set = vec![(table::VERSION.into(), Value::N(i128::from(plan.version)))];
    let change = tollgate_core::Change::Update {
        add: Vec::new(),
        set,
    };
    Write {
        key: table::plan(&plan.code),
        change,
        guards: vec![at_version(plan.version)],
    }
}

fn entry(plan: &Plan, tenant: &Name) -> Write {
    Write {
        key: table::subscriber(&plan.code, tenant),
        change: tollgate_core::Change::Put(Attrs::new()),
        guards: Vec::new(),
    }
}

fn deleted(key: tollgate_core::Key) -> Write {
    Write {
        key,
        change: tollgate_core::Change::Delete,
        guards: Vec::new(),
    }
}
