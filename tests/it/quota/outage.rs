//! While the store is out of reach: checks and holds by each limit's
//! `on_unavailable`, everything else 503.

use crate::given::{merged, post_as, refused};
use serde_json::{Value, json};
use tollgate_service::Tenancy;
use tollgate_tests::{Fault, TestApp, TestReply};

fn limit(id: &str, fields: Value) -> Value {
    merged(
        json!({ "id": id, "scope": "agent", "measure": "events", "window": "day", "hard": 5, "on_unavailable": "allow" }),
        fields,
    )
}

fn event(fields: Value) -> Value {
    merged(
        json!({ "tenant_id": "acme", "operation": "agent_message", "agent_id": "a1" }),
        fields,
    )
}

/// An app that has read the tenant, and whose store is out of reach since.
async fn cut_off(limits: Value) -> TestApp {
    let app = TestApp::new().await;
    app.limit("acme", limits).await;
    app.post("/check", event(json!({}))).await.expect(200);
    app.store.rule(|_| Fault::Before);
    app
}

async fn asked(app: &TestApp, fields: Value) -> [TestReply; 2] {
    [
        app.post("/check", event(fields.clone())).await,
        app.post("/holds", json!({ "id": "h", "event": event(fields) }))
            .await,
    ]
}

#[tokio::test]
async fn what_every_limit_lets_pass_passes_and_says_so() {
    let app = cut_off(json!([
        limit("a", json!({})),
        limit(
            "closed",
            json!({ "scope_id": "a2", "on_unavailable": "deny" })
        )
    ]))
    .await;
    let [check, hold] = asked(&app, json!({})).await;
    let body = check.expect(200).json();
    assert_eq!(
        (
            &body["decision"],
            &body["degraded"],
            &body["cost"],
            &body["limits"]
        ),
        (&json!("allow"), &json!(true), &json!("0.0005"), &json!([]))
    );
    let body = hold.expect(201).json();
    assert_eq!(
        (
            &body["degraded"],
            &body["hold_id"],
            &body["state"],
            &body["limits"]
        ),
        (&json!(true), &json!("h"), &json!("open"), &json!([]))
    );
    // One limit that is closed is enough.
    for reply in asked(&app, json!({ "agent_id": "a2" })).await {
        refused(&reply, 503, "store_unavailable");
    }
    // What can never fit is refused as ever, and so is what is no event.
    for (fields, status) in [
        (json!({ "operation": "nothing" }), 422),
        (json!({ "timestamp": "2020-01-01T00:00:00Z" }), 422),
    ] {
        for reply in asked(&app, fields.clone()).await {
            assert_eq!(reply.status, status, "{fields}: {}", reply.text);
        }
    }
    // Nothing else is answered.
    refused(
        &app.post("/events", event(json!({ "id": "e1" }))).await,
        503,
        "store_unavailable",
    );
    refused(
        &app.post("/events?mode=observe", event(json!({ "id": "e1" })))
            .await,
        503,
        "store_unavailable",
    );
    refused(&app.get("/limits/acme").await, 503, "store_unavailable");
    // The hold was never there: what was used is recorded afterwards.
    app.store.heal();
    refused(&app.get("/holds/h?tenant_id=acme").await, 404, "not_found");
    app.post("/events?mode=observe", event(json!({ "id": "e1" })))
        .await
        .expect(201);
}

#[tokio::test]
async fn money_and_everything_else_is_closed_unless_it_is_said_otherwise() {
    let spend = json!({ "measure": "spend", "hard": "5", "currency": "USD" });
    for (row, limits, fields, open) in [
        (
            "the default",
            json!([limit("a", json!({ "on_unavailable": null }))]),
            json!({}),
            false,
        ),
        (
            "money by default",
            json!([limit(
                "a",
                merged(spend.clone(), json!({ "on_unavailable": null }))
            )]),
            json!({}),
            false,
        ),
        (
            "money that is open",
            json!([limit("a", spend)]),
            json!({}),
            true,
        ),
        (
            "a limit of another agent",
            json!([limit("a", json!({}))]),
            json!({ "agent_id": null }),
            true,
        ),
        (
            "nothing is allowed at all",
            json!([limit("a", json!({ "hard": 0 }))]),
            json!({}),
            false,
        ),
    ] {
        let app = cut_off(limits).await;
        for reply in asked(&app, fields).await {
            let is_open = reply.status < 300 && reply.at("/decision") == "allow";
            assert_eq!(is_open, open, "{row}: {}", reply.text);
        }
    }
    // No limit, and so none that lets it pass: a check needs nothing of the store.
    let replies = asked(&cut_off(json!([])).await, json!({})).await;
    let statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses, [200, 503]);
    // Credit is money, and a cancelled subscription stays cancelled.
    let app = TestApp::new().await;
    app.post(
        "/credits/acme",
        json!({ "id": "g", "amount": "5", "currency": "USD" }),
    )
    .await
    .expect(201);
    app.post("/check", event(json!({}))).await.expect(200);
    app.store.rule(|_| Fault::Before);
    refused(
        &app.post("/check", event(json!({}))).await,
        503,
        "store_unavailable",
    );
}

#[tokio::test]
async fn a_process_that_reads_keys_anew_knows_them_from_before() {
    let memory = std::sync::Arc::new(tollgate_service::Memory::default());
    let settle = std::time::Duration::ZERO;
    let app = TestApp::over(memory, Tenancy::Shared { settle });
    app.limit("acme", json!([limit("a", json!({}))])).await;
    let (known, unknown) = (
        app.key("acme", &["enforce"]).await,
        app.key("acme", &["enforce"]).await,
    );
    let body = json!({ "operation": "agent_message", "agent_id": "a1" });
    post_as(&app, &known, "/check", &body).await.expect(200);
    app.store.rule(|_| Fault::Before);
    assert_eq!(
        post_as(&app, &known, "/check", &body)
            .await
            .expect(200)
            .at("/degraded"),
        true
    );
    refused(
        &post_as(&app, &unknown, "/check", &body).await,
        503,
        "store_unavailable",
    );
    refused(
        &post_as(
            &app,
            &format!(
                "{}{}",
                &known[..known.len() - 1],
                if known.ends_with('0') { '1' } else { '0' }
            ),
            "/check",
            &body,
        )
        .await,
        503,
        "store_unavailable",
    );
    refused(
        &post_as(&app, &known, "/events", &body).await,
        503,
        "store_unavailable",
    );
}
