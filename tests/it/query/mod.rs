//! What is read back.

mod aggregate;
mod cursor;
mod expired;
mod export;
mod law;
mod list;
mod partial;
mod range;
mod stats;
mod summary;
mod tasks;
mod tenant;

use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// The ids of a list's events, one space between.
fn ids(reply: &TestReply) -> String {
    let data = reply.at("/data");
    let events = data.as_array().expect("data");
    assert_eq!(reply.at("/count"), events.len());
    events
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

/// The ids that `GET /usage?query` answers for `acme`.
async fn listed(app: &TestApp, query: &str) -> String {
    ids(&app
        .get(&format!("/usage?tenant_id=acme&{query}"))
        .await
        .expect(200))
}

/// Five events of `acme`, sent in no order; by time they are a to e.
async fn five(app: &TestApp) {
    for (id, hour, fields) in [
        (
            "d",
            "09:00:00",
            json!({ "agent_id": "a1", "consumer_id": "c2", "session_id": "s2", "task_id": "t/2", "tier": "enhanced" }),
        ),
        (
            "b",
            "07:30:00",
            json!({ "agent_id": "a2", "consumer_id": "c1", "session_id": "s1", "operation": "hitl_approval" }),
        ),
        (
            "e",
            "09:00:00.000000001",
            json!({ "agent_id": "a2", "model": "m1", "tool_server": "srv", "tool_name": "find" }),
        ),
        (
            "a",
            "07:00:00",
            json!({ "agent_id": "a1", "consumer_id": "c1", "session_id": "s1", "task_id": "t1" }),
        ),
        (
            "c",
            "09:00:00",
            json!({ "task_id": "t1", "model": "m2", "tool_server": "srv", "tool_name": "search" }),
        ),
    ] {
        let id_and_time = json!({ "id": id, "timestamp": format!("2026-11-22T{hour}Z") });
        app.record("acme", crate::given::merged(fields, id_and_time))
            .await
            .expect(201);
    }
}

/// The fields of `object` at `names`.
fn fields<const N: usize>(object: &Value, names: [&str; N]) -> [Value; N] {
    names.map(|name| object[name].clone())
}
