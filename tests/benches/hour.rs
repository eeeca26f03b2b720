//! What an open hour of many events costs: questions and pages of lists, on the embedded
//! store in a file.
//!
//! `cargo bench -p tollgate-tests --bench hour [-- EVENTS …]`
//!
//! Each run records so many events of one tenant in sealed batches of 1,000: spread over
//! the hour, and then all in its last minute. Partial rollups are made every 10 seconds,
//! as `serve` makes them.

use serde_json::json;
use std::time::Instant;
use tollgate_core::Name;
use tollgate_tests::{Crowd, TestApp, TestStore, name};

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const QUESTIONS: [&str; 5] = [
    "/usage/summary?tenant_id=acme",
    "/usage/aggregate?tenant_id=acme&group_by=agent",
    "/usage/aggregate?tenant_id=acme&group_by=operation",
    "/billing/acme",
    "/usage?tenant_id=acme&limit=100",
];

#[tokio::main]
async fn main() {
    let sizes: Vec<u64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![1_000_000]
    } else {
        sizes
    };
    for events in sizes {
        run(events, 50).await;
        run(events, 1).await;
    }
}

async fn run(events: u64, minutes: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    let app = TestApp::on(TestStore::Folder(folder.path())).await;
    app.store.remember_nothing();
    let tenant: Name = name("acme");
    let crowd = Crowd {
        sessions: 2_000,
        tasks: 10_000,
        agents: 200,
        metadata: 0,
    };
    let rounds = minutes * 6;
    let before = (50 - i64::try_from(minutes).expect("minutes")) * 60;
    app.clock.advance(before);
    let mut spent = std::time::Duration::ZERO;
    for round in 0..rounds {
        let part = events * round / rounds..events * (round + 1) / rounds;
        crowd.record(&app, &tenant, part).await;
        app.clock.advance(10);
        let began = Instant::now();
        roll_up_open(&app).await;
        spent += began.elapsed();
    }
    println!("{events} events within {minutes} minutes of an open hour; partial rollups {spent:?}");
    for question in QUESTIONS {
        let mut times = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            app.get(question).await.expect(200);
            times.push(began.elapsed());
        }
        times.sort();
        println!("  {:>10.1?} {question}", times[2]);
    }
}

/// What `serve` does every 10 seconds.
async fn roll_up_open(app: &TestApp) {
    let order = json!({ "action": "rollup_open" });
    tollgate_purge::scheduled(&app.app, &order)
        .await
        .expect("a partial rollup");
}
