//! A store with one of everything, and what can be asked of it.

use serde_json::json;
use std::sync::Arc;
use tollgate_core::Name;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

/// When it is asked.
pub(crate) const NOW: &str = "2026-11-26T09:30:00Z";

/// Each shows something of it.
pub(crate) const QUESTIONS: [&str; 41] = [
    "/events/e-2?tenant_id=acme",
    "/events/b-1~1?tenant_id=acme",
    "/usage?tenant_id=acme&limit=100",
    "/usage?tenant_id=acme&agent_id=a-1",
    "/usage?tenant_id=acme&start=2026-11-26T00:00:00Z",
    "/usage/summary?tenant_id=acme",
    "/usage/summary?tenant_id=acme&start=2026-11-26T00:00:00Z",
    "/usage/aggregate?tenant_id=acme&group_by=hour",
    "/usage/aggregate?tenant_id=acme&group_by=session",
    "/usage/aggregate?tenant_id=acme&group_by=tool",
    "/usage/aggregate?tenant_id=acme&group_by=day&agent_id=a-1",
    "/usage/aggregate?tenant_id=acme&group_by=agent&start=2026-11-26T00:00:00Z",
    "/usage/agents?tenant_id=acme",
    "/usage/consumers?tenant_id=acme",
    "/usage/stats?tenant_id=acme",
    "/usage/export?tenant_id=acme&format=jsonl",
    "/usage/tasks/t-1?tenant_id=acme",
    "/usage/tasks/t-2?tenant_id=acme",
    "/usage/acme",
    "/quota/acme",
    "/limits/acme",
    "/budgets/acme",
    "/budgets/acme/tree",
    "/holds?tenant_id=acme",
    "/holds/h-open?tenant_id=acme",
    "/holds/h-captured?tenant_id=acme",
    "/holds/h-released?tenant_id=acme",
    "/tenants/acme/subscription",
    "/entitlements/acme",
    "/credits/acme/grants",
    "/billing/acme",
    "/audit?limit=100",
    "/keys",
    "/rate-cards",
    "/rate-cards/ai",
    "/exchange-rates",
    "/plans",
    "/tenants",
    "/alerts/acme",
    "/costs",
    "/defaults",
];

