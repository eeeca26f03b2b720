//! What changes between two requests: cards, periods, trees, names, the time.
//! Use that was promised is booked, and no guard is lost on the way.

mod alerts;
mod capture;
mod clocks;
mod counting;
mod credit;
mod currency;
mod erased;
mod expired;
mod periods;
mod stalls;
mod sums;
mod traces;
mod trees;

use crate::given::merged;
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// An event of `acme`; `fields` over an `agent_message`.
fn event(fields: Value) -> Value {
    merged(
        json!({ "tenant_id": "acme", "operation": "agent_message" }),
        fields,
    )
}

/// Records an event that costs `cost`.
async fn spend(app: &TestApp, cost: &str, fields: Value) -> TestReply {
    let fields = merged(json!({ "cost_override": cost }), fields);
    app.post("/events", event(fields)).await
}

/// Holds an event for ten minutes.
async fn hold(app: &TestApp, id: &str, fields: Value) -> TestReply {
    hold_for(app, id, 600, fields).await
}

async fn hold_for(app: &TestApp, id: &str, ttl_seconds: u32, fields: Value) -> TestReply {
    let body = json!({ "id": id, "ttl_seconds": ttl_seconds, "event": event(fields) });
    app.post("/holds", body).await
}

async fn capture(app: &TestApp, id: &str, fields: Value) -> TestReply {
    let path = format!("/holds/{id}/capture?tenant_id=acme");
    app.post(&path, json!({ "event": fields })).await
}

async fn release(app: &TestApp, id: &str) -> TestReply {
    app.post(
        &format!("/holds/{id}/release"),
        json!({ "tenant_id": "acme" }),
    )
    .await
}

async fn void(app: &TestApp, id: &str) -> TestReply {
    app.post(
        &format!("/events/{id}/void"),
        json!({ "tenant_id": "acme" }),
    )
    .await
}

/// The state of a hold, in a word.
async fn state(app: &TestApp, id: &str) -> Value {
    app.get(&format!("/holds/{id}?tenant_id=acme"))
        .await
        .expect(200)
        .at("/state")
}

/// Expires what is over, as the schedule does.
async fn sweep(app: &TestApp) {
    let order = json!({ "action": "expire_holds" });
    tollgate_purge::scheduled(&app.app, &order)
        .await
        .expect("a sweep");
}

/// A limit of `hard` USD of the tenant in a day.
fn cap(hard: &str) -> Value {
    json!({
        "id": "cap", "scope": "tenant", "measure": "spend", "window": "day", "hard": hard,
        "currency": "USD",
    })
}

/// What is used and what is held of the tenant's first limit.
async fn standing(app: &TestApp) -> Value {
    let quota = app.get("/quota/acme").await.expect(200);
    json!([quota.at("/limits/0/used"), quota.at("/limits/0/held")])
}

/// An app whose tenant subscribes to a plan with `fields`.
async fn subscribed(fields: Value) -> TestApp {
    let app = TestApp::new().await;
    let plan = merged(
        json!({ "name": "Basic", "currency": "USD", "features": [] }),
        fields,
    );
    app.put("/plans/basic", plan).await.expect(200);
    subscribe(&app, json!({})).await;
    app
}

/// Subscribes to the plan again, with `fields`.
async fn subscribe(app: &TestApp, fields: Value) {
    let body = merged(json!({ "plan": "basic" }), fields);
    app.put("/tenants/acme/subscription", body)
        .await
        .expect(200);
}

/// The credit that may still be used.
async fn available(app: &TestApp) -> Value {
    app.get("/credits/acme").await.expect(200).at("/available")
}
