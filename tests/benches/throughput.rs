//! Events per second through HTTP, in batches, sealed and not, on the embedded store in
//! a file, and on the embedded DynamoDB behind the SDK.
//!
//! `cargo bench -p tollgate-tests --bench throughput [-- EVENTS BATCH CONNECTIONS]`
//!
//! Client and server share the machine: the figure is what both do together.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tollgate_dynamo::embedded;
use tollgate_gateway::DEFAULT_HASH;
use tollgate_service::Store;
use tollgate_tests::{file_in, serve_over};

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &str = "operator-key-of-the-benchmark";

#[tokio::main]
async fn main() {
    let numbers: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let [events, batch, connections] = [0, 1, 2].map(|index| {
        numbers
            .get(index)
            .copied()
            .unwrap_or([90_000, 900, 4][index])
    });
    for (name, limited) in [
        ("no limit", false),
        ("one tenant limit and one for each agent", true),
    ] {
        for (kept, is_dynamo) in [("embedded store", false), ("embedded DynamoDB", true)] {
            for (form, is_sealed) in [("sealed batches", true), ("batches", false)] {
                let folder = tempfile::tempdir().expect("a folder");
                let store: Arc<dyn Store> = if is_dynamo {
                    Arc::new(embedded::open(Some(folder.path())).await.expect("a store"))
                } else {
                    Arc::new(file_in(folder.path()))
                };
                let address = serve_over(store, KEY).await;
                if limited {
                    limit(address).await;
                }
                // As many events take so long one by one.
                let events = if batch == 1 { events / 10 } else { events };
                let bodies = bodies(events, batch, is_sealed);
                let (rate, times) = run(address, events, bodies, connections).await;
                let at = |part: usize| times[(times.len() - 1) * part / 100];
                println!(
                    "{kept}, {name}: {events} events, {form} of {batch}, {connections} connections: \
                     {rate} events/s, p50 {} us, p99 {} us",
                    at(50),
                    at(99),
                );
            }
        }
    }
}

/// Events per second, and the microseconds that each request took, ascending.
async fn run(
    address: SocketAddr,
    events: usize,
    bodies: Arc<Vec<String>>,
    connections: usize,
) -> (u128, Vec<u128>) {
    let began = Instant::now();
    let sent: Vec<_> = (0..connections)
        .map(|lane| tokio::spawn(send(address, bodies.clone(), lane, connections)))
        .collect();
    let mut times = Vec::new();
    for lane in sent {
        times.extend(lane.await.expect("a lane"));
    }
    let micros = began.elapsed().as_micros();
    times.sort_unstable();
    (events as u128 * 1_000_000 / micros, times)
}

async fn limit(address: SocketAddr) {
    let limits = json!({ "limits": [
        { "id": "tenant", "scope": "tenant", "measure": "events", "window": "month", "hard": 1_000_000_000 },
        { "id": "agent", "scope": "agent", "measure": "spend", "window": "day", "hard": "1000000", "currency": "USD" },
    ]});
    let request = reqwest::Client::new()
        .put(format!("http://{address}/limits/bench"))
        .body(limits.to_string());
    let reply = request
        .header("authorization", format!("Bearer {KEY}"))
        .header("x-constitutional-hash", DEFAULT_HASH)
        .send()
        .await;
    assert!(reply.expect("an answer").status().is_success());
}

fn bodies(events: usize, batch: usize, is_sealed: bool) -> Arc<Vec<String>> {
    let event = |index: usize| -> Value {
        let mut event = json!({
            "tenant_id": "bench", "operation": "agent_message",
            "tokens_in": index % 4000, "tokens_out": index % 900, "duration_ms": 800 + index % 700,
            "agent_id": format!("agent-{}", index % 8), "session_id": format!("session-{}", index % 500), "model": "gpt-4o",
        });
        if !is_sealed {
            event["id"] = json!(format!("evt-{index:08}"));
        }
        event
    };
    let body = |start: usize| {
        let mut body =
            json!({ "events": (start..events.min(start + batch)).map(event).collect::<Vec<_>>() });
        if is_sealed {
            body["batch_id"] = json!(format!("batch-{start:08}"));
        }
        body.to_string()
    };
    Arc::new((0..events).step_by(batch).map(body).collect())
}

/// The microseconds that each request took.
async fn send(
    address: SocketAddr,
    bodies: Arc<Vec<String>>,
    lane: usize,
    lanes: usize,
) -> Vec<u128> {
    let client = reqwest::Client::new();
    let mut times = Vec::new();
    for body in bodies.iter().skip(lane).step_by(lanes) {
        let request = client
            .post(format!("http://{address}/events/batch"))
            .body(body.clone());
        let request = request
            .header("authorization", format!("Bearer {KEY}"))
            .header("x-constitutional-hash", DEFAULT_HASH);
        let began = Instant::now();
        let reply = request.send().await.expect("an answer");
        assert!(reply.status().is_success());
        let body = reply.bytes().await.expect("a body");
        times.push(began.elapsed().as_micros());
        let reply: Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(reply["rejected"], 0, "{reply}");
    }
    times
}
