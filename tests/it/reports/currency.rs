//! The first use that is recorded fixes the tenant's currency, and nothing else.

use super::{event, hold};
use crate::given::{card_with, limit, merged, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// A tenant whose agent `a1` may use nothing. The operation `eu` is priced in
/// EUR, all others in USD.
async fn barred() -> TestApp {
    let app = TestApp::new().await;
    let euro = json!({ "currency": "EUR", "operations": { "eu": { "unit": "1" } } });
    card_with(&app, "euro", euro).await;
    let nothing = json!({ "scope": "agent", "scope_id": "a1", "hard": 0 });
    app.limit("acme", json!([limit(nothing)])).await;
    app
}

fn euros(agent: &str) -> Value {
    json!({ "operation": "eu", "agent_id": agent })
}

async fn currency(app: &TestApp) -> Value {
    app.get("/tenants/acme").await.expect(200).at("/currency")
}

/// No route changes a currency that is fixed.
#[tokio::test]
async fn a_denied_hold_leaves_the_currency_open() {
    let app = barred().await;
    refused(
        &hold(&app, "h", euros("a1")).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(currency(&app).await, Value::Null);
    app.record("acme", json!({ "agent_id": "a2" }))
        .await
        .expect(201);
    assert_eq!(currency(&app).await, "USD");
    let app = barred().await;
    refused(
        &hold(&app, "h", euros("a1")).await,
        429,
        "usage_limit_exceeded",
    );
    app.put("/tenants/acme", json!({ "currency": "USD" }))
        .await
        .expect(200);
}

/// The first event of a batch need not be the first that is recorded.
#[tokio::test]
async fn a_denied_event_of_a_batch_leaves_the_currency_to_the_first_recorded() {
    let app = barred().await;
    let dollars = event(json!({ "agent_id": "a2" }));
    let events = [event(euros("a1")), dollars, event(euros("a2"))];
    let batch = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    let results: Vec<Value> = batch.at("/results").as_array().expect("results").clone();
    let statuses: Vec<&Value> = results.iter().map(|result| &result["status"]).collect();
    assert_eq!(
        statuses,
        ["rejected", "recorded", "rejected"],
        "{}",
        batch.text
    );
    assert_eq!(results[2]["problem"]["code"], "currency_mismatch");
    assert_eq!(currency(&app).await, "USD");
}

/// Where all of a batch is denied, nothing is fixed.
#[tokio::test]
async fn a_batch_that_is_denied_whole_leaves_the_currency_open() {
    let app = barred().await;
    let events = [event(euros("a1")), event(euros("a1"))];
    let batch = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(batch.at("/rejected"), 2);
    assert_eq!(currency(&app).await, Value::Null);
    app.record("acme", json!({ "agent_id": "a2" }))
        .await
        .expect(201);
}

/// What is observed past a limit is recorded, and so counts as the first use.
#[tokio::test]
async fn a_denied_event_fixes_the_currency_only_where_it_is_recorded_all_the_same() {
    let app = barred().await;
    let denied = merged(euros("a1"), json!({ "id": "e" }));
    refused(
        &app.record("acme", denied.clone()).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(currency(&app).await, Value::Null);
    let observed = app
        .post("/events?mode=observe", event(denied))
        .await
        .expect(201);
    assert_eq!(observed.at("/decision"), "deny");
    assert_eq!(currency(&app).await, "EUR");
    let dollars = app.record("acme", json!({ "agent_id": "a2" })).await;
    refused(&dollars, 422, "currency_mismatch");
}
