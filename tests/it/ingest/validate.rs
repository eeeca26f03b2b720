//! `POST /usage/validate`: says whether an event would do, and stores nothing.

use super::usage::step;
use crate::given::{Open, merged, post_as, refused};
use serde_json::{Value, json};

#[tokio::test]
async fn a_valid_event_of_either_form_is_priced() {
    let open = Open::new();
    let app = &open.app;
    let before = open.dump();
    let asap = app
        .post("/usage/validate", step(json!({})))
        .await
        .expect(200);
    let expected = json!({ "valid": true, "task_id": "t1", "agent_id": "a1", "consumer_id": "c1",
        "cost": "0", "currency": "USD", "errors": [] });
    assert_eq!(asap.json(), expected);
    let event =
        json!({ "tenant_id": "acme", "operation": "hitl_approval", "tier": "deliberation" });
    let reply = app.post("/usage/validate", event).await.expect(200);
    let expected = json!({ "valid": true, "task_id": null, "agent_id": null, "consumer_id": null,
        "cost": "0.15", "currency": "USD", "errors": [] });
    assert_eq!(reply.json(), expected);
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn what_recording_refuses_validation_calls_invalid() {
    let open = Open::new();
    let app = &open.app;
    app.record("acme", json!({ "id": "taken" }))
        .await
        .expect(201);
    app.put("/tenants/euro", json!({ "currency": "EUR" }))
        .await
        .expect(200);
    let before = open.dump();
    let event = |fields: Value| {
        merged(
            json!({ "tenant_id": "acme", "operation": "agent_message" }),
            fields,
        )
    };
    for (body, pointer) in [
        (json!({ "tenant_id": "acme" }), "/task_id"),
        (step(json!({ "tokens_in": -1 })), "/tokens_in"),
        (
            step(json!({ "timestamp": "2026-11-22T09:00:00" })),
            "/timestamp",
        ),
        (
            step(json!({ "timestamp": "2020-01-01T00:00:00Z" })),
            "/timestamp",
        ),
        (event(json!({ "operation": "gpt-9" })), "/operation"),
        (event(json!({ "tier": "gold" })), "/tier"),
        (event(json!({ "units": "5" })), "/units"),
        (
            event(json!({ "timestamp": "2026-11-22T10:05:01Z" })),
            "/timestamp",
        ),
        (event(json!({ "id": "taken", "units": 2 })), ""),
        (event(json!({ "tenant_id": "euro" })), ""),
        (json!([]), ""),
    ] {
        let reply = app.post("/usage/validate", body.clone()).await.expect(200);
        assert_eq!(
            (reply.at("/valid"), reply.at("/errors/0/pointer")),
            (json!(false), json!(pointer)),
            "{body}"
        );
        assert!(
            reply
                .at("/errors/0/message")
                .as_str()
                .is_some_and(|message| !message.is_empty())
        );
    }
    assert_eq!(
        app.call("POST", "/usage/validate", "nonsense")
            .await
            .expect(200)
            .at("/valid"),
        false
    );
    assert_eq!(
        app.post("/usage/validate", event(json!({ "id": "taken" })))
            .await
            .expect(200)
            .at("/valid"),
        true
    );
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn validation_is_not_a_way_to_other_tenants() {
    let open = Open::new();
    let key = open.app.keys("acme").await.ingest;
    let reply = post_as(
        &open.app,
        &key,
        "/usage/validate",
        &step(json!({ "tenant_id": "other" })),
    )
    .await;
    refused(&reply, 403, "forbidden");
    refused(
        &open
            .app
            .post("/usage/validate", json!({ "operation": "agent_message" }))
            .await,
        400,
        "invalid_request",
    );
}
