//! Plans, and who subscribes to them.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::{Change, audit_write};
use crate::settings::tenants::same_currency;
use crate::store::body::{body, body_attrs};
use crate::store::failure::Failure;
use crate::store::store::Query;
use futures::stream;
use futures::stream::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{
    Amount, Attrs, Config, CounterKey, Figure, Guard, Instant, Measure, Moved, Name, Override,
    Plan, Standing, Status, Subscription, Value, Write, Zone, table,
};

/// How many subscribers get a new version of their plan at the same time.
const RENEWED_AT_ONCE: usize = 64;
/// How long a request that puts a plan renews subscribers; the others follow.
const RENEWAL_MAX: Duration = Duration::from_secs(4);

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
            let put = Write::put(table::plan(&plan.code), attrs).when(at_version(held));
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
            let mut entry = Attrs::new();
            entry.insert(table::VERSION.into(), Value::N(i128::from(plan.version)));
            let changed = Write::put(table::changed_plan_entry(&plan.code), entry);
            let settled = self.write(&[put, changed, audit]).await?;
            if settled || self.item(key).await?.is_some() {
                break;
            }
        }
        let renewer = Actor {
            key_id: actor.key_id.clone(),
            if_match: None,
        };
        let until = Moment::now() + RENEWAL_MAX;
        self.renew_subscribers(&plan.code, &renewer, until).await?;
        Ok(plan)
    }

    /// Gives every subscriber the version of the plan that was last put, as far
    /// as that goes until then; whether all have it. Safe to repeat.
    pub(crate) async fn renew_subscribers(
        &self,
        code: &Name,
        actor: &Actor,
        until: Moment,
    ) -> Result<bool, Failure> {
        let Some(plan) = self.stored_plan(code).await? else {
            return Ok(true);
        };
        let (mut next, mut failed) = (Some(Query::of(table::subscribers(code))), None);
        while let Some(query) = next {
            let slice = self.store.query(&query).await?;
            let mut renewals = Vec::new();
            for (tenant, _) in &slice.items {
                let tenant = Name::new(tenant).ok();
                renewals.extend(tenant.map(|tenant| self.renew_subscriber(tenant, actor, until)));
            }
            let renewals: Vec<Result<bool, Failure>> = stream::iter(renewals)
                .buffer_unordered(RENEWED_AT_ONCE)
                .collect()
                .await;
            for renewal in renewals {
                match renewal {
                    Ok(true) => {}
                    Ok(false) => return Ok(false),
                    Err(failure) => failed = failed.or(Some(failure)),
                }
            }
            next = query.after(&slice);
        }
        if let Some(failure) = failed {
            return Err(failure);
        }
        // Refused = a later version was put.
        let version = Value::N(i128::from(plan.version));
        let entry = Write::delete(table::changed_plan_entry(code));
        self.write(&[entry.when(Guard::Equals(table::VERSION.into(), version))])
            .await?;
        Ok(true)
    }

    /// `false` = it is too late to begin.
    async fn renew_subscriber(
        &self,
        tenant: Name,
        actor: &Actor,
        until: Moment,
    ) -> Result<bool, Failure> {
        if Moment::now() >= until {
            return Ok(false);
        }
        let renewed = self.renew_plan(&tenant, actor).await;
        let renewed = renewed
            .inspect_err(|failure| tracing::warn!(%tenant, %failure, "the plan is not renewed"));
        let config = renewed?;
        if let Some(config) = config {
            self.complete_in_request(&tenant, config).await?;
        }
        Ok(true)
    }

    /// Gives a subscribing tenant the version of its plan that was last put; its
    /// configuration, if that changed it. Safe to repeat.
    async fn renew_plan(&self, tenant: &Name, actor: &Actor) -> Result<Option<Config>, Failure> {
        let mut attempt = Attempt::new();
        loop {
            let config = self.tenant(tenant).await?;
            let Some(held) = config.subscription else {
                return Ok(None);
            };
            let Some(plan) = self.stored_plan(&held.plan.code).await? else {
                return Ok(None);
            };
            if plan.version <= held.plan.version {
                return Ok(None);
            }
            let detail = serde_json::json!({ "plan": plan.code, "version": plan.version });
            let change = |config: &mut Config, _| {
                let own = config.subscription.as_mut();
                let is_older = |own: &&mut Subscription| {
                    own.plan.code == plan.code && own.plan.version < plan.version
                };
                own.filter(is_older)
                    .into_iter()
                    .for_each(|own| own.renew(plan.clone()));
                Ok(Vec::new())
            };
            let audit = Change {
                action: "plan.renewed",
                tenant: Some(tenant),
                detail,
            };
            if let Some(config) = self.try_config(tenant, audit, actor, change).await? {
                return Ok(Some(config));
            }
            attempt.again("the tenant changes all the time").await?;
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
        let mut attempt = Attempt::new();
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
            let standing = self.read_allowances(tenant, next.as_ref()).await?;
            let detail = serde_json::json!({
                "plan": order.plan, "status": order.status, "period_anchor": order.period_anchor, "time_zone": order.time_zone,
            });
            let change = |config: &mut Config, now| {
                let mut writes = Vec::new();
                if let Some(plan) = next.as_ref().map(|next| &next.plan) {
                    same_currency(config.currency, Some(plan.currency))?;
                    config.currency = Some(plan.currency);
                    writes.extend([standing_plan(plan), list_subscriber(plan, tenant)]);
                }
                let before = config.plan_code();
                let before = before.filter(|before| Some(*before) != order.plan.as_ref());
                let entry = before.map(|before| table::subscriber(before, tenant));
                writes.extend(entry.map(Write::delete));
                let since = config.subscription.as_ref().map(|held| held.since);
                let next = next.clone().map(|next| Subscription {
                    since: since.unwrap_or(next.since),
                    ..next
                });
                if let Some(moved) = config.set_subscription(next, now) {
                    let version = config.version.saturating_add(1);
                    writes.extend(move_allowance(tenant, version, &moved, &standing));
                }
                Ok(writes)
            };
            let audit = Change {
                action: "subscription.put",
                tenant: Some(tenant),
                detail,
            };
            if let Some(config) = self.try_config(tenant, audit, actor, change).await? {
                return self.complete_in_request(tenant, config).await;
            }
            attempt.again("the plan changes all the time").await?;
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
fn standing_plan(plan: &Plan) -> Write {
    let set = vec![(table::VERSION.into(), Value::N(i128::from(plan.version)))];
    Write::set(table::plan(&plan.code), set).when(at_version(plan.version))
}

fn list_subscriber(plan: &Plan, tenant: &Name) -> Write {
    Write::put(table::subscriber(&plan.code, tenant), Attrs::new())
}

impl Service {
    /// What was drawn from the allowance of the current period, and from that of
    /// the period that would take its place by `next`.
    async fn read_allowances(
        &self,
        tenant: &Name,
        next: Option<&Subscription>,
    ) -> Result<Standing, Failure> {
        let (config, now) = (self.tenant(tenant).await?, self.now());
        let mut after = config.clone();
        after.set_subscription(next.cloned(), now);
        let counters = [config.allowance_counter(now), after.allowance_counter(now)];
        let distinct = if counters[0] == counters[1] {
            &counters[..1]
        } else {
            &counters[..]
        };
        self.read_counters(tenant, distinct).await
    }
}

/// The writes that move all that one allowance holds into another, while the
/// configuration becomes `version`, if both stand as they were read. A request
/// in flight that was planned before finds the counters closed to it.
fn move_allowance(tenant: &Name, version: u64, moved: &Moved, standing: &Standing) -> Vec<Write> {
    let credit = Figure::credit();
    let stood = standing.count(&moved.from, &credit);
    let write = |counter: &CounterKey, sign: i128| {
        let count = standing.count(counter, &credit);
        let unchanged = |name: &Arc<str>, number: i128| match number {
            0 => Guard::AtMost(Arc::clone(name), 0),
            number => Guard::Equals(Arc::clone(name), Value::N(number)),
        };
        let added = [(credit.taken(), stood.taken()), (credit.used(), stood.used)];
        let added = added.into_iter().filter(|(_, amount)| *amount != 0);
        let add = added.map(|(name, amount)| (Arc::clone(name), sign.saturating_mul(amount)));
        let set = vec![(table::LIMITS_VERSION.into(), Value::N(i128::from(version)))];
        let change = tollgate_core::Change::Update {
            add: add.collect(),
            set,
        };
        let write = Write {
            change,
            ..Write::delete(table::counter(tenant, counter))
        };
        write
            .when(unchanged(credit.taken(), count.taken()))
            .when(unchanged(credit.used(), count.used))
    };
    vec![write(&moved.from, -1), write(&moved.to, 1)]
}
