//! A refusal leaves no trace: the table is as before, to the byte.

use super::event;
use crate::given::{Open, operators};
use serde_json::{Value, json};

/// An order that is refused, and with what.
type Order = (&'static str, &'static str, Value, u16);

fn orders() -> Vec<Order> {
    let over = |fields: Value| event(crate::given::merged(json!({ "tenant_id": "full" }), fields));
    vec![
        ("POST", "/events", over(json!({ "id": "e" })), 429),
        ("POST", "/events?mode=enforce", over(json!({})), 429),
        (
            "POST",
            "/holds",
            json!({ "id": "h", "event": over(json!({})) }),
            429,
        ),
        (
            "POST",
            "/events",
            event(json!({ "tenant_id": "poor", "cost_override": "1" })),
            402,
        ),
        (
            "POST",
            "/holds",
            json!({ "id": "p", "event": event(json!({ "tenant_id": "poor", "cost_override": "1" })) }),
            402,
        ),
        (
            "POST",
            "/events",
            event(json!({ "tenant_id": "new", "operation": "nothing" })),
            422,
        ),
        (
            "POST",
            "/events",
            event(json!({ "tenant_id": "new", "units": -1 })),
            422,
        ),
        (
            "POST",
            "/events",
            event(json!({ "tenant_id": "new", "timestamp": "2020-01-01T00:00:00Z" })),
            422,
        ),
        (
            "POST",
            "/holds/none/capture",
            json!({ "event": { "tenant_id": "new" } }),
            404,
        ),
        (
            "POST",
            "/events/none/void",
            json!({ "tenant_id": "new" }),
            404,
        ),
        (
            "PUT",
            "/limits/new",
            json!({ "limits": [{ "id": "x" }] }),
            400,
        ),
        (
            "POST",
            "/keys",
            json!({ "tenant_id": "new", "scopes": ["all"] }),
            422,
        ),
        (
            "POST",
            "/credits/new",
            json!({ "id": "g", "amount": "-1", "currency": "USD" }),
            422,
        ),
    ]
}

#[tokio::test]
async fn what_is_refused_leaves_the_table_as_it_was() {
    let open = Open::new();
    let app = &open.app;
    let none = json!([{ "id": "none", "scope": "tenant", "measure": "events", "window": "month", "hard": 0 }]);
    app.limit("full", none).await;
    let money = json!([{ "id": "none", "scope": "tenant", "measure": "spend", "window": "month", "hard": "0", "currency": "USD" }]);
    app.limit("poor", money).await;
    let before = open.dump();
    for (method, path, body, status) in orders() {
        for key in [None, Some("the-same-key")] {
            let reply = match key {
                None => app.call(method, path, body.to_string()).await,
                Some(key) => {
                    let request = operators(method, path, &body, "idempotency-key", key);
                    app.send(request).await
                }
            };
            let case = format!("{method} {path} {body} {key:?}: {}", reply.text);
            assert_eq!(reply.status, status, "{case}");
            assert_eq!(open.dump(), before, "{case}");
        }
    }
}

/// Its currency is fixed by what is recorded, never by what is refused.
#[tokio::test]
async fn a_dry_run_and_a_check_leave_the_table_as_it_was() {
    let open = Open::new();
    let app = &open.app;
    app.record("acme", json!({ "id": "e" })).await.expect(201);
    app.clock.advance(500 * 86_400);
    let before = open.dump();
    for order in [
        json!({ "dry_run": true }),
        json!({ "dry_run": true, "tenant_id": "acme", "older_than_days": 35 }),
        json!({ "dry_run": true, "tenant_id": "nobody" }),
    ] {
        app.post("/usage/purge", order.clone()).await.expect(200);
        assert_eq!(open.dump(), before, "{order}");
    }
    for (path, tenant) in [
        ("/check", "acme"),
        ("/usage/validate", "acme"),
        ("/check", "new"),
    ] {
        app.post(path, event(json!({ "tenant_id": tenant })))
            .await
            .expect(200);
        assert_eq!(open.dump(), before, "{path} {tenant}");
    }
}
