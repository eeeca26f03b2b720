//! Changes of limits that have a lot to count: step by step, whatever stops them,
//! and in nobody's way.

use super::{Unmarked, name, record};
use crate::chance::Chance;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Fault, Operation, TestApp};

/// How long a PUT may take.
const PUT_MAX: Duration = Duration::from_secs(20);
/// The most calls that a step reads before it commits.
const READS_MAX: u64 = 40;

fn limit(scope: &str) -> Value {
    json!({ "limits": [{ "id": "l", "scope": scope, "measure": "events", "window": "month", "hard": 2_000_000 }] })
}

/// Lets every call take so long, and sees how many follow without a commit.
fn slow_down(app: &TestApp, millis: u64) -> Arc<AtomicU64> {
    let most = Arc::new(AtomicU64::new(0));
    let (mut reads, seen) = (0, most.clone());
    app.store.rule(move |call| {
        reads = if call.operation == Operation::Commit {
            0
        } else {
            reads + 1
        };
        seen.fetch_max(reads, Ordering::Relaxed);
        Fault::Slow(Duration::from_millis(millis))
    });
    most
}

/// What it took to complete changes.
#[derive(Default, Debug)]
struct Work {
    rounds: u64,
    calls: u64,
    time: Duration,
}

/// Completes changes in rounds that break off anywhere.
async fn complete_in_pieces(app: &TestApp, seed: u64, is_done: impl AsyncFn() -> bool) -> Work {
    let (mut chance, mut work) = (Chance::new(seed), Work::default());
    while work.rounds < 1000 {
        let piece = Duration::from_millis(chance.below(3_000) + 1);
        let (began, calls) = (Instant::now(), app.store.calls());
        if let Ok(complete) = timeout(piece, app.service().complete_changes()).await {
            complete.expect("a round");
        }
        work.rounds += 1;
        work.calls += app.store.calls() - calls;
        work.time += began.elapsed();
        app.store.take_commits();
        if is_done().await {
            return work;
        }
    }
    panic!("not complete in 1000 rounds");
}

