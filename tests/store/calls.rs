//! How often the store is asked on the happy path.

use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Fault, Operation, TestApp};

/// The operations that `app` asks of its store from now on.
fn listen(app: &TestApp) -> Arc<Mutex<Vec<Operation>>> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    app.store.rule(move |call| {
        hears.lock().expect("calls").push(call.operation);
        Fault::None
    });
    heard
}

fn taken(heard: &Mutex<Vec<Operation>>) -> Vec<Operation> {
    std::mem::take(&mut *heard.lock().expect("calls"))
}

async fn limited(tenancy: Tenancy) -> TestApp {
    let app = TestApp::over(Arc::new(Memory::default()), tenancy);
    app.record("acme", json!({ "id": "first" }))
        .await
        .expect(201);
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "month", "hard": 10 }])).await;
    app.record("acme", json!({ "id": "second" }))
        .await
        .expect(201);
    app
}

#[tokio::test]
async fn a_process_of_its_own_records_with_one_commit_and_nothing_else() {
    let app = limited(Tenancy::Sole).await;
    let heard = listen(&app);
    app.record("acme", json!({ "id": "e" })).await.expect(201);
    assert_eq!(taken(&heard), [Operation::Commit]);
    let events: Vec<_> = (0..5)
        .map(
            |i| json!({ "id": format!("b{i}"), "tenant_id": "acme", "operation": "agent_message" }),
        )
        .collect();
    app.post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(taken(&heard), [Operation::Commit]);
}

#[tokio::test]
async fn one_of_several_processes_records_with_one_read_and_one_commit() {
    let app = limited(Tenancy::Shared {
        settle: Duration::ZERO,
    })
    .await;
    let heard = listen(&app);
    app.record("acme", json!({ "id": "e" })).await.expect(201);
    assert_eq!(taken(&heard), [Operation::Read, Operation::Commit]);
}

#[tokio::test]
async fn a_tenants_key_costs_one_more_read_only_where_processes_share() {
    for (tenancy, expected) in [
        (Tenancy::Sole, &[Operation::Commit][..]),
        (
            Tenancy::Shared {
                settle: Duration::ZERO,
            },
            &[Operation::Read, Operation::Read, Operation::Commit],
        ),
    ] {
        let app = limited(tenancy).await;
        let key = app.key("acme", &["ingest"]).await;
        let body = |id: &str| json!({ "id": id, "operation": "agent_message" }).to_string();
        app.call_with(&key, "POST", "/events", body("e"))
            .await
            .expect(201);
        let heard = listen(&app);
        app.call_with(&key, "POST", "/events", body("f"))
            .await
            .expect(201);
        assert_eq!(taken(&heard), expected, "{tenancy:?}");
    }
}

#[tokio::test]
async fn a_denial_is_one_reading_of_its_counters_and_then_of_its_markers() {
    let app = limited(Tenancy::Sole).await;
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "month", "hard": 2 }])).await;
    app.record("acme", json!({ "id": "e" })).await.expect(429);
    let heard = listen(&app);
    app.record("acme", json!({ "id": "f" })).await.expect(429);
    assert_eq!(
        taken(&heard),
        [Operation::Read, Operation::ReadTogether],
        "counters, then markers"
    );
}

#[tokio::test]
async fn only_a_limit_with_something_held_asks_for_what_is_over_before_it_denies() {
    let app = limited(Tenancy::Sole).await;
    let hold = json!({ "id": "h", "event": { "tenant_id": "acme", "operation": "agent_message" } });
    app.post("/holds", hold).await.expect(201);
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "month", "hard": 3 }])).await;
    app.record("acme", json!({ "id": "e" })).await.expect(429);
    let heard = listen(&app);
    app.record("acme", json!({ "id": "f" })).await.expect(429);
    assert_eq!(
        taken(&heard),
        [Operation::Read, Operation::ReadTogether, Operation::Query]
    );
}

/// The operations of each of ten events against a limit of ten that is watched.
async fn watched_events(tenancy: Tenancy) -> Vec<Vec<Operation>> {
    let app = TestApp::over(Arc::new(Memory::default()), tenancy);
    app.put("/alerts/acme", json!({ "thresholds": [50, 80] }))
        .await
        .expect(200);
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "month", "hard": 11 }])).await;
    app.record("acme", json!({ "id": "first" }))
        .await
        .expect(201);
    let heard = listen(&app);
    let mut calls = Vec::new();
    for n in 2..=10 {
        app.record("acme", json!({ "id": format!("e{n}") }))
            .await
            .expect(201);
        calls.push(taken(&heard));
    }
    calls
}

#[tokio::test]
async fn with_alerts_only_the_event_that_crosses_asks_for_more() {
    use Operation::{Commit, Read, ReadTogether};
    let plain = vec![Commit];
    // 50 % of 11 is reached by the sixth, 80 % by the ninth: refused at the step, read, and planned again.
    let crosses = vec![Commit, Read, ReadTogether, Commit];
    let expected: Vec<_> = (2..=10)
        .map(|n| {
            if n == 6 || n == 9 {
                crosses.clone()
            } else {
                plain.clone()
            }
        })
        .collect();
    assert_eq!(watched_events(Tenancy::Sole).await, expected);
    // Processes that share read the configuration first, and again after a refusal.
    let crossing = vec![Read, Commit, Read, Read, ReadTogether, Commit];
    let shared = |calls: Vec<Operation>| match calls.len() {
        1 => vec![Read, Commit],
        _ => crossing.clone(),
    };
    let expected: Vec<_> = expected.into_iter().map(shared).collect();
    assert_eq!(
        watched_events(Tenancy::Shared {
            settle: Duration::ZERO
        })
        .await,
        expected
    );
}

#[tokio::test]
async fn another_process_learns_once_what_was_announced() {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put("/alerts/acme", json!({})).await.expect(200);
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "month", "hard": 20 }])).await;
    for n in 0..12 {
        app.record("acme", json!({ "id": format!("e{n}") }))
            .await
            .expect(201);
    }
    let other = TestApp::over(memory, Tenancy::Sole);
    other.get("/limits/acme").await.expect(200);
    let heard = listen(&other);
    for (id, expected) in [
        (
            "f1",
            &[
                Operation::Commit,
                Operation::Read,
                Operation::ReadTogether,
                Operation::Commit,
            ][..],
        ),
        ("f2", &[Operation::Commit]),
    ] {
        other.record("acme", json!({ "id": id })).await.expect(201);
        assert_eq!(taken(&heard), expected, "{id}");
    }
}

#[tokio::test]
async fn an_empty_outbox_costs_a_query_of_each_of_its_lists() {
    let app = limited(Tenancy::Sole).await;
    let heard = listen(&app);
    tollgate_purge::scheduled(&app.app, &json!({ "action": "deliver_alerts" }))
        .await
        .expect("a round");
    assert_eq!(taken(&heard), [Operation::Query; 4]);
}
