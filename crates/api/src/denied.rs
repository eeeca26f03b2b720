//! Refusals by limits: 429 for quantities, 402 for money.

use crate::figures::{limit_value, measured};
use crate::kind::Kind;
use crate::limits_json::limit_status;
use crate::problem::Problem;
use serde_json::{Map, Value, json};
use tollgate_core::{Instant, Measure, Name, Ruling, Scope, Standpoint, WindowKind};

/// The largest integer of a structured field (RFC 9651, 3.3.1).
const FIELD_INTEGER_MAX: i128 = 999_999_999_999_999;

impl Problem {
    /// What a denied request is told: 402 where any money limit is passed,
    /// else 429, with every limit it passes and when to come back.
    #[must_use]
    pub fn denied(tenant: &Name, ruling: &Ruling, now: Instant) -> Self {
        let (mut money, quantities): (Vec<_>, Vec<_>) = ruling.violations.iter().partition(|at| at.is_money());
        money.sort_by_key(|at| rank(at.limit.scope));
        let mut problem = match (money.first(), quantities.first()) {
            (Some(first), _) => Self::new(Kind::BudgetExceeded, sentence(first)),
            (None, Some(first)) => {
                let problem = Self::new(Kind::UsageLimitExceeded, sentence(first));
                first_violation(problem, tenant, first)
            }
            (None, None) => Self::new(Kind::UsageLimitExceeded, "a limit is passed"),
        };
        let violations = money.iter().map(|at| money_violation(at));
        let violations: Value = violations.chain(quantities.iter().map(|at| limit_status(at))).collect();
        problem.extra.insert("violations".to_owned(), violations);
        problem.headers = headers(&ruling.violations, &quantities, now);
        problem
    }
}

/// The tenant's own budget first, then by how commonly they are set.
fn rank(scope: Scope) -> u8 {
    match scope {
        Scope::Tenant => 0,
        Scope::Session => 1,
        Scope::Agent => 2,
        Scope::Tool => 3,
        Scope::Consumer => 4,
        Scope::Operation => 5,
    }
}

fn first_violation(problem: Problem, tenant: &Name, at: &Standpoint) -> Problem {
    let end = at.window.end();
    problem
        .with("tenant_id", tenant.as_str())
        .with("plan_code", Value::Null)
        .with("feature_key", at.limit.measure.to_string())
        .with("limit_type", at.limit_type())
        .with("limit_value", limit_value(false, at.limit_value()))
        .with("usage", measured(at, at.count.taken))
        .with("requested", measured(at, at.requested))
        .with("unit", unit(&at.limit.measure))
        .with("window_start", end.map(|_| at.window.start.to_string()))
        .with("window_end", end.map(|end| end.to_string()))
}

/// The unit of a quantity.
fn unit(measure: &Measure) -> &'static str {
    match measure {
        Measure::Events | Measure::EventsOf(_) => "events",
        Measure::Units | Measure::UnitsOf(_) => "units",
        Measure::Tokens | Measure::TokensIn | Measure::TokensOut => "tokens",
        Measure::ApiCalls => "calls",
        Measure::DurationMs => "ms",
        Measure::Spend => "money",
    }
}

fn money_violation(at: &Standpoint) -> Value {
    let (scope, id_field) = match at.limit.scope {
        Scope::Tenant => ("total", None),
        Scope::Session => ("session", Some("session_id")),
        Scope::Agent => ("agent", Some("agent_id")),
        Scope::Tool => ("tool", Some("tool_key")),
        Scope::Consumer => ("consumer", Some("consumer_id")),
        Scope::Operation => ("operation", Some("operation")),
    };
    let mut violation = Map::from_iter([("scope".to_owned(), Value::from(scope))]);
    if let Some(field) = id_field {
        violation.insert(field.to_owned(), (*at.scope_id).into());
    }
    let currency = at.limit.currency.map(|currency| currency.code().to_owned());
    let figures = [
        ("limit", limit_value(true, at.limit_value())),
        ("current", measured(at, at.count.taken)),
        ("requested", measured(at, at.requested)),
        ("currency", json!(currency)),
    ];
    violation.extend(figures.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(violation)
}

/// `limit "a1" allows 100 events per month: 100 are taken, 1 more was asked for`.
fn sentence(at: &Standpoint) -> String {
    let limit = &at.limit;
    let value = at.limit_value().map_or_else(|| "nothing".to_owned(), |value| at.text(value));
    let unit = match limit.currency {
        Some(currency) if at.is_money() => currency.code().to_owned(),
        _ => unit(&limit.measure).to_owned(),
    };
    let whose = match limit.scope {
        Scope::Tenant => String::new(),
        scope => format!(" for {} `{}`", scope.as_str(), at.scope_id),
    };
    let window = match limit.window {
        WindowKind::Total => "in total".to_owned(),
        kind => format!("per {}", kind.as_str()),
    };
    let (taken, requested) = (at.text(at.count.taken), at.text(at.requested));
    format!(
        "limit `{}` allows {value} {unit} {window}{whose}: {taken} is used or held and {requested} more was requested",
        limit.id
    )
}

fn headers(violations: &[Standpoint], quantities: &[&Standpoint], now: Instant) -> Vec<(&'static str, String)> {
    let waits: Option<Vec<i128>> = violations.iter().map(|at| seconds_left(at, now)).collect();
    let retry_after = waits.and_then(|waits| waits.into_iter().max());
    let mut headers: Vec<(&'static str, String)> = Vec::new();
    headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    if !quantities.is_empty() {
        headers.push(("ratelimit-policy", joined(quantities.iter().map(|at| policy(at)))));
        headers.push(("ratelimit", joined(quantities.iter().map(|at| remaining(at, now)))));
    }
    headers
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Seconds to the window's end, rounded up; `None` where waiting does not
/// help: the window is for ever, or over.
fn seconds_left(at: &Standpoint, now: Instant) -> Option<i128> {
    let end = at.window.end().filter(|end| *end > now)?;
    seconds_between(now, end)
}

fn seconds_between(start: Instant, end: Instant) -> Option<i128> {
    let nanos = end.timestamp().as_nanosecond().checked_sub(start.timestamp().as_nanosecond())?;
    nanos.checked_add(999_999_999)?.checked_div(1_000_000_000)
}

/// `"id";q=100;w=3600`. Source: draft-ietf-httpapi-ratelimit-headers-10.
fn policy(at: &Standpoint) -> String {
    let quota = field_integer(at.limit_value().unwrap_or(0));
    let seconds = at.window.end().and_then(|end| seconds_between(at.window.start, end));
    let window = seconds.map_or_else(String::new, |seconds| format!(";w={seconds}"));
    format!("\"{}\";q={quota}{window}", at.limit.id)
}

/// `"id";r=0;t=60`.
fn remaining(at: &Standpoint, now: Instant) -> String {
    let left = at.limit_value().unwrap_or(0).saturating_sub(at.count.taken);
    let reset = seconds_left(at, now).map_or_else(String::new, |seconds| format!(";t={seconds}"));
    format!("\"{}\";r={}{reset}", at.limit.id, field_integer(left))
}

fn field_integer(value: i128) -> i128 {
    value.clamp(0, FIELD_INTEGER_MAX)
}
