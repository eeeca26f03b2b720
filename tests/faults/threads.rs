//! Many threads against one limit, through HTTP on the embedded store.

use crate::ledger::Ledger;
use crate::watch::Watch;
use crate::wire::{Answer, Wire, thread};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tollgate_service::{Store, Tenancy};
use tollgate_tests::{TestApp, file_in};

const THREADS: usize = 16;
const LIMIT: usize = 5000;
/// A thread's turn is four single events and one batch of twelve.
const TURNS: usize = 26;
const IN_BATCH: usize = 12;
const ATTEMPTS: usize = THREADS * TURNS * (4 + IN_BATCH);

/// What one thread was answered.
#[derive(Default)]
struct Answered {
    /// The events recorded, each with the version of the limits that was
    /// known to be answered when it was sent.
    recorded: BTreeMap<String, u64>,
    denied: usize,
}

fn event(id: &str, agent: usize) -> Value {
    json!({ "id": id, "tenant_id": "acme", "operation": "agent_message", "agent_id": format!("a{agent}"), "tokens_in": 3 })
}

/// One thread's work: `known` is the last version of limits that an operator
/// was answered, `progress` hears of every answer.
async fn work(
    wire: Wire,
    name: usize,
    turns: usize,
    known: Arc<AtomicU64>,
    progress: UnboundedSender<()>,
) -> Answered {
    let mut answered = Answered::default();
    for turn in 0..turns {
        for single in 0..4 {
            let id = format!("e-{name}-{turn}-{single}");
            let version = known.load(Ordering::SeqCst);
            let answer = wire.settled("POST", "/events", &event(&id, name)).await;
            answered.note(id, version, answer.status, &answer.body["code"]);
            progress.send(()).ok();
        }
        let ids: Vec<String> = (0..IN_BATCH)
            .map(|i| format!("b-{name}-{turn}-{i}"))
            .collect();
        let events: Vec<Value> = ids.iter().map(|id| event(id, name)).collect();
        let version = known.load(Ordering::SeqCst);
        let answer = wire
            .settled("POST", "/events/batch", &json!({ "events": events }))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        for (place, id) in ids.into_iter().enumerate() {
            let result = &answer.body["results"][place];
            let status = if result["status"] == "rejected" {
                429
            } else {
                201
            };
            answered.note(id, version, status, &result["problem"]["code"]);
        }
        progress.send(()).ok();
    }
    answered
}

impl Answered {
    fn note(&mut self, id: String, version: u64, status: u16, code: &Value) {
        match status {
            // 200 after a 503 whose commit had happened.
            200 | 201 => drop(self.recorded.insert(id, version)),
            429 => {
                assert_eq!(*code, "usage_limit_exceeded");
                self.denied += 1;
            }
            status => panic!("{id}: {status} {code}"),
        }
    }
}

/// Starts all threads, in turn on each of `addresses`.
fn start(
    addresses: &[SocketAddr],
    known: &Arc<AtomicU64>,
) -> (
    Vec<tokio::task::JoinHandle<Answered>>,
    UnboundedReceiver<()>,
) {
    let (progress, hears) = unbounded_channel();
    let threads = (0..THREADS).map(|name| {
        let (address, known, progress) = (
            addresses[name % addresses.len()],
            known.clone(),
            progress.clone(),
        );
        thread(async move { work(Wire::to(address), name, TURNS, known, progress).await })
    });
    (threads.collect(), hears)
}

async fn joined(threads: Vec<tokio::task::JoinHandle<Answered>>) -> Answered {
    let mut all = Answered::default();
    for answered in join_all(threads).await {
        let answered = answered.expect("a thread");
        all.recorded.extend(answered.recorded);
        all.denied += answered.denied;
    }
    all
}

