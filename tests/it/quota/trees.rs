//! Trees of budgets.

use crate::given::{merged, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// An organisation, a team and an agent, as in chio's own tests: spend in
/// dollars, tokens, calls.
fn org() -> Value {
    let limits = |spend: &str, tokens: u64| json!([{ "measure": "spend", "window": "day", "hard": spend }, { "measure": "tokens", "window": "day", "hard": tokens }]);
    json!({ "currency": "USD", "nodes": [
        { "id": "org", "limits": limits("50", 100_000) },
        { "id": "team", "parent": "org", "limits": limits("5", 10_000) },
        { "id": "a1", "parent": "team", "limits": limits("1", 1000) },
        { "id": "a2", "parent": "team" },
    ]})
}

async fn planted(tree: Value) -> TestApp {
    let app = TestApp::new().await;
    app.put("/budgets/acme/tree", tree).await.expect(200);
    app
}

async fn charge(app: &TestApp, cost: &str, fields: Value) -> TestReply {
    app.post(
        "/events",
        merged(
            json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": cost }),
            fields,
        ),
    )
    .await
}

/// Which nodes refuse it, and what they count: money, then quantities.
fn refusers(reply: &TestReply) -> String {
    let violations = reply.json()["violations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let name = |violation: &Value| {
        let text = |field: &str| violation[field].as_str().expect("text");
        let (node, measure) = (text("scope_id"), text("measure"));
        assert_eq!((text("scope"), text("source")), ("node", "tree"));
        format!("{node}:{measure}")
    };
    violations.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_charge_fits_every_node_above_it_or_none_and_each_that_it_breaches_is_named() {
    for (row, agent, tokens, cost, refused_by) in [
        ("C20", "a1", 200, "1", ""),
        ("C18", "a1", 1000, "0", ""),
        ("C18", "a1", 1001, "0", "a1:tokens"),
        ("C21", "a1", 0, "1.01", "a1:spend"),
        (
            "all breached",
            "a1",
            10_001,
            "5.01",
            "a1:spend team:spend a1:tokens team:tokens",
        ),
        ("a2 has no caps of its own", "a2", 0, "5", ""),
        (
            "a2 has no caps of its own",
            "a2",
            10_001,
            "5.01",
            "team:spend team:tokens",
        ),
        ("outside of the tree", "a3", 1_000_000, "100", ""),
    ] {
        let app = planted(org()).await;
        let reply = charge(
            &app,
            cost,
            json!({ "agent_id": agent, "tokens_in": tokens }),
        )
        .await;
        let expected = if refused_by.is_empty() {
            201
        } else if refused_by.contains(":spend") {
            402
        } else {
            429
        };
        assert_eq!(
            (reply.status, refusers(&reply).as_str()),
            (expected, refused_by),
            "{row}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn use_counts_in_every_node_above_its_leaf() {
    let app = planted(org()).await;
    charge(&app, "0.75", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    charge(&app, "1.25", json!({ "agent_id": "a2" }))
        .await
        .expect(201);
    // The node that an event names goes before its agent's.
    charge(
        &app,
        "0.5",
        json!({ "agent_id": "a1", "budget_node": "org" }),
    )
    .await
    .expect(201);
    let nodes = app.get("/budgets/acme/tree").await.expect(200).at("/nodes");
    let used: Vec<String> = nodes
        .as_array()
        .unwrap()
        .iter()
        .map(|node| {
            format!(
                "{} {}",
                node["id"].as_str().unwrap(),
                node["limits"][0]["used"]
            )
        })
        .collect();
    assert_eq!(
        used,
        ["a1 \"0.75\"", "a2 null", "org \"2.5\"", "team \"2\""]
    );
    assert_eq!(
        refusers(&charge(&app, "3.01", json!({ "agent_id": "a2" })).await),
        "team:spend"
    );
}

#[tokio::test]
async fn a_disabled_node_refuses_all_that_lies_within_it() {
    // C22.
    let mut tree = org();
    tree["nodes"][1]["enabled"] = json!(false);
    let app = planted(tree).await;
    for agent in ["a1", "a2"] {
        let body = refused(
            &charge(&app, "0", json!({ "agent_id": agent })).await,
            402,
            "budget_exceeded",
        );
        let violation = &body["violations"][0];
        let told = ["source", "scope", "scope_id", "reason"].map(|field| &violation[field]);
        assert_eq!(told, ["tree", "node", "team", "node_disabled"]);
        assert_eq!(body["reason"], "node_disabled");
    }
    charge(&app, "1", json!({ "budget_node": "org" }))
        .await
        .expect(201);
    let observed = app
        .post(
            "/events?mode=observe",
            json!({ "tenant_id": "acme", "operation": "agent_message", "agent_id": "a1" }),
        )
        .await;
    assert_eq!(observed.expect(201).at("/decision"), "deny");
    app.put("/budgets/acme/tree", org()).await.expect(200);
    charge(&app, "0.5", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_node_that_is_not_there_is_refused_by_field() {
    // C27.
    let app = planted(org()).await;
    for (path, body) in [
        (
            "/events",
            json!({ "tenant_id": "acme", "operation": "agent_message", "budget_node": "gone" }),
        ),
        (
            "/events?mode=observe",
            json!({ "tenant_id": "acme", "operation": "agent_message", "budget_node": "gone" }),
        ),
        (
            "/check",
            json!({ "tenant_id": "acme", "operation": "agent_message", "budget_node": "gone" }),
        ),
        (
            "/holds",
            json!({ "event": { "tenant_id": "acme", "operation": "agent_message", "budget_node": "gone" } }),
        ),
    ] {
        let body = refused(&app.post(path, body).await, 422, "invalid_event");
        let expected = if path == "/holds" {
            "/event/budget_node"
        } else {
            "/budget_node"
        };
        assert_eq!(body["errors"][0]["pointer"], expected, "{path}");
    }
    // A hold whose node is gone is captured all the same.
    let estimate =
        json!({ "tenant_id": "acme", "operation": "agent_message", "budget_node": "a2" });
    app.post("/holds", json!({ "id": "h", "event": estimate }))
        .await
        .expect(201);
    app.put(
        "/budgets/acme/tree",
        json!({ "currency": "USD", "nodes": [] }),
    )
    .await
    .expect(200);
    app.post(
        "/holds/h/capture",
        json!({ "event": { "tenant_id": "acme" } }),
    )
    .await
    .expect(201);
    assert_eq!(
        app.get("/budgets/acme/tree").await.expect(200).at("/nodes"),
        json!([])
    );
    // Without a tree, what an event names is kept and means nothing.
    charge(&app, "1", json!({ "budget_node": "gone" }))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_tree_set_late_begins_at_nothing_and_a_hold_holds_in_every_node() {
    let app = TestApp::new().await;
    charge(&app, "0.5", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    app.put("/budgets/acme/tree", org()).await.expect(200);
    let held = json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": "0.5", "agent_id": "a1" });
    app.post("/holds", json!({ "id": "h", "event": held }))
        .await
        .expect(201);
    assert_eq!(
        refusers(&charge(&app, "0.51", json!({ "agent_id": "a1" })).await),
        "a1:spend"
    );
    let of_org = app
        .get("/budgets/acme/tree")
        .await
        .expect(200)
        .at("/nodes/2/limits/0");
    assert_eq!(
        (&of_org["used"], &of_org["held"], &of_org["remaining"]),
        (&json!("0"), &json!("0.5"), &json!("49.5"))
    );
    app.post("/holds/h/release", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    charge(&app, "1", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
}

#[tokio::test]
async fn nodes_start_anew_with_their_windows() {
    // C26.
    let app = planted(org()).await;
    charge(&app, "1", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    assert_eq!(
        refusers(&charge(&app, "0.01", json!({ "agent_id": "a1" })).await),
        "a1:spend"
    );
    app.clock.set("2026-11-23T00:00:00Z");
    charge(&app, "1", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
}

#[tokio::test]
async fn what_was_used_in_a_node_stays_with_those_that_were_above_it() {
    let team = |parent: &str| {
        let cap = json!([{ "measure": "spend", "window": "total", "hard": "10" }]);
        json!({ "currency": "USD", "nodes": [
            { "id": "team1", "limits": cap }, { "id": "team2", "limits": cap }, { "id": "a1", "parent": parent }, { "id": "a2", "parent": "team2" },
        ]})
    };
    let app = planted(team("team1")).await;
    charge(&app, "8", json!({ "id": "e1", "agent_id": "a1" }))
        .await
        .expect(201);
    charge(&app, "9", json!({ "agent_id": "a2" }))
        .await
        .expect(201);
    let held = json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": "1", "agent_id": "a1" });
    app.post("/holds", json!({ "id": "h", "event": held }))
        .await
        .expect(201);
    app.put("/budgets/acme/tree", team("team2"))
        .await
        .expect(200);
    let used = || async {
        let nodes = app.get("/budgets/acme/tree").await.expect(200).at("/nodes");
        let of = |n: usize| {
            nodes[n]["limits"][0]["used"]
                .as_str()
                .unwrap_or("-")
                .to_owned()
        };
        format!("team1 {} team2 {}", of(2), of(3))
    };
    assert_eq!(used().await, "team1 8 team2 9");
    app.post("/events/e1/void", json!({ "tenant_id": "acme" }))
        .await
        .expect(201);
    assert_eq!(used().await, "team1 0 team2 9");
    app.post(
        "/holds/h/capture",
        json!({ "event": { "tenant_id": "acme", "cost_override": "1" } }),
    )
    .await
    .expect(201);
    assert_eq!(used().await, "team1 1 team2 9", "where it was held");
}
