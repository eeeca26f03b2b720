//! What one who reads 100,000 events costs another tenant that records single events,
//! through HTTP, on the embedded store in a file.
//!
//! `cargo bench -p tollgate-tests --bench reader [-- EVENTS SECONDS]`
//!
//! All figures are of one run: the time of a single event alone, and beside each reader.

use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tollgate_gateway::DEFAULT_HASH;
use tollgate_tests::serve;

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &str = "operator-key-of-the-benchmark";

/// What the reader asks, again and again.
const READERS: [(&str, &str); 4] = [
    ("lists all of them", "/usage?tenant_id=read&limit=1000"),
    (
        "exports all of them",
        "/usage/export?tenant_id=read&format=json",
    ),
    (
        "sums up by agent",
        "/usage/aggregate?tenant_id=read&group_by=agent",
    ),
    (
        "sums up a session of an agent",
        "/usage/summary?tenant_id=read&session_id=session-1&agent_id=agent-1",
    ),
];

#[tokio::main]
async fn main() {
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let [events, seconds] = [0, 1].map(|index| {
        let given = numbers.get(index).copied();
        given.unwrap_or([100_000, 5][index])
    });
    let folder = tempfile::tempdir().expect("a folder");
    let address = serve(folder.path(), KEY).await;
    fill(address, events).await;
    record(address, "warm", 1).await;
    let alone = median(record(address, "alone", seconds).await);
    println!("a single event alone: p50 {alone} us");
    for (name, path) in READERS {
        let reader = tokio::spawn(read(address, path));
        let beside = median(record(address, name, seconds).await);
        assert!(!reader.is_finished(), "the reader stopped");
        reader.abort();
        let ratio = beside as f64 / alone as f64;
        println!("beside one who {name} ({events}): p50 {beside} us, {ratio:.2} times");
    }
}

fn median(mut times: Vec<u128>) -> u128 {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn send(client: &reqwest::Client, request: reqwest::RequestBuilder) -> Vec<u8> {
    let request = request
        .header("authorization", format!("Bearer {KEY}"))
        .header("x-constitutional-hash", DEFAULT_HASH);
    let reply = client.execute(request.build().expect("a request")).await;
    let reply = reply.expect("an answer");
    assert!(reply.status().is_success(), "{}", reply.status());
    reply.bytes().await.expect("a body").to_vec()
}

/// Records so many events of the tenant that is read.
async fn fill(address: SocketAddr, events: u64) {
    let client = reqwest::Client::new();
    for first in (0..events).step_by(1000) {
        let event = |number: u64| {
            json!({
                "tenant_id": "read", "operation": "agent_message", "tokens_in": number % 4000,
                "agent_id": format!("agent-{}", number % 8), "session_id": format!("session-{}", number % 500),
            })
        };
        let events: Vec<Value> = (first..events.min(first + 1000)).map(event).collect();
        let body = json!({ "batch_id": format!("b{first}"), "events": events });
        let request = client.post(format!("http://{address}/events/batch"));
        send(&client, request.body(body.to_string())).await;
    }
}

/// Records single events one after another; the microseconds that each took.
async fn record(address: SocketAddr, name: &str, seconds: u64) -> Vec<u128> {
    let client = reqwest::Client::new();
    let (began, mut times) = (Instant::now(), Vec::new());
    while began.elapsed() < Duration::from_secs(seconds) {
        let id = format!("{}-{}", name.replace(' ', "-"), times.len());
        let event = json!({ "tenant_id": "writes", "id": id, "operation": "agent_message" });
        let request = client.post(format!("http://{address}/events"));
        let sent = Instant::now();
        send(&client, request.body(event.to_string())).await;
        times.push(sent.elapsed().as_micros());
    }
    times
}

/// Asks again and again, page after page.
async fn read(address: SocketAddr, path: &'static str) {
    let client = reqwest::Client::new();
    let mut next = path.to_owned();
    loop {
        let body = send(&client, client.get(format!("http://{address}{next}"))).await;
        let cursor = serde_json::from_slice::<Value>(&body).ok();
        let cursor = cursor.and_then(|body| Some(body["next_cursor"].as_str()?.to_owned()));
        next = cursor.map_or_else(
            || path.to_owned(),
            |cursor| format!("{path}&cursor={cursor}"),
        );
    }
}
