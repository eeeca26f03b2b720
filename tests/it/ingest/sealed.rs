//! Sealed batches: the batch is what counts once.

mod cuts;
mod everywhere;

use crate::given::{events_of, limit, merged, refused};
use serde_json::{Value, json};
use std::time::Duration;
use tollgate_service::Tenancy;
use tollgate_tests::{TestApp, TestReply};

fn event(fields: Value) -> Value {
    merged(json!({ "operation": "agent_message" }), fields)
}

fn batch(id: &str, events: &[Value]) -> Value {
    json!({ "batch_id": id, "events": events })
}

/// Sends a batch of `acme` with a key of its own.
async fn send(app: &TestApp, body: &Value) -> TestReply {
    let key = app.key("acme", &["ingest"]).await;
    app.call_with(&key, "POST", "/events/batch", body.to_string())
        .await
}

/// One word an event, in order.
fn statuses(reply: &TestReply) -> String {
    let results = reply.at("/results");
    let results = results.as_array().expect("results").iter();
    let words = results.filter_map(|result| result["status"].as_str());
    words.collect::<Vec<_>>().join(" ")
}

/// What the tenant used: events and tokens.
async fn used(app: &TestApp) -> (Value, Value) {
    let usage = app
        .get("/usage/acme?start=2026-01-01&end=2028-01-01")
        .await
        .expect(200);
    (usage.at("/total_events"), usage.at("/total_tokens"))
}

/// A limit of so many tokens a month on each agent.
async fn tokens(app: &TestApp, hard: u64) {
    let fields =
        json!({ "id": "agent-tokens", "scope": "agent", "measure": "tokens", "hard": hard });
    app.limit("acme", json!([limit(fields)])).await;
}

#[tokio::test]
async fn a_batch_counts_once_and_is_answered_the_same_again() {
    let app = TestApp::new().await;
    tokens(&app, 100).await;
    let body = batch(
        "b-1",
        &[
            event(json!({ "tokens_in": 60, "agent_id": "a1" })),
            event(json!({ "units": -1 })),
            event(json!({ "tokens_in": 60, "agent_id": "a1" })),
            event(json!({ "operation": "gpt-9" })),
            event(json!({ "tokens_in": 40, "agent_id": "a1", "metadata": { "n": 1 } })),
        ],
    );
    let first = send(&app, &body).await.expect(200);
    assert_eq!(
        statuses(&first),
        "recorded rejected rejected rejected recorded"
    );
    assert_eq!(first.at("/results/0/event_id"), "b-1~0");
    assert_eq!(first.at("/results/0/voided"), false);
    let problem = |reply: &TestReply, index: usize, member: &str| {
        reply.at(&format!("/results/{index}/problem/{member}"))
    };
    assert_eq!(problem(&first, 1, "errors/0/pointer"), "/events/1/units");
    assert_eq!(problem(&first, 2, "violations/0/limit_id"), "agent-tokens");
    assert_eq!(used(&app).await, (json!(2), json!(100)));
    // What was refused stays so, whatever limits and prices are by now.
    tokens(&app, 1_000_000).await;
    let card = json!({ "currency": "USD", "operations": { "gpt-9": { "unit": "1" } } });
    app.put_card("nine", card).await.expect(200);
    app.clock.advance(3_600);
    for _ in 0..2 {
        let again = send(&app, &body).await.expect(200);
        assert_eq!(
            statuses(&again),
            "replayed rejected rejected rejected replayed"
        );
        for index in [0, 4] {
            for member in ["cost", "currency", "decision", "event_id", "voided"] {
                let place = format!("/results/{index}/{member}");
                assert_eq!(again.at(&place), first.at(&place), "{place}");
            }
        }
        for (index, code, status) in [
            (1, "invalid_event", 422),
            (2, "usage_limit_exceeded", 429),
            (3, "invalid_event", 422),
        ] {
            assert_eq!(problem(&again, index, "code"), code);
            assert_eq!(problem(&again, index, "status"), status);
        }
        assert_eq!(problem(&again, 2, "limit_id"), "agent-tokens");
        assert_eq!(used(&app).await, (json!(2), json!(100)));
    }
}

#[tokio::test]
async fn other_content_under_the_id_is_refused_and_a_left_out_timestamp_is_no_content() {
    let app = TestApp::new().await;
    let events = [
        event(json!({ "tokens_in": 1 })),
        event(json!({ "tokens_in": 2, "timestamp": "2026-11-22T09:59:00Z" })),
        json!({ "b": 1, "a": 2 }),
    ];
    send(&app, &batch("b-1", &events)).await.expect(200);
    app.clock.advance(100);
    let mut reordered = events.clone();
    reordered[2] = json!({ "a": 2, "b": 1 });
    assert_eq!(
        statuses(&send(&app, &batch("b-1", &reordered)).await.expect(200)),
        "replayed replayed rejected"
    );
    let mut others: Vec<Vec<Value>> = vec![events[..2].to_vec()];
    for (index, fields) in [
        (0, json!({ "tokens_in": 2 })),
        (0, json!({ "timestamp": "2026-11-22T10:00:00Z" })),
        (1, json!({ "timestamp": "2026-11-22T09:59:01Z" })),
        (1, json!({ "agent_id": "a" })),
        (2, json!({ "c": 1 })),
    ] {
        let mut other = events.to_vec();
        other[index] = merged(other[index].clone(), fields);
        others.push(other);
    }
    let mut swapped = events.to_vec();
    swapped.swap(0, 1);
    others.push(swapped);
    for other in others {
        let reply = send(&app, &batch("b-1", &other)).await;
        refused(&reply, 409, "batch_id_reused");
    }
    assert_eq!(used(&app).await, (json!(2), json!(3)));
    // Another tenant's batch of the same id is another one.
    let key = app.key("globex", &["ingest"]).await;
    let body = batch("b-1", &[event(json!({ "tokens_in": 9 }))]);
    let other = app.call_with(&key, "POST", "/events/batch", body.to_string());
    assert_eq!(statuses(&other.await.expect(200)), "recorded");
}

