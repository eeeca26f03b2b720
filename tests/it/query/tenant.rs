//! `GET /usage/{tenant_id}`: the ACGS form.

use super::five;
use crate::given::{get_as, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_tenants_usage_is_counted_by_operation_and_tier() {
    let app = TestApp::new().await;
    five(&app).await;
    app.record(
        "acme",
        json!({ "latency_ms": "0.0000005", "compliance_score": 0, "units": 4, "tokens_out": 9 }),
    )
    .await
    .expect(201);
    app.record("acme", json!({ "latency_ms": "1" }))
        .await
        .expect(201);
    let expected = json!({
        "tenant_id": "acme", "period_start": "2026-10-23T10:05:00Z", "period_end": "2026-11-22T10:05:00Z",
        "operations": { "agent_message": 6, "hitl_approval": 1 }, "tiers": { "enhanced": 1, "standard": 6 }, "total_events": 7,
        "total_units": 10, "total_tokens": 9, "total_cost": "0.05475", "currency": "USD", "avg_latency_ms": "0.500000",
        "avg_compliance_score": "0.857143", "constitutional_hash": "cdd01ef066bc6cf2",
    });
    assert_eq!(app.get("/usage/acme").await.expect(200).json(), expected);
}

#[tokio::test]
async fn averages_over_nothing_are_null() {
    let app = TestApp::new().await;
    let empty = app.get("/usage/acme").await.expect(200);
    assert_eq!(
        (
            empty.at("/avg_latency_ms"),
            empty.at("/avg_compliance_score")
        ),
        (Value::Null, Value::Null)
    );
    assert_eq!(
        (empty.at("/operations"), empty.at("/total_cost")),
        (json!({}), json!("0"))
    );
    app.record("acme", json!({})).await.expect(201);
    let usage = app.get("/usage/acme").await.expect(200);
    assert_eq!(
        (
            usage.at("/avg_latency_ms"),
            usage.at("/avg_compliance_score")
        ),
        (Value::Null, json!("1.000000"))
    );
}

#[tokio::test]
async fn averages_are_rounded_half_even() {
    for (latencies, mean) in [
        (vec!["0.000001", "0.000002"], "0.000002"),
        (vec!["0.000002", "0.000003"], "0.000002"),
        (vec!["1", "1", "2"], "1.333333"),
        (vec!["12.5"], "12.500000"),
    ] {
        let app = TestApp::new().await;
        for latency in &latencies {
            app.record("acme", json!({ "latency_ms": latency }))
                .await
                .expect(201);
        }
        assert_eq!(
            app.get("/usage/acme").await.at("/avg_latency_ms"),
            mean,
            "{latencies:?}"
        );
    }
}

#[tokio::test]
async fn without_a_range_it_is_the_thirty_days_that_end_five_minutes_ahead() {
    let app = TestApp::new().await;
    for (id, timestamp) in [
        ("before", "2026-10-23T10:04:59.999999999Z"),
        ("first", "2026-10-23T10:05:00Z"),
        ("last", "2026-11-22T10:04:59.999999999Z"),
        ("after", "2026-11-22T10:05:00Z"),
    ] {
        app.record("acme", json!({ "id": id, "timestamp": timestamp }))
            .await
            .expect(201);
    }
    assert_eq!(app.get("/usage/acme").await.at("/total_events"), 2);
    assert_eq!(
        app.get("/usage/acme?start=2026-10-01")
            .await
            .at("/total_events"),
        3
    );
    let with_end = app.get("/usage/acme?end=2026-10-24").await.expect(200);
    assert_eq!(
        (with_end.at("/period_start"), with_end.at("/total_events")),
        (json!("2026-09-24T00:00:00Z"), json!(2))
    );
}

#[tokio::test]
async fn a_word_of_a_route_is_no_tenant() {
    let app = TestApp::new().await;
    for word in [
        "aggregate",
        "stats",
        "export",
        "agents",
        "consumers",
        "batch",
        "validate",
        "purge",
        "tasks",
    ] {
        assert!(
            matches!(
                app.get(&format!("/usage/{word}")).await.status,
                404 | 405 | 200 | 400
            ),
            "{word}"
        );
        let event = json!({ "tenant_id": word, "operation": "agent_message" });
        refused(&app.post("/events", event).await, 422, "invalid_event");
        refused(&app.get(&format!("/quota/{word}")).await, 404, "not_found");
        refused(&app.get(&format!("/limits/{word}")).await, 404, "not_found");
        refused(
            &app.get(&format!("/billing/{word}")).await,
            404,
            "not_found",
        );
        refused(
            &app.put(&format!("/limits/{word}"), json!({ "limits": [] }))
                .await,
            400,
            "invalid_request",
        );
        refused(
            &app.put(&format!("/tenants/{word}"), json!({})).await,
            400,
            "invalid_request",
        );
        refused(
            &app.post("/keys", json!({ "tenant_id": word, "scopes": ["read"] }))
                .await,
            422,
            "invalid_value",
        );
    }
}

#[tokio::test]
async fn a_key_reads_its_own_tenant() {
    let app = TestApp::new().await;
    five(&app).await;
    let (own, other) = (app.keys("acme").await.read, app.keys("other").await.read);
    assert_eq!(
        get_as(&app, &own, "/usage/acme")
            .await
            .expect(200)
            .at("/total_events"),
        5
    );
    for path in [
        "/usage/acme",
        "/usage?tenant_id=acme",
        "/usage/summary?tenant_id=acme",
        "/events/a?tenant_id=acme",
    ] {
        refused(&get_as(&app, &other, path).await, 404, "not_found");
    }
    assert_eq!(
        get_as(&app, &other, "/usage")
            .await
            .expect(200)
            .at("/count"),
        0
    );
    refused(&get_as(&app, &other, "/events/a").await, 404, "not_found");
}
