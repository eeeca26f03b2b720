//! What budgets do to `POST /events`: 402, and in which order it names them.

use crate::given::{events_of, refused, without};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// A spend limit of `hard` USD in total on `scope`.
fn budget(scope: &str, hard: &str) -> Value {
    json!({ "id": scope, "scope": scope, "measure": "spend", "window": "total", "hard": hard, "currency": "USD" })
}

/// An event of 0.05 USD that belongs to one of every scope.
fn placed() -> Value {
    json!({
        "operation": "hitl_approval", "agent_id": "a1", "consumer_id": "c1", "session_id": "s1", "tool_server": "srv/1",
        "tool_name": "search",
    })
}

#[tokio::test]
async fn a_denial_by_money_names_every_budget_in_order() {
    let app = TestApp::new().await;
    let scopes = [
        "operation",
        "tool",
        "consumer",
        "agent",
        "session",
        "tenant",
    ];
    app.limit("acme", scopes.map(|scope| budget(scope, "0.07")).into())
        .await;
    app.record("acme", placed()).await.expect(201);
    let reply = app.record("acme", placed()).await;
    let problem = without(refused(&reply, 402, "budget_exceeded"), &["request_id"]);
    let violation = |scope: &str, id: Option<&str>| {
        json!({
            "limit_id": scope, "source": "limits", "scope": scope, "scope_id": id,
            "measure": "spend", "currency": "USD", "window": "total", "window_start": null,
            "window_end": null, "soft": null, "hard": "0.07", "used": "0.05", "held": "0",
            "remaining": "0.02", "percent": "71.43", "status": "ok",
            "limit_type": "hard_limit", "requested": "0.05",
            "reason": null,
        })
    };
    let expected = json!({
        "type": "/problems/budget_exceeded", "title": "The budget does not cover the request",
        "status": 402, "code": "budget_exceeded",
        "detail": "limit `tenant` allows 0.07 USD in total: 0.05 used, 0 held, 0.05 requested",
        "violations": [
            violation("tenant", None),
            violation("session", Some("s1")),
            violation("agent", Some("a1")),
            violation("tool", Some("srv%2F1/search")),
            violation("consumer", Some("c1")),
            violation("operation", Some("hitl_approval")),
        ],
    });
    assert_eq!(problem, expected);
    assert_eq!(
        [
            reply.header("retry-after"),
            reply.header("ratelimit"),
            reply.header("ratelimit-policy")
        ],
        ["", "", ""]
    );
    assert_eq!(events_of(&app, "acme").await, 1);
}

#[tokio::test]
async fn money_comes_first_and_then_quantities_as_they_stand() {
    let app = TestApp::new().await;
    let events = json!({ "id": "events", "scope": "tenant", "measure": "events", "window": "hour", "hard": 0 });
    app.limit("acme", json!([events, budget("session", "0")]))
        .await;
    let reply = app.record("acme", placed()).await;
    let problem = refused(&reply, 402, "budget_exceeded");
    assert_eq!(problem["violations"][0]["scope"], "session");
    assert_eq!(
        (
            &problem["violations"][1]["limit_id"],
            &problem["violations"][1]["hard"]
        ),
        (&json!("events"), &json!(0))
    );
    assert_eq!(problem["violations"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        reply.header("retry-after"),
        "",
        "the budget has no end to wait for"
    );
    assert_eq!(reply.header("ratelimit"), "\"events\";r=0;t=3600");
    app.limit("acme", json!([events])).await;
    let problem = refused(
        &app.record("acme", placed()).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(problem["violations"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn enforcement_uses_unrounded_costs() {
    let app = TestApp::new().await;
    app.limit("acme", json!([budget("tenant", "0.000000000000003")]))
        .await;
    let event = |cost: &str| json!({ "operation": "agent_message", "cost_override": cost });
    app.record("acme", event("0.000000000000001"))
        .await
        .expect(201);
    refused(
        &app.record("acme", event("0.0000000000000021")).await,
        422,
        "invalid_event",
    );
    app.record("acme", event("0.000000000000002"))
        .await
        .expect(201);
    refused(
        &app.record("acme", event("0.000000000000001")).await,
        402,
        "budget_exceeded",
    );
    app.record("acme", event("0")).await.expect(201);
}

#[tokio::test]
async fn chio_budgets_hold_as_in_its_own_tests() {
    let policy = || {
        json!([
            budget("tenant", "100"),
            budget("session", "50"),
            budget("agent", "30"),
            tool("5")
        ])
    };
    for (row, spent, check, expected) in [
        ("C1", "0", "1", ""),
        ("C1", "0", "30", ""),
        ("C1", "0", "30.01", "agent"),
        ("C1", "0", "50.01", "session agent"),
        ("C1", "0", "100.01", "tenant session agent"),
        ("C2", "99", "2", "tenant session agent"),
        ("C3", "29", "2", "agent"),
        ("C6", "0", "0", ""),
    ] {
        let app = TestApp::new().await;
        app.limit("acme", policy()).await;
        let event = |cost: &str| json!({ "operation": "agent_message", "agent_id": "a1", "session_id": "s1", "cost_override": cost });
        let past = crate::given::merged(event(spent), json!({ "tenant_id": "acme" }));
        app.post("/events?mode=observe", past).await.expect(201);
        let reply = app.record("acme", event(check)).await;
        let violations = reply.json()["violations"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let scopes: Vec<&str> = violations
            .iter()
            .filter_map(|violation| violation["scope"].as_str())
            .collect();
        assert_eq!(
            (scopes.join(" ").as_str(), reply.status),
            (expected, if expected.is_empty() { 201 } else { 402 }),
            "{row}"
        );
    }
}

fn tool(hard: &str) -> Value {
    crate::given::merged(budget("tool", hard), json!({ "scope_id": "s1/expensive" }))
}

#[tokio::test]
async fn a_tools_own_budget_holds_for_that_tool_alone() {
    let app = TestApp::new().await;
    app.limit("acme", json!([tool("5")])).await;
    let event = |name: &str, cost: &str| json!({ "operation": "agent_message", "tool_server": "s1", "tool_name": name, "cost_override": cost });
    refused(
        &app.record("acme", event("expensive", "5.01")).await,
        402,
        "budget_exceeded",
    );
    app.record("acme", event("expensive", "4"))
        .await
        .expect(201);
    refused(
        &app.record("acme", event("expensive", "2")).await,
        402,
        "budget_exceeded",
    );
    app.record("acme", event("cheap", "200")).await.expect(201);
    app.record(
        "acme",
        json!({ "operation": "agent_message", "tool_name": "expensive", "cost_override": "9" }),
    )
    .await
    .expect(201);
}
