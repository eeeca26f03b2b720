//! `Idempotency-Key`: the same request twice is one request.

use crate::given::{Open, events_of, operators, pointers, refused, with_header};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

const HEADER: &str = "idempotency-key";

#[tokio::test]
async fn an_event_without_an_id_counts_once_under_its_key() {
    let open = Open::new();
    let app = &open.app;
    let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
    let send =
        |body: Value, key: &'static str| app.send(operators("POST", "/events", &body, HEADER, key));
    let first = send(event.clone(), "k1").await.expect(201);
    let before = open.dump();
    app.clock.advance(60);
    let again = send(event.clone(), "k1").await.expect(200);
    assert_eq!(again.at("/replayed"), true);
    for field in ["event_id", "timestamp", "cost", "decision", "rate_card"] {
        assert_eq!(
            again.at(&format!("/{field}")),
            first.at(&format!("/{field}")),
            "{field}"
        );
    }
    let other = json!({ "tenant_id": "acme", "operation": "agent_message", "units": 2 });
    refused(&send(other, "k1").await, 422, "idempotency_key_reused");
    assert_eq!(open.dump(), before);
    send(event, "k2").await.expect(201);
    assert_eq!(events_of(app, "acme").await, 2);
}

#[tokio::test]
async fn a_key_is_the_tenants_own() {
    let app = TestApp::new().await;
    for tenant in ["acme", "other"] {
        let event = json!({ "tenant_id": tenant, "operation": "agent_message" });
        app.send(operators("POST", "/events", &event, HEADER, "k1"))
            .await
            .expect(201);
        let own = app.keys(tenant).await.ingest;
        let body = json!({ "operation": "agent_message" }).to_string();
        let request = with_header(
            TestApp::request(&own, "POST", "/events", body.into()),
            HEADER,
            "k1",
        );
        app.send(request).await.expect(200);
        assert_eq!(events_of(&app, tenant).await, 1);
    }
}

#[tokio::test]
async fn an_events_own_id_counts_and_not_the_header() {
    let app = TestApp::new().await;
    for id in ["e1", "e2"] {
        let event = json!({ "id": id, "tenant_id": "acme", "operation": "agent_message" });
        app.send(operators("POST", "/events", &event, HEADER, "k1"))
            .await
            .expect(201);
    }
    assert_eq!(events_of(&app, "acme").await, 2);
}

#[tokio::test]
async fn a_batch_takes_its_events_ids_and_not_the_header() {
    let app = TestApp::new().await;
    for id in ["e1", "e2"] {
        let batch =
            json!({ "events": [{ "id": id, "tenant_id": "acme", "operation": "agent_message" }] });
        let reply = app
            .send(operators("POST", "/events/batch", &batch, HEADER, "k1"))
            .await
            .expect(200);
        assert_eq!(reply.at("/recorded"), 1);
    }
}

#[tokio::test]
async fn a_batch_under_the_header_is_refused_where_an_event_has_no_id() {
    let open = Open::new();
    let before = open.dump();
    let event = |id: Option<&str>| json!({ "id": id, "tenant_id": "acme", "operation": "x" });
    let batch = json!({ "events": [event(Some("e1")), event(None)] });
    let request = operators("POST", "/events/batch", &batch, HEADER, "k1");
    let problem = refused(&open.app.send(request).await, 400, "invalid_request");
    assert_eq!(pointers(&problem), "/events/1/id");
    assert_eq!(open.dump(), before);
    open.app.post("/events/batch", batch).await.expect(200);
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused() {
    let app = TestApp::new().await;
    let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
    let quota = json!({ "tenant_id": "acme" });
    for (path, body) in [("/events", &event), ("/quota", &quota)] {
        for bad in [String::new(), "x".repeat(256)] {
            let problem = refused(
                &app.send(operators("POST", path, body, HEADER, &bad)).await,
                400,
                "invalid_request",
            );
            assert_eq!(pointers(&problem), "Idempotency-Key", "{path}");
        }
        let twice = with_header(operators("POST", path, body, HEADER, "a"), HEADER, "b");
        refused(&app.send(twice).await, 400, "invalid_request");
        app.send(operators("POST", path, body, HEADER, &"x".repeat(255)))
            .await;
    }
}

#[tokio::test]
async fn a_stored_answer_is_given_again_for_24_hours() {
    let app = TestApp::new().await;
    let quota = |total: u64| json!({ "tenant_id": "acme", "monthly_total_limit": total });
    let send = |body: Value| app.send(operators("POST", "/quota", &body, HEADER, "k1"));
    let first = send(quota(5)).await.expect(200);
    app.post("/quota", quota(9)).await.expect(200);
    app.clock.advance(86_399);
    let again = send(quota(5)).await.expect(200);
    assert_eq!(
        (
            again.text,
            again.headers.contains_key("idempotency-replayed")
        ),
        (first.text, true)
    );
    assert_eq!(
        app.get("/quota/acme").await.at("/limits/0/hard"),
        9,
        "the replay sets nothing"
    );
    refused(&send(quota(6)).await, 422, "idempotency_key_reused");
    app.clock.advance(1);
    send(quota(6)).await.expect(200);
    assert_eq!(app.get("/quota/acme").await.at("/limits/0/hard"), 6);
}

#[tokio::test]
async fn a_refusal_is_not_stored() {
    let app = TestApp::new().await;
    let send = |body: Value| app.send(operators("POST", "/quota", &body, HEADER, "k1"));
    refused(
        &send(json!({ "tenant_id": "acme", "monthly_total_limit": -1 })).await,
        422,
        "invalid_value",
    );
    send(json!({ "tenant_id": "acme", "monthly_total_limit": 1 }))
        .await
        .expect(200);
}

#[tokio::test]
async fn a_key_belongs_to_its_route() {
    let app = TestApp::new().await;
    app.send(operators(
        "POST",
        "/quota",
        &json!({ "tenant_id": "acme" }),
        HEADER,
        "k1",
    ))
    .await
    .expect(200);
    app.send(operators(
        "POST",
        "/usage/purge",
        &json!({ "tenant_id": "acme" }),
        HEADER,
        "k1",
    ))
    .await
    .expect(200);
    let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
    app.send(operators("POST", "/events", &event, HEADER, "k1"))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_used_up_budget_does_not_stop_the_replay_under_a_key() {
    let app = TestApp::new().await;
    app.limit("acme", json!([{ "id": "one", "scope": "tenant", "measure": "events", "window": "total", "hard": 1 }])).await;
    let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
    app.send(operators("POST", "/events", &event, HEADER, "k1"))
        .await
        .expect(201);
    app.send(operators("POST", "/events", &event, HEADER, "k1"))
        .await
        .expect(200);
    refused(
        &app.send(operators("POST", "/events", &event, HEADER, "k2"))
            .await,
        429,
        "usage_limit_exceeded",
    );
}
