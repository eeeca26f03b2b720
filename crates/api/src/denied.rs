//! Refusals by limits: 429 for quantities, 402 for money.

use crate::answers::figure::Figure;
use crate::kind::Kind;
use crate::problem::{Denied, Extra, FirstViolation, Problem};
use crate::rate_headers::headers;
use crate::violation::Violation;
use tollgate_core::{Amount, Instant, Name, Objection, Ruling, Scope, Standpoint, WindowKind};

impl Problem {
    /// What a denied request is told: 402 where the tenant has no plan in force
    /// or any money limit is passed, else 429, with every limit it passes and
    /// when to come back.
    #[must_use]
    pub fn denied(tenant: &Name, ruling: &Ruling, now: Instant) -> Self {
        let denied = Some(Denied {
            tenant_id: tenant.clone(),
            plan_code: ruling.plan_code.clone(),
        });
        let reason = ruling.objections.first().map(Objection::reason);
        if let Some(detail) = ruling.objections.iter().find_map(without_plan) {
            let extra = Extra {
                denied,
                reason,
                ..Extra::default()
            };
            return Self::new(Kind::UsagePolicyConfigurationError, detail).with(extra);
        }
        let (mut money, mut quantities): (Vec<_>, Vec<_>) =
            ruling.violations.iter().partition(|at| at.is_money());
        money.sort_by_key(|at| rank(at.limit.scope));
        quantities.sort_by_key(|at| rank(at.limit.scope));
        let objection = ruling.objections.iter().find_map(money_sentence);
        let first = quantities
            .first()
            .filter(|_| money.is_empty() && objection.is_none());
        let (kind, detail) = match (money.first(), objection, first) {
            (Some(first), ..) => (Kind::BudgetExceeded, sentence(first)),
            (None, Some(detail), _) => (Kind::BudgetExceeded, detail),
            (None, None, Some(first)) => (Kind::UsageLimitExceeded, sentence(first)),
            (None, None, None) => (Kind::UsageLimitExceeded, "a limit is passed".to_owned()),
        };
        let is_quota = kind == Kind::UsageLimitExceeded;
        let named = quantities.iter().map(|at| at.limit.id.to_string());
        let extra = Extra {
            denied: denied.filter(|_| is_quota),
            first: first.map(|at| first_violation(at)),
            violations: violations(&money, ruling, &quantities),
            violated_policies: named.filter(|_| is_quota).collect(),
            reason,
            ..Extra::default()
        };
        let mut problem = Self::new(kind, detail).with(extra);
        problem.headers = headers(ruling, &quantities, now);
        problem
    }
}

/// Money first.
fn violations(
    money: &[&Standpoint],
    ruling: &Ruling,
    quantities: &[&Standpoint],
) -> Vec<Violation> {
    let of_limit = |at: &&Standpoint| Violation::of_limit(at);
    let money = money.iter().map(of_limit);
    let objections = ruling.objections.iter().filter_map(Violation::of_objection);
    let all = money.chain(objections);
    all.chain(quantities.iter().map(of_limit)).collect()
}

fn without_plan(objection: &Objection) -> Option<&'static str> {
    match objection {
        Objection::NoPlan => Some("the tenant needs a plan and subscribes to none"),
        Objection::Cancelled => Some("the tenant's subscription is cancelled"),
        Objection::NodeDisabled(_) | Objection::Credit { .. } => None,
    }
}

