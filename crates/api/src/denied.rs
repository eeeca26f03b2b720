//! Refusals by limits: 429 for quantities, 402 for money.

use crate::figures::{limit_value, measured};
use crate::kind::Kind;
use crate::limits_json::limit_status;
use crate::problem::Problem;
use crate::rate_headers::headers;
use serde_json::{Map, Value, json};
use tollgate_core::{Instant, Measure, Name, Objection, Ruling, Scope, Standpoint, WindowKind};

impl Problem {
    /// What a denied request is told: 402 where the tenant has no plan in force
    /// or any money limit is passed, else 429, with every limit it passes and
    /// when to come back.
    #[must_use]
    pub fn denied(tenant: &Name, ruling: &Ruling, now: Instant) -> Self {
        if let Some(detail) = ruling.objections.iter().find_map(without_plan) {
            let plan_code = ruling.plan_code.as_ref().map(Name::as_str);
            let problem = Self::new(Kind::UsagePolicyConfigurationError, detail);
            return problem
                .with("tenant_id", tenant.as_str())
                .with("plan_code", plan_code);
        }
        let (mut money, quantities): (Vec<_>, Vec<_>) =
            ruling.violations.iter().partition(|at| at.is_money());
        money.sort_by_key(|at| rank(at.limit.scope));
        let objections: Vec<(String, Value)> = ruling
            .objections
            .iter()
            .filter_map(money_objection)
            .collect();
        let mut problem = match (money.first(), objections.first(), quantities.first()) {
            (Some(first), ..) => Self::new(Kind::BudgetExceeded, sentence(first)),
            (None, Some((detail, _)), _) => Self::new(Kind::BudgetExceeded, detail.clone()),
            (None, None, Some(first)) => {
                let problem = Self::new(Kind::UsageLimitExceeded, sentence(first));
                first_violation(problem, tenant, ruling, first)
            }
            (None, None, None) => Self::new(Kind::UsageLimitExceeded, "a limit is passed"),
        };
        let violations = money.iter().map(|at| money_violation(at));
        let violations = violations.chain(objections.into_iter().map(|(_, violation)| violation));
        let violations: Value = violations
            .chain(quantities.iter().map(|at| limit_status(at)))
            .collect();
        problem.extra.insert("violations".to_owned(), violations);
        if let Some(reason) = ruling.objections.first().map(reason) {
            problem.extra.insert("reason".to_owned(), reason.into());
        }
        problem.headers = headers(ruling, &quantities, now);
        problem
    }
}

fn without_plan(objection: &Objection) -> Option<&'static str> {
    match objection {
        Objection::NoPlan => Some("the tenant needs a plan and subscribes to none"),
        Objection::Cancelled => Some("the tenant's subscription is cancelled"),
        Objection::NodeDisabled(_) | Objection::Credit { .. } => None,
    }
}

/// What refuses an event apart from limits, in a word.
pub(crate) fn reason(objection: &Objection) -> &'static str {
    match objection {
        Objection::NoPlan => "no_plan",
        Objection::Cancelled => "subscription_cancelled",
        Objection::NodeDisabled(_) => "node_disabled",
        Objection::Credit { .. } => "credit_exhausted",
    }
}

/// What keeps money from being spent apart from limits: a sentence, and its
/// entry among the violations.
fn money_objection(objection: &Objection) -> Option<(String, Value)> {
    match objection {
        Objection::NoPlan | Objection::Cancelled => None,
        Objection::NodeDisabled(node) => {
            let violation = json!({ "scope": "node", "node_id": node, "reason": "node_disabled" });
            Some((format!("budget node `{node}` is disabled"), violation))
        }
        Objection::Credit {
            capacity,
            taken,
            requested,
            currency,
        } => {
            let [limit, current, asked] =
                [capacity, taken, requested].map(|units| limit_value(true, Some(*units)));
            let left = limit_value(true, Some(capacity.saturating_sub(*taken)));
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let detail = format!(
                "{} {currency} of credit are left, {} requested",
                text(&left),
                text(&asked)
            );
            let currency = currency.code();
            let violation = json!({
                "scope": "credit",
                "limit": limit,
                "current": current,
                "requested": asked,
                "currency": currency,
            });
            Some((detail, violation))
        }
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
        Scope::Node => 6,
        Scope::Credit => 7,
    }
}

