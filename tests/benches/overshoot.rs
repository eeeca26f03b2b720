//! How far callers at once overspend one money budget, through HTTP, on the
//! embedded store in a file: with holds, and with a check before each call.
//!
//! `cargo bench -p tollgate-tests --bench overshoot [-- CALLERS… budget=USD]`
//!
//! Each caller makes calls, one after the other, until it is denied. Before a
//! call it asks for the most that the call may cost; the call takes a moment;
//! then what it cost is booked. What is answered 503 is asked again at once, and
//! the time of all tries counts. Client and server share the machine.

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tollgate_core::Amount;
use tollgate_gateway::DEFAULT_HASH;
use tollgate_tests::serve;

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const KEY: &str = "operator-key-of-the-benchmark";
/// Approvals at 0.05 that a call may use; it uses 1 to all of them.
const UNITS_MAX: usize = 4;
const CALL: Duration = Duration::from_millis(5);

/// How a caller keeps to the budget.
#[derive(Clone, Copy)]
enum Way {
    /// Holds, calls, captures.
    Hold,
    /// Checks, calls, records what has happened.
    Check,
}

/// One connection, as lean as it gets: what a client costs is not the server's.
struct Wire(SendRequest<Full<Bytes>>);

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    body: Bytes,
}

impl Wire {
    async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a server");
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends a request until the store takes it.
    async fn settled(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let body = match body {
            Value::Null => Bytes::new(),
            body => Bytes::from(body.to_string()),
        };
        loop {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("host", "localhost")
                .header("authorization", format!("Bearer {KEY}"))
                .header("x-constitutional-hash", DEFAULT_HASH)
                .header("content-type", "application/json")
                .body(Full::new(body.clone()))
                .expect("a request");
            self.0.ready().await.expect("a connection");
            let response = self.0.send_request(request).await.expect("an answer");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.expect("a body");
            if status != 503 {
                let body = body.to_bytes();
                return Answer { status, body };
            }
        }
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }
}

/// What came of all callers together.
struct Run {
    calls: usize,
    elapsed: Duration,
    /// How long each was asked for that was admitted, ascending.
    waits: Vec<Duration>,
    spent: Amount,
    overspent: Amount,
}

#[tokio::main]
async fn main() {
    let asked: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let budget =
        std::env::args().find_map(|argument| Some(argument.strip_prefix("budget=")?.to_owned()));
    let budget = budget.unwrap_or_else(|| "100".to_owned());
    let sizes = if asked.is_empty() {
        vec![1, 10, 50, 200, 1000]
    } else {
        asked
    };
    println!(
        "One budget of {budget} USD. A call may cost 0.20, costs 0.05 to 0.20 and takes {} ms.",
        CALL.as_millis()
    );
    println!();
    println!(
        "{:>8}  {:^65}  {:^29}",
        "", "hold, call, capture", "check, call, record"
    );
    println!("{:>8}  {:->65}  {:->29}", "", "", "");
    println!(
        "{:>8}  {:>7} {:>9} {:>9} {:>9} {:>9} {:>8} {:>8}  {:>9} {:>9} {:>9}",
        "callers",
        "calls",
        "holds/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "spent",
        "over",
        "calls",
        "spent",
        "over"
    );
    for callers in sizes {
        let (hold, check) = (
            run(Way::Hold, callers, &budget).await,
            run(Way::Check, callers, &budget).await,
        );
        assert_eq!(hold.overspent, Amount::ZERO, "holds never overspend");
        let [p50, p95, p99] =
            [50, 95, 99].map(|percent| millis(hold.waits[(hold.waits.len() - 1) * percent / 100]));
        println!(
            "{callers:>8}  {:>7} {:>9} {p50:>9} {p95:>9} {p99:>9} {:>8} {:>8}  {:>9} {:>9} {:>9}",
            hold.calls,
            hold.calls as u128 * 1_000_000 / hold.elapsed.as_micros().max(1),
            hold.spent.fixed(2),
            hold.overspent.fixed(2),
            check.calls,
            check.spent.fixed(2),
            check.overspent.fixed(2),
        );
    }
}

