//! Who subscribes to which plan.

use crate::engine::attempt::Attempt;
use crate::engine::service::Service;
use crate::settings::actor::Actor;
use crate::settings::audit::Change;
use crate::settings::change::same_currency;
use crate::settings::plans::standing_plan;
use crate::store::failure::Failure;
use std::sync::Arc;
use tollgate_core::{
    Amount, Attrs, Config, CounterKey, Figure, Guard, Instant, Measure, Moved, Name, Override,
    OverrideOrder, Plan, Resource, Standing, Subscription, SubscriptionOrder, Value, Write, table,
};

impl Service {
    /// Subscribes a tenant to a plan in place of any other, or to none. What
    /// its open windows already hold is counted as by [`Service::put_limits`].
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
                    self.read_plan(code)
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
                "plan": order.plan,
                "status": order.status,
                "period_anchor": order.period_anchor,
                "time_zone": order.time_zone,
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
            if let Some(config) = self
                .try_config(tenant, Some(Resource::Subscription), audit, actor, change)
                .await?
            {
                return self.complete_in_request(tenant, config).await;
            }
            attempt.again("the plan changes all the time").await?;
        }
    }

    /// What was drawn from the allowance of the current period, and from that of
    /// the period that would take its place by `next`.
    async fn read_allowances(
        &self,
        tenant: &Name,
        next: Option<&Subscription>,
    ) -> Result<Standing, Failure> {
        let (config, now) = (self.read_config(tenant).await?, self.now());
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

fn subscription(
    plan: Plan,
    order: &SubscriptionOrder,
    now: Instant,
) -> Result<Subscription, Failure> {
    let overrides = order.overrides.iter().enumerate().map(|(place, own)| {
        let OverrideOrder {
            feature_key: key,
            soft,
            hard,
        } = own;
        let wrong = |field, why| Failure::Override { place, field, why };
        let feature = plan
            .features
            .iter()
            .find(|feature| feature.is_metered && feature.feature_key == *key);
        let feature =
            feature.ok_or_else(|| wrong("feature_key", "names no metered feature of the plan"))?;
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

fn list_subscriber(plan: &Plan, tenant: &Name) -> Write {
    Write::put(table::subscriber(&plan.code, tenant), Attrs::new())
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