/// What was sent before, and is told what it was told then.
pub(crate) const REPEATS: [(&str, &str); 4] = [
    (
        "/events",
        r#"{"id":"e-2","tenant_id":"acme","operation":"gpt","tokens_in":40,"agent_id":"a-2","task_id":"t-1","tool_name":"search"}"#,
    ),
    (
        "/events/batch",
        r#"{"batch_id":"b-1","events":[{"tenant_id":"acme","operation":"agent_message","agent_id":"a-1","session_id":"s-1","task_id":"t-2"},{"tenant_id":"acme","operation":"agent_message","agent_id":"a-3"},{"tenant_id":"acme","operation":"no such"}]}"#,
    ),
    (
        "/holds/h-captured/capture?tenant_id=acme",
        r#"{"event":{"tokens_in":5}}"#,
    ),
    ("/holds/h-released/release", r#"{"tenant_id":"acme"}"#),
];

/// The store. Two days of one tenant, the first closed and rolled up, the last hour open.
pub(crate) async fn used() -> Memory {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.clock.set("2026-10-10T10:00:00Z");
    app.put("/tenants/old", json!({ "retention_days": 35 }))
        .await
        .expect(200);
    app.record("old", json!({ "id": "o-1" })).await.expect(201);
    app.clock.set("2026-11-22T10:00:00Z");
    set_up(&app).await;
    record(&app).await;
    app.clock.advance(3 * 3600);
    app.service().roll_up_all().await.expect("a rollup");
    app.clock.set("2026-11-26T09:00:00Z");
    let order = json!({ "tenant_id": "acme", "agent_id": "a-9", "pseudonymise": true });
    app.post("/usage/purge", order).await.expect(200);
    app.service().roll_up_all().await.expect("a rollup");
    let order = json!({ "tenant_id": "old" });
    app.post("/usage/purge", order).await.expect(200);
    for number in 0..3 {
        let event = json!({ "id": format!("late-{number}"), "agent_id": "a-1", "operation": "gpt", "tokens_in": 7 });
        app.record("acme", event).await.expect(201);
        app.clock.advance(120);
    }
    hold(&app, "open", 86_400).await;
    let tenant = Name::new("acme").expect("a name");
    let partial = app.service().roll_up_open(&tenant, 1).await;
    assert_ne!(partial.expect("a partial rollup"), 0);
    drop(app);
    Arc::into_inner(memory).expect("nobody else")
}

async fn set_up(app: &TestApp) {
    let prices = json!({ "gpt": { "token_in": "0.002", "token_out": "0.004" }, "agent_message": { "unit": "0.01" } });
    let card = json!({ "currency": "USD", "operations": prices });
    app.put_card("ai", card).await.expect(200);
    let rates = json!({ "base": "USD", "rates": { "EUR": "1.08" } });
    app.put("/exchange-rates", rates).await.expect(200);
    let plan = json!({ "name": "Pro", "currency": "USD", "features": [{ "feature_key": "messages", "hard_limit": 1000 }] });
    app.put("/plans/pro", plan).await.expect(200);
    app.put(
        "/tenants/acme",
        json!({ "currency": "USD", "rate_cards": ["ai"] }),
    )
    .await
    .expect(200);
    app.put("/tenants/acme/subscription", json!({ "plan": "pro" }))
        .await
        .expect(200);
    let limits = json!([{ "id": "all", "scope": "tenant", "measure": "tokens", "window": "day", "soft": 20, "hard": 5000 },
        { "id": "each", "scope": "agent", "measure": "events", "window": "month", "hard": 500 }]);
    app.limit("acme", limits).await;
    let url = json!({ "url": "http://127.0.0.1:9/hook", "thresholds": [1, 90] });
    app.put("/alerts/acme", url).await.expect(200);
    let grant = json!({ "id": "g-1", "amount": "5.00", "currency": "USD" });
    app.post("/credits/acme", grant).await.expect(201);
    app.key("acme", &["read"]).await;
}

async fn record(app: &TestApp) {
    for (number, agent) in [(1, "a-1"), (2, "a-2"), (3, "a-9")] {
        let event = json!({ "id": format!("e-{number}"), "operation": "gpt", "tokens_in": 20 * number,
            "agent_id": agent, "task_id": "t-1", "tool_name": "search" });
        app.record("acme", event).await.expect(201);
    }
    for (path, body) in REPEATS {
        let body: serde_json::Value = serde_json::from_str(body).expect("a body");
        if path == "/events/batch" {
            app.post(path, body).await.expect(200);
        }
    }
    for event in ["e-1", "b-1~0"] {
        let path = format!("/events/{event}/void?tenant_id=acme");
        app.post(&path, json!({ "reason": "wrong" }))
            .await
            .expect(201);
    }
    for name in ["captured", "released", "expired"] {
        hold(app, name, 60).await;
    }
    for (path, body) in REPEATS {
        let body: serde_json::Value = serde_json::from_str(body).expect("a body");
        if path.starts_with("/holds") {
            let reply = app.post(path, body).await;
            assert!(reply.status < 300, "{path}: {}", reply.text);
        }
    }
    app.clock.advance(120);
    app.service().expire_holds().await.expect("a sweep");
}

async fn hold(app: &TestApp, name: &str, seconds: u64) {
    let event =
        json!({ "tenant_id": "acme", "operation": "gpt", "tokens_in": 10, "agent_id": "a-1" });
    let hold = json!({ "id": format!("h-{name}"), "ttl_seconds": seconds, "event": event });
    app.post("/holds", hold).await.expect(201);
}
