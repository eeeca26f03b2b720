//! Plans, subscriptions and entitlements: who may use what, and what they are told of it.

mod periods;
mod versions;

use crate::given::{merged, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// The plan of the guardrails' own tests: messages 80/100, input tokens 1,000
/// soft and never refused.
fn guardrails(soft_mode: &str) -> Value {
    json!({ "name": "Starter", "currency": "USD", "features": [
        { "feature_key": "messages", "soft_limit": 80, "hard_limit": 100, "soft_mode": soft_mode },
        { "feature_key": "input_tokens", "soft_limit": 1000, "soft_mode": soft_mode },
    ]})
}

fn capped(hard: u64) -> Value {
    json!({ "name": "Capped", "currency": "USD", "features": [{ "feature_key": "messages", "hard_limit": hard }] })
}

async fn subscribed(plan: Value, subscription: Value) -> TestApp {
    let app = TestApp::new().await;
    app.put("/plans/starter", plan).await.expect(200);
    app.put(
        "/tenants/acme/subscription",
        merged(json!({ "plan": "starter" }), subscription),
    )
    .await
    .expect(200);
    app
}

/// What has happened already: messages and input tokens.
async fn used(app: &TestApp, messages: usize, tokens_in: usize) {
    let events: Vec<Value> = (0..messages)
        .map(|n| json!({ "id": format!("used-{n}"), "tenant_id": "acme", "operation": "agent_message", "tokens_in": if n == 0 { tokens_in } else { 0 } }))
        .collect();
    if !events.is_empty() {
        app.post("/events/batch?mode=observe", json!({ "events": events }))
            .await
            .expect(200);
    }
}

async fn message(app: &TestApp, fields: Value) -> TestReply {
    app.post(
        "/events",
        merged(
            json!({ "tenant_id": "acme", "operation": "agent_message" }),
            fields,
        ),
    )
    .await
}

#[tokio::test]
async fn the_guardrails_decide_as_in_their_own_tests_and_count_the_request_itself() {
    for (row, mode, messages, tokens_in, request, decision, hit) in [
        ("G1", "warn", 100, 0, 0, "deny", "messages hard_limit"),
        ("G2", "warn", 1, 1200, 0, "warn", ""),
        ("G3", "block", 1, 1500, 0, "deny", "input_tokens soft_limit"),
        ("G7", "warn", 79, 0, 0, "allow", ""),
        ("G7", "warn", 80, 0, 0, "warn", ""),
        ("G7", "warn", 99, 0, 0, "warn", ""),
        ("G7", "warn", 100, 0, 0, "deny", "messages hard_limit"),
        ("G8", "warn", 100, 1200, 0, "deny", "messages hard_limit"),
        (
            "its own size counts",
            "block",
            1,
            999,
            2,
            "deny",
            "input_tokens soft_limit",
        ),
        ("its own size counts", "warn", 1, 999, 1, "allow", ""),
    ] {
        let app = subscribed(guardrails(mode), json!({})).await;
        used(&app, messages, tokens_in).await;
        let reply = message(&app, json!({ "tokens_in": request })).await;
        if decision != "deny" {
            assert_eq!(
                (reply.status, reply.at("/decision")),
                (201, json!(decision)),
                "{row} {}",
                reply.text
            );
            continue;
        }
        let body = refused(&reply, 429, "usage_limit_exceeded");
        let hits: Vec<String> = [format!(
            "{} {}",
            body["feature_key"].as_str().unwrap(),
            body["limit_type"].as_str().unwrap()
        )]
        .into();
        assert_eq!(
            (hits.join(", ").as_str(), &body["plan_code"]),
            (hit, &json!("starter")),
            "{row}"
        );
        assert_eq!(
            body["violations"].as_array().map(Vec::len),
            Some(1),
            "{row}: what only warns is no violation"
        );
    }
}

#[tokio::test]
async fn a_plan_without_features_allows_and_a_tenant_without_a_plan_may_be_refused() {
    // G4.
    let app = subscribed(
        json!({ "name": "Empty", "currency": "USD", "features": [] }),
        json!({}),
    )
    .await;
    message(&app, json!({})).await.expect(201);
    // G5.
    app.put("/tenants/beta", json!({ "require_plan": true }))
        .await
        .expect(200);
    let event = json!({ "id": "e1", "tenant_id": "beta", "operation": "agent_message" });
    let body = refused(
        &app.post("/events", event.clone()).await,
        402,
        "usage_policy_configuration_error",
    );
    assert_eq!(
        (&body["tenant_id"], &body["plan_code"]),
        (&json!("beta"), &Value::Null)
    );
    assert_eq!(
        app.post("/check", event.clone())
            .await
            .expect(200)
            .at("/decision"),
        "deny"
    );
    refused(
        &app.post("/holds", json!({ "event": event })).await,
        402,
        "usage_policy_configuration_error",
    );
    // What has happened is recorded all the same, and its replay wins.
    assert_eq!(
        app.post("/events?mode=observe", event.clone())
            .await
            .expect(201)
            .at("/decision"),
        "deny"
    );
    assert_eq!(
        app.post("/events", event).await.expect(200).at("/replayed"),
        true
    );
    app.put("/tenants/beta/subscription", json!({ "plan": "starter" }))
        .await
        .expect(200);
    app.post(
        "/events",
        json!({ "tenant_id": "beta", "operation": "agent_message" }),
    )
    .await
    .expect(201);
}

#[tokio::test]
async fn the_status_of_a_subscription_decides() {
    let app = subscribed(guardrails("warn"), json!({})).await;
    used(&app, 80, 0).await;
    assert_eq!(
        message(&app, json!({})).await.expect(201).at("/decision"),
        "warn"
    );
    app.put(
        "/tenants/acme/subscription",
        json!({ "plan": "starter", "status": "past_due" }),
    )
    .await
    .expect(200);
    let body = refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded");
    assert_eq!(
        (&body["limit_type"], &body["limit_value"]),
        (&json!("soft_limit"), &json!(80)),
        "what warned refuses now"
    );
    app.put(
        "/tenants/acme/subscription",
        json!({ "plan": "starter", "status": "cancelled" }),
    )
    .await
    .expect(200);
    let body = refused(
        &message(&app, json!({})).await,
        402,
        "usage_policy_configuration_error",
    );
    assert_eq!(body["plan_code"], "starter");
    app.put("/tenants/acme/subscription", json!({ "plan": "starter" }))
        .await
        .expect(200);
    assert_eq!(
        message(&app, json!({})).await.expect(201).at("/decision"),
        "warn"
    );
    app.put("/tenants/acme/subscription", json!({ "plan": null }))
        .await
        .expect(200);
    let subscription = app.get("/tenants/acme/subscription").await.expect(200);
    let version = subscription.at("/version");
    assert!(version.as_u64() > Some(0), "it was set: {version}");
    let none = json!({
        "tenant_id": "acme", "plan": null, "plan_version": null, "status": null,
        "period_anchor": null, "time_zone": null, "overrides": [], "period_start": null,
        "period_end": null, "version": version,
    });
    assert_eq!(subscription.json(), none);
    assert_eq!(
        message(&app, json!({})).await.expect(201).at("/decision"),
        "allow",
        "no plan, none required"
    );
}

#[tokio::test]
async fn entitlements_tell_what_is_used_and_left() {
    let plan = json!({ "name": "Starter", "currency": "USD", "features": [
        { "feature_key": "messages", "display_name": "Messages", "unit": "messages", "soft_limit": 60, "hard_limit": 100 },
        { "feature_key": "input_tokens", "soft_limit": 1000, "hard_limit": 2000 },
        { "feature_key": "output_tokens", "hard_limit": 0 },
        { "feature_key": "spend", "hard_limit": "0.05", "window": "day" },
        { "feature_key": "vector.max_file_bytes", "is_metered": false, "hard_limit": 512 },
    ]});
    let app = subscribed(plan, json!({})).await;
    used(&app, 55, 1500).await;
    let body = app.get("/entitlements/acme").await.expect(200).json();
    let row = |index: usize| {
        let row = &body["entitlements"][index];
        let fields = [
            "feature_key",
            "usage",
            "remaining_to_soft_limit",
            "remaining_to_hard_limit",
            "percent_of_soft_limit",
            "percent_of_hard_limit",
            "status",
        ];
        fields
            .map(|field| {
                row[field]
                    .as_str()
                    .map_or_else(|| row[field].to_string(), str::to_owned)
            })
            .join(" ")
    };
    // G13, G14, G17 and the others.
    assert_eq!(row(0), "messages 55 5 45 91.67 55.00 approaching");
    assert_eq!(
        row(1),
        "input_tokens 1500 0 500 150.00 75.00 soft_limit_exceeded"
    );
    assert_eq!(
        row(2),
        "output_tokens 0 null 0 null null hard_limit_exceeded"
    );
    assert_eq!(row(3), "spend 0.0275 null 0.0225 null 55.00 ok");
    assert_eq!(row(4), "vector.max_file_bytes null null null null null ok");
    assert_eq!(
        (&body["plan_name"], &body["subscription_status"]),
        (&json!("Starter"), &json!("active"))
    );
    let empty = app.get("/entitlements/nobody").await.expect(200).json();
    assert_eq!(
        (&empty["plan_code"], &empty["entitlements"]),
        (&Value::Null, &json!([]))
    );
}

#[tokio::test]
async fn a_bad_subscription_changes_nothing() {
    let app = subscribed(capped(1), json!({})).await;
    for (body, code, pointer) in [
        (json!({ "plan": "gold" }), "unknown_plan", "/plan"),
        (
            json!({ "plan": "starter", "overrides": [{ "feature_key": "images", "hard_limit": 1 }] }),
            "invalid_value",
            "/overrides/0/feature_key",
        ),
        (
            json!({ "plan": "starter", "overrides": [{ "feature_key": "messages", "hard_limit": "1.5" }] }),
            "invalid_value",
            "/overrides/0/hard_limit",
        ),
        (
            json!({ "plan": "starter", "time_zone": "Berlin" }),
            "invalid_value",
            "/time_zone",
        ),
    ] {
        let refusal = refused(
            &app.put("/tenants/acme/subscription", body).await,
            422,
            code,
        );
        assert_eq!(refusal["errors"][0]["pointer"], pointer);
    }
    app.put(
        "/plans/euro",
        json!({ "name": "Euro", "currency": "EUR", "features": [] }),
    )
    .await
    .expect(200);
    refused(
        &app.put("/tenants/acme/subscription", json!({ "plan": "euro" }))
            .await,
        422,
        "currency_mismatch",
    );
    assert_eq!(
        app.get("/tenants/acme/subscription")
            .await
            .expect(200)
            .at("/plan"),
        "starter"
    );
}
