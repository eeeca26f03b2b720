//! What cannot be taken back, by whom and under which ids: refused, and nothing changes.

use super::void;
use crate::given::{Open, get_as, post_as, refused};
use serde_json::{Value, json};

/// Orders that take nothing back: path, body, and the refusal's status and code.
fn orders() -> [(&'static str, Value, u16, &'static str); 7] {
    [
        (
            "/events/none/void",
            json!({ "tenant_id": "acme" }),
            404,
            "not_found",
        ),
        (
            "/events/void-none/void",
            json!({ "tenant_id": "acme" }),
            404,
            "not_found",
        ),
        (
            "/events/e1/void",
            json!({ "tenant_id": "beta" }),
            404,
            "not_found",
        ),
        ("/events/e1/void", json!({}), 400, "invalid_request"),
        (
            "/events/e1/void?tenant_id=acme",
            json!({ "tenant_id": "beta" }),
            400,
            "invalid_request",
        ),
        (
            "/events/e1/void",
            json!({ "tenant_id": "acme", "cost": 1 }),
            400,
            "invalid_request",
        ),
        (
            "/events/e1/void",
            json!({ "tenant_id": "acme", "reason": "" }),
            422,
            "invalid_value",
        ),
    ]
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_named_and_changes_nothing() {
    let open = Open::new();
    let app = &open.app;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    app.record("acme", json!({ "id": "a/b" })).await.expect(201);
    let id = void(app, "e1")
        .await
        .expect(201)
        .at("/event_id")
        .as_str()
        .expect("an id")
        .to_owned();
    void(app, "a%2Fb").await.expect(201);
    let keys = [
        app.key("acme", &["ingest", "price", "read"]).await,
        app.key("beta", &["ingest"]).await,
    ];
    let before = open.dump();
    refused(&void(app, &id).await, 409, "conflict");
    for (path, body, status, code) in orders() {
        refused(&app.post(path, body).await, status, code);
    }
    for key in &keys {
        refused(
            &post_as(app, key, "/events/e1/void", &json!({})).await,
            403,
            "forbidden",
        );
    }
    get_as(app, &keys[0], "/events/e1").await.expect(200);
    for (path, code, body) in [
        (
            "/events",
            "invalid_event",
            json!({ "tenant_id": "acme", "operation": "agent_message", "id": id }),
        ),
        (
            "/check",
            "invalid_event",
            json!({ "tenant_id": "acme", "operation": "agent_message", "id": "void-x" }),
        ),
        (
            "/holds",
            "invalid_value",
            json!({ "id": "void-x", "event": { "tenant_id": "acme", "operation": "agent_message" } }),
        ),
    ] {
        refused(&app.post(path, body).await, 422, code);
    }
    assert_eq!(open.dump(), before);
    assert_eq!(
        app.call("POST", "/events/e1/void?tenant_id=acme", "")
            .await
            .expect(200)
            .at("/replayed"),
        true
    );
}
