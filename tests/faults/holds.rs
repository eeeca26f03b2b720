//! Threads that hold and capture at once: what is held and used never passes a
//! limit. Every interleaving of few of them is in `tests/schedules`.

use crate::ledger::Ledger;
use crate::wire::{Wire, thread};
use futures::future::join_all;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tollgate_dynamo::embedded;
use tollgate_service::Tenancy;
use tollgate_tests::TestApp;

const THREADS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_threads_that_hold_and_capture_never_overspend() {
    let store = Arc::new(embedded::open(None).await.expect("a store"));
    let app = TestApp::over(store.clone(), Tenancy::Sole);
    let address = app.serve().await;
    let limits = json!({ "limits": [
        { "id": "money", "scope": "tenant", "measure": "spend", "window": "total", "hard": "0.5", "currency": "USD" },
        { "id": "tokens", "scope": "tenant", "measure": "tokens", "window": "day", "hard": 40_000 },
    ]});
    Wire::to(address).settled("PUT", "/limits/acme", &limits).await;
    let spent = Arc::new(AtomicUsize::new(0));
    let answers = Arc::new(Mutex::new(Vec::new()));
    let work = |name: usize| {
        let (spent, answers) = (spent.clone(), answers.clone());
        thread(async move {
            let wire = Wire::to(address);
            for turn in 0..30 {
                let id = format!("h-{name}-{turn}");
                // 4 to 12 messages at 0.0005 are held, and up to 8 used.
                let held = 4 + (name + turn) % 9;
                let used = held.min(turn % 9);
                let event = json!({ "tenant_id": "acme", "operation": "agent_message", "units": held, "tokens_in": 100 });
                let taken = wire.settled("POST", "/holds", &json!({ "id": id, "event": event })).await.status;
                answers.lock().expect("answers").push(taken);
                if taken >= 300 {
                    assert!(matches!(taken, 402 | 429), "{taken}");
                    continue;
                }
                let how = if turn % 5 == 4 { "release" } else { "capture" };
                let body = if how == "release" { json!({}) } else { json!({ "event": { "units": used, "tokens_in": 90 } }) };
                let ended = wire.settled("POST", &format!("/holds/{id}/{how}?tenant_id=acme"), &body).await;
                assert!(ended.status < 300, "{}", ended.body);
                if how == "capture" {
                    spent.fetch_add(used, Ordering::SeqCst);
                }
            }
        })
    };
    for thread in join_all((0..THREADS).map(work)).await {
        thread.expect("a thread");
    }
    let ledger = Ledger::balanced(&*store, "acme").await;
    ledger.within_limits();
    let spent = spent.load(Ordering::SeqCst) as i128;
    assert_eq!(ledger.counted("money"), spent * 500_000_000_000_000, "all that was captured, and nothing is held any more");
    let answers = answers.lock().expect("answers");
    let denied = answers.iter().filter(|status| **status == 402 || **status == 429).count();
    assert!(denied > 20 && spent > 900, "{denied} denied, {spent} messages: too few to say anything");
    eprintln!("{} holds by {THREADS} threads: {denied} denied, {spent} messages used of 1000", answers.len());
}
