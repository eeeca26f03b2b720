//! What crosses a threshold, and how often that is told.

use super::{limit, told, watched};
use crate::given::merged;
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestStore};

fn event(id: &str, fields: Value) -> Value {
    merged(
        json!({ "id": id, "tenant_id": "acme", "operation": "agent_message", "agent_id": "a1" }),
        fields,
    )
}

async fn batch(app: &TestApp, name: &str, count: usize) {
    let events: Vec<Value> = (0..count)
        .map(|n| event(&format!("{name}-{n}"), json!({})))
        .collect();
    app.post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
}

#[tokio::test]
async fn each_threshold_of_each_limit_is_told_once_by_the_event_that_reaches_it() {
    let app = watched(json!([
        limit("tenant", "tenant", "events", 10),
        limit("agent", "agent", "tokens_in", 7)
    ]))
    .await;
    let mut heard = Vec::new();
    for n in 1..=12 {
        app.record(
            "acme",
            event(&format!("e{n}"), json!({ "tokens_in": u64::from(n < 8) })),
        )
        .await;
        let now = told(&app).await;
        heard.push(now.len());
        if n == 5 {
            assert_eq!(now, ["agent a1 50 4 0", "tenant - 50 5 0"]);
        }
    }
    assert_eq!(heard, [0, 0, 0, 1, 2, 3, 4, 5, 5, 6, 6, 6]);
    let all = [
        "agent a1 50 4 0",
        "agent a1 80 6 0",
        "agent a1 100 7 0",
        "tenant - 50 5 0",
        "tenant - 80 8 0",
        "tenant - 100 10 0",
    ];
    assert_eq!(told(&app).await, all);
}

#[tokio::test]
async fn one_write_tells_all_that_it_crosses_with_where_the_limit_stands_then() {
    for (size, expected) in [
        (4, &[][..]),
        (5, &["tenant - 50 5 0"][..]),
        (9, &["tenant - 50 9 0", "tenant - 80 9 0"]),
        (
            30,
            &["tenant - 50 10 0", "tenant - 80 10 0", "tenant - 100 10 0"],
        ),
    ] {
        let app = watched(json!([limit("tenant", "tenant", "events", 10)])).await;
        batch(&app, "b", size).await;
        batch(&app, "b", size).await;
        assert_eq!(told(&app).await, expected, "{size}");
    }
}

#[tokio::test]
async fn every_agent_and_every_window_is_told_of_its_own() {
    let app = watched(json!([limit("each", "agent", "events", 2)])).await;
    for (id, agent) in [("1", "a1"), ("2", "a2"), ("3", "a1")] {
        app.record("acme", event(id, json!({ "agent_id": agent })))
            .await
            .expect(201);
    }
    assert_eq!(
        told(&app).await,
        [
            "each a1 50 1 0",
            "each a1 80 2 0",
            "each a1 100 2 0",
            "each a2 50 1 0"
        ]
    );
    app.clock.advance(86_400);
    app.record("acme", event("4", json!({}))).await.expect(201);
    assert_eq!(
        told(&app)
            .await
            .iter()
            .filter(|line| *line == "each a1 50 1 0")
            .count(),
        2,
        "of another day"
    );
    let shown = app.get("/alerts/acme").await.json();
    let ids: std::collections::BTreeSet<&str> = shown["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| alert["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 5, "each has an id of its own");
}

#[tokio::test]
async fn a_hold_tells_nothing_and_its_capture_tells_of_what_is_used() {
    let app = watched(json!([limit("tokens", "tenant", "tokens_in", 100)])).await;
    let hold = |id: &str, tokens: u64| json!({ "id": id, "event": event(id, json!({ "tokens_in": tokens })) });
    let hold = |id: &str, tokens: u64| {
        let mut hold = hold(id, tokens);
        hold["event"].as_object_mut().unwrap().remove("id");
        hold
    };
    app.post("/holds", hold("h1", 60)).await.expect(201);
    app.post("/holds", hold("h1", 60)).await.expect(200);
    app.post("/holds/h1/release", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    app.post("/holds", hold("h2", 60)).await.expect(201);
    assert_eq!(
        told(&app).await,
        [""; 0],
        "what is held may come to nothing"
    );
    app.post(
        "/holds/h2/capture",
        json!({ "event": { "tenant_id": "acme", "tokens_in": 20 } }),
    )
    .await
    .expect(201);
    app.post("/holds", hold("h3", 10)).await.expect(201);
    app.post(
        "/holds/h3/capture",
        json!({ "event": { "tenant_id": "acme", "tokens_in": 65 } }),
    )
    .await
    .expect(201);
    assert_eq!(
        told(&app).await,
        ["tokens - 50 85 0", "tokens - 80 85 0"],
        "of what is used, held beforehand or not"
    );
    app.post("/holds", hold("h4", 5)).await.expect(201);
    app.post(
        "/holds/h4/capture",
        json!({ "event": { "tenant_id": "acme", "tokens_in": 500 } }),
    )
    .await
    .expect(201);
    assert_eq!(
        told(&app).await,
        ["tokens - 50 85 0", "tokens - 80 85 0", "tokens - 100 585 0"]
    );
}

#[tokio::test]
async fn observe_mode_tells_and_a_soft_limit_and_money_are_watched_but_no_rate_and_no_zero() {
    let app = watched(json!([
        { "id": "soft", "scope": "tenant", "measure": "events", "window": "day", "soft": 4 },
        { "id": "money", "scope": "tenant", "measure": "spend", "window": "total", "soft": "0.0001", "hard": "0.003", "currency": "USD" },
        { "id": "zero", "scope": "tenant", "measure": "tokens_out", "window": "day", "hard": 0 },
    ]))
    .await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "rate_limit_per_second": 2 }),
    )
    .await
    .expect(200);
    for n in 0..4 {
        app.post(
            "/events?mode=observe",
            event(&format!("e{n}"), json!({ "tokens_out": 1 })),
        )
        .await
        .expect(201);
    }
    // 4 messages at 0.0005 of 0.003.
    assert_eq!(
        told(&app).await,
        [
            "money - 50 \"0.0015\" \"0\"",
            "soft - 50 2 0",
            "soft - 80 4 0",
            "soft - 100 4 0"
        ]
    );
}