fn limits(hard: usize) -> Value {
    json!({ "limits": [
        { "id": "events", "scope": "tenant", "measure": "events", "window": "month", "hard": hard },
        { "id": "tokens", "scope": "agent", "measure": "tokens", "window": "day", "hard": 1_000_000 },
    ]})
}

async fn ok(wire: &Wire, method: &str, path: &str, body: &Value) -> Answer {
    let answer = wire.settled(method, path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_threads_against_a_limit_of_5000_admit_exactly_5000() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(file_in(folder.path()));
    let app = TestApp::over(store.clone(), Tenancy::Sole);
    let address = app.serve().await;
    ok(&Wire::to(address), "PUT", "/limits/acme", &limits(LIMIT)).await;
    let (threads, _progress) = start(&[address], &Arc::default());
    let neighbour = thread(async move {
        let wire = Wire::to(address);
        let mut statuses = Vec::new();
        for _ in 0..200 {
            let event = json!({ "tenant_id": "neighbour", "operation": "agent_message" });
            statuses.push(
                wire.ask("POST", "/events", &event)
                    .await
                    .expect("an answer")
                    .status,
            );
        }
        statuses
    });
    let answered = joined(threads).await;
    assert_eq!(
        (answered.recorded.len(), answered.denied),
        (LIMIT, ATTEMPTS - LIMIT)
    );
    assert_eq!(
        neighbour.await.expect("a thread"),
        vec![201; 200],
        "the neighbour notices nothing"
    );
    let ledger = Ledger::balanced(&*store, "acme").await;
    assert_eq!(
        (ledger.len(), ledger.counted("events")),
        (LIMIT, LIMIT as i128)
    );
    ledger.within_limits();
    let view = ok(&Wire::to(address), "GET", "/limits/acme", &Value::Null).await;
    assert_eq!(view.body["standing"][0]["used"], LIMIT);
    eprintln!(
        "{ATTEMPTS} attempts by {THREADS} threads: {LIMIT} admitted, {} denied",
        answered.denied
    );
}

/// Lowers and raises a limit while all threads write.
async fn moving_limits(tenancy: Tenancy) {
    let folder = tempfile::tempdir().expect("a folder");
    let embedded = Arc::new(file_in(folder.path()));
    let store: Arc<dyn Store> = Watch::over(embedded, "acme", tenancy == Tenancy::Sole);
    let mut apps = vec![TestApp::over(store.clone(), tenancy)];
    if tenancy != Tenancy::Sole {
        apps.push(TestApp::over(store.clone(), tenancy));
    }
    let mut addresses = Vec::new();
    for app in &apps {
        addresses.push(app.serve().await);
    }
    let operator: Vec<Wire> = addresses.iter().map(|address| Wire::to(*address)).collect();
    let put = async |place: usize, hard: usize| {
        let answer = ok(
            &operator[place % operator.len()],
            "PUT",
            "/limits/acme",
            &limits(hard),
        )
        .await;
        answer.body["version"].as_u64().expect("a version")
    };
    let known = Arc::new(AtomicU64::new(put(0, 800).await));
    let (threads, mut progress) = start(&addresses, &known);
    for (place, hard) in [600, 1500, 400, 2500, 2000, 3500, 3000]
        .into_iter()
        .enumerate()
    {
        for _ in 0..200 {
            progress.recv().await.expect("threads at work");
        }
        known.store(put(place, hard).await, Ordering::SeqCst);
    }
    let answered = joined(threads).await;
    let used = answered.recorded.len();
    assert_eq!(used + answered.denied, ATTEMPTS);
    let ledger = Ledger::balanced(&*store, "acme").await;
    assert_eq!(
        (ledger.len(), ledger.counted("events")),
        (used, used as i128)
    );
    for (id, known) in &answered.recorded {
        let planned = ledger.events[id].version;
        assert!(
            planned >= *known,
            "{id} was admitted under version {planned}, sent after {known} was answered"
        );
    }
    put(0, used + 37).await;
    let late = join_all((0..100).map(|i| {
        let wire = &operator[i % operator.len()];
        async move {
            wire.settled("POST", "/events", &event(&format!("late-{i}"), 1))
                .await
                .status
        }
    }));
    let admitted = late
        .await
        .into_iter()
        .filter(|status| *status == 201)
        .count();
    assert_eq!(admitted, 37);
    eprintln!(
        "{ATTEMPTS} attempts under 8 limits, {tenancy:?}: {used} admitted, {} denied",
        answered.denied
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_never_passes_the_limit_in_force_while_it_moves() {
    moving_limits(Tenancy::Sole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_never_pass_the_limit_they_planned_under_nor_one_older_than_answered() {
    moving_limits(Tenancy::Shared {
        settle: Duration::from_millis(50),
    })
    .await;
}

/// Sets limits of every scope while eight threads write.
async fn limits_in_the_midst(tenancy: Tenancy) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Arc::new(file_in(folder.path()));
    let apps = [
        TestApp::over(store.clone(), tenancy),
        TestApp::over(store.clone(), tenancy),
    ];
    // A process of its own is alone.
    let apps = if tenancy == Tenancy::Sole {
        &apps[..1]
    } else {
        &apps[..]
    };
    let mut addresses = Vec::new();
    for app in apps {
        addresses.push(app.serve().await);
    }
    let (progress, mut hears) = unbounded_channel();
    let stop = Arc::new(AtomicU64::new(0));
    let writers = (0..8).map(|name| {
        let (wire, progress, stop) = (
            Wire::to(addresses[name % addresses.len()]),
            progress.clone(),
            stop.clone(),
        );
        thread(async move {
            let mut recorded = 0;
            let mut turn = 0;
            while stop.load(Ordering::SeqCst) == 0 {
                let answered = work(
                    wire.clone(),
                    name + 100 * turn,
                    1,
                    Arc::default(),
                    progress.clone(),
                )
                .await;
                recorded += answered.recorded.len();
                turn += 1;
            }
            recorded
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut wait = async || {
        for _ in 0..100 {
            hears.recv().await.expect("writers");
        }
    };
    let operator = Wire::to(addresses[0]);
    wait().await;
    let limit = |id: &str, scope: &str, measure: &str, window: &str| json!({ "id": id, "scope": scope, "measure": measure, "window": window, "hard": 1_000_000_000 });
    let first = [
        limit("a", "tenant", "events", "month"),
        limit("b", "agent", "tokens", "day"),
        limit("c", "operation", "units", "total"),
    ];
    let answer = ok(
        &operator,
        "PUT",
        "/limits/acme",
        &json!({ "limits": first }),
    )
    .await;
    assert!(
        answer.body["standing"][0]["used"].as_u64() > Some(0),
        "what stood before is counted when it answers"
    );
    wait().await;
    let second = [
        limit("a", "tenant", "events", "month"),
        limit("d", "agent", "api_calls", "total"),
        limit("e", "tenant", "tokens", "hour"),
    ];
    ok(
        &operator,
        "PUT",
        "/limits/acme",
        &json!({ "limits": second }),
    )
    .await;
    wait().await;
    stop.store(1, Ordering::SeqCst);
    let recorded: usize = join_all(writers)
        .await
        .into_iter()
        .map(|writer| writer.expect("a writer"))
        .sum();
    let ledger = Ledger::balanced(&*store, "acme").await;
    assert_eq!(
        (ledger.len(), ledger.counted("a")),
        (recorded, recorded as i128)
    );
    eprintln!("{recorded} events by 8 writers around two changes of limits, {tenancy:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_set_while_eight_threads_write_count_every_event_of_their_windows() {
    limits_in_the_midst(Tenancy::Sole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_set_while_two_instances_write_count_every_event_of_their_windows() {
    limits_in_the_midst(Tenancy::Shared {
        settle: Duration::from_secs(2),
    })
    .await;
}