#[tokio::test]
async fn a_batch_of_which_nothing_is_recorded_leaves_no_trace_and_is_decided_anew() {
    let app = TestApp::new().await;
    tokens(&app, 5).await;
    let body = batch(
        "b-1",
        &[event(json!({ "tokens_in": 6, "agent_id": "a1" })), json!(7)],
    );
    for _ in 0..2 {
        let reply = send(&app, &body).await.expect(200);
        assert_eq!(statuses(&reply), "rejected rejected");
        assert_eq!(
            reply.at("/results/0/problem/violations/0/limit_id"),
            "agent-tokens"
        );
    }
    tokens(&app, 6).await;
    assert_eq!(
        statuses(&send(&app, &body).await.expect(200)),
        "recorded rejected"
    );
    assert_eq!(used(&app).await, (json!(1), json!(6)));
}

#[tokio::test]
async fn a_batch_is_one_tenants_and_its_events_have_no_ids() {
    let app = TestApp::new().await;
    let of = |tenant: &str| event(json!({ "tenant_id": tenant }));
    let mixed = batch("b-1", &[of("acme"), event(json!({})), of("globex")]);
    let reply = app.post("/events/batch", mixed).await;
    refused(&reply, 422, "invalid_event");
    assert_eq!(reply.at("/errors/0/pointer"), "/events/2/tenant_id");
    let named = batch(
        "b-1",
        &[
            of("acme"),
            event(json!({ "tenant_id": "acme", "id": "e1" })),
        ],
    );
    let reply = app.post("/events/batch", named).await;
    refused(&reply, 400, "invalid_request");
    assert_eq!(reply.at("/errors/0/pointer"), "/events/1/id");
    // No event of a client is taken for one of a batch.
    let reply = app.record("acme", json!({ "id": "b-1~0" })).await;
    refused(&reply, 422, "invalid_event");
    let one = batch("b-1", &[of("acme"), event(json!({}))]);
    let reply = app.post("/events/batch", one).await.expect(200);
    assert_eq!(statuses(&reply), "recorded recorded");
    assert_eq!(events_of(&app, "acme").await, 2);
}

#[tokio::test]
async fn a_rate_by_second_takes_a_batch_as_one_request() {
    let app = TestApp::new().await;
    let quota = json!({ "tenant_id": "acme", "rate_limit_per_second": 3 });
    app.post("/quota", quota).await.expect(200);
    app.clock.advance(1);
    let events = |count: usize| vec![event(json!({ "tokens_in": 1 })); count];
    let reply = send(&app, &batch("b-4", &events(4))).await;
    refused(&reply, 429, "usage_limit_exceeded");
    assert_eq!(
        send(&app, &batch("b-3", &events(3)))
            .await
            .expect(200)
            .at("/recorded"),
        3
    );
    let full = batch("b-1", &events(1));
    refused(&send(&app, &full).await, 429, "usage_limit_exceeded");
    // A replay asks no limit.
    assert_eq!(
        send(&app, &batch("b-3", &events(3)))
            .await
            .expect(200)
            .at("/replayed"),
        3
    );
    app.clock.advance(1);
    assert_eq!(send(&app, &full).await.expect(200).at("/recorded"), 1);
    assert_eq!(used(&app).await, (json!(4), json!(4)));
}

#[tokio::test]
async fn two_processes_that_send_a_batch_at_once_record_it_once() {
    let store = std::sync::Arc::new(tollgate_service::Memory::default());
    let settle = Duration::ZERO;
    let process = || TestApp::over(store.clone(), Tenancy::Shared { settle });
    let apps = [process(), process(), process()];
    tokens(&apps[0], 1_000_000).await;
    for round in 0..20 {
        let of = |number: usize| event(json!({ "tokens_in": 1, "agent_id": format!("a{number}") }));
        let body = batch(&format!("b-{round}"), &(0..150).map(of).collect::<Vec<_>>());
        let sent = apps.each_ref().map(|app| send(app, &body));
        let replies = futures::future::join_all(sent).await;
        let recorded: u64 = replies
            .into_iter()
            .map(|reply| reply.expect(200).at("/recorded").as_u64().expect("a count"))
            .sum();
        assert_eq!(recorded, 150);
        assert_eq!(used(&apps[0]).await.0, 150 * (round + 1));
    }
}