/// All callers against a fresh store, until each is denied.
async fn run(way: Way, callers: usize, limit: &str) -> Run {
    let folder = tempfile::tempdir().expect("a folder");
    let address = serve(folder.path(), KEY).await;
    let mut wire = Wire::to(address).await;
    let budget = json!({ "max_total": limit, "currency": "USD" });
    done(&wire.settled("PUT", "/budgets/bench", &budget).await);
    let began = Instant::now();
    let calling: Vec<_> = (0..callers)
        .map(|caller| tokio::spawn(call_until_denied(address, way, caller)))
        .collect();
    let mut waits = Vec::new();
    let mut units = 0;
    for caller in calling {
        let (of_one, used) = caller.await.expect("a caller");
        waits.extend(of_one);
        units += used;
    }
    let elapsed = began.elapsed();
    waits.sort_unstable();
    let told = wire.settled("GET", "/budgets/bench", &Value::Null).await;
    let told = told.json();
    let [spent, held] = ["used", "held"].map(|field| amount(&told[field]));
    assert_eq!(
        spent.units(),
        amount(&json!("0.05")).units() * i128::from(units),
        "all that was used is counted, once"
    );
    assert!(
        matches!(way, Way::Check) || spent.units() + held.units() <= amount(&json!(limit)).units(),
        "what is held counts too"
    );
    if held > Amount::ZERO {
        // A commit whose answer came too late for its caller to hear of it.
        println!(
            "{callers:>8}  {} USD are still held, until they expire",
            held.fixed(2)
        );
    }
    let overspent = spent
        .checked_sub(amount(&json!(limit)))
        .expect("a difference")
        .max(Amount::ZERO);
    Run {
        calls: waits.len(),
        elapsed,
        waits,
        spent,
        overspent,
    }
}

/// How long each admission took, and how many units were used.
async fn call_until_denied(address: SocketAddr, way: Way, caller: usize) -> (Vec<Duration>, u64) {
    let mut wire = Wire::to(address).await;
    let (mut waits, mut used) = (Vec::new(), 0);
    loop {
        let turn = waits.len();
        let id = format!("call-{caller}-{turn}");
        let units = 1 + (caller * 7 + turn * 3) % UNITS_MAX;
        let event = |units: usize| json!({ "id": id, "tenant_id": "bench", "operation": "hitl_approval", "units": units });
        let began = Instant::now();
        let admitted = match way {
            Way::Hold => {
                let hold = json!({ "id": id, "event": event(UNITS_MAX), "ttl_seconds": 600 });
                let taken = wire.settled("POST", "/holds", &hold).await;
                // 200 = an earlier try had taken it, and was answered 503.
                assert!(matches!(taken.status, 200 | 201 | 402), "{taken:?}");
                taken.status != 402
            }
            Way::Check => {
                let checked = wire.settled("POST", "/check", &event(UNITS_MAX)).await;
                done(&checked);
                checked.json()["decision"] != "deny"
            }
        };
        if !admitted {
            return (waits, used);
        }
        waits.push(began.elapsed());
        tokio::time::sleep(CALL).await;
        let booked = match way {
            Way::Hold => {
                let actual = json!({ "event": { "tenant_id": "bench", "operation": "hitl_approval", "units": units } });
                wire.settled("POST", &format!("/holds/{id}/capture"), &actual)
                    .await
            }
            Way::Check => {
                wire.settled("POST", "/events?mode=observe", &event(units))
                    .await
            }
        };
        done(&booked);
        used += u64::try_from(units).expect("a few");
    }
}

fn done(answer: &Answer) {
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
}

fn amount(value: &Value) -> Amount {
    value.as_str().expect("text").parse().expect("an amount")
}

fn millis(wait: Duration) -> String {
    let tenths = wait.as_micros() / 100;
    format!("{}.{}", tenths / 10, tenths % 10)
}
