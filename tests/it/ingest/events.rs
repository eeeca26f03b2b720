//! `POST /events` and `GET /events/{event_id}`: what is sent is what is kept.

use crate::given::{events_of, get_as, merged, pointers, post_as, refused, without};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

const NOW: &str = "2026-11-22T10:00:00Z";

/// Every field that an event may have.
pub(crate) fn full() -> Value {
    let used = json!({
        "units": 2, "tokens_in": 1200, "tokens_out": 300, "cached_tokens_in": 200, "tokens_processed": 7, "api_calls": 3,
        "cache_write_tokens_in": 100, "cache_write_1h_tokens_in": 50, "audio_tokens_in": 40, "cached_audio_tokens_in": 30,
        "image_tokens_in": 20, "video_tokens_in": 10, "reasoning_tokens_out": 100, "audio_tokens_out": 50, "image_tokens_out": 25,
        "searches": 3, "images": 2, "pages": 4, "characters": 900, "duration_ms": 840, "data_bytes": 9_007_199_254_740_991_u64,
    });
    let event = json!({
        "id": "evt-1", "tenant_id": "acme", "timestamp": "2026-11-22T09:59:58.5Z", "operation": "gpt-4o", "tier": "enhanced",
        "latency_ms": "12.5", "compliance_score": "0.97",
        "agent_id": "a1", "consumer_id": "c1", "session_id": "s1", "task_id": "t/1", "tool_server": "srv", "tool_name": "search",
        "model": "gpt-4o-mini", "provider": "openai", "budget_node": "team/x", "cost_override": "0.05", "metadata": { "any": ["json", 1.50, null] },
    });
    crate::given::merged(event, used)
}

#[tokio::test]
async fn the_operation_alone_makes_an_event() {
    let app = TestApp::new().await;
    let keys = app.keys("acme").await;
    let reply = post_as(
        &app,
        &keys.ingest,
        "/events",
        &json!({ "operation": "agent_message" }),
    )
    .await
    .expect(201);
    let id = reply.at("/event_id").as_str().expect("an id").to_owned();
    let expected = json!({
        "event_id": id, "recorded": true, "replayed": false, "voided": false, "timestamp": NOW, "operation": "agent_message", "tier": "standard",
        "cost": "0.0005", "currency": "USD", "rate_card": { "id": "default", "version": 1 },
        "exchange_rate": null, "decision": "allow", "warnings": [],
        "constitutional_hash": "cdd01ef066bc6cf2",
    });
    assert_eq!(reply.json(), expected);
    let stored = get_as(&app, &keys.read, &format!("/events/{id}"))
        .await
        .expect(200);
    let expected = json!({
        "id": id, "tenant_id": "acme", "timestamp": NOW, "operation": "agent_message", "tier": "standard", "units": 1,
        "compliance_score": "1", "cost": "0.0005", "currency": "USD",
        "rate_card": { "id": "default", "version": 1 }, "decision": "allow", "received_at": NOW,
        "voided": false,
    });
    assert_eq!(stored.json(), expected);
}

#[tokio::test]
async fn every_field_that_is_sent_is_kept() {
    let app = TestApp::new().await;
    app.post("/events", full()).await.expect(201);
    let stored = app.get("/events/evt-1?tenant_id=acme").await.expect(200);
    let added = json!({
        "cost": "0.05", "currency": "USD", "rate_card": { "id": "default", "version": 1 },
        "decision": "allow", "received_at": NOW, "voided": false,
    });
    assert_eq!(stored.json(), merged(full(), added));
    assert!(
        stored
            .text
            .contains(r#""metadata":{"any":["json",1.5,null]}"#),
        "{}",
        stored.text
    );
}

#[tokio::test]
async fn null_is_absent_and_decimals_may_be_numbers() {
    let app = TestApp::new().await;
    let spelt = r#"{"tenant_id":"acme","id":"e1","operation":"agent_message","tier":null,"agent_id":null,"metadata":null,
        "latency_ms":12.50,"compliance_score":9.7e-1,"cost_override":0.000000000000001}"#;
    let reply = app.call("POST", "/events", spelt).await.expect(201);
    assert_eq!(
        (reply.at("/cost"), reply.at("/tier")),
        (json!("0.000000000000001"), json!("standard"))
    );
    let stored = app.get("/events/e1?tenant_id=acme").await.expect(200);
    assert_eq!(
        (stored.at("/latency_ms"), stored.at("/compliance_score")),
        (json!("12.5"), json!("0.97"))
    );
    assert_eq!(stored.at("/agent_id"), Value::Null);
}