/// What keeps money from being spent apart from limits.
fn money_sentence(objection: &Objection) -> Option<String> {
    match objection {
        Objection::NoPlan | Objection::Cancelled => None,
        Objection::NodeDisabled(node) => Some(format!("budget node `{node}` is disabled")),
        Objection::Credit {
            capacity,
            taken,
            requested,
            currency,
        } => {
            let left = Amount::nearest(capacity.saturating_sub(*taken));
            let asked = Amount::nearest(*requested);
            Some(format!(
                "{left} {currency} of credit are left, {asked} requested"
            ))
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
        Scope::Model => 6,
        Scope::Node => 7,
        Scope::Credit => 8,
    }
}

fn first_violation(at: &Standpoint) -> FirstViolation {
    let measure = &at.limit.measure;
    let end = at.window.end();
    FirstViolation {
        feature_key: at.limit.feature_key(),
        limit_type: at.limit_type(),
        limit_value: at.limit_value().map(|value| Figure::of(measure, value)),
        usage: Figure::of(measure, at.count.taken()),
        requested: Figure::of(measure, at.requested),
        unit: measure.unit().to_owned(),
        window_start: end.map(|_| at.window.start),
        window_end: end,
    }
}

/// Such as: limit `h` allows 100 events per hour: 100 used, 0 held, 1 requested.
fn sentence(at: &Standpoint) -> String {
    let limit = &at.limit;
    let value = at
        .limit_value()
        .map_or_else(|| "nothing".to_owned(), |value| at.text(value));
    let unit = match limit.currency {
        Some(currency) if at.is_money() => currency.code().to_owned(),
        _ => limit.measure.unit().to_owned(),
    };
    let whose = match limit.scope {
        Scope::Tenant => String::new(),
        scope => format!(" for {} `{}`", scope.as_str(), at.scope_id),
    };
    let window = match limit.window {
        WindowKind::Total => "in total".to_owned(),
        kind => format!("per {}", kind.as_str()),
    };
    let (used, held) = (at.text(at.count.used), at.text(at.count.held));
    let requested = at.text(at.requested);
    format!(
        "limit `{}` allows {value} {unit} {window}{whose}: {used} used, {held} held, {requested} requested",
        limit.id
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::parse_limits;
    use serde_json::json;
    use std::sync::Arc;
    use tollgate_core::{Count, Decision, Limit, LimitType};

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
        let body = serde_json::to_value(problem.body("r")).unwrap();
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
        let status = json!({"limit_id":"h","source":"limits","scope":"tenant","scope_id":null,
            "measure":"tokens","currency":null,"window":"hour",
            "window_start":"2026-11-22T10:00:00Z","window_end":"2026-11-22T11:00:00Z",
            "soft":80,"hard":100,"used":80,"held":10,"remaining":10,"percent":"90.00",
            "status":"soft_limit_exceeded","limit_type":"hard_limit","requested":20,
            "reason":null});
        assert_eq!(body["violations"][0], status);
        assert_eq!(body["violations"][1]["scope_id"], json!("a1"));
        assert_eq!(header(&problem, "retry-after"), Some("48600"));
        assert_eq!(
            header(&problem, "ratelimit-policy"),
            Some(r#""h";q=100;w=3600;qu="tokens", "d";q=3;w=86400"#)
        );
        assert_eq!(
            header(&problem, "ratelimit"),
            Some(r#""h";r=10;t=1800, "d";r=0;t=48600"#)
        );
        assert_eq!(body["violated-policies"], json!(["h", "d"]));
        assert_eq!(problem.in_batch().extra.violations.len(), 1);
        assert_eq!(
            problem.detail,
            "limit `h` allows 100 tokens per hour: 80 used, 10 held, 20 requested"
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
        let body = serde_json::to_value(problem.body("r")).unwrap();
        assert_eq!(
            (problem.status(), problem.kind.as_str()),
            (402, "budget_exceeded")
        );
        let total = &body["violations"][0];
        assert_eq!(
            [
                &total["scope"],
                &total["hard"],
                &total["used"],
                &total["requested"]
            ],
            ["tenant", "10.5", "10", "1"]
        );
        let found: Vec<&str> = (1..5)
            .filter_map(|index| body["violations"][index]["scope_id"].as_str())
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
        let end = forever.extra.first.unwrap().window_end;
        assert_eq!(end, Some("2026-11-22T11:00:00Z".parse().unwrap()));
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
            Some(r#""l";q=999999999999999;qu="units""#)
        );
        let value = problem.extra.first.unwrap().limit_value;
        assert_eq!(value, Some(Figure::Count(9_007_199_254_740_991)));
    }

    #[test]
    fn a_soft_limit_that_blocks_is_named_as_one() {
        let soft = limit(
            r#"{"id":"s","scope":"tenant","measure":"events:x","window":"month","soft":2,"hard":9,"soft_mode":"block"}"#,
        );
        let problem = denied(vec![at(&soft, "", 2, 0, 1)], "2026-11-22T10:30:00Z");
        let first = problem.extra.first.as_ref().unwrap();
        assert_eq!(
            (first.limit_type, first.limit_value),
            (LimitType::Soft, Some(Figure::Count(2)))
        );
        assert_eq!(first.feature_key, "events:x");
        assert_eq!(
            header(&problem, "ratelimit-policy"),
            Some(r#""s";q=2;w=2592000"#)
        );
    }
}
