//! What is sent again and again within a batch is read once, and written once.

use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

const REPEATS: usize = 1000;
/// The most calls of the store for a batch: a handful, whatever repeats.
const CALLS_MAX: u64 = 8;

/// What is sent, for how many there is room, what is recorded and replayed.
type Case = (&'static str, Vec<Value>, u64, (usize, usize));

/// A message of acme, by a number that makes it another one.
fn message(id: &str, number: usize) -> Value {
    json!({ "id": id, "tenant_id": "acme", "operation": "agent_message", "agent_id": "a1",
        "timestamp": "2026-11-22T10:00:00Z", "tokens_in": number })
}

/// Sends these, and counts calls of the store.
async fn send(app: &TestApp, events: Vec<Value>) -> (TestReply, u64) {
    let before = app.store.calls();
    let reply = app.post("/events/batch", json!({ "events": events })).await;
    (reply.expect(200), app.store.calls() - before)
}

/// A tenant that may use `hard` events and has used one.
async fn limited(hard: u64) -> TestApp {
    let app = TestApp::new().await;
    let limit = json!([{ "id": "l", "scope": "agent", "measure": "events", "window": "total", "hard": hard }]);
    app.limit("acme", limit).await;
    app.post("/events", message("first", 0)).await.expect(201);
    app
}

#[tokio::test]
async fn a_thousand_repeats_of_one_id_are_a_handful_of_calls() {
    let same = |id: &str| vec![message(id, 0); REPEATS];
    let others = |id: &str| (0..REPEATS).map(|number| message(id, number)).collect();
    let many: Vec<Value> = (0..REPEATS)
        .map(|number| message(&format!("e{}", number % 10), number / 10))
        .collect();
    let cases: [Case; 9] = [
        ("new", same("e1"), 9, (1, 999)),
        ("recorded before", same("first"), 9, (0, 1000)),
        ("recorded before, no room", same("first"), 1, (0, 1000)),
        ("no room", same("e1"), 1, (0, 0)),
        ("new, others", others("e1"), 9, (1, 0)),
        ("recorded before, others", others("first"), 9, (0, 1)),
        ("no room, others", others("e1"), 1, (0, 0)),
        ("ten in turn", many.clone(), 99, (10, 0)),
        ("ten in turn, no room", many, 1, (0, 0)),
    ];
    for (case, events, hard, (recorded, replayed)) in cases {
        let app = limited(hard).await;
        let (reply, calls) = send(&app, events.clone()).await;
        let counts = (reply.at("/recorded"), reply.at("/replayed"));
        assert_eq!(counts, (json!(recorded), json!(replayed)), "{case}");
        assert!(calls <= CALLS_MAX, "{case}: {calls} calls");
        println!("{case}: {calls} calls");
    }
}
