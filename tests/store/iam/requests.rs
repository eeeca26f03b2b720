//! What each function is asked: every route, as often as it takes to see all that it does.

use super::holding;
use serde_json::{Value, json};

/// A request for each route of a function, as often as it takes to see all that it does.
pub(super) fn requests(function: &str) -> Vec<(&'static str, &'static str, &'static str, Value)> {
    let event = |id: &str| json!({ "id": id, "tenant_id": "acme", "operation": "agent_message", "task_id": "t" });
    let asap = json!({ "tenant_id": "acme", "task_id": "t", "agent_id": "a", "consumer_id": "c", "tokens_in": 1, "tokens_out": 1,
        "duration_ms": 1, "api_calls": 1, "timestamp": "2026-11-22T10:00:00Z" });
    let limits = json!({ "limits": [{ "id": "l", "scope": "tenant", "measure": "tokens", "window": "month", "hard": 1000 }] });
    let none = Value::Null;
    let features = json!([{ "feature_key": "messages", "hard_limit": 1000 }]);
    let plan = json!({ "name": "Starter", "currency": "USD", "features": features });
    match function {
        "ingest" => vec![
            ("POST", "/events", "/events", event("e1")),
            ("POST", "/events", "/events", event("e2")),
            (
                "POST",
                "/events/batch",
                "/events/batch",
                json!({ "events": [event("e3")] }),
            ),
            // Its agent's limit is full of a hold that is over.
            ("POST", "/events", "/events", holding("ingest")),
            ("POST", "/usage", "/usage", asap.clone()),
            (
                "POST",
                "/usage/batch",
                "/usage/batch",
                json!({ "events": [asap.clone()] }),
            ),
            ("POST", "/usage/validate", "/usage/validate", asap),
        ],
        "query" => vec![
            ("GET", "/usage", "/usage?tenant_id=acme", none.clone()),
            (
                "GET",
                "/usage/summary",
                "/usage/summary?tenant_id=acme",
                none.clone(),
            ),
            (
                "GET",
                "/usage/aggregate",
                "/usage/aggregate?tenant_id=acme&group_by=agent",
                none.clone(),
            ),
            (
                "GET",
                "/usage/agents",
                "/usage/agents?tenant_id=acme",
                none.clone(),
            ),
            (
                "GET",
                "/usage/consumers",
                "/usage/consumers?tenant_id=acme",
                none.clone(),
            ),
            (
                "GET",
                "/usage/stats",
                "/usage/stats?tenant_id=acme",
                none.clone(),
            ),
            (
                "GET",
                "/usage/export",
                "/usage/export?tenant_id=acme",
                none.clone(),
            ),
            (
                "GET",
                "/usage/tasks/{task_id}",
                "/usage/tasks/t?tenant_id=acme",
                none.clone(),
            ),
            ("GET", "/usage/{tenant_id}", "/usage/acme", none.clone()),
            (
                "GET",
                "/events/{event_id}",
                "/events/e1?tenant_id=acme",
                none,
            ),
        ],
        "quota" => vec![
            ("GET", "/", "/", none.clone()),
            ("GET", "/health", "/health", none.clone()),
            ("GET", "/metrics", "/metrics", none.clone()),
            ("GET", "/openapi.json", "/openapi.json", none.clone()),
            (
                "GET",
                "/problems/{code}",
                "/problems/not_found",
                none.clone(),
            ),
            (
                "POST",
                "/holds",
                "/holds",
                json!({ "id": "quota", "event": holding("quota") }),
            ),
            (
                "POST",
                "/holds",
                "/holds",
                json!({ "id": "h2", "event": event("h2") }),
            ),
            ("GET", "/holds", "/holds?tenant_id=acme", none.clone()),
            (
                "GET",
                "/holds/{hold_id}",
                "/holds/quota?tenant_id=acme",
                none.clone(),
            ),
            (
                "POST",
                "/holds/{hold_id}/extend",
                "/holds/quota/extend",
                json!({ "tenant_id": "acme", "ttl_seconds": 900 }),
            ),
            (
                "POST",
                "/holds/{hold_id}/release",
                "/holds/quota/release",
                json!({ "tenant_id": "acme" }),
            ),
            (
                "POST",
                "/holds/{hold_id}/capture",
                "/holds/h2/capture",
                json!({ "event": { "tenant_id": "acme" } }),
            ),
            (
                "POST",
                "/quota",
                "/quota",
                json!({ "tenant_id": "acme", "monthly_total_limit": 100 }),
            ),
            ("GET", "/quota/{tenant_id}", "/quota/acme", none.clone()),
            (
                "PUT",
                "/budgets/{tenant_id}",
                "/budgets/acme",
                json!({ "max_total": "1000000", "currency": "USD" }),
            ),
            ("GET", "/budgets/{tenant_id}", "/budgets/acme", none.clone()),
            (
                "PUT",
                "/budgets/{tenant_id}/tree",
                "/budgets/acme/tree",
                json!({ "currency": "USD", "nodes": [{ "id": "org" }] }),
            ),
            (
                "GET",
                "/budgets/{tenant_id}/tree",
                "/budgets/acme/tree",
                none.clone(),
            ),
            (
                "POST",
                "/credits/{tenant_id}",
                "/credits/acme",
                json!({ "id": "g", "amount": "1000000", "currency": "USD" }),
            ),
            ("GET", "/credits/{tenant_id}", "/credits/acme", none.clone()),
            (
                "GET",
                "/credits/{tenant_id}/grants",
                "/credits/acme/grants",
                none.clone(),
            ),
            (
                "PUT",
                "/alerts/{tenant_id}",
                "/alerts/acme",
                json!({ "url": "https://hooks.example.com/a" }),
            ),
            ("GET", "/alerts/{tenant_id}", "/alerts/acme", none.clone()),
            ("PUT", "/plans/{code}", "/plans/starter", plan.clone()),
            (
                "PUT",
                "/tenants/{tenant_id}/subscription",
                "/tenants/acme/subscription",
                json!({ "plan": "starter" }),
            ),
            ("PUT", "/plans/{code}", "/plans/starter", plan),
            ("GET", "/plans/{code}", "/plans/starter", none.clone()),
            ("GET", "/plans", "/plans", none.clone()),
            (
                "GET",
                "/tenants/{tenant_id}/subscription",
                "/tenants/acme/subscription",
                none.clone(),
            ),
            (
                "PUT",
                "/tenants/{tenant_id}/subscription",
                "/tenants/acme/subscription",
                json!({ "plan": null }),
            ),
            (
                "GET",
                "/entitlements/{tenant_id}",
                "/entitlements/acme",
                none.clone(),
            ),
            ("PUT", "/limits/{tenant_id}", "/limits/acme", limits),
            ("GET", "/limits/{tenant_id}", "/limits/acme", none.clone()),
            ("POST", "/check", "/check", event("e9")),
            ("GET", "/tenants", "/tenants", none.clone()),
            (
                "PUT",
                "/tenants/{tenant_id}",
                "/tenants/acme",
                json!({ "name": "Acme" }),
            ),
            (
                "PATCH",
                "/tenants/{tenant_id}",
                "/tenants/acme",
                json!({ "slug": "acme" }),
            ),
            ("GET", "/tenants/{tenant_id}", "/tenants/acme", none.clone()),
            (
                "POST",
                "/keys",
                "/keys",
                json!({ "tenant_id": "acme", "scopes": ["read"] }),
            ),
            ("GET", "/keys", "/keys", none.clone()),
            ("DELETE", "/keys/{key_id}", "/keys/{key}", none.clone()),
            ("GET", "/audit", "/audit", none),
        ],
        "billing" => vec![
            (
                "PUT",
                "/rate-cards/{id}",
                "/rate-cards/mine",
                json!({ "currency": "USD", "operations": { "x": { "unit": "0.1" } } }),
            ),
            // In force since ever: nothing is left of the first, and the next moves it.
            (
                "PUT",
                "/rate-cards/{id}",
                "/rate-cards/mine?replace=true",
                json!({ "currency": "USD", "operations": {}, "effective_from": "1970-01-01T00:00:00Z" }),
            ),
            (
                "PATCH",
                "/rate-cards/{id}",
                "/rate-cards/mine",
                json!({ "operations": { "y": { "unit": "0.1" } } }),
            ),
            (
                "PUT",
                "/defaults",
                "/defaults",
                json!({ "rate_cards": ["mine", "default"] }),
            ),
            (
                "PATCH",
                "/defaults",
                "/defaults",
                json!({ "rate_cards": ["default"] }),
            ),
            ("GET", "/defaults", "/defaults", none.clone()),
            ("GET", "/rate-cards", "/rate-cards", none.clone()),
            ("GET", "/rate-cards/{id}", "/rate-cards/mine", none.clone()),
            ("GET", "/costs", "/costs", none.clone()),
            (
                "POST",
                "/events/{event_id}/void",
                "/events/e1/void",
                json!({ "tenant_id": "acme" }),
            ),
            (
                "PUT",
                "/exchange-rates",
                "/exchange-rates",
                json!({ "base": "USD", "rates": { "EUR": "1.08" } }),
            ),
            ("GET", "/exchange-rates", "/exchange-rates", none.clone()),
            ("GET", "/billing/{tenant_id}", "/billing/acme", none),
        ],
        "purge" => vec![
            (
                "POST",
                "/usage/purge",
                "/usage/purge",
                json!({ "older_than_days": 35 }),
            ),
            (
                "POST",
                "/usage/purge",
                "/usage/purge",
                json!({ "tenant_id": "acme", "agent_id": "a", "pseudonymise": true }),
            ),
        ],
        other => panic!("no function {other}"),
    }
}
