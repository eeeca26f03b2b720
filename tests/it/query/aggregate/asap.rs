//! The vectors of the ASAP form hold for its groups.

use super::{groups, rolled_or_not};
use crate::given::{refused, without};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// An ASAP event.
fn step([task, agent]: [&str; 2], tokens: [u64; 2], at: &str) -> Value {
    json!({
        "tenant_id": "acme", "task_id": task, "agent_id": agent, "consumer_id": "c1", "tokens_in": tokens[0], "tokens_out": tokens[1],
        "duration_ms": 100, "api_calls": 1, "timestamp": at,
    })
}

/// What the vectors are of: two agents, and five tasks of three days.
async fn use_of_some_days(app: &TestApp) {
    let events = [
        step(["t1", "a1"], [10, 20], "2026-02-17T12:00:00Z"),
        step(["t2", "a1"], [5, 5], "2026-02-19T13:00:00Z"),
    ];
    app.post("/usage/batch", json!({ "events": events }))
        .await
        .expect(201);
    let by_day = [
        ("t3", 10, "17T10:00:00"),
        ("t4", 20, "17T14:00:00"),
        ("t5", 5, "18T09:00:00"),
    ];
    for (task, tokens, at) in by_day {
        app.post(
            "/usage",
            step([task, "a2"], [tokens, tokens], &format!("2026-02-{at}Z")),
        )
        .await
        .expect(201);
    }
}

#[tokio::test]
async fn the_vectors_of_the_asap_form_hold() {
    let app = TestApp::new().await;
    app.clock.set("2026-02-20T10:00:00Z");
    let empty = app
        .get("/usage/summary?tenant_id=acme")
        .await
        .expect(200)
        .json();
    let names = ["tenant_id", "start", "end", "time_zone", "currency"];
    let totals = without(empty.clone(), &names);
    let is_nothing = |(name, value): (&String, &Value)| match name.starts_with("avg_") {
        true => value.is_null(),
        false => *value == 0 || *value == "0",
    };
    assert!(
        totals.as_object().expect("fields").iter().all(is_nothing),
        "S4: {empty}"
    );
    let stats = app.get("/usage/stats?tenant_id=acme").await.expect(200);
    assert_eq!(
        (stats.at("/total_events"), stats.at("/oldest_timestamp")),
        (json!(0), Value::Null),
        "S13"
    );
    use_of_some_days(&app).await;
    rolled_or_not(&app, async |app| {
        let one = async |query: &str| {
            [
                groups(app, query, "total_tokens").await,
                groups(app, query, "total_tasks").await,
            ]
            .map(|rows| rows[0].1)
        };
        assert_eq!(one("agent&agent=a1").await, [40, 2], "S1");
        assert_eq!(
            one("agent&agent=a1&start=2026-02-17&end=2026-02-18").await,
            [30, 1],
            "S2"
        );
        let days = groups(app, "day&agent=a2", "total_tokens").await;
        assert_eq!(
            days,
            [("2026-02-17".to_owned(), 60), ("2026-02-18".to_owned(), 10)],
            "S5"
        );
        refused(
            &app.get("/usage/aggregate?tenant_id=acme&group_by=invalid")
                .await,
            400,
            "invalid_request",
        );
    })
    .await;
}
