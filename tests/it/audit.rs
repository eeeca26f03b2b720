//! `GET /audit`: who changed what, when.

use crate::given::{Open, get_as, limit, refused};
use serde_json::{Value, json};

#[tokio::test]
async fn every_change_by_an_operator_is_one_entry_newest_first() {
    let open = Open::new();
    let app = &open.app;
    app.put("/tenants/acme", json!({ "name": "Acme" }))
        .await
        .expect(200);
    app.clock.advance(1);
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "monthly_total_limit": 9 }),
    )
    .await
    .expect(200);
    app.clock.advance(1);
    app.limit("acme", json!([limit(json!({ "hard": 9 }))]))
        .await;
    app.clock.advance(1);
    let card = json!({ "currency": "USD", "operations": {} });
    app.put("/rate-cards/ai", card).await.expect(200);
    app.clock.advance(1);
    let made = app
        .post("/keys", json!({ "tenant_id": "acme", "scopes": ["read"] }))
        .await
        .expect(201);
    app.clock.advance(1);
    let id = made.at("/key_id");
    for _ in 0..2 {
        app.call(
            "DELETE",
            &format!("/keys/{}", id.as_str().expect("an id")),
            "",
        )
        .await
        .expect(200);
    }
    let trail = app.get("/audit").await.expect(200);
    let entry = |second: u64, action: &str, tenant: Value, detail: Value| {
        let at = format!("2026-11-22T10:00:0{second}Z");
        json!({ "created_at": at, "key_id": "test-operator", "action": action, "tenant_id": tenant,
            "detail": detail })
    };
    let data = trail.at("/data");
    let settings = data[5]["detail"].clone();
    assert_eq!(settings["name"], "Acme");
    let quota = data[4]["detail"].clone();
    assert_eq!(quota["monthly_total_limit"], 9);
    let expected = json!([
        entry(5, "key.revoke", json!("acme"), json!({ "key_id": id })),
        entry(
            4,
            "key.create",
            json!("acme"),
            json!({ "key_id": id, "scopes": ["read"] })
        ),
        entry(
            3,
            "rate_card.put",
            Value::Null,
            json!({
                "rate_card": "ai", "version": 1, "effective_from": "1970-01-01T00:00:00Z",
                "replaces": [], "operations_dropped": 0,
            })
        ),
        entry(2, "limits.put", json!("acme"), json!({ "limits": ["cap"] })),
        entry(1, "quota.set", json!("acme"), quota),
        entry(0, "tenant.put", json!("acme"), settings),
    ]);
    assert_eq!(data, expected);
}

#[tokio::test]
async fn the_entry_names_the_key_that_asked() {
    let open = Open::new();
    let app = &open.app;
    let made = app
        .post(
            "/keys",
            json!({ "scopes": ["operator"], "name": "night shift" }),
        )
        .await
        .expect(201);
    let key = made.at("/key");
    app.clock.advance(1);
    app.call_with(key.as_str().expect("a key"), "PUT", "/tenants/acme", "{}")
        .await
        .expect(200);
    assert_eq!(
        app.get("/audit").await.at("/data/0/key_id"),
        made.at("/key_id")
    );
}

#[tokio::test]
async fn what_is_refused_or_only_used_leaves_no_entry() {
    let open = Open::new();
    let app = &open.app;
    app.record("acme", json!({})).await.expect(201);
    app.post(
        "/check",
        json!({ "tenant_id": "acme", "operation": "agent_message" }),
    )
    .await
    .expect(200);
    refused(
        &app.put("/limits/acme", json!({ "limits": 1 })).await,
        400,
        "invalid_request",
    );
    refused(
        &app.put("/rate-cards/ai", json!({})).await,
        400,
        "invalid_request",
    );
    refused(
        &app.call("DELETE", "/keys/none", "").await,
        404,
        "not_found",
    );
    app.get("/limits/acme").await.expect(200);
    assert_eq!(
        app.get("/audit").await.expect(200).json(),
        json!({ "data": [], "count": 0, "next_cursor": null })
    );
}

#[tokio::test]
async fn the_trail_is_for_operators() {
    let open = Open::new();
    let keys = open.app.keys("acme").await;
    for key in [&keys.read, &keys.ingest] {
        refused(&get_as(&open.app, key, "/audit").await, 403, "forbidden");
    }
}
