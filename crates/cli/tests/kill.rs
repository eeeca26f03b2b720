//! `tollgate serve`, killed twenty times in mid-ingest.
#![expect(clippy::expect_used, reason = "a test says what it needs")]

mod server;

use serde_json::{Value, json};
use server::Server;
use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::watch;

const KILLS: u64 = 20;
const PRODUCERS: u64 = 3;
const BATCH: u64 = 40;
/// Batches acknowledged between two kills, so that each kill meets new ones.
const ACKNOWLEDGED: u64 = 10;

async fn ask(
    client: &reqwest::Client,
    server: &(String, String),
    method: &str,
    path: &str,
    body: String,
) -> Option<Value> {
    let (address, key) = server;
    let method = method.parse().expect("a method");
    let request = client
        .request(method, format!("{address}{path}"))
        .body(body)
        .header("authorization", format!("Bearer {key}"));
    let reply = request
        .header("x-constitutional-hash", "cdd01ef066bc6cf2")
        .send()
        .await
        .ok()?;
    let status = reply.status().as_u16();
    let body: Value = serde_json::from_slice(&reply.bytes().await.ok()?).ok()?;
    assert!(status == 200 || status == 503, "{status} {body}");
    (status == 200).then_some(body)
}

/// The batch of this number of a lane; one lane seals its batches.
fn body(lane: u64, batch: u64) -> Value {
    let event = |number: u64| {
        let mut event = json!({ "tenant_id": "acme", "operation": "hitl_approval" });
        if lane > 0 {
            event["id"] = json!(format!("{lane}-{batch}-{number}"));
        }
        event
    };
    let mut body = json!({ "events": (0..BATCH).map(event).collect::<Vec<_>>() });
    if lane == 0 {
        body["batch_id"] = json!(format!("{lane}-{batch}"));
    }
    body
}

/// Sends batch after batch, each until it is acknowledged, always with the
/// same ids, until told to stop.
async fn produce(
    lane: u64,
    server: watch::Receiver<(String, String)>,
    acknowledged: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
) {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let mut batch = 0;
    while !stop.load(Ordering::SeqCst) {
        let body = body(lane, batch).to_string();
        loop {
            let at = server.borrow().clone();
            match ask(&client, &at, "POST", "/events/batch", body.clone()).await {
                Some(reply) => {
                    assert_eq!(
                        reply["recorded"]
                            .as_u64()
                            .zip(reply["replayed"].as_u64())
                            .map(|(a, b)| a + b),
                        Some(BATCH),
                        "{reply}"
                    );
                    break;
                }
                None => tokio::task::yield_now().await,
            }
        }
        acknowledged.fetch_add(1, Ordering::SeqCst);
        batch += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing_acknowledged_and_count_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut running = Server::start([OsStr::new("--data"), folder.path().as_os_str()]);
    let (publish, server) = watch::channel((running.address.clone(), running.key.clone()));
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let limits = json!({ "limits": [{ "id": "all", "scope": "tenant", "measure": "events", "window": "total", "hard": 1_000_000_000 }] });
    ask(
        &client,
        &server.borrow().clone(),
        "PUT",
        "/limits/acme",
        limits.to_string(),
    )
    .await
    .expect("limits");
    let (acknowledged, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let lanes = (0..PRODUCERS).map(|lane| {
        tokio::spawn(produce(
            lane,
            server.clone(),
            acknowledged.clone(),
            stop.clone(),
        ))
    });
    let lanes: Vec<_> = lanes.collect();
    for _ in 0..KILLS {
        let before = acknowledged.load(Ordering::SeqCst);
        while acknowledged.load(Ordering::SeqCst) < before + ACKNOWLEDGED {
            tokio::task::yield_now().await;
        }
        drop(running);
        running = Server::start([OsStr::new("--data"), folder.path().as_os_str()]);
        publish
            .send((running.address.clone(), running.key.clone()))
            .expect("producers");
    }
    stop.store(true, Ordering::SeqCst);
    for lane in lanes {
        lane.await.expect("a producer");
    }
    let sent = acknowledged.load(Ordering::SeqCst) * BATCH;
    let at = server.borrow().clone();
    let usage = ask(&client, &at, "GET", "/usage/acme", String::new())
        .await
        .expect("usage");
    let limits = ask(&client, &at, "GET", "/limits/acme", String::new())
        .await
        .expect("limits");
    let bill = ask(&client, &at, "GET", "/billing/acme", String::new())
        .await
        .expect("a bill");
    println!("{KILLS} kills, {sent} events acknowledged");
    assert_eq!(usage["total_events"], sent);
    assert_eq!(limits["standing"][0]["used"], sent);
    assert_eq!(bill["line_items"][0]["quantity"], sent);
}
