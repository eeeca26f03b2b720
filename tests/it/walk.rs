//! The README's walk: record, see usage, set a limit, be stopped, see the bill.

use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn an_event_is_recorded_counted_limited_and_billed() {
    let app = TestApp::new().await;
    let first = app
        .record("acme", json!({ "id": "e1", "operation": "hitl_approval" }))
        .await
        .expect(201);
    assert_eq!(first.at("/cost"), "0.05");
    app.limit("acme", json!([{ "id": "two", "scope": "tenant", "measure": "events", "window": "month", "hard": 2 }])).await;
    app.record("acme", json!({ "id": "e2" })).await.expect(201);
    let denied = app.record("acme", json!({ "id": "e3" })).await.expect(429);
    assert_eq!(denied.at("/usage"), 2);
    let replay = app
        .record("acme", json!({ "id": "e1", "operation": "hitl_approval" }))
        .await
        .expect(200);
    assert_eq!(replay.at("/replayed"), true);
    let usage = app.get("/usage/acme").await.expect(200);
    assert_eq!(usage.at("/total_events"), 2);
    let bill = app.get("/billing/acme").await.expect(200);
    assert_eq!(bill.at("/subtotal_exact"), "0.0505");
}
