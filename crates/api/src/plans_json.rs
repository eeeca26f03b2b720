//! Plans, subscriptions and entitlements in answers.

use crate::figures::{amount, limit_value, measured};
use crate::limits_json::{on_unavailable, soft_mode, window};
use serde_json::{Map, Value, json};
use tollgate_core::{
    Calendar, Config, Feature, Instant, Layer, Measure, Name, Plan, Scope, Standpoint,
    Subscription, WindowKind,
};

/// A plan as `PUT /plans/{code}` takes it, and its version.
#[must_use]
pub fn plan_json(plan: &Plan) -> Value {
    json!({
        "code": plan.code,
        "version": plan.version,
        "name": plan.name,
        "currency": plan.currency.code(),
        "allowance": plan.allowance.map(amount),
        "features": plan.features.iter().map(feature_json).collect::<Vec<_>>(),
    })
}

fn feature_json(feature: &Feature) -> Value {
    let is_money = feature.measure == Measure::Spend;
    json!({
        "feature_key": feature.feature_key,
        "display_name": feature.display_name,
        "description": feature.description,
        "unit": feature.unit,
        "is_metered": feature.is_metered,
        "measure": feature.measure.to_string(),
        "window": feature.window.as_str(),
        "soft_limit": limit_value(is_money, feature.soft),
        "hard_limit": limit_value(is_money, feature.hard),
        "soft_mode": soft_mode(feature.soft_mode),
        "on_unavailable": on_unavailable(feature.on_unavailable),
    })
}

/// A subscription as `PUT /tenants/{id}/subscription` takes it, and the period
/// that holds `now`.
#[must_use]
pub fn subscription_json(tenant: &Name, subscription: &Subscription, now: Instant) -> Value {
    let measure = |key: &Name| {
        subscription
            .plan
            .features
            .iter()
            .find(|feature| feature.feature_key == *key)
    };
    let overrides = subscription.overrides.iter().map(|own| {
        let is_money =
            measure(&own.feature_key).is_some_and(|feature| feature.measure == Measure::Spend);
        json!({
            "feature_key": own.feature_key,
            "soft_limit": limit_value(is_money, own.soft),
            "hard_limit": limit_value(is_money, own.hard),
        })
    });
    let period = subscription.calendar().holding(WindowKind::Period, now);
    json!({
        "tenant_id": tenant,
        "plan": subscription.plan.code,
        "plan_version": subscription.plan.version,
        "status": subscription.status.as_str(),
        "period_anchor": subscription.period_anchor,
        "time_zone": subscription.time_zone.as_ref().map(ToString::to_string),
        "overrides": overrides.collect::<Vec<_>>(),
        "period_start": period.start,
        "period_end": period.end(),
    })
}

/// What a tenant is entitled to, and how much of it is used: each limit on the
/// tenant as a whole or on one named agent and so on, and the features of its
/// plan that are only shown.
#[must_use]
pub fn entitlements_json(
    tenant: &Name,
    config: &Config,
    standpoints: &[Standpoint],
    now: Instant,
) -> Value {
    let subscription = config.subscription.as_ref();
    let calendar: Calendar = config.calendar();
    let period = calendar.holding(WindowKind::Period, now);
    let features = subscription
        .map(|subscription| subscription.plan.features.as_slice())
        .unwrap_or_default();
    let of_plan = features.iter().map(|feature| {
        let id = Subscription::limit_id(feature);
        let at = standpoints
            .iter()
            .find(|at| at.limit.layer == Layer::Plan && at.limit.id.as_str() == id);
        let is_own = subscription.is_some_and(|subscription| subscription.values(feature).2);
        let mut row = described(feature, if is_own { "override" } else { "plan" });
        row.extend(at.map(figures).unwrap_or_else(|| unlimited(feature)));
        Value::Object(row)
    });
    let others = standpoints
        .iter()
        .filter(|at| at.limit.layer != Layer::Plan)
        .map(|at| {
            let mut row = named(at);
            row.extend(figures(at));
            Value::Object(row)
        });
    json!({
        "tenant_id": tenant,
        "plan_code": config.plan_code(),
        "plan_name": subscription.map(|subscription| subscription.plan.name.as_str()),
        "subscription_status": subscription.map(|subscription| subscription.status.as_str()),
        "currency": config.currency,
        "time_zone": calendar.zone.as_ref().map_or("UTC", |zone| zone.name()),
        "period_start": period.start,
        "period_end": period.end(),
        "entitlements": of_plan.chain(others).collect::<Vec<_>>(),
    })
}

fn described(feature: &Feature, source: &str) -> Map<String, Value> {
    fields([
        ("feature_key", json!(feature.feature_key)),
        ("display_name", json!(feature.display_name)),
        ("unit", json!(feature.unit)),
        ("is_metered", json!(feature.is_metered)),
        ("source", json!(source)),
    ])
}

fn named(at: &Standpoint) -> Map<String, Value> {
    fields([
        ("feature_key", json!(at.limit.feature_key())),
        ("display_name", Value::Null),
        ("unit", Value::Null),
        ("is_metered", json!(true)),
        ("source", json!(at.limit.layer.as_str())),
    ])
}

/// A feature that nothing limits: what it allows, if anything, is shown.
fn unlimited(feature: &Feature) -> Map<String, Value> {
    let is_money = feature.measure == Measure::Spend;
    let nothing = ["limit_id", "scope", "scope_id", "window", "usage", "held"]
        .map(|name| (name, Value::Null));
    let mut row = fields(nothing);
    row.extend(fields([
        ("measure", json!(feature.measure.to_string())),
        ("soft_limit", limit_value(is_money, feature.soft)),
        ("hard_limit", limit_value(is_money, feature.hard)),
        ("remaining_to_soft_limit", Value::Null),
        ("remaining_to_hard_limit", Value::Null),
        ("percent_of_soft_limit", Value::Null),
        ("percent_of_hard_limit", Value::Null),
        ("status", json!("ok")),
    ]));
    row
}

fn figures(at: &Standpoint) -> Map<String, Value> {
    let limit = &at.limit;
    let taken = at.count.taken();
    let left = |value: Option<i128>| {
        limit_value(
            at.is_money(),
            value.map(|value| value.saturating_sub(taken).max(0)),
        )
    };
    fields([
        ("limit_id", json!(limit.id)),
        ("scope", json!(limit.scope.as_str())),
        (
            "scope_id",
            json!((limit.scope != Scope::Tenant).then_some(&*at.scope_id)),
        ),
        ("measure", json!(limit.measure.to_string())),
        ("window", window(&at.window)),
        ("soft_limit", limit_value(at.is_money(), limit.soft)),
        ("hard_limit", limit_value(at.is_money(), limit.hard)),
        ("usage", measured(at, at.count.used)),
        ("held", measured(at, at.count.held)),
        ("remaining_to_soft_limit", left(limit.soft)),
        ("remaining_to_hard_limit", left(limit.hard)),
        ("percent_of_soft_limit", json!(at.percent_of(limit.soft))),
        ("percent_of_hard_limit", json!(at.percent_of(limit.hard))),
        ("status", json!(at.status().status)),
    ])
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
