//! Sealed batches that take several transactions, cut off by a fault.

use super::{batch, event, send, statuses, tokens, used};
use crate::given::refused;
use serde_json::{Value, json};
use tollgate_tests::{Fault, Operation, TestApp};

const EVENTS: usize = 250;

/// As many agents as events: each has a counter, and a transaction takes 98.
fn body(timestamp: Option<&str>) -> Value {
    let of = |number: usize| {
        let mut fields = json!({ "tokens_in": number, "agent_id": format!("a{number}") });
        if let Some(timestamp) = timestamp {
            fields["timestamp"] = json!(timestamp);
        }
        event(fields)
    };
    batch("b-1", &(0..EVENTS).map(of).collect::<Vec<_>>())
}

#[tokio::test]
async fn what_was_cut_off_goes_on_where_it_stood_timed_by_its_first_sending() {
    let named = Some("2026-11-22T10:00:00Z");
    let cases = [Fault::Before, Fault::After].map(|lost| [(lost.clone(), None), (lost, named)]);
    for (lost, timestamp) in cases.into_iter().flatten() {
        let body = || body(timestamp);
        let app = TestApp::new().await;
        // The last three are over their limit.
        tokens(&app, EVENTS as u64 - 4).await;
        app.record("acme", json!({ "id": "first" }))
            .await
            .expect(201);
        let key = app.key("acme", &["ingest"]).await;
        let (mut commits, after) = (0, lost == Fault::After);
        app.store.rule(move |call| {
            commits += u32::from(call.operation == Operation::Commit);
            // The store is gone from the second pack on.
            if commits < 2 || call.operation != Operation::Commit {
                Fault::None
            } else if commits == 2 {
                lost.clone()
            } else {
                Fault::Before
            }
        });
        let cut = app
            .call_with(&key, "POST", "/events/batch", body().to_string())
            .await;
        app.store.rule(|_| Fault::None);
        let _ = cut.expect(503);
        // By now its events would be too old.
        app.clock.advance(40 * 86_400);
        let again = send(&app, &body()).await.expect(200);
        let recorded = again.at("/recorded").as_u64().expect("a count");
        let replayed = again.at("/replayed").as_u64().expect("a count");
        assert_eq!(recorded + replayed, EVENTS as u64 - 3, "{}", again.text);
        let packs = if after { 2 } else { 1 };
        assert_eq!(replayed, packs * 98, "{}", statuses(&again));
        assert_eq!(used(&app).await.0, EVENTS - 3 + 1);
        let last = app.get("/events/b-1~240?tenant_id=acme").await.expect(200);
        assert_eq!(last.at("/timestamp"), "2026-11-22T10:00:00Z");
        assert_eq!(last.at("/received_at"), "2027-01-01T10:00:00Z");
        let whole = send(&app, &body()).await.expect(200);
        assert_eq!(whole.at("/replayed"), EVENTS - 3);
        assert_eq!(
            whole.at("/results/249/problem/code"),
            "usage_limit_exceeded"
        );
    }
}

#[tokio::test]
async fn a_rate_by_second_counts_all_transactions_of_a_batch_at_once() {
    let app = TestApp::new().await;
    tokens(&app, 1_000_000).await;
    let quota = json!({ "tenant_id": "acme", "rate_limit_per_second": 300 });
    app.post("/quota", quota).await.expect(200);
    app.clock.advance(1);
    let single = async |number: usize| {
        let event = json!({ "id": format!("e{number}") });
        app.record("acme", event).await.status
    };
    for number in 0..60 {
        assert_eq!(single(number).await, 201);
    }
    // One transaction of it would pass the rate, and nothing told of it before.
    refused(&send(&app, &body(None)).await, 429, "usage_limit_exceeded");
    assert_eq!(used(&app).await.0, 60);
    app.clock.advance(1);
    let whole = send(&app, &body(None)).await.expect(200);
    assert_eq!(whole.at("/recorded"), EVENTS);
    for number in 60..110 {
        assert_eq!(single(number).await, 201);
    }
    assert_eq!(single(110).await, 429);
    assert_eq!(used(&app).await.0, 110 + EVENTS);
}