#[tokio::test]
async fn a_limit_that_changes_in_mid_window_tells_no_percent_again() {
    let app = watched(json!([limit("tenant", "tenant", "events", 4)])).await;
    batch(&app, "a", 2).await;
    assert_eq!(told(&app).await, ["tenant - 50 2 0"]);
    for hard in [100, 3, 6] {
        app.limit("acme", json!([limit("tenant", "tenant", "events", hard)]))
            .await;
    }
    batch(&app, "b", 1).await;
    assert_eq!(told(&app).await, ["tenant - 50 2 0"], "3 of 6");
    app.limit("acme", json!([])).await;
    app.limit("acme", json!([limit("tenant", "tenant", "events", 6)]))
        .await;
    batch(&app, "c", 2).await;
    assert_eq!(told(&app).await, ["tenant - 50 2 0", "tenant - 80 5 0"]);
    app.put("/alerts/acme", json!({ "thresholds": [10, 60, 90] }))
        .await
        .expect(200);
    batch(&app, "d", 1).await;
    assert_eq!(
        told(&app).await,
        ["tenant - 50 2 0", "tenant - 80 5 0", "tenant - 90 6 0"]
    );
}

#[tokio::test]
async fn a_limit_made_late_tells_with_the_next_event_what_it_already_holds() {
    let app = watched(json!([])).await;
    batch(&app, "a", 8).await;
    app.limit("acme", json!([limit("late", "tenant", "events", 10)]))
        .await;
    assert_eq!(told(&app).await, [""; 0]);
    batch(&app, "b", 1).await;
    assert_eq!(told(&app).await, ["late - 50 9 0", "late - 80 9 0"]);
}

#[tokio::test]
async fn without_alerts_nothing_is_told_and_made_late_they_tell_with_the_next_event() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit("tenant", "tenant", "events", 20)]))
        .await;
    batch(&app, "a", 11).await;
    assert_eq!(told(&app).await, [""; 0]);
    app.put("/alerts/acme", json!({})).await.expect(200);
    assert_eq!(told(&app).await, [""; 0]);
    batch(&app, "b", 1).await;
    assert_eq!(told(&app).await, ["tenant - 50 12 0"]);
    app.put("/alerts/acme", json!({ "thresholds": [] }))
        .await
        .expect(200);
    batch(&app, "c", 8).await;
    assert_eq!(told(&app).await, ["tenant - 50 12 0"], "switched off");
}

#[tokio::test]
async fn an_event_that_crosses_more_than_a_transaction_takes_leaves_the_rest_to_the_next() {
    let app = TestApp::on(TestStore::Embedded).await;
    app.put(
        "/alerts/acme",
        json!({ "thresholds": [10, 20, 30, 40, 50, 60, 70, 80, 90, 100] }),
    )
    .await
    .expect(200);
    let limits: Vec<Value> = (0..10)
        .map(|n| limit(&format!("l{n}"), "tenant", "tokens_in", 10 + n))
        .collect();
    app.limit("acme", json!(limits)).await;
    app.record("acme", event("all", json!({ "tokens_in": 10 })))
        .await
        .expect(201);
    let first = told(&app).await.len();
    assert_eq!(first, 48, "(100 - page, marker and counter) / 2");
    app.record("acme", event("next", json!({ "tokens_in": 0 })))
        .await
        .expect(201);
    app.record("acme", event("none", json!({ "tokens_in": 0 })))
        .await
        .expect(201);
    let all = told(&app).await;
    // 10 of 10, and 90 % or less of the others.
    assert_eq!(
        all.len(),
        10 + (1..10).map(|n| 100 / (10 + n)).sum::<usize>(),
        "{all:?}"
    );
}
