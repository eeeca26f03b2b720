//! Limits in answers: as they were set, and as they stand.

use crate::figures::{count, limit_value, measured};
use serde_json::{Map, Value, json};
use tollgate_core::{
    Limit, Measure, OnUnavailable, Quota, Scope, SoftMode, Standpoint, State, Window,
};

/// A `LimitStatus`: the limit and where it stands. The figures are decimal
/// strings for spend and integers otherwise; `percent` is a decimal string.
#[must_use]
pub fn limit_status(at: &Standpoint) -> Value {
    let limit = &at.limit;
    let status = at.status();
    let taken = at.count.taken();
    let reference = limit.hard.or(limit.soft);
    let remaining = reference.map(|value| value.saturating_sub(taken).max(0));
    json!({
        "limit_id": limit.id.as_str(),
        "scope": limit.scope.as_str(),
        "scope_id": (limit.scope != Scope::Tenant).then_some(&*at.scope_id),
        "measure": limit.measure.to_string(),
        "window": window(&at.window),
        "soft": limit_value(at.is_money(), limit.soft),
        "hard": limit_value(at.is_money(), limit.hard),
        "used": measured(at, at.count.used),
        "held": measured(at, at.count.held),
        "remaining": limit_value(at.is_money(), remaining),
        "percent": status.percent,
        "status": status.status,
    })
}

/// `{kind, start, end}`; without bounds for `total`.
pub(crate) fn window(window: &Window) -> Value {
    let end = window.end();
    json!({
        "kind": window.kind.as_str(),
        "start": end.map(|_| window.start.to_string()),
        "end": end.map(|end| end.to_string()),
    })
}

pub(crate) fn soft_mode(mode: SoftMode) -> &'static str {
    match mode {
        SoftMode::Warn => "warn",
        SoftMode::Block => "block",
    }
}

pub(crate) fn on_unavailable(choice: OnUnavailable) -> &'static str {
    match choice {
        OnUnavailable::Deny => "deny",
        OnUnavailable::Allow => "allow",
    }
}

/// A limit as `PUT /limits` takes it, its `source` and its `state`.
#[must_use]
pub fn limit_definition(limit: &Limit, state: State) -> Value {
    let is_money = limit.measure == Measure::Spend;
    json!({
        "id": limit.id.as_str(),
        "scope": limit.scope.as_str(),
        "scope_id": limit.scope_id.as_deref(),
        "measure": limit.measure.to_string(),
        "window": limit.window.as_str(),
        "soft": limit_value(is_money, limit.soft),
        "hard": limit_value(is_money, limit.hard),
        "currency": limit.currency.map(|currency| currency.code().to_owned()),
        "soft_mode": soft_mode(limit.soft_mode),
        "on_unavailable": on_unavailable(limit.on_unavailable),
        "source": limit.layer.as_str(),
        "state": match state {
            State::Counting => "counting",
            State::Active => "active",
        },
    })
}

/// The fields of `POST /quota`, null where there is no limit.
#[must_use]
pub fn quota_fields(quota: &Quota) -> Map<String, Value> {
    let fields = [
        ("monthly_total_limit", quota.monthly_total_limit),
        ("monthly_validation_limit", quota.monthly_validation_limit),
        ("monthly_message_limit", quota.monthly_message_limit),
        (
            "monthly_deliberation_limit",
            quota.monthly_deliberation_limit,
        ),
        ("rate_limit_per_second", quota.rate_limit_per_second),
    ];
    let value = |limit: Option<u64>| limit.map_or(Value::Null, |limit| count(i128::from(limit)));
    fields
        .into_iter()
        .map(|(name, limit)| (name.to_owned(), value(limit)))
        .collect()
}
