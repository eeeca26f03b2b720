//! Threads in two processes at once: each threshold that is reached is told exactly once.

use super::told;
use crate::ledger::Ledger;
use crate::stories::TENANT;
use crate::wire::{Wire, thread};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_service::{Store, Tenancy};
use tollgate_tests::{TestApp, file_in};

const THREADS: usize = 16;
const THRESHOLDS: [u8; 10] = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];

/// One turn of a client: the tokens that it books by an event, a batch, and a
/// hold that is captured.
async fn turn(wire: &Wire, name: usize, turn: u64) -> u64 {
    let agent = format!("a{}", name % 4);
    let event = |id: String, of: u64| json!({ "id": id, "tenant_id": TENANT, "operation": "agent_message", "agent_id": agent, "tokens_in": of });
    let single = wire
        .settled("POST", "/events", &event(format!("e-{name}-{turn}"), 7))
        .await;
    let mut booked = if single.status < 300 { 7 } else { 0 };
    let events: Vec<Value> = (0..4)
        .map(|n| event(format!("b-{name}-{turn}-{n}"), 3))
        .collect();
    let batch = wire
        .settled("POST", "/events/batch", &json!({ "events": events }))
        .await;
    let taken = batch.body["results"]
        .as_array()
        .expect("results")
        .iter()
        .filter(|result| result["status"] != "rejected")
        .count();
    booked += 3 * taken as u64;
    let mut estimate = event(String::new(), 5);
    estimate.as_object_mut().expect("an event").remove("id");
    let id = format!("h-{name}-{turn}");
    if wire
        .settled("POST", "/holds", &json!({ "id": id, "event": estimate }))
        .await
        .status
        < 300
    {
        let used = 20 * (turn % 2);
        let path = format!("/holds/{id}/capture?tenant_id={TENANT}");
        let captured = wire
            .settled("POST", &path, &json!({ "event": { "tokens_in": used } }))
            .await;
        assert!(captured.status < 300, "{}", captured.body);
        booked += used;
    }
    booked
}

/// Each limit told the thresholds that its use reached, each once.
fn judge(used: &BTreeMap<(String, String), u64>, told: &BTreeMap<(String, String), Vec<u8>>) {
    for (limit, used) in used {
        let hard: u64 = if limit.0 == "tenant" { 9000 } else { 3000 };
        let reached = |percent: &&u8| u64::from(**percent) * hard <= used * 100;
        let expected: Vec<u8> = THRESHOLDS.iter().filter(reached).copied().collect();
        // What was held for a while may have reached one more.
        assert!(
            told[limit].starts_with(&expected) && told[limit].len() <= expected.len() + 1,
            "{limit:?} used {used}: {:?}",
            told[limit]
        );
        assert!(
            expected.len() >= 5,
            "{limit:?} used {used}: too little to say anything"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_threads_in_two_processes_tell_each_threshold_exactly_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store: Arc<dyn Store> = Arc::new(file_in(folder.path()));
    let shared = Tenancy::Shared {
        settle: std::time::Duration::ZERO,
    };
    let apps = [
        TestApp::over(store.clone(), shared),
        TestApp::over(store.clone(), shared),
    ];
    // An alert told twice would stand twice.
    apps[1].clock.advance(1);
    let addresses = [apps[0].serve().await, apps[1].serve().await];
    apps[0]
        .put("/alerts/acme", json!({ "thresholds": THRESHOLDS }))
        .await
        .expect(200);
    let limit = |id: &str, scope: &str, hard: u64| json!({ "id": id, "scope": scope, "measure": "tokens", "window": "total", "hard": hard });
    apps[0]
        .limit(
            TENANT,
            json!([
                limit("tenant", "tenant", 9000),
                limit("agent", "agent", 3000)
            ]),
        )
        .await;
    let work = |name: usize| {
        thread(async move {
            let wire = Wire::to(addresses[name % 2]);
            let mut booked = 0;
            for number in 0..20 {
                booked += turn(&wire, name, number).await;
            }
            (name % 4, booked)
        })
    };
    let mut used: BTreeMap<(String, String), u64> = BTreeMap::new();
    for booked in join_all((0..THREADS).map(work)).await {
        let (agent, booked) = booked.expect("a thread");
        *used
            .entry(("agent".to_owned(), format!("a{agent}")))
            .or_default() += booked;
        *used
            .entry(("tenant".to_owned(), String::new()))
            .or_default() += booked;
    }
    Ledger::balanced(&*store, TENANT).await;
    let told = told(&apps[0]).await;
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        used.keys().collect::<Vec<_>>()
    );
    judge(&used, &told);
}