fn first_violation(problem: Problem, tenant: &Name, ruling: &Ruling, at: &Standpoint) -> Problem {
    let end = at.window.end();
    problem
        .with("tenant_id", tenant.as_str())
        .with("plan_code", ruling.plan_code.as_ref().map(Name::as_str))
        .with("feature_key", at.limit.feature_key())
        .with("limit_type", at.limit_type())
        .with("limit_value", limit_value(false, at.limit_value()))
        .with("usage", measured(at, at.count.taken()))
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
        Scope::Node => ("node", Some("node_id")),
        Scope::Credit => ("credit", None),
    };
    let mut violation = Map::from_iter([("scope".to_owned(), Value::from(scope))]);
    if let Some(field) = id_field {
        violation.insert(field.to_owned(), (*at.scope_id).into());
    }
    let currency = at.limit.currency.map(|currency| currency.code().to_owned());
    let figures = [
        ("limit", limit_value(true, at.limit_value())),
        ("current", measured(at, at.count.taken())),
        ("requested", measured(at, at.requested)),
        ("currency", json!(currency)),
    ];
    violation.extend(figures.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(violation)
}

/// Such as: limit `h` allows 100 events per hour: 100 used or held, 1 requested.
fn sentence(at: &Standpoint) -> String {
    let limit = &at.limit;
    let value = at
        .limit_value()
        .map_or_else(|| "nothing".to_owned(), |value| at.text(value));
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
    let (taken, requested) = (at.text(at.count.taken()), at.text(at.requested));
    format!(
        "limit `{}` allows {value} {unit} {window}{whose}: {taken} used or held, {requested} requested",
        limit.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::parse_limits;
    use std::sync::Arc;
    use tollgate_core::{Count, Decision, Limit};

    const ONE: i128 = 1_000_000_000_000_000_000;

    fn limit(json: &str) -> Arc<Limit> {
        let body = format!(r#"{{"limits":[{json}]}}"#);
        Arc::new(parse_limits(body.as_bytes()).unwrap().remove(0))
    }

    fn at(
        limit: &Arc<Limit>,
        scope_id: &str,
        taken: i128,
        held: i128,
        requested: i128,
    ) -> Standpoint {
        Standpoint {
            limit: Arc::clone(limit),
            scope_id: Arc::from(scope_id),
            window: limit
                .window
                .holding("2026-11-22T10:30:00Z".parse().unwrap()),
            count: Count {
                used: taken - held,
                held,
            },
            requested,
            hard_passed: true,
        }
    }

    fn denied(violations: Vec<Standpoint>, now: &str) -> Problem {
        let ruling = Ruling {
            decision: Decision::Deny,
            violations,
            ..Ruling::default()
        };
        Problem::denied(&Name::new("acme").unwrap(), &ruling, now.parse().unwrap())
    }

    fn header<'a>(problem: &'a Problem, name: &str) -> Option<&'a str> {
        problem
            .headers
            .iter()
            .find(|(held, _)| *held == name)
            .map(|(_, value)| value.as_str())
    }

    #[test]
    fn a_passed_quantity_is_429_with_the_first_violation_on_top() {
        let hour = limit(
            r#"{"id":"h","scope":"tenant","measure":"tokens","window":"hour","soft":80,"hard":100}"#,
        );
        let day = limit(r#"{"id":"d","scope":"agent","measure":"events","window":"day","hard":3}"#);
        let problem = denied(
            vec![at(&hour, "", 90, 10, 20), at(&day, "a1", 3, 0, 1)],
            "2026-11-22T10:30:00.5Z",
        );
        let body = problem.body("r");
        let top = json!({"tenant_id":"acme","plan_code":null,"feature_key":"tokens",
            "limit_type":"hard_limit","limit_value":100,"usage":90,"requested":20,"unit":"tokens",
            "window_start":"2026-11-22T10:00:00Z","window_end":"2026-11-22T11:00:00Z"});
        for (name, value) in top.as_object().unwrap() {
            assert_eq!(&body[name], value, "{name}");
        }
        assert_eq!(
            (body["status"].as_u64(), body["code"].as_str()),
            (Some(429), Some("usage_limit_exceeded"))
        );
        let status = json!({"limit_id":"h","scope":"tenant","scope_id":null,"measure":"tokens",
            "window":{"kind":"hour","start":"2026-11-22T10:00:00Z","end":"2026-11-22T11:00:00Z"},
            "soft":80,"hard":100,"used":80,"held":10,"remaining":10,"percent":"90.00",
            "status":"soft_limit_exceeded"});
        assert_eq!(body["violations"][0], status);
        assert_eq!(body["violations"][1]["scope_id"], json!("a1"));
        assert_eq!(header(&problem, "retry-after"), Some("48600"));
        assert_eq!(
            header(&problem, "ratelimit-policy"),
            Some(r#""h";q=100;w=3600, "d";q=3;w=86400"#)
        );
        assert_eq!(
            header(&problem, "ratelimit"),
            Some(r#""h";r=10;t=1800, "d";r=0;t=48600"#)
        );
        assert_eq!(
            problem.in_batch()["violations"].as_array().unwrap().len(),
            1
        );
        assert_eq!(
            problem.detail,
            "limit `h` allows 100 tokens per hour: 90 used or held, 20 requested"
        );
    }

    #[test]
    fn passed_money_is_402_and_comes_first_in_the_order_of_scopes() {
        let money = |id: &str, scope: &str| {
            limit(&format!(
                r#"{{"id":"{id}","scope":"{scope}","measure":"spend","window":"day","hard":"10.5","currency":"USD"}}"#
            ))
        };
        let events =
            limit(r#"{"id":"e","scope":"tenant","measure":"events","window":"day","hard":3}"#);
        let violations = vec![
            at(&events, "", 3, 0, 1),
            at(&money("c", "consumer"), "c1", 10 * ONE, 0, ONE),
            at(&money("t", "tool"), "srv/search", 10 * ONE, 0, ONE),
            at(&money("a", "agent"), "a1", 10 * ONE, ONE, ONE),
            at(&money("s", "session"), "s1", 10 * ONE, 0, ONE),
            at(&money("x", "tenant"), "", 10 * ONE, 0, ONE),
        ];
        let problem = denied(violations, "2026-11-22T23:59:59.1Z");
        let body = problem.body("r");
        assert_eq!(
            (problem.status(), problem.kind.code()),
            (402, "budget_exceeded")
        );
        let total =
            json!({"scope":"total","limit":"10.5","current":"10","requested":"1","currency":"USD"});
        assert_eq!(body["violations"][0], total);
        let ids = ["session_id", "agent_id", "tool_key", "consumer_id"];
        let found: Vec<&str> = (1..5)
            .filter_map(|index| body["violations"][index][ids[index - 1]].as_str())
            .collect();
        assert_eq!(found, ["s1", "a1", "srv/search", "c1"]);
        assert_eq!(body["violations"][5]["limit_id"], json!("e"));
        assert_eq!(header(&problem, "retry-after"), Some("1"));
    }

    #[test]
    fn there_is_no_retry_after_where_waiting_does_not_help() {
        let total =
            limit(r#"{"id":"t","scope":"tenant","measure":"events","window":"total","hard":3}"#);
        let hour =
            limit(r#"{"id":"h","scope":"tenant","measure":"events","window":"hour","hard":3}"#);
        let forever = denied(
            vec![at(&hour, "", 3, 0, 1), at(&total, "", 3, 0, 1)],
            "2026-11-22T10:30:00Z",
        );
        assert_eq!(header(&forever, "retry-after"), None);
        assert_eq!(
            header(&forever, "ratelimit"),
            Some(r#""h";r=0;t=1800, "t";r=0"#)
        );
        assert_eq!(
            header(&forever, "ratelimit-policy"),
            Some(r#""h";q=3;w=3600, "t";q=3"#)
        );
        assert_eq!(forever.extra["window_end"], json!("2026-11-22T11:00:00Z"));
        let over = denied(vec![at(&hour, "", 3, 0, 1)], "2026-11-22T11:00:00Z");
        assert_eq!(header(&over, "retry-after"), None);
    }

    #[test]
    fn structured_fields_keep_to_their_integers() {
        let large = limit(
            r#"{"id":"l","scope":"tenant","measure":"units","window":"total","hard":9007199254740991}"#,
        );
        let problem = denied(
            vec![at(&large, "", 0, 0, 9_007_199_254_740_992)],
            "2026-11-22T10:30:00Z",
        );
        assert_eq!(
            header(&problem, "ratelimit-policy"),
            Some(r#""l";q=999999999999999"#)
        );
        assert_eq!(
            problem.extra["limit_value"],
            json!(9_007_199_254_740_991_u64)
        );
    }

    #[test]
    fn a_soft_limit_that_blocks_is_named_as_one() {
        let soft = limit(
            r#"{"id":"s","scope":"tenant","measure":"events:x","window":"month","soft":2,"hard":9,"soft_mode":"block"}"#,
        );
        let problem = denied(vec![at(&soft, "", 2, 0, 1)], "2026-11-22T10:30:00Z");
        assert_eq!(
            (&problem.extra["limit_type"], &problem.extra["limit_value"]),
            (&json!("soft_limit"), &json!(2))
        );
        assert_eq!(problem.extra["feature_key"], json!("events:x"));
        assert_eq!(
            header(&problem, "ratelimit-policy"),
            Some(r#""s";q=2;w=2592000"#)
        );
    }
}
