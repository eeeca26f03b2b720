//! A new version of a plan reaches all who subscribe; who cannot take it keeps working.

use super::{capped, message, subscribed};
use crate::given::refused;
use serde_json::{Value, json};
use tollgate_tests::Fault;

#[tokio::test]
async fn a_new_version_of_a_plan_holds_for_all_who_subscribe() {
    let app = subscribed(capped(1), json!({})).await;
    app.put(
        "/tenants/beta/subscription",
        json!({ "plan": "starter", "overrides": [{ "feature_key": "messages", "hard_limit": 2 }] }),
    )
    .await
    .expect(200);
    let beta = || {
        app.post(
            "/events",
            json!({ "tenant_id": "beta", "operation": "agent_message" }),
        )
    };
    message(&app, json!({})).await.expect(201);
    refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded");
    beta().await.expect(201);
    beta().await.expect(201);
    refused(&beta().await, 429, "usage_limit_exceeded");
    assert_eq!(
        app.put("/plans/starter", capped(2))
            .await
            .expect(200)
            .at("/version"),
        2
    );
    message(&app, json!({})).await.expect(201);
    refused(&beta().await, 429, "usage_limit_exceeded");
    assert_eq!(
        app.get("/tenants/beta/subscription")
            .await
            .expect(200)
            .at("/overrides/0/hard_limit"),
        2,
        "its own values stay"
    );
    // A version that meters the feature no more takes the override with it.
    let plan = json!({ "name": "Free", "currency": "USD", "features": [{ "feature_key": "messages", "is_metered": false, "hard_limit": 9 }] });
    app.put("/plans/starter", plan).await.expect(200);
    beta().await.expect(201);
    assert_eq!(
        app.get("/tenants/beta/subscription")
            .await
            .expect(200)
            .at("/overrides"),
        json!([])
    );
    // Who left is not renewed.
    app.put("/tenants/beta/subscription", json!({ "plan": null }))
        .await
        .expect(200);
    app.put("/plans/starter", capped(0)).await.expect(200);
    beta().await.expect(201);
}

#[tokio::test]
async fn a_plan_keeps_its_currency_and_a_subscriber_that_cannot_take_a_version_keeps_working() {
    let app = subscribed(capped(5), json!({})).await;
    let euro = json!({ "name": "Euro", "currency": "EUR", "features": [] });
    let other = app.put("/plans/starter", euro).await;
    let other = refused(&other, 422, "invalid_value");
    assert_eq!(other["errors"][0]["pointer"], "/currency");
    assert_eq!(
        app.get("/plans/starter").await.expect(200).at("/version"),
        1
    );
    // 150 limits of its own leave no room for 60 of a plan.
    let own: Vec<Value> = (0..150).map(|n| json!({ "id": format!("l{n}"), "scope": "agent", "scope_id": format!("a{n}"), "measure": "events", "window": "day", "hard": 9 })).collect();
    app.limit("acme", json!(own)).await;
    let features: Vec<Value> = (0..60)
        .map(|n| json!({ "feature_key": format!("f{n}"), "hard_limit": 9 }))
        .collect();
    refused(
        &app.put(
            "/plans/starter",
            json!({ "name": "Large", "currency": "USD", "features": features }),
        )
        .await,
        422,
        "too_many_limits",
    );
    message(&app, json!({})).await.expect(201);
    // Its rollups go on, and the next version that fits is taken.
    app.clock.advance(3 * 3600);
    let rolled = tollgate_purge::scheduled(&app.app, &json!({ "action": "rollup" }))
        .await
        .expect("a rollup");
    assert_eq!(rolled["hours"], 1, "{rolled}");
    app.put("/plans/starter", capped(1)).await.expect(200);
    refused(
        &message(&app, json!({ "timestamp": "2026-11-22T10:00:00Z" })).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn what_kept_a_subscriber_from_a_version_is_completed() {
    let app = subscribed(capped(5), json!({})).await;
    message(&app, json!({})).await.expect(201);
    // The plan is put, and the store is gone before its subscriber is renewed.
    let began = app.store.calls();
    app.store.rule(move |call| {
        if call.number > began + 2 {
            Fault::Before
        } else {
            Fault::None
        }
    });
    refused(
        &app.put("/plans/starter", capped(1)).await,
        503,
        "store_unavailable",
    );
    app.store.heal();
    assert_eq!(
        app.get("/plans/starter").await.expect(200).at("/version"),
        2
    );
    assert_eq!(
        app.get("/tenants/acme/subscription")
            .await
            .expect(200)
            .at("/plan_version"),
        1
    );
    tollgate_purge::scheduled(&app.app, &json!({ "action": "complete_changes" }))
        .await
        .expect("a completion");
    assert_eq!(
        app.get("/tenants/acme/subscription")
            .await
            .expect(200)
            .at("/plan_version"),
        2
    );
    refused(&message(&app, json!({})).await, 429, "usage_limit_exceeded");
}
