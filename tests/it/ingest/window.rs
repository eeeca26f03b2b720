//! Which times are accepted: 35 days back to 5 minutes ahead, further back for
//! an operator who backfills.

use crate::given::{merged, pointers, refused};
use serde_json::{Value, json};
use tollgate_core::Name;
use tollgate_service::Store;
use tollgate_tests::{TestApp, TestReply};

async fn at(app: &TestApp, timestamp: &str, query: &str) -> TestReply {
    let event =
        json!({ "tenant_id": "acme", "operation": "agent_message", "timestamp": timestamp });
    app.post(&format!("/events{query}"), event).await
}

#[tokio::test]
async fn the_bounds_themselves_are_inside() {
    let app = TestApp::new().await;
    for (timestamp, accepted) in [
        ("2026-10-18T10:00:00Z", true),
        ("2026-10-18T09:59:59.999999999Z", false),
        ("2026-11-22T10:05:00Z", true),
        ("2026-11-22T10:05:00.000000001Z", false),
        ("1970-01-01T00:00:00Z", false),
        ("9999-12-30T22:00:00Z", false),
    ] {
        for query in ["", "?mode=observe"] {
            let reply = at(&app, timestamp, query).await;
            if accepted {
                reply.expect(201);
            } else {
                assert_eq!(
                    pointers(&refused(&reply, 422, "invalid_event")),
                    "/timestamp",
                    "{timestamp}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_time_without_an_offset_is_refused() {
    let app = TestApp::new().await;
    for timestamp in [
        "2026-11-22T10:00:00",
        "2026-11-22",
        "10:00:00Z",
        "2026-11-22 10:00:00Z",
        "2026-02-29T10:00:00Z",
        "now",
        "",
    ] {
        assert_eq!(
            pointers(&refused(
                &at(&app, timestamp, "").await,
                422,
                "invalid_event"
            )),
            "/timestamp",
            "{timestamp}"
        );
    }
    assert_eq!(
        app.get("/usage/acme").await.expect(200).at("/total_events"),
        0
    );
}

#[tokio::test]
async fn backfill_reaches_to_the_tenants_retention() {
    for (retention, first) in [
        (Value::Null, "2025-10-18T10:00:00Z"),
        (json!(100), "2026-08-14T10:00:00Z"),
    ] {
        let app = TestApp::new().await;
        app.put("/tenants/acme", json!({ "retention_days": retention }))
            .await
            .expect(200);
        refused(&at(&app, first, "").await, 422, "invalid_event");
        at(&app, first, "?backfill=true").await.expect(201);
        let day_before = first.replace("T10:00:00Z", "T09:59:59Z");
        refused(
            &at(&app, &day_before, "?backfill=true").await,
            422,
            "invalid_event",
        );
        let batch = |timestamp: &str| json!({ "events": [{ "tenant_id": "acme", "operation": "agent_message", "timestamp": timestamp }] });
        let reply = app
            .post("/events/batch?backfill=true", batch(first))
            .await
            .expect(200);
        assert_eq!(reply.at("/recorded"), 1);
        let reply = app
            .post("/events/batch?backfill=true", batch(&day_before))
            .await
            .expect(200);
        assert_eq!(
            reply.at("/results/0/problem/errors/0/pointer"),
            "/timestamp"
        );
    }
}

#[tokio::test]
async fn what_was_accepted_once_is_a_replay_however_late() {
    let app = TestApp::new().await;
    let event = json!({ "id": "e1", "tenant_id": "acme", "operation": "agent_message", "timestamp": "2026-11-22T10:00:00Z" });
    let ahead = merged(
        event.clone(),
        json!({ "id": "e2", "timestamp": "2026-11-22T10:05:00Z" }),
    );
    app.post("/events", event.clone()).await.expect(201);
    app.post("/events", ahead.clone()).await.expect(201);
    app.clock.advance(-86_400);
    app.post("/events", ahead).await.expect(200);
    app.clock.advance(60 * 86_400);
    app.post("/events", event.clone()).await.expect(200);
    let reply = app
        .post("/events/batch", json!({ "events": [event] }))
        .await
        .expect(200);
    assert_eq!(reply.at("/replayed"), 1);
}

#[tokio::test]
async fn a_raised_retention_never_counts_an_event_again_whose_marker_is_gone() {
    let app = TestApp::new().await;
    app.put("/tenants/acme", json!({ "retention_days": 50 }))
        .await
        .expect(200);
    let event = json!({ "id": "e1", "tenant_id": "acme", "operation": "agent_message", "timestamp": "2026-11-22T10:00:00Z" });
    app.post("/events", event.clone()).await.expect(201);
    app.put("/tenants/acme", json!({ "retention_days": 400 }))
        .await
        .expect(200);
    let kept = app
        .store
        .read(&[tollgate_core::table::marker(
            &Name::new("acme").unwrap(),
            &Name::new("e1").unwrap(),
        )])
        .await
        .expect("a marker");
    let expires = kept[0]
        .as_ref()
        .and_then(|attrs| attrs.get("ttl"))
        .and_then(tollgate_core::Value::as_number)
        .expect("an expiry");
    // For as long as the store keeps the marker, it is a replay; from when on it
    // may be gone, too old.
    app.clock.set("2027-01-11T10:00:00Z");
    assert!(i128::from(app.service().now().unix_seconds()) < expires);
    app.post("/events?backfill=true", event.clone())
        .await
        .expect(200);
    let fresh = |timestamp: &str| json!({ "tenant_id": "acme", "operation": "agent_message", "timestamp": timestamp });
    refused(
        &app.post("/events?backfill=true", fresh("2026-11-22T09:59:59Z"))
            .await,
        422,
        "invalid_event",
    );
    // What came after the raise is kept as long as the new retention says.
    app.clock.set("2027-11-01T10:00:00Z");
    app.post("/events?backfill=true", fresh("2026-11-23T09:59:59Z"))
        .await
        .expect(422);
    app.post("/events?backfill=true", fresh("2026-11-23T10:00:00Z"))
        .await
        .expect(201);
}
