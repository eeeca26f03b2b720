//! What questions cost as events grow: time, read units and pages read of a
//! tenant's 30 days, on the embedded store in a file.
//!
//! `cargo bench -p tollgate-tests --bench rollups [-- EVENTS …]`
//!
//! Each run records so many events of 10,000 tasks, 200 agents and 2,000
//! sessions, spread evenly over 30 days, every one of them everywhere, and rolls
//! up each hour when it closes. Then it asks.

use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use tollgate_core::{Event, Mode, Name};
use tollgate_dynamo::embedded;
use tollgate_service::{Options, Query, Store, Submission, Tenancy};
use tollgate_tests::{Meter, TestApp};

/// As in the `tollgate` binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DAYS: usize = 30;
const BATCH: usize = 90;
const QUESTIONS: [&str; 12] = [
    "/usage/aggregate?group_by=day",
    "/usage/summary?",
    "/usage/aggregate?group_by=month",
    "/usage/aggregate?group_by=hour",
    "/usage/aggregate?group_by=operation",
    "/usage/agents?",
    "/usage/aggregate?group_by=session",
    "/usage/aggregate?group_by=day&agent_id=agent-7&model=model-1",
    "/usage/summary?session_id=session-7&agent_id=agent-7",
    "/usage/summary?start=2026-11-03T10:20:00Z&end=2026-11-20T17:40:00Z",
    "/usage?limit=100",
    "/usage/bench?",
];

fn name(text: String) -> Name {
    Name::new(&text).expect("a name")
}

#[tokio::main]
async fn main() {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .collect();
    let sizes = if sizes.is_empty() {
        vec![10_000, 100_000, 1_000_000]
    } else {
        sizes
    };
    println!(
        "{:<70} {:>9} {:>9} {:>7} {:>7} {:>7} {:>8}",
        "question", "events", "ms", "units", "calls", "pages", "of all %"
    );
    for events in sizes {
        run(events).await;
    }
}

async fn run(events: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let store: Arc<dyn Store> =
        Arc::new(embedded::open(Some(folder.path())).await.expect("a store"));
    let meter = Meter::around(store);
    let app = TestApp::over(meter.clone(), Tenancy::Sole);
    app.clock.set("2026-10-25T00:00:00Z");
    let tenant = name("bench".to_owned());
    let began = Instant::now();
    let mut rolling = 0;
    let hours = DAYS * 24;
    for hour in 0..hours {
        let span = events * hour / hours..events * (hour + 1) / hours;
        record(&app, &tenant, span).await;
        app.clock.advance(3600);
        let start = Instant::now();
        app.service().roll_up(&tenant).await.expect("a rollup");
        rolling += start.elapsed().as_millis();
    }
    eprintln!(
        "{events} events recorded and rolled up in {} ms, of which {rolling} ms rolling up",
        began.elapsed().as_millis()
    );
    meter.take();
    let all = pages(&app).await;
    let whole = meter.take();
    for question in QUESTIONS {
        ask(&app, &meter, question, events, all, whole.units).await;
    }
}

async fn record(app: &TestApp, tenant: &Name, span: std::ops::Range<usize>) {
    let options = Options {
        mode: Mode::Enforce,
        age_seconds_max: 35 * 86_400,
    };
    let now = tollgate_service::Clock::now(&*app.clock);
    let submission = |index: usize| {
        let mut event = Event::new(
            name(format!("evt-{index:09}")),
            now,
            name("agent_message".to_owned()),
        );
        // Numbers that are prime to each other, so that everyone meets everyone.
        let mixed = index * 7919;
        event.task = Some(name(format!("task-{}", mixed % 10_000)));
        event.dimensions.agent = Some(name(format!("agent-{}", mixed / 3 % 200)));
        event.dimensions.session = Some(name(format!("session-{}", mixed / 7 % 2_000)));
        event.dimensions.consumer = Some(name(format!("consumer-{}", mixed / 11 % 50)));
        event.dimensions.model = Some(name(format!("model-{}", mixed / 13 % 4)));
        event.quantities.tokens_in = u64::try_from(mixed % 4_000).expect("a number");
        event.quantities.tokens_out = u64::try_from(mixed % 900).expect("a number");
        Submission {
            event,
            timestamp_given: true,
        }
    };
    let list: Vec<Submission> = span.map(submission).collect();
    for batch in list.chunks(BATCH * 10) {
        app.service()
            .record(tenant, batch.to_vec(), options)
            .await
            .expect("recorded");
    }
}

/// How many pages there are, all of them read.
async fn pages(app: &TestApp) -> u64 {
    let mut count = 0;
    let mut hour: tollgate_core::Instant = "2026-10-25T00:00:00Z".parse().expect("a time");
    for _ in 0..=DAYS * 24 {
        let mut next = Some(Query::of(format!("T|bench|E|{}|00", hour.hour())));
        while let Some(query) = next {
            let slice = app.store.query(&query).await.expect("pages");
            count += u64::try_from(slice.items.len()).expect("a count");
            next = query.after(&slice);
        }
        hour = hour.plus_seconds(3_600);
    }
    count
}

async fn ask(app: &TestApp, meter: &Meter, question: &str, events: usize, all: u64, whole: u64) {
    let path = format!("{question}&tenant_id=bench")
        .replace("/usage/bench?&tenant_id=bench", "/usage/bench")
        .replace("?&", "?");
    let mut times = Vec::new();
    let mut reads = meter.take();
    for _ in 0..5 {
        let start = Instant::now();
        let reply = app.get(&path).await.expect(200);
        times.push(start.elapsed().as_micros());
        reads = meter.take();
        let _: Value = serde_json::from_str(&reply.text).expect("JSON");
    }
    times.sort_unstable();
    let micros = times[2];
    println!(
        "{question:<70} {events:>9} {:>5}.{:03} {:>7} {:>7} {:>7} {:>4}.{:03}",
        micros / 1000,
        micros % 1000,
        reads.units,
        reads.calls,
        format!("{}/{all}", reads.pages),
        reads.units * 100 / whole.max(1),
        reads.units * 100_000 / whole.max(1) % 1000,
    );
}
