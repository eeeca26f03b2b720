//! Events per second and the most memory of `GET /usage/export` through HTTP,
//! on the embedded store in a file.
//!
//! `cargo bench -p tollgate-tests --bench export [-- EVENTS]`
//!
//! Client and server are this process: the figures are what both do together.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Instant;
use tollgate_gateway::DEFAULT_HASH;
use tollgate_tests::serve;

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &str = "operator-key-of-the-benchmark";
const BATCH: usize = 900;
const LANES: usize = 4;

#[tokio::main]
async fn main() {
    let events = std::env::args()
        .find_map(|argument| argument.parse().ok())
        .unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("a folder");
    let address = serve(folder.path(), KEY).await;
    record(address, events).await;
    for format in ["csv", "json", "jsonl"] {
        reset_peak();
        let before = memory("VmRSS");
        let began = Instant::now();
        let (bytes, lines) = export(address, format).await;
        let millis = began.elapsed().as_millis().max(1);
        println!(
            "{format}: {events} events, {bytes} bytes, {lines} lines, {millis} ms: {} events/s; memory {before} KiB before, {} KiB at most",
            events as u128 * 1000 / millis,
            memory("VmHWM"),
        );
    }
}

/// Records so many events in batches, each made when it is sent.
async fn record(address: SocketAddr, events: usize) {
    let began = Instant::now();
    let lanes = (0..LANES).map(|lane| tokio::spawn(send(address, lane, events)));
    for lane in lanes.collect::<Vec<_>>() {
        lane.await.expect("a lane");
    }
    println!(
        "{events} events recorded in {} ms",
        began.elapsed().as_millis()
    );
}

async fn send(address: SocketAddr, lane: usize, events: usize) {
    let client = reqwest::Client::new();
    for start in (0..events).step_by(BATCH).skip(lane).step_by(LANES) {
        let batch: Vec<Value> = (start..events.min(start + BATCH)).map(event).collect();
        let request = client
            .post(format!("http://{address}/events/batch"))
            .body(json!({ "events": batch }).to_string());
        let request = request
            .header("authorization", format!("Bearer {KEY}"))
            .header("x-constitutional-hash", DEFAULT_HASH);
        let reply = request.send().await.expect("an answer");
        let reply: Value =
            serde_json::from_slice(&reply.bytes().await.expect("a body")).expect("JSON");
        assert_eq!(reply["rejected"], 0, "{reply}");
    }
}

fn event(index: usize) -> Value {
    json!({
        "id": format!("evt-{index:08}"), "tenant_id": "bench", "operation": "agent_message",
        "tokens_in": index % 4000, "tokens_out": index % 900, "duration_ms": 800 + index % 700,
        "agent_id": format!("agent-{}", index % 8), "session_id": format!("session-{}", index % 500), "model": "gpt-4o",
    })
}

/// Exports to nowhere; how many bytes and lines came.
async fn export(address: SocketAddr, format: &str) -> (usize, usize) {
    let request = reqwest::Client::new().get(format!(
        "http://{address}/usage/export?tenant_id=bench&format={format}"
    ));
    let request = request
        .header("authorization", format!("Bearer {KEY}"))
        .header("x-constitutional-hash", DEFAULT_HASH);
    let mut reply = request.send().await.expect("an answer");
    assert!(reply.status().is_success());
    let (mut bytes, mut lines) = (0, 0);
    while let Some(piece) = reply.chunk().await.expect("a whole transfer") {
        bytes += piece.len();
        lines += piece.iter().filter(|byte| **byte == b'\n').count();
    }
    (bytes, lines)
}

/// The peak is the memory of now (Linux).
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("a reset");
}

/// A figure of this process in KiB (Linux).
fn memory(name: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("a figure");
    line.split_whitespace().nth(1).expect("a number").to_owned()
}