#[tokio::test]
async fn times_are_answered_in_utc_with_their_fraction() {
    let app = TestApp::new().await;
    for (id, sent, shown) in [
        (
            "a",
            "2026-11-22T10:00:00.123456789Z",
            "2026-11-22T10:00:00.123456789Z",
        ),
        ("b", "2026-11-22T11:30:00.5+01:30", "2026-11-22T10:00:00.5Z"),
        ("c", "2026-11-21t23:00:00-11:00", NOW),
        ("d", "2026-11-22T10:00:00.000z", NOW),
    ] {
        let reply = app
            .record("acme", json!({ "id": id, "timestamp": sent }))
            .await
            .expect(201);
        assert_eq!(reply.at("/timestamp"), shown, "{sent}");
    }
}

#[tokio::test]
async fn an_id_belongs_to_its_tenant_alone() {
    let app = TestApp::new().await;
    for tenant in ["acme", "Acme", "acme-2", "acme.2"] {
        app.record(tenant, json!({ "id": "e1" })).await.expect(201);
    }
    for tenant in ["acme", "Acme", "acme-2", "acme.2"] {
        assert_eq!(events_of(&app, tenant).await, 1, "{tenant}");
    }
}

#[tokio::test]
async fn the_tenant_is_the_keys_or_the_operators_choice() {
    let app = TestApp::new().await;
    let key = app.keys("acme").await.ingest;
    let event =
        |tenant: &str| json!({ "id": tenant, "tenant_id": tenant, "operation": "agent_message" });
    post_as(&app, &key, "/events", &event("acme"))
        .await
        .expect(201);
    refused(
        &post_as(&app, &key, "/events", &event("other")).await,
        403,
        "forbidden",
    );
    app.post("/events", event("other")).await.expect(201);
    let nobody = without(event("x"), &["tenant_id"]);
    let problem = refused(
        &app.post("/events", nobody.clone()).await,
        400,
        "invalid_request",
    );
    assert_eq!(pointers(&problem), "/tenant_id");
    let reserved = app.post("/events", event("aggregate")).await;
    assert_eq!(
        pointers(&refused(&reserved, 422, "invalid_event")),
        "/tenant_id"
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_priced_is_refused() {
    let app = TestApp::new().await;
    for (fields, pointer) in [
        (json!({ "operation": "gpt-9" }), "/operation"),
        (json!({ "tier": "platinum" }), "/tier"),
        (
            json!({ "operation": "hitl_approval", "tier": "enterprise", "units": 9_007_199_254_740_991_u64 }),
            "",
        ),
    ] {
        let reply = app.record("acme", fields).await;
        if pointer.is_empty() {
            assert_eq!(reply.expect(201).at("/cost"), "900719925474099.1");
        } else {
            assert_eq!(pointers(&refused(&reply, 422, "invalid_event")), pointer);
        }
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_listed_at_once() {
    let app = TestApp::new().await;
    let bad = json!({ "tenant_id": "a|b", "units": -1, "agent_id": 7, "oops": 1, "timestamp": "2026-11-22T10:00:00" });
    let problem = refused(&app.post("/events", bad).await, 400, "invalid_request");
    assert_eq!(
        pointers(&problem),
        "/operation /tenant_id /timestamp /agent_id /units /oops"
    );
    let rules =
        json!({ "operation": "agent_message", "units": -1, "timestamp": "2026-11-22T10:00:00" });
    let problem = refused(&app.post("/events", rules).await, 422, "invalid_event");
    assert_eq!(pointers(&problem), "/timestamp /units");
}

#[tokio::test]
async fn an_event_that_is_not_there_is_404() {
    let app = TestApp::new().await;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    for path in [
        "/events/e2?tenant_id=acme",
        "/events/e1?tenant_id=other",
        "/events/a%7Cb?tenant_id=acme",
    ] {
        refused(&app.get(path).await, 404, "not_found");
    }
    assert_eq!(
        pointers(&refused(
            &app.get("/events/e1").await,
            400,
            "invalid_request"
        )),
        "?tenant_id"
    );
}
