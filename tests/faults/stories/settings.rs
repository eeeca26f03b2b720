//! Stories of what is set: limits, quotas, prices, exchange rates, tenants and keys.

use super::{TENANT, event, learned, record, used};
use crate::client::{send, send_as, send_once};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// What is counted as far as a request waits for it, is counted behind it.
async fn complete(app: &TestApp) {
    while app.service().complete_changes().await.is_err() {}
}

pub(super) async fn put_limits(app: &TestApp) -> Vec<Value> {
    let limit = |id: &str, scope: &str, measure: &str, hard: u64| json!({ "id": id, "scope": scope, "measure": measure, "window": "month", "hard": hard });
    let mut named = limit("named", "agent", "tokens", 1000);
    named["scope_id"] = json!("a1");
    let limits = json!({ "limits": [limit("tenant", "tenant", "events", 7), limit("each", "agent", "tokens", 1000), named] });
    let mut learned = vec![self::learned(
        &send(app, "PUT", &format!("/limits/{TENANT}"), &limits).await,
    )];
    complete(app).await;
    for id in ["e1", "e2", "e3"] {
        learned.push(record(app, id).await);
    }
    learned
}

pub(super) async fn post_quota(app: &TestApp) -> Vec<Value> {
    let quota =
        json!({ "tenant_id": TENANT, "monthly_total_limit": 6, "monthly_message_limit": 100 });
    let mut learned = vec![self::learned(
        &send_once(
            app,
            TestApp::operator(),
            Some("quota"),
            "POST",
            "/quota",
            &quota,
        )
        .await,
    )];
    complete(app).await;
    for id in ["e1", "e2"] {
        learned.push(record(app, id).await);
    }
    learned
}

pub(super) async fn put_rate_card(app: &TestApp) -> Vec<Value> {
    let card = json!({ "currency": "USD", "operations": { "search": { "unit": "0.25" } } });
    let put = send(app, "PUT", "/rate-cards/mine", &card).await;
    let priced = json!({ "id": "priced", "tenant_id": TENANT, "operation": "search", "units": 3 });
    let event = send(app, "POST", "/events", &priced).await;
    vec![
        json!(put.status),
        event.at("/cost"),
        event.at("/rate_card/id"),
    ]
}

/// A tenant that has used something, and a card in another currency.
pub(super) async fn foreign(app: &TestApp) {
    used(app).await;
    let card = json!({ "currency": "EUR", "operations": { "search": { "unit": "0.25" } } });
    app.put_card("mine", card).await.expect(200);
}

pub(super) async fn put_exchange_rates(app: &TestApp) -> Vec<Value> {
    let rates = json!({ "base": "USD", "rates": { "EUR": "1.08" }, "effective_from": "2026-01-01T00:00:00Z" });
    let put = send(app, "PUT", "/exchange-rates", &rates).await;
    let priced = json!({ "id": "priced", "tenant_id": TENANT, "operation": "search", "units": 3 });
    let event = send(app, "POST", "/events", &priced).await;
    vec![
        json!(put.status),
        event.at("/cost"),
        event.at("/exchange_rate/rate"),
    ]
}

pub(super) async fn put_tenant(app: &TestApp) -> Vec<Value> {
    let settings = json!({ "name": "Acme", "slug": "acme-corp", "retention_days": 90 });
    let mut learned = vec![self::learned(
        &send(app, "PUT", &format!("/tenants/{TENANT}"), &settings).await,
    )];
    learned.push(record(app, "e1").await);
    learned
}

pub(super) async fn keys(app: &TestApp) -> Vec<Value> {
    let made = send(
        app,
        "POST",
        "/keys",
        &json!({ "tenant_id": TENANT, "scopes": ["ingest"] }),
    )
    .await;
    let key = made.at("/key").as_str().expect("a key").to_owned();
    let works = send_as(app, &key, "POST", "/events", &event("by-key")).await;
    let path = format!("/keys/{}", made.at("/key_id").as_str().expect("an id"));
    let revoked = send(app, "DELETE", &path, &Value::Null).await;
    let ended = send_as(app, &key, "POST", "/events", &event("by-ended-key")).await;
    vec![
        json!(made.status),
        learned(&works),
        json!(revoked.status),
        json!(ended.status),
    ]
}
