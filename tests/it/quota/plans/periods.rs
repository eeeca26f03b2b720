//! What is used belongs to the period of its own time, whatever becomes of plan and period.

use super::{capped, message, subscribed, used};
use crate::given::{merged, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn upgrades_and_downgrades_in_mid_period_keep_what_was_used() {
    let app = subscribed(capped(3), json!({})).await;
    app.put("/plans/pro", capped(5)).await.expect(200);
    used(&app, 3, 0).await;
    refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded");
    app.put("/tenants/acme/subscription", json!({ "plan": "pro" }))
        .await
        .expect(200);
    message(&app, json!({})).await.expect(201);
    message(&app, json!({})).await.expect(201);
    let body = refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded");
    assert_eq!(
        (&body["usage"], &body["plan_code"]),
        (&json!(5), &json!("pro"))
    );
    app.put("/tenants/acme/subscription", json!({ "plan": "starter" }))
        .await
        .expect(200);
    assert_eq!(
        refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded")["usage"],
        5
    );
    // With an anchor the period is another one: what it holds is counted anew.
    app.put(
        "/tenants/acme/subscription",
        json!({ "plan": "pro", "period_anchor": "2026-11-22T09:00:00Z" }),
    )
    .await
    .expect(200);
    let body = refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded");
    assert_eq!(
        (&body["usage"], &body["window_start"]),
        (&json!(5), &json!("2026-11-22T09:00:00Z"))
    );
}

#[tokio::test]
async fn periods_follow_the_anchor_and_the_time_zone_of_the_subscription() {
    let app = subscribed(
        capped(1),
        json!({ "period_anchor": "2026-01-31T09:00:00Z", "time_zone": "Europe/Berlin" }),
    )
    .await;
    let subscription = app.get("/tenants/acme/subscription").await.expect(200);
    // 10:00 in Berlin on the last day of the month.
    assert_eq!(
        (
            subscription.at("/period_start"),
            subscription.at("/period_end")
        ),
        (json!("2026-10-31T09:00:00Z"), json!("2026-11-30T09:00:00Z"))
    );
    message(&app, json!({})).await.expect(201);
    let reply = message(&app, json!({})).await;
    assert_eq!(
        refused(&reply, 429, "usage_limit_exceeded")["window_end"],
        "2026-11-30T09:00:00Z"
    );
    assert_eq!(
        reply.header("retry-after"),
        (7 * 86_400 + 23 * 3600).to_string()
    );
    // An event belongs to the period of its own time.
    message(&app, json!({ "timestamp": "2026-10-31T08:59:59Z" }))
        .await
        .expect(201);
    refused(
        &message(&app, json!({ "timestamp": "2026-10-31T09:00:00Z" })).await,
        429,
        "usage_limit_exceeded",
    );
    // The zone rules the tenant's other limits too.
    app.limit("acme", json!([{ "id": "day", "scope": "tenant", "measure": "events", "window": "day", "hard": 10 }])).await;
    let entitlements = app.get("/entitlements/acme").await.expect(200);
    let day = ["window", "window_start", "window_end"]
        .map(|field| entitlements.at(&format!("/entitlements/1/{field}")));
    assert_eq!(day, ["day", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z"]);
}

#[tokio::test]
async fn a_hold_settles_into_the_period_it_was_taken_in() {
    let app = subscribed(
        capped(2),
        json!({ "period_anchor": "2026-11-22T10:30:00Z" }),
    )
    .await;
    app.post("/holds", json!({ "id": "h", "event": { "tenant_id": "acme", "operation": "agent_message" }, "ttl_seconds": 7200 }))
        .await
        .expect(201);
    app.clock.advance(3600);
    app.post(
        "/holds/h/capture",
        json!({ "event": { "tenant_id": "acme" } }),
    )
    .await
    .expect(201);
    assert_eq!(
        app.get("/entitlements/acme")
            .await
            .expect(200)
            .at("/entitlements/0/usage"),
        0
    );
    message(&app, json!({ "timestamp": "2026-11-22T10:29:59Z" }))
        .await
        .expect(201);
    refused(
        &message(&app, json!({ "timestamp": "2026-11-22T10:29:59Z" })).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn a_hold_is_captured_after_periods_came_to_begin_elsewhere() {
    let app = TestApp::new().await;
    app.clock.set("2026-03-10T10:00:00Z");
    app.put(
        "/plans/starter",
        merged(capped(5), json!({ "allowance": "9" })),
    )
    .await
    .expect(200);
    app.put("/tenants/acme/subscription", json!({ "plan": "starter" }))
        .await
        .expect(200);
    app.post("/holds", json!({ "id": "h", "event": { "tenant_id": "acme", "operation": "agent_message" }, "ttl_seconds": 7200 }))
        .await
        .expect(201);
    // Both months begin at midnight on 1 March in UTC, and end an hour apart.
    app.put(
        "/tenants/acme/subscription",
        json!({ "plan": "starter", "time_zone": "Europe/London" }),
    )
    .await
    .expect(200);
    app.post(
        "/holds/h/capture",
        json!({ "event": { "tenant_id": "acme" } }),
    )
    .await
    .expect(201);
    assert_eq!(
        app.get("/entitlements/acme")
            .await
            .expect(200)
            .at("/entitlements/0/usage"),
        1
    );
}
