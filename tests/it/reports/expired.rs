//! A hold whose time is over counts for nothing, whoever asks.

use super::{available, cap, event, hold, hold_for, spend, state, subscribed};
use crate::given::merged;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

const LAST: &str = "2026-11-22T10:00:00.999999999Z";
const OVER: &str = "2026-11-22T10:00:01Z";

/// A budget of 0.05 that a hold of one second fills.
async fn filled() -> TestApp {
    let app = TestApp::new().await;
    let budget = json!({ "max_total": "0.05", "currency": "USD" });
    app.put("/budgets/acme", budget).await.expect(200);
    fill(&app, "0.05", json!({})).await;
    app
}

async fn fill(app: &TestApp, cost: &str, fields: Value) {
    let fields = merged(json!({ "cost_override": cost }), fields);
    hold_for(app, "o", 1, fields).await.expect(201);
}

/// Agents that ask before they call would stand still for nothing.
#[tokio::test]
async fn every_reading_of_a_limit_leaves_out_what_has_expired() {
    for (path, held) in [
        ("/budgets/acme", "/held"),
        ("/limits/acme", "/standing/0/held"),
        ("/quota/acme", "/limits/0/held"),
        ("/entitlements/acme", "/entitlements/0/held"),
    ] {
        let app = filled().await;
        app.clock.set(LAST);
        assert_eq!(app.get(path).await.expect(200).at(held), "0.05", "{path}");
        app.clock.set(OVER);
        assert_eq!(app.get(path).await.expect(200).at(held), "0", "{path}");
        assert_eq!(state(&app, "o").await, "expired");
    }
    let app = filled().await;
    app.clock.set(OVER);
    assert_eq!(
        app.get("/budgets/acme").await.expect(200).at("/remaining"),
        "0.05"
    );
}

/// A check foretells what recording answers.
#[tokio::test]
async fn a_check_leaves_out_what_has_expired() {
    let app = filled().await;
    let whole = event(json!({ "cost_override": "0.05" }));
    app.clock.set(LAST);
    let check = app.post("/check", whole.clone()).await.expect(200);
    assert_eq!(check.at("/decision"), "deny");
    app.clock.set(OVER);
    let check = app.post("/check", whole.clone()).await.expect(200);
    assert_eq!(
        (check.at("/decision"), check.at("/limits/0/held")),
        (json!("allow"), json!("0"))
    );
    app.post("/events", whole).await.expect(201);
}

/// Credit that is held no more can be spent.
#[tokio::test]
async fn credit_leaves_out_what_has_expired() {
    let app = subscribed(json!({ "allowance": "0.05" })).await;
    let grant = json!({ "id": "g", "amount": "1", "currency": "USD" });
    app.post("/credits/acme", grant).await.expect(201);
    fill(&app, "0.55", json!({})).await;
    let held = async || {
        app.get("/credits/acme")
            .await
            .expect(200)
            .at("/grants/0/held")
    };
    app.clock.set(LAST);
    assert_eq!(
        (available(&app).await, held().await),
        (json!("0.5"), json!("0.5"))
    );
    app.clock.set(OVER);
    assert_eq!(
        (available(&app).await, held().await),
        (json!("1.05"), json!("0"))
    );
}

/// A node is read as a limit is.
#[tokio::test]
async fn a_node_of_a_tree_leaves_out_what_has_expired() {
    let app = TestApp::new().await;
    let day = json!({ "measure": "spend", "window": "day", "hard": "0.05" });
    let nodes = json!([{ "id": "team", "limits": [day] }]);
    let tree = json!({ "currency": "USD", "nodes": nodes });
    app.put("/budgets/acme/tree", tree).await.expect(200);
    fill(&app, "0.05", json!({ "budget_node": "team" })).await;
    let held = async || {
        let tree = app.get("/budgets/acme/tree").await.expect(200);
        tree.at("/nodes/0/limits/0/held")
    };
    app.clock.set(LAST);
    assert_eq!(held().await, "0.05");
    app.clock.set(OVER);
    assert_eq!(held().await, "0");
}

/// Who waits for one agent's holds must not wait for another's.
#[tokio::test]
async fn what_has_expired_is_free_at_once_however_many_others_expired_before() {
    for (others, path) in [(150, "/holds"), (250, "/events")] {
        let app = TestApp::new().await;
        let each = merged(cap("1"), json!({ "scope": "agent" }));
        app.limit("acme", json!([each])).await;
        for number in 0..others {
            let least = json!({ "agent_id": "a", "cost_override": "0.001" });
            hold_for(&app, &format!("a{number}"), 60, least)
                .await
                .expect(201);
        }
        let whole = json!({ "agent_id": "b", "cost_override": "1" });
        hold_for(&app, "b", 61, whole.clone()).await.expect(201);
        app.clock.advance(61);
        let check = app.post("/check", event(whole.clone())).await.expect(200);
        assert_eq!(check.at("/decision"), "allow", "{others}");
        let reply = match path {
            "/holds" => hold(&app, "next", whole).await,
            _ => app.post(path, event(whole)).await,
        };
        assert_eq!(reply.status, 201, "{others} {path}: {}", reply.text);
    }
}

/// All holds of a tenant draw on the same credit.
#[tokio::test]
async fn credit_is_free_at_once_however_many_holds_expired() {
    for others in [150_u32, 250] {
        let app = subscribed(json!({ "allowance": "10" })).await;
        for number in 0..others {
            let least = json!({ "agent_id": "a", "cost_override": "0.01" });
            hold_for(&app, &format!("a{number}"), 60, least)
                .await
                .expect(201);
        }
        let rest = if others == 150 { "8.5" } else { "7.5" };
        let rest = json!({ "agent_id": "b", "cost_override": rest });
        hold_for(&app, "b", 61, rest).await.expect(201);
        assert_eq!(available(&app).await, "0");
        app.clock.advance(61);
        assert_eq!(available(&app).await, "10");
        let whole = spend(&app, "10", json!({ "agent_id": "b" })).await;
        assert_eq!(whole.status, 201, "{others}: {}", whole.text);
    }
}
