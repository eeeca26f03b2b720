//! Budgets: caps on spend in one form, over the general limits.

use crate::given::{merged, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

fn spend(cost: &str, fields: Value) -> Value {
    merged(
        json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": cost }),
        fields,
    )
}

/// The budget of chio's own tests, in dollars.
async fn chio() -> TestApp {
    let app = TestApp::new().await;
    let budget = json!({
        "max_total": "100", "max_per_session": "50", "max_per_agent": "30", "max_per_tool": { "s1/expensive": "5" }, "currency": "USD",
    });
    app.put("/budgets/acme", budget).await.expect(200);
    app
}

#[tokio::test]
async fn a_charge_passes_every_cap_or_none_and_each_is_named_in_order() {
    let of_agent = json!({ "agent_id": "a1", "session_id": "s1" });
    let of_tool = json!({ "tool_server": "s1", "tool_name": "expensive" });
    for (row, fields, spent, check, expected) in [
        ("C1", &of_agent, "0", "1", ""),
        ("C1", &of_agent, "0", "30", ""),
        ("C1", &of_agent, "0", "30.01", "agent"),
        ("C1", &of_agent, "0", "50.01", "session agent"),
        ("C1", &of_agent, "0", "100.01", "tenant session agent"),
        ("C2", &of_agent, "99", "2", "tenant session agent"),
        ("C3", &of_agent, "29", "2", "agent"),
        ("C5", &of_tool, "4", "2", "tool"),
        ("C5", &of_tool, "0", "5.01", "tool"),
        ("C5", &of_tool, "0", "5", ""),
        ("C6", &of_agent, "0", "0", ""),
    ] {
        let app = chio().await;
        app.post("/events?mode=observe", spend(spent, fields.clone()))
            .await
            .expect(201);
        let reply = app.post("/events", spend(check, fields.clone())).await;
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
            "{row} {check}"
        );
    }
}

#[tokio::test]
async fn what_was_spent_and_is_left_is_told_and_never_negative() {
    let app = chio().await;
    app.post(
        "/events",
        spend(
            "30",
            json!({ "agent_id": "a1", "tool_server": "s1", "tool_name": "cheap" }),
        ),
    )
    .await
    .expect(201);
    app.post(
        "/events",
        spend(
            "4.5",
            json!({ "tool_server": "s1", "tool_name": "expensive" }),
        ),
    )
    .await
    .expect(201);
    let body = app.get("/budgets/acme").await.expect(200).json();
    assert_eq!(
        (&body["used"], &body["held"], &body["remaining"]),
        (&json!("34.5"), &json!("0"), &json!("65.5"))
    );
    assert_eq!(
        body["tools"],
        json!({ "s1/expensive": { "used": "4.5", "held": "0", "remaining": "0.5" } })
    );
    assert_eq!(
        (&body["max_per_agent"], &body["window"], &body["currency"]),
        (&json!("30"), &json!("total"), &json!("USD"))
    );
    // C7: what has happened already is counted past the cap.
    app.post("/events?mode=observe", spend("150", json!({})))
        .await
        .expect(201);
    let body = app.get("/budgets/acme").await.expect(200).json();
    assert_eq!(
        (&body["used"], &body["remaining"]),
        (&json!("184.5"), &json!("0"))
    );
}

#[tokio::test]
async fn a_budget_set_late_knows_what_was_spent_and_is_a_layer_of_its_own() {
    let app = TestApp::new().await;
    app.post("/events", spend("7", json!({ "agent_id": "a1" })))
        .await
        .expect(201);
    let none = json!({
        "tenant_id": "acme", "max_total": null, "max_per_session": null, "max_per_agent": null,
        "max_per_tool": null, "currency": null, "window": null, "used": null, "held": null,
        "remaining": null, "tools": null, "version": null,
    });
    assert_eq!(app.get("/budgets/acme").await.expect(200).json(), none);
    app.put(
        "/budgets/acme",
        json!({ "max_total": 10, "currency": "USD", "window": "month" }),
    )
    .await
    .expect(200);
    refused(
        &app.post("/events", spend("3.01", json!({}))).await,
        402,
        "budget_exceeded",
    );
    app.limit("acme", json!([])).await;
    app.post("/quota", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    refused(
        &app.post("/events", spend("3.01", json!({}))).await,
        402,
        "budget_exceeded",
    );
    let limits = app.get("/limits/acme").await.expect(200).at("/limits");
    assert_eq!(
        (&limits[0]["id"], &limits[0]["source"], &limits[0]["hard"]),
        (&json!("budget:total"), &json!("budget"), &json!("10"))
    );
    // Without a cap on the whole, what was spent is still told.
    let body = app
        .put(
            "/budgets/acme",
            json!({ "max_per_agent": 8, "currency": "USD", "window": "month" }),
        )
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&body["used"], &body["remaining"]),
        (&json!("7"), &Value::Null)
    );
    refused(
        &app.post("/events", spend("1.01", json!({ "agent_id": "a1" })))
            .await,
        402,
        "budget_exceeded",
    );
    app.put("/budgets/acme", json!({ "currency": "USD" }))
        .await
        .expect(200);
    app.post("/events", spend("1000", json!({ "agent_id": "a1" })))
        .await
        .expect(201);
    assert_eq!(app.get("/budgets/acme").await.expect(200).json(), none);
}

#[tokio::test]
async fn a_budget_is_in_the_tenants_currency_and_under_its_version() {
    let app = chio().await;
    let euro = app
        .put(
            "/budgets/acme",
            json!({ "max_total": 1, "currency": "EUR" }),
        )
        .await;
    refused(&euro, 422, "currency_mismatch");
    let bad = refused(
        &app.put(
            "/budgets/acme",
            json!({ "max_per_tool": { "search": 1 }, "currency": "USD" }),
        )
        .await,
        422,
        "invalid_value",
    );
    assert_eq!(pointers(&bad), "/max_per_tool/search");
    assert_eq!(
        app.get("/budgets/acme").await.expect(200).at("/max_total"),
        "100",
        "nothing changed"
    );
    let tools: serde_json::Map<String, Value> =
        (0..201).map(|n| (format!("s/t{n}"), json!(1))).collect();
    refused(
        &app.put(
            "/budgets/acme",
            json!({ "max_per_tool": tools, "currency": "USD" }),
        )
        .await,
        422,
        "too_many_limits",
    );
}
