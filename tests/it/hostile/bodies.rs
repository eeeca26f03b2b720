//! A good body for each route that takes one, with every field in it.

use serde_json::{Value, json};
use tollgate_gateway::Route;
use tollgate_tests::TestApp;

/// The route's path for things that are there.
pub(crate) fn path(route: &Route) -> String {
    let path = route
        .path
        .replace("{tenant_id}", "acme")
        .replace("{event_id}", "e1")
        .replace("{task_id}", "t1");
    path.replace("{key_id}", "0000000000000000")
        .replace("{hold_id}", hold(route))
        .replace("{id}", "ai")
        .replace("/problems/{code}", "/problems/hold_closed")
        .replace("{code}", "starter")
}

/// A hold that stands whatever the route does with its own.
pub(crate) fn hold(route: &Route) -> &'static str {
    match route.path {
        "/holds/{hold_id}/capture" => "h-captured",
        "/holds/{hold_id}/release" => "h-released",
        _ => "h1",
    }
}

/// What routes need to be there: holds of `tenant`, each of the event that a
/// capture books, and a subscription to a plan.
pub(crate) async fn furnish(app: &TestApp, tenant: &str) {
    app.put("/plans/starter", plan()).await.expect(200);
    app.put(
        &format!("/tenants/{tenant}/subscription"),
        json!({ "plan": "starter" }),
    )
    .await
    .expect(200);
    for id in ["h1", "h-captured", "h-released"] {
        let estimate = crate::given::merged(actual(), json!({ "id": id, "tenant_id": tenant }));
        app.post(
            "/holds",
            json!({ "event": estimate, "ttl_seconds": 86_400 }),
        )
        .await
        .expect(201);
    }
}

/// A body that the route takes; `None` for routes without one.
pub(crate) fn good(route: &Route) -> Option<Value> {
    let body = match (route.method.as_str(), route.path) {
        ("GET" | "DELETE", _) => return None,
        (_, "/events" | "/check" | "/usage/validate") => event(),
        (_, "/holds") => {
            let held = crate::given::merged(event(), json!({ "id": "evt-held" }));
            json!({ "id": "evt-held", "event": held, "ttl_seconds": 60, "max_affordable": true })
        }
        (_, "/holds/{hold_id}/capture") => json!({ "event": actual() }),
        (_, "/holds/{hold_id}/release") => json!({ "tenant_id": "acme" }),
        (_, "/holds/{hold_id}/extend") => json!({ "tenant_id": "acme", "ttl_seconds": 900 }),
        (_, "/events/{event_id}/void") => json!({ "tenant_id": "acme", "reason": "sent twice" }),
        (_, "/events/batch") => json!({ "events": [event()] }),
        (_, "/usage") => step(),
        (_, "/usage/batch") => json!({ "events": [step()] }),
        (_, "/quota") => quota(),
        (_, "/limits/{tenant_id}") => json!({ "limits": [spend_limit(), limit()], "version": 1 }),
        (_, "/budgets/{tenant_id}") => json!({
            "max_total": "100", "max_per_session": "50", "max_per_agent": "30", "max_per_tool": { "srv/search": "5" }, "currency": "USD",
            "window": "month",
        }),
        (_, "/budgets/{tenant_id}/tree") => json!({ "currency": "USD", "nodes": [
            { "id": "org", "enabled": true, "limits": [{ "measure": "spend", "window": "month", "hard": "100000" }] },
            { "id": "team/x", "parent": "org", "limits": [{ "measure": "tokens", "window": "day", "hard": 100_000_000 }] },
        ]}),
        (_, "/credits/{tenant_id}") => {
            json!({ "id": "g1", "amount": "100000", "currency": "USD", "priority": 5, "expires_at": "2027-01-01T00:00:00Z" })
        }
        (_, "/alerts/{tenant_id}") => {
            json!({ "thresholds": [50, 80], "url": "https://hooks.example.com/a", "rotate_secret": false })
        }
        (_, "/plans/{code}") => plan(),
        (_, "/tenants/{tenant_id}/subscription") => json!({
            "plan": "starter", "status": "past_due", "period_anchor": "2026-01-31T09:00:00Z", "time_zone": "Europe/Berlin",
            "overrides": [{ "feature_key": "messages", "soft_limit": "1", "hard_limit": "500" }],
        }),
        (_, "/tenants/{tenant_id}") => tenant(),
        (_, "/keys") => key(),
        ("PATCH", "/rate-cards/{id}") => {
            json!({ "operations": card()["operations"], "unpriced": "free", "currency": "USD",
                "effective_from": "1970-01-01T00:00:00Z", "tiers": { "standard": "1" },
                "replaces": [1], "source": { "map": "litellm", "digest": "d0" } })
        }
        (_, "/rate-cards/{id}") => card(),
        (_, "/defaults") => json!({ "rate_cards": ["ai", "default"] }),
        (_, "/exchange-rates") => {
            json!({ "base": "USD", "rates": { "EUR": "1.08" }, "effective_from": "2026-01-01T00:00:00Z" })
        }
        (_, "/usage/purge") => {
            json!({ "tenant_id": "acme", "older_than_days": 400, "dry_run": true })
        }
        _ => panic!("{route:?} needs a good body here, so that bad ones can be made of it"),
    };
    Some(body)
}

