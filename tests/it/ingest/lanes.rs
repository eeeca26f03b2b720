//! Lanes: a tenant's pages of an hour in several partitions, read as if in one.

use crate::given::events_of;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

/// Records events of several hours, in the lanes that are given for each, by two
/// processes; and reads all of it in all ways.
async fn answers(lanes: [u64; 3]) -> Vec<Value> {
    let memory = Arc::new(Memory::default());
    let settle = Duration::ZERO;
    let process = || TestApp::over(memory.clone(), Tenancy::Shared { settle });
    let apps = [process(), process()];
    for (hour, lanes) in lanes.into_iter().enumerate() {
        for number in 0..60 {
            if number == 20 {
                // In the middle of an hour.
                apps[0]
                    .put("/tenants/acme", json!({ "lanes": lanes }))
                    .await
                    .expect(200);
            }
            let event = json!({
                "id": format!("e{hour}-{number}"), "tokens_in": number, "agent_id": format!("a{}", number % 3),
                "task_id": format!("t{}", number % 7),
            });
            apps[number % 2].record("acme", event).await.expect(201);
            apps.iter().for_each(|app| app.clock.advance(7));
        }
        apps.iter().for_each(|app| app.clock.advance(3_300));
    }
    let mut answers = Vec::new();
    for rolled in [false, true] {
        if rolled {
            apps[0].clock.advance(90_000);
            apps[0].service().roll_up_all().await.expect("a rollup");
        }
        for path in [
            "/usage?tenant_id=acme&limit=50",
            "/usage?tenant_id=acme&agent_id=a1&limit=1000",
            "/usage/tasks/t3?tenant_id=acme",
            "/usage/aggregate?tenant_id=acme&group_by=hour",
            "/usage/export?tenant_id=acme&format=jsonl",
            "/usage/stats?tenant_id=acme",
        ] {
            let reply = apps[1].get(path).await.expect(200);
            let mut text = reply.text.clone();
            if path.contains("limit=") {
                // A cursor is signed, and of one process.
                let cursor = reply.at("/next_cursor");
                text = text.replace(cursor.as_str().unwrap_or("-"), "");
            }
            answers.push(json!(text));
        }
        assert_eq!(events_of(&apps[1], "acme").await, 180);
    }
    let keys = memory
        .dump()
        .into_keys()
        .filter(|key| key.pk.starts_with("T|acme|E|"));
    let stretches: std::collections::BTreeSet<String> = keys.map(|key| key.pk).collect();
    let used = stretches.len() as u64;
    assert!(used > 3 || lanes == [1; 3], "{used} partitions");
    answers
}

#[tokio::test]
async fn what_is_read_of_many_lanes_is_what_is_read_of_one() {
    let one = answers([1, 1, 1]).await;
    for lanes in [[4, 4, 4], [16, 2, 8], [1, 16, 1]] {
        assert_eq!(answers(lanes).await, one, "{lanes:?}");
    }
}

#[tokio::test]
async fn a_hold_called_as_a_month_is_none_of_the_tenants_hours() {
    let app = TestApp::new().await;
    let event = json!({ "tenant_id": "acme", "operation": "agent_message" });
    app.post("/holds", json!({ "id": "2026-11", "event": event }))
        .await
        .expect(201);
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    assert_eq!(events_of(&app, "acme").await, 1);
    app.clock.advance(2 * 86_400);
    app.service().roll_up_all().await.expect("a rollup");
    assert_eq!(events_of(&app, "acme").await, 1);
}
