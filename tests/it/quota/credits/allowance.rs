//! The allowance: one for each period, whole from the subscription on, and never given twice.

use super::{grant, spend, stands, with_allowance};
use crate::given::{merged, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

#[tokio::test]
async fn an_allowance_begins_whole_with_the_subscription() {
    let app = TestApp::new().await;
    spend(&app, "6", json!({})).await.expect(201);
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": "10" }),
    )
    .await
    .expect(200);
    app.put("/tenants/acme/subscription", json!({ "plan": "free" }))
        .await
        .expect(200);
    spend(&app, "10", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
}

#[tokio::test]
async fn each_period_has_its_own_allowance() {
    // P13.
    let app = with_allowance("10").await;
    grant(&app, "bought", "5", json!({})).await;
    spend(&app, "12", json!({})).await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 5 used 2 held 0 expired 0 available 3 uncovered 0 bought=2"
    );
    app.clock.set("2026-12-01T00:00:00Z");
    assert_eq!(
        stands(&app).await,
        "allowance 0/10 granted 5 used 2 held 0 expired 0 available 13 uncovered 0 bought=2"
    );
    // A late event is paid by the period of its own time.
    spend(&app, "1", json!({ "timestamp": "2026-11-30T23:59:59Z" }))
        .await
        .expect(201);
    spend(&app, "1", json!({})).await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 1/10 granted 5 used 3 held 0 expired 0 available 11 uncovered 0 bought=3"
    );
}

#[tokio::test]
async fn a_smaller_allowance_in_mid_period_counts_what_was_used_of_it() {
    let app = with_allowance("10").await;
    spend(&app, "6", json!({})).await.expect(201);
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": "7" }),
    )
    .await
    .expect(200);
    spend(&app, "1", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": "5" }),
    )
    .await
    .expect(200);
    assert_eq!(
        app.get("/credits/acme").await.expect(200).at("/available"),
        "0"
    );
    // Without an allowance nothing needs to be covered.
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [] }),
    )
    .await
    .expect(200);
    spend(&app, "100", json!({})).await.expect(201);
}

#[tokio::test]
async fn an_allowance_is_not_given_again_when_periods_begin_elsewhere_nor_for_periods_before() {
    let app = with_allowance("20").await;
    spend(&app, "15", json!({})).await.expect(201);
    let subscribe = |fields: Value| {
        let body = merged(json!({ "plan": "free" }), fields);
        app.put("/tenants/acme/subscription", body)
    };
    subscribe(json!({ "time_zone": "Europe/Berlin" }))
        .await
        .expect(200);
    assert!(stands(&app).await.starts_with("allowance 15/20"));
    spend(&app, "3", json!({})).await.expect(201);
    // To and fro, and to an anchor: it is carried once each time.
    subscribe(json!({})).await.expect(200);
    assert!(stands(&app).await.starts_with("allowance 18/20"));
    subscribe(json!({ "period_anchor": "2026-11-10T00:00:00Z" }))
        .await
        .expect(200);
    assert!(stands(&app).await.starts_with("allowance 18/20"));
    refused(
        &spend(&app, "2.01", json!({})).await,
        402,
        "budget_exceeded",
    );
    // A period that had ended before the tenant subscribed has none.
    refused(
        &spend(&app, "1", json!({ "timestamp": "2026-10-25T00:00:00Z" })).await,
        402,
        "budget_exceeded",
    );
    spend(&app, "2", json!({})).await.expect(201);
}