/// All good bodies of the route: more than one where fields exclude each other.
pub(crate) fn all(route: &Route) -> Vec<Value> {
    let mut all: Vec<Value> = good(route).into_iter().collect();
    if route.path == "/usage/purge" {
        for person in ["agent_id", "consumer_id"] {
            all.push(
                json!({ "tenant_id": "acme", person: "a1", "pseudonymise": true, "dry_run": true }),
            );
        }
    }
    all
}

/// All good bodies, and a sealed batch: it is told by its answer's rows, not by a 4xx of its own.
pub(crate) fn documented(route: &Route) -> Vec<Value> {
    let mut documented = all(route);
    if route.path == "/events/batch" {
        let event = crate::given::without(event(), &["id"]);
        documented.push(json!({ "batch_id": "b-1", "events": [event] }));
    }
    documented
}

fn event() -> Value {
    crate::given::merged(crate::ingest::full(), json!({ "operation": "gpt-4o" }))
}

/// An event that could be booked for the hold `h1`.
fn actual() -> Value {
    crate::given::merged(
        event(),
        json!({ "id": "evt-captured", "timestamp": "2026-11-22T10:00:00Z" }),
    )
}

fn step() -> Value {
    json!({
        "tenant_id": "acme", "task_id": "t1", "agent_id": "a1", "consumer_id": "c1", "tokens_in": 10, "tokens_out": 20,
        "duration_ms": 100, "api_calls": 1, "timestamp": "2026-11-22T09:00:00Z",
    })
}

fn quota() -> Value {
    json!({
        "tenant_id": "acme", "monthly_total_limit": 10, "monthly_validation_limit": 5, "monthly_message_limit": 5,
        "monthly_deliberation_limit": 5, "rate_limit_per_second": 5,
    })
}

fn spend_limit() -> Value {
    json!({
        "id": "spend", "scope": "tool", "scope_id": "srv/find", "measure": "spend", "window": "day", "soft": "0.5", "hard": "10.5",
        "currency": "USD", "soft_mode": "block", "on_unavailable": "allow",
    })
}

fn limit() -> Value {
    json!({ "id": "cap", "scope": "agent", "scope_id": "a1", "measure": "units:gpt-4o", "window": "total", "soft": 5, "hard": 10 })
}

fn tenant() -> Value {
    json!({ "name": "Acme", "slug": "acme", "currency": "USD", "rate_cards": ["ai"], "retention_days": 100, "require_plan": false, "lanes": 4 })
}

pub(crate) fn plan() -> Value {
    json!({
        "code": "starter", "version": 1, "name": "Starter", "currency": "USD", "allowance": "5", "features": [{
            "feature_key": "messages", "display_name": "Messages", "description": "Chat messages", "unit": "messages", "is_metered": true,
            "measure": "events", "window": "period", "soft_limit": 100_000, "hard_limit": 200_000, "soft_mode": "warn",
            "on_unavailable": "deny",
        }],
    })
}

fn key() -> Value {
    json!({ "tenant_id": "acme", "scopes": ["ingest", "read"], "expires_at": "2027-01-01T00:00:00Z", "name": "Billing job" })
}

fn card() -> Value {
    json!({
        "id": "ai", "currency": "USD", "effective_from": "1970-01-01T00:00:00Z", "tiers": { "standard": "1", "enhanced": "1.5" },
        "unpriced": "reject", "replaces": [1], "source": { "map": "litellm", "digest": "d0" },
        "operations": {
            "gpt-4o": {
                "token_in": { "amount": "2.5", "per": 1000 }, "token_out": "0.1", "minimum": "5", "percentage": "0.03",
                "packages": { "size": 1000, "price": "2" },
                "over": [{ "tokens_in": 200_000, "inclusive": true, "token_in": "0.2" }],
                "tiers": { "batch": "0.5", "priority": { "token_in": "0.1", "over": [{ "tokens_in": 9, "token_in": "0.3" }] } },
            },
            "x": {
                "unit": "0.001", "token_in": { "amount": "2.5", "per": 1000 }, "cached_token_in": "0.1", "token_out": "0.1",
                "token_processed": "0.1", "api_call": "0.1", "duration_ms": "0.1", "data_byte": "0.1",
                "volume_discounts": [{ "from": 10, "discount": "0.1" }], "discount_mode": "volume",
            },
        },
    })
}
