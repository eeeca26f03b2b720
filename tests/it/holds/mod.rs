//! Holds: money and quantity set aside before a call whose cost is unknown.

mod affordable;
mod capturing;
mod ending;
mod lists;
mod meeting;
mod taking;
mod windows;

use crate::given::merged;
use axum::body::Body;
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// A tenant whose agents may spend 1 USD and 1000 tokens a day each, 0.001 USD
/// an output token.
async fn limited() -> TestApp {
    let app = TestApp::new().await;
    limit(&app).await;
    app
}

async fn limit(app: &TestApp) {
    crate::given::card(
        app,
        "ai",
        json!({ "gpt": { "token_out": "0.001" }, "other": { "token_out": "0.001" } }),
    )
    .await;
    app.limit("acme", json!([money("1"), tokens(1000)])).await;
}

fn money(hard: &str) -> Value {
    json!({ "id": "money", "scope": "agent", "measure": "spend", "window": "day", "hard": hard, "currency": "USD" })
}

fn tokens(hard: u64) -> Value {
    json!({ "id": "tokens", "scope": "agent", "measure": "tokens", "window": "day", "hard": hard })
}

/// An event of agent `a1`.
fn event(fields: Value) -> Value {
    merged(
        json!({ "tenant_id": "acme", "operation": "gpt", "agent_id": "a1" }),
        fields,
    )
}

async fn hold(app: &TestApp, id: &str, tokens_out: u64) -> TestReply {
    app.post(
        "/holds",
        json!({ "id": id, "event": event(json!({ "tokens_out": tokens_out })) }),
    )
    .await
}

async fn capture(app: &TestApp, id: &str, fields: Value) -> TestReply {
    app.post(
        &format!("/holds/{id}/capture?tenant_id=acme"),
        json!({ "event": fields }),
    )
    .await
}

async fn release(app: &TestApp, id: &str) -> TestReply {
    app.call(
        "POST",
        &format!("/holds/{id}/release?tenant_id=acme"),
        Body::empty(),
    )
    .await
}

async fn extend(app: &TestApp, id: &str, ttl_seconds: u64) -> TestReply {
    app.post(
        &format!("/holds/{id}/extend?tenant_id=acme"),
        json!({ "ttl_seconds": ttl_seconds }),
    )
    .await
}

async fn shown(app: &TestApp, id: &str) -> TestReply {
    app.get(&format!("/holds/{id}?tenant_id=acme")).await
}

/// What the limits of agent `a1` hold: used and held, money and tokens.
async fn stands(app: &TestApp) -> Value {
    let check = app.post("/check", event(json!({}))).await.expect(200);
    let of = |index: usize| {
        let at = |name: &str| check.at(&format!("/limits/{index}/{name}"));
        json!([at("used"), at("held")])
    };
    json!([of(0), of(1)])
}

async fn sweep(app: &TestApp) -> Value {
    tollgate_purge::scheduled(&app.app, &json!({ "action": "expire_holds" }))
        .await
        .expect("a sweep")["holds"]
        .clone()
}