/// The hours of all tenants up to now are rolled up, long before the next closes.
async fn assert_rolled_up(app: &TestApp, hours: u64) {
    app.clock.advance(7_200);
    let began = Instant::now();
    let rolled = app.service().roll_up_all().await.expect("a rollup");
    assert_eq!(rolled, hours);
    println!("{hours} hours are rolled up in {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(20 * 60));
}

async fn state(app: &TestApp, tenant: &str) -> Value {
    let limits = app.get(&format!("/limits/{tenant}")).await.expect(200);
    limits.at("/limits/0/state")
}

#[tokio::test]
async fn a_limit_by_month_over_a_million_events_makes_the_calls_of_one_over_48() {
    let mut took = Vec::new();
    for events in [1, 20_834] {
        let store = Unmarked(Arc::new(Memory::default()));
        let app = TestApp::over(Arc::new(store), Tenancy::Sole);
        for _ in 0..48 {
            record(&app, "acme", events, |_, _| {}).await;
            app.clock.advance(3_600);
        }
        app.clock.advance(86_400);
        app.service().roll_up_all().await.expect("a rollup");
        let (before, most) = (app.store.calls(), slow_down(&app, 0));
        let put = app.put("/limits/acme", limit("tenant")).await.expect(200);
        took.push((app.store.calls() - before, most.load(Ordering::Relaxed)));
        assert_eq!(put.at("/limits/0/state"), "active", "{events}");
        assert_eq!(put.at("/standing/0/used"), 48 * events, "{events}");
    }
    println!(
        "a limit by month over 48 and 1,000,032 events in 48 hours: {took:?} calls, at most in a row without a commit"
    );
    assert_eq!(took[0], took[1]);
    assert!(took[1].1 <= READS_MAX, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_each_of_100_000_sessions_is_counted_step_by_step_whatever_stops_it() {
    const SESSIONS: usize = 100_000;
    let memory = Arc::new(Memory::default());
    let store = Arc::new(Unmarked(memory.clone()));
    let app = TestApp::over(store, Tenancy::Sole);
    for part in 0..4 {
        record(&app, "acme", SESSIONS / 4, |number, event| {
            let session = part * SESSIONS / 4 + number;
            event.dimensions.session = Some(name(&format!("s{session}")));
        })
        .await;
        record(&app, "globex", 3, |_, _| {}).await;
        app.clock.advance(3_600);
    }
    app.clock.advance(86_400);
    app.service().roll_up_all().await.expect("a rollup");
    // Two that no rollup holds: one of a session that is in it, one of another.
    record(&app, "acme", 2, |number, event| {
        event.dimensions.session = Some(name(&format!("s{}", number * SESSIONS)));
    })
    .await;
    record(&app, "globex", 3, |_, _| {}).await;

    let most = slow_down(&app, 30);
    let began = Instant::now();
    let put = app.put("/limits/acme", limit("session")).await.expect(200);
    assert!(began.elapsed() <= PUT_MAX, "{:?}", began.elapsed());
    assert_eq!(put.at("/limits/0/state"), "counting");
    // A change of another tenant has its turn, whatever this one has to do.
    let other = app.put("/limits/globex", limit("tenant")).await.expect(200);
    assert_eq!(other.at("/standing/0/used"), 15);
    assert_rolled_up(&app, 2).await;
    let work = complete_in_pieces(&app, 7, async || state(&app, "acme").await == "active").await;
    println!(
        "100,000 sessions: counting after the PUT, active after {work:?} more; at most {} calls in a row without a commit",
        most.load(Ordering::Relaxed)
    );
    assert!(most.load(Ordering::Relaxed) <= READS_MAX);

    let counted: BTreeMap<String, i128> = memory
        .dump()
        .into_iter()
        .filter(|(key, _)| key.pk.starts_with("T|acme|C|session|"))
        .map(|(key, attrs)| {
            let used = attrs.iter().find(|(name, _)| name.starts_with("u:events"));
            (
                key.pk,
                used.and_then(|(_, value)| value.as_number()).unwrap_or(0),
            )
        })
        .collect();
    assert_eq!(counted.len(), SESSIONS + 1);
    for (key, used) in counted {
        let due = if key == "T|acme|C|session|s0" { 2 } else { 1 };
        assert_eq!(used, due, "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_1000_subscribers_waits_for_requests_once_for_all_of_them() {
    const SUBSCRIBERS: usize = 1000;
    let settle = Duration::from_secs(7);
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Shared { settle });
    let plan = |features: Value| json!({ "name": "Plan", "currency": "USD", "features": features });
    app.put("/plans/p", plan(json!([]))).await.expect(200);
    let tenant = |number: usize| format!("t{number}");
    for number in 0..SUBSCRIBERS {
        record(&app, &tenant(number), 3, |_, _| {}).await;
        let path = format!("/tenants/{}/subscription", tenant(number));
        app.put(&path, json!({ "plan": "p" })).await.expect(200);
    }
    slow_down(&app, 4);
    let calls = app.store.calls();
    let began = Instant::now();
    let feature = json!([{ "feature_key": "messages", "hard_limit": 4 }]);
    app.put("/plans/p", plan(feature)).await.expect(200);
    let (put, calls) = (began.elapsed(), app.store.calls() - calls);
    assert!(put <= PUT_MAX, "{put:?}");
    assert_rolled_up(&app, SUBSCRIBERS as u64).await;
    let open = Mutex::new((0..SUBSCRIBERS).collect::<Vec<_>>());
    let is_done = async || {
        let mut waiting = std::mem::take(&mut *open.lock().expect("open"));
        while let Some(number) = waiting.pop() {
            let limits = app
                .get(&format!("/limits/{}", tenant(number)))
                .await
                .expect(200);
            if limits.at("/limits/0/state") != "active" || limits.at("/standing/0/used") != 3 {
                waiting.push(number);
                break;
            }
        }
        let is_done = waiting.is_empty();
        *open.lock().expect("open") = waiting;
        is_done
    };
    let work = complete_in_pieces(&app, 8, is_done).await;
    println!("1,000 subscribers: {calls} calls and {put:?} for the PUT, then {work:?}");
    let (each, time) = ((calls + work.calls) / SUBSCRIBERS as u64, put + work.time);
    assert!(each <= 44, "{each} calls each");
    // A wait for each of 64 at once would be 16 waits.
    assert!(time <= settle * 10, "{time:?}");
}
