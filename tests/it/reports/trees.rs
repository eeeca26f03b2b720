//! What was used in a node stays in the nodes that were above it then.

use super::{capture, hold, spend, void};
use crate::given::refused;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// A node that may spend `hard` a day.
fn node(id: &str, parent: Option<&str>, hard: Option<&str>) -> Value {
    let day = |hard: &str| json!({ "measure": "spend", "window": "day", "hard": hard });
    let limits: Vec<Value> = hard.into_iter().map(day).collect();
    json!({ "id": id, "parent": parent, "limits": limits })
}

async fn plant(app: &TestApp, nodes: &[Value]) {
    let tree = json!({ "currency": "USD", "nodes": nodes });
    app.put("/budgets/acme/tree", tree).await.expect(200);
}

/// What is used and what is held of the limit of a node.
async fn stands(app: &TestApp, id: &str) -> String {
    let tree = app.get("/budgets/acme/tree").await.expect(200).json();
    let nodes = tree["nodes"].as_array().expect("nodes");
    let limit = nodes
        .iter()
        .find(|node| node["id"] == id)
        .map(|node| &node["limits"][0]);
    let limit = limit.expect("a node");
    let text = |field: &str| limit[field].as_str().expect("money").to_owned();
    format!("{} {}", text("used"), text("held"))
}

/// Of a team of two each has spent 0.10 of the 0.20 of its day; then Ann goes.
async fn left_by_ann(hard: Option<&str>) -> TestApp {
    let app = TestApp::new().await;
    let [ann, ben] = ["ann", "ben"].map(|id| node(id, Some("team"), None));
    plant(&app, &[node("team", None, hard), ann, ben.clone()]).await;
    for agent in ["ann", "ben"] {
        spend(&app, "0.10", json!({ "id": agent, "agent_id": agent }))
            .await
            .expect(201);
    }
    plant(&app, &[node("team", None, Some("0.20")), ben]).await;
    app
}

/// The team's money is gone, whoever spent it.
#[tokio::test]
async fn who_leaves_a_team_leaves_what_was_spent_until_the_day_ends() {
    let app = left_by_ann(Some("0.20")).await;
    assert_eq!(stands(&app, "team").await, "0.2 0");
    refused(
        &spend(&app, "0.01", json!({ "agent_id": "ben" })).await,
        402,
        "budget_exceeded",
    );
    // Outside of the tree by now.
    spend(&app, "1", json!({ "agent_id": "ann" }))
        .await
        .expect(201);
    assert_eq!(stands(&app, "team").await, "0.2 0");
    app.clock.set("2026-11-23T00:00:00Z");
    assert_eq!(stands(&app, "team").await, "0 0");
    spend(&app, "0.20", json!({ "agent_id": "ben" }))
        .await
        .expect(201);
}

/// What never was is given back to those that counted it.
#[tokio::test]
async fn a_void_after_a_leaving_lowers_the_nodes_that_its_event_raised() {
    let app = left_by_ann(Some("0.20")).await;
    void(&app, "ann").await.expect(201);
    assert_eq!(stands(&app, "team").await, "0.1 0");
    spend(&app, "0.10", json!({ "agent_id": "ben" }))
        .await
        .expect(201);
    refused(
        &spend(&app, "0.01", json!({ "agent_id": "ben" })).await,
        402,
        "budget_exceeded",
    );
}

/// A limit that comes with the change finds the tree as it stood before.
#[tokio::test]
async fn a_new_limit_of_a_node_counts_by_the_trees_as_they_stood() {
    let app = left_by_ann(None).await;
    assert_eq!(stands(&app, "team").await, "0.2 0");
    refused(
        &spend(&app, "0.01", json!({ "agent_id": "ben" })).await,
        402,
        "budget_exceeded",
    );
}

/// Two teams of 10 a day each; agent `a1` is in one of them.
async fn teams(app: &TestApp, parent: &str) {
    let [one, two] = ["team1", "team2"].map(|id| node(id, None, Some("10")));
    plant(app, &[one, two, node("a1", Some(parent), None)]).await;
}

/// The event `e` of 8 and the hold `h` of 1, both of `a1` while in `team1`.
async fn moved() -> TestApp {
    let app = TestApp::new().await;
    teams(&app, "team1").await;
    spend(&app, "8", json!({ "id": "e", "agent_id": "a1" }))
        .await
        .expect(201);
    hold(&app, "h", json!({ "agent_id": "a1", "cost_override": "1" }))
        .await
        .expect(201);
    teams(&app, "team2").await;
    app
}

/// Neither team can be emptied or filled by moving an agent.
#[tokio::test]
async fn what_a_node_used_is_not_brought_into_new_parents() {
    let app = moved().await;
    assert_eq!(stands(&app, "team1").await, "8 1");
    assert_eq!(stands(&app, "team2").await, "0 0");
    spend(&app, "2", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    assert_eq!(stands(&app, "team1").await, "8 1");
    assert_eq!(stands(&app, "team2").await, "2 0");
    let team = json!({ "budget_node": "team1" });
    refused(
        &spend(&app, "1.01", team.clone()).await,
        402,
        "budget_exceeded",
    );
    spend(&app, "1", team).await.expect(201);
}

/// A node is never lowered below what it counted.
#[tokio::test]
async fn after_a_move_voids_and_captures_lower_the_nodes_that_were_raised() {
    let app = moved().await;
    capture(&app, "h", json!({ "cost_override": "0.5" }))
        .await
        .expect(201);
    assert_eq!(stands(&app, "team1").await, "8.5 0");
    assert_eq!(stands(&app, "team2").await, "0 0");
    for id in ["e", "h"] {
        void(&app, id).await.expect(201);
    }
    assert_eq!(stands(&app, "team1").await, "0 0");
    assert_eq!(stands(&app, "team2").await, "0 0");
    // And back: what came since is where it was used.
    spend(&app, "2", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    teams(&app, "team1").await;
    assert_eq!(stands(&app, "team1").await, "0 0");
    assert_eq!(stands(&app, "team2").await, "2 0");
}
