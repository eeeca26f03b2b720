//! What is taken back is free for limits at once, and stays free.

use super::{DAY, void};
use crate::given::{limit, refused};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn what_a_limit_counted_is_free_at_once() {
    let app = TestApp::new().await;
    let spend = json!({ "id": "spend", "scope": "agent", "scope_id": "a1", "measure": "spend", "window": "total", "hard": "0.05", "currency": "USD" });
    let events = limit(json!({ "id": "events", "window": "total", "hard": 1 }));
    let each = json!({ "id": "each", "scope": "agent", "measure": "spend", "window": "total", "hard": "0.05", "currency": "USD" });
    app.limit("acme", json!([spend, events, each])).await;
    for round in 0..3 {
        let event = |id: &str| json!({ "id": format!("{id}-{round}"), "operation": "hitl_approval", "agent_id": "a1" });
        app.record("acme", event("one")).await.expect(201);
        refused(
            &app.record("acme", event("two")).await,
            402,
            "budget_exceeded",
        );
        let standing = app.get("/limits/acme").await.at("/standing");
        assert_eq!(
            (&standing[0]["used"], &standing[1]["used"]),
            (&json!("0.05"), &json!(1))
        );
        void(&app, &format!("one-{round}")).await.expect(201);
        void(&app, &format!("one-{round}")).await.expect(200);
        let standing = app.get("/limits/acme").await.at("/standing");
        assert_eq!(
            (&standing[0]["used"], &standing[1]["used"]),
            (&json!("0"), &json!(0))
        );
    }
}

#[tokio::test]
async fn a_limit_set_later_does_not_count_it_nor_after_a_purge() {
    let app = TestApp::new().await;
    for id in ["e1", "e2", "e3"] {
        app.record(
            "acme",
            json!({ "id": id, "agent_id": "a1", "tokens_in": 10 }),
        )
        .await
        .expect(201);
    }
    void(&app, "e1").await.expect(201);
    let tokens = |hard: u64| json!([{ "id": "t", "scope": "agent", "scope_id": "a1", "measure": "tokens", "window": "total", "hard": hard }]);
    let used = async |app: &TestApp| app.get("/limits/acme").await.at("/standing/0/used");
    app.limit("acme", tokens(100)).await;
    assert_eq!(used(&app).await, 20);
    void(&app, "e2").await.expect(201);
    assert_eq!(used(&app).await, 10);
    app.clock.advance(40 * DAY);
    app.post(
        "/usage/purge",
        json!({ "tenant_id": "acme", "older_than_days": 35 }),
    )
    .await
    .expect(200);
    app.limit("acme", json!([])).await;
    app.limit("acme", tokens(101)).await;
    assert_eq!(used(&app).await, 10);
    refused(&void(&app, "e3").await, 404, "not_found");
    assert_eq!(void(&app, "e2").await.expect(200).at("/replayed"), true);
}

#[tokio::test]
async fn what_a_hold_booked_can_be_taken_back() {
    let app = TestApp::new().await;
    app.limit(
        "acme",
        json!([limit(json!({ "measure": "tokens", "hard": 100 }))]),
    )
    .await;
    let estimate = json!({ "tenant_id": "acme", "operation": "agent_message", "tokens_in": 100 });
    app.post("/holds", json!({ "id": "h1", "event": estimate }))
        .await
        .expect(201);
    app.post(
        "/holds/h1/capture",
        json!({ "event": { "tenant_id": "acme", "tokens_in": 60 } }),
    )
    .await
    .expect(201);
    void(&app, "h1").await.expect(201);
    let standing = app.get("/limits/acme").await.at("/standing/0");
    assert_eq!(
        (&standing["used"], &standing["held"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(
        app.get("/holds/h1?tenant_id=acme").await.at("/state"),
        "captured"
    );
}
