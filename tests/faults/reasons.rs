//! Every mixture of reasons with which a transaction can be cancelled.

use crate::ledger::Ledger;
use serde_json::json;
use std::sync::Arc;
use tollgate_service::{Memory, Reason, Tenancy};
use tollgate_tests::{Fault, Operation, TestApp};

/// How often in a row a transaction is cancelled.
const CANCELLED: usize = 4;

/// All mixtures over the page, the marker and the counter.
fn mixtures() -> Vec<Vec<Option<Reason>>> {
    let reasons = [None, Some(Reason::Conflict), Some(Reason::Throttled)];
    let mut all = Vec::new();
    for page in &reasons {
        for marker in &reasons {
            for counter in &reasons {
                all.push(vec![page.clone(), marker.clone(), counter.clone()]);
            }
        }
    }
    all
}

/// A mixture beside what the guards say, and one that hides what they say.
fn faults() -> Vec<Fault> {
    mixtures()
        .into_iter()
        .flat_map(|reasons| [Fault::Refuse(reasons.clone()), Fault::Mask(reasons)])
        .collect()
}

/// A tenant with room for `room` more events, in a process that has read none of
/// its counters.
async fn with_room(room: u64) -> (Arc<Memory>, TestApp) {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "total", "hard": 3 }])).await;
    for i in room..3 {
        app.record("acme", json!({ "id": format!("before-{i}") }))
            .await
            .expect(201);
    }
    (memory, app)
}

/// Plans faults of the next commits, one after another.
fn at_commits(app: &TestApp, faults: impl IntoIterator<Item = Fault>) {
    let faults: Vec<Fault> = faults.into_iter().collect();
    let mut faults = faults.into_iter();
    app.store.rule(move |call| match call.operation {
        Operation::Commit => faults.next().unwrap_or(Fault::None),
        _ => Fault::None,
    });
}

async fn balanced(memory: &Memory, events: usize) {
    let ledger = Ledger::balanced_in(memory, "acme").await;
    assert_eq!(ledger.len(), events);
    ledger.within_limits();
}

#[tokio::test(start_paused = true)]
async fn no_mixture_of_conflicts_and_throttles_denies_an_event_that_fits() {
    for fault in faults() {
        for cancelled in 1..=CANCELLED {
            let (memory, app) = with_room(1).await;
            at_commits(&app, vec![fault.clone(); cancelled]);
            let reply = app.record("acme", json!({ "id": "e" })).await;
            assert_eq!(
                reply.status, 201,
                "{fault:?} {cancelled} times: {}",
                reply.text
            );
            balanced(&memory, 3).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_retry_of_the_event_that_filled_the_limit_is_a_replay_under_any_mixture() {
    for fault in faults() {
        for cancelled in 1..=CANCELLED {
            let (memory, app) = with_room(0).await;
            at_commits(&app, vec![fault.clone(); cancelled]);
            let reply = app.record("acme", json!({ "id": "before-2" })).await;
            assert_eq!(
                reply.status, 200,
                "{fault:?} {cancelled} times: {}",
                reply.text
            );
            assert_eq!(reply.at("/replayed"), true);
            balanced(&memory, 3).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_then_any_mixture_is_recorded_once() {
    for fault in faults() {
        let (memory, app) = with_room(1).await;
        at_commits(&app, [Fault::After, fault.clone(), fault.clone()]);
        let reply = app.record("acme", json!({ "id": "filling" })).await;
        assert_eq!(reply.status, 201, "{fault:?}: {}", reply.text);
        balanced(&memory, 3).await;
        app.record("acme", json!({ "id": "filling" }))
            .await
            .expect(200);
        app.record("acme", json!({ "id": "over" }))
            .await
            .expect(429);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_limit_denies_under_any_mixture_and_names_what_stands() {
    for fault in faults() {
        let (memory, app) = with_room(0).await;
        at_commits(&app, [fault.clone(), fault.clone()]);
        let reply = app.record("acme", json!({ "id": "e" })).await;
        assert_eq!(reply.status, 429, "{fault:?}: {}", reply.text);
        assert_eq!(reply.at("/usage"), 3);
        balanced(&memory, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_batch_under_any_mixture_only_what_does_not_fit_is_denied() {
    let events: Vec<_> = ["e1", "before-2", "e2", "e3"]
        .map(|id| json!({ "id": id, "tenant_id": "acme", "operation": "agent_message" }))
        .to_vec();
    for fault in faults() {
        let (memory, app) = with_room(2).await;
        at_commits(&app, [fault.clone(), Fault::After, fault.clone()]);
        let reply = app
            .post("/events/batch", json!({ "events": events }))
            .await
            .expect(200);
        let statuses: Vec<_> = (0..4)
            .map(|i| reply.at(&format!("/results/{i}/status")))
            .collect();
        assert_eq!(
            statuses,
            ["recorded", "replayed", "recorded", "rejected"],
            "{fault:?}: {}",
            reply.text
        );
        assert_eq!(reply.at("/results/3/problem/code"), "usage_limit_exceeded");
        balanced(&memory, 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn cancelled_for_ever_is_unavailable_and_never_a_denial() {
    let (memory, app) = with_room(1).await;
    let replies = futures::future::join_all([Reason::Conflict, Reason::Throttled].map(|reason| {
        let app = TestApp::over(memory.clone(), Tenancy::Sole);
        app.store
            .rule(move |_| Fault::Refuse(vec![Some(reason.clone()); 3]));
        async move { app.record("acme", json!({ "id": "e" })).await }
    }));
    for reply in replies.await {
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, "1"),
            "{}",
            reply.text
        );
    }
    balanced(&memory, 2).await;
    app.record("acme", json!({ "id": "e" })).await.expect(201);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_counts_an_event_once_though_its_answers_are_lost() {
    for fault in faults() {
        let memory = Arc::new(Memory::default());
        let app = TestApp::over(memory.clone(), Tenancy::Sole);
        app.post(
            "/quota",
            json!({ "tenant_id": "acme", "rate_limit_per_second": 3 }),
        )
        .await
        .expect(200);
        app.record("acme", json!({ "id": "first" }))
            .await
            .expect(201);
        for id in ["second", "third"] {
            at_commits(&app, [Fault::After, fault.clone()]);
            app.record("acme", json!({ "id": id })).await.expect(201);
            app.store.heal();
        }
        let denied = app
            .record("acme", json!({ "id": "fourth" }))
            .await
            .expect(429);
        assert_eq!(
            (denied.at("/usage"), denied.header("retry-after")),
            (json!(3), "1"),
            "{fault:?}"
        );
        app.record("acme", json!({ "id": "third" }))
            .await
            .expect(200);
        app.clock.advance(1);
        app.record("acme", json!({ "id": "fourth" }))
            .await
            .expect(201);
        balanced(&memory, 4).await;
    }
}
