//! Price maps put night after night: a process reads and keeps what can still
//! price, and everything else is found where it is asked for.

use super::name;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tollgate_core::{Attrs, Event, Instant, Key, Mode, Write, table};
use tollgate_service::{
    Commit, Memory, Options, Outcome, Query, Slice, Store, StoreError, Submission, Tenancy,
    Together,
};
use tollgate_tests::{Meter, Reads, TestApp};

const NIGHTS: u32 = 150;
const OPERATIONS: usize = 300;
const DAY: i64 = 86_400;
/// The nights of events that come later, each twice.
const OLD: [u32; 3] = [NIGHTS - 60, NIGHTS - 61, NIGHTS - 140];
/// The noon of the day after the first night.
const FIRST: &str = "2026-11-22T10:00:00Z";

fn shared(store: Arc<dyn Store>) -> TestApp {
    let settle = Duration::ZERO;
    TestApp::over(store, Tenancy::Shared { settle })
}

/// What the price map of a night says: each operation costs as many USD as nights
/// have passed.
fn map_of(night: u32) -> Value {
    let price = |number: usize| (format!("op-{number}"), json!({ "unit": night }));
    let operations: serde_json::Map<String, Value> = (0..OPERATIONS).map(price).collect();
    json!({ "currency": "USD", "operations": operations })
}

/// What one EUR costs in hundredths of a USD that night.
fn rate_of(night: u32) -> u32 {
    100 + night
}

async fn put_night(app: &TestApp, night: u32) {
    app.put_card("map", map_of(night)).await.expect(200);
    let rate = format!("{}", f64::from(rate_of(night)) / 100.0);
    let rates = json!({ "base": "EUR", "rates": { "USD": rate } });
    app.put("/exchange-rates", rates).await.expect(200);
}

/// The cost of one unit on the day after that night, in EUR.
fn cost_of(night: u32) -> String {
    let hundredths = night * rate_of(night);
    let cost = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    cost.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A new process over `store` at the time of `app`, and what its first event reads.
async fn cold_start(meter: &Arc<Meter>, at: &str, night: u32) -> (TestApp, Reads) {
    let process = shared(meter.clone());
    process.clock.set(at);
    meter.take();
    let event = json!({ "operation": "op-7", "session_id": "cold" });
    let reply = process.record("acme", event).await.expect(201);
    assert_eq!(reply.at("/cost"), cost_of(night));
    (process, meter.take())
}

fn moment(text: &str) -> Instant {
    text.parse().expect("a time")
}

fn now(app: &TestApp) -> String {
    app.service().now().to_string()
}

#[tokio::test]
async fn a_start_after_150_nightly_price_maps_reads_what_one_after_45_reads() {
    let meter = Meter::around(Arc::new(Memory::default()));
    let app = shared(meter.clone());
    app.put("/tenants/acme", json!({ "currency": "EUR" }))
        .await
        .expect(200);
    let mut starts = Vec::new();
    for night in 1..=NIGHTS {
        put_night(&app, night).await;
        app.clock.advance(DAY / 2);
        let event = json!({ "id": format!("of-{night}"), "operation": "op-7" });
        let reply = app.record("acme", event).await.expect(201);
        assert_eq!(reply.at("/cost"), cost_of(night), "{night}");
        if night == 45 || night == NIGHTS {
            starts.push(cold_start(&meter, &now(&app), night).await);
        }
        app.clock.advance(DAY / 2);
    }
    let [(_, early), (cold, late)] = &starts[..] else {
        panic!("two starts");
    };
    println!("a cold start: {early:?} after 45 nights, {late:?} after {NIGHTS}");
    assert!(late.calls <= early.calls + 1, "{early:?} {late:?}");
    assert!(
        late.units <= early.units + early.units / 20,
        "{early:?} {late:?}"
    );
    // A process that saw all nights keeps no more than one that saw the last.
    for process in [&app, cold] {
        let catalog = process.service().read_catalog().await.expect("a catalogue");
        let versions = catalog.cards().find(|(id, _)| id.as_str() == "map");
        let count = versions.map_or(0, |(_, versions)| versions.len());
        assert!((36..=39).contains(&count), "{count} card versions");
        let count = catalog.exchanges().len();
        assert!((36..=39).contains(&count), "{count} exchange rates");
    }
    old_events_are_priced_by_what_was_in_force_then(cold, &meter).await;
    every_version_is_shown(cold).await;
    let bill = cold
        .get("/billing/acme?start=2026-11-01&end=2027-12-01")
        .await
        .expect(200);
    let cents: u32 = (1..=NIGHTS)
        .chain([45, NIGHTS])
        .chain(OLD.into_iter().flat_map(|night| [night, night]))
        .map(|night| night * rate_of(night))
        .sum();
    let total = format!("{}.{:02}", cents / 100, cents % 100);
    assert_eq!(bill.at("/subtotal"), total, "{}", bill.text);
}

/// A backfilled event of long ago is priced as it was then, by the versions of that
/// night alone; the next one of that night reads no prices.
async fn old_events_are_priced_by_what_was_in_force_then(cold: &TestApp, meter: &Meter) {
    for night in OLD {
        let days = i64::from(night - 1);
        let noon = moment(FIRST).plus_seconds(days * DAY + DAY / 2);
        let mut costs = Vec::new();
        for hour in 0..2 {
            let at = noon.plus_seconds(hour * 3_600).to_string();
            meter.take();
            let event = json!({ "tenant_id": "acme", "operation": "op-7", "timestamp": at });
            let reply = cold.post("/events?backfill=true", event).await.expect(201);
            assert_eq!(reply.at("/cost"), cost_of(night), "{night}: {}", reply.text);
            costs.push(meter.take().units);
        }
        let [first, next] = costs[..] else {
            panic!("two events");
        };
        println!("an event of night {night} reads {first} units, the next {next}");
        assert!(
            next < first,
            "{costs:?}: the prices of that night are known"
        );
        assert!(first <= 30, "{costs:?}: no other night's are read");
    }
}

async fn every_version_is_shown(app: &TestApp) {
    for version in 1..=NIGHTS {
        let path = format!("/rate-cards/map?version={version}");
        let shown = app.get(&path).await.expect(200);
        assert_eq!(shown.at("/operations/op-7/unit"), version.to_string());
    }
    app.get("/rate-cards/map?version=151").await.expect(404);
    let mut shown: Vec<u64> = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/exchange-rates?limit=40{cursor}");
        let page = app.get(&path).await.expect(200).json();
        let versions = page["data"].as_array().expect("data").iter();
        shown.extend(versions.filter_map(|table| table["version"].as_u64()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let all: Vec<u64> = (1..=u64::from(NIGHTS)).rev().collect();
    assert_eq!(shown, all);
}

#[tokio::test]
async fn what_was_held_at_a_price_is_captured_at_it_after_a_version_that_takes_all_its_time() {
    let app = shared(Arc::new(Memory::default()));
    put_night(&app, 1).await;
    app.put("/tenants/acme", json!({ "currency": "USD" }))
        .await
        .expect(200);
    let event = json!({ "tenant_id": "acme", "operation": "op-7" });
    let hold = json!({ "id": "h", "event": event });
    app.post("/holds", hold).await.expect(201);
    // In force since ever: nothing is left of the first, and the next put moves it.
    let mut corrected = map_of(2);
    corrected["effective_from"] = json!("1970-01-01T00:00:00Z");
    app.put_card("map", corrected).await.expect(200);
    put_night(&app, 3).await;
    let catalog = app.service().read_catalog().await.expect("a catalogue");
    assert!(catalog.card("map", Some(1)).is_none(), "it is over");
    let used = json!({ "event": { "tenant_id": "acme", "operation": "op-7", "units": 5 } });
    for status in [201, 200] {
        let captured = app.post("/holds/h/capture", used.clone()).await;
        assert_eq!(captured.expect(status).at("/cost"), "5");
    }
}

/// A store at which another process puts prices right before the list is read.
struct Meanwhile {
    inner: Arc<Memory>,
    other: TestApp,
    armed: AtomicBool,
}

#[async_trait]
impl Store for Meanwhile {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.inner.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.inner.read_together(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        if query.pk == table::LISTED && self.armed.swap(false, Ordering::Relaxed) {
            put_night(&self.other, 9).await;
        }
        self.inner.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        self.inner.commit(writes).await
    }
}

#[tokio::test]
async fn versions_that_move_while_the_list_is_read_are_not_lost() {
    let inner = Arc::new(Memory::default());
    let other = shared(inner.clone());
    other
        .put("/tenants/acme", json!({ "currency": "USD" }))
        .await
        .expect(200);
    for night in 1..=8 {
        put_night(&other, night).await;
        other.clock.advance(DAY);
    }
    other.clock.advance(60 * DAY);
    let at = now(&other);
    let store = Arc::new(Meanwhile {
        inner,
        other,
        armed: AtomicBool::new(true),
    });
    let process = shared(store.clone());
    process.clock.set(&at);
    let submission = Submission {
        event: Event::new(name("e"), moment("2026-11-24T22:00:00Z"), name("op-7")),
        timestamp_given: true,
    };
    let options = Options {
        mode: Mode::Observe,
        age_seconds_max: 400 * DAY,
    };
    let tenant = name("acme");
    // In one reading: another would find the newer head.
    let recorded = process.service().record(&tenant, vec![submission], options);
    let outcomes = recorded.await.expect("an answer");
    assert!(!store.armed.load(Ordering::Relaxed), "prices were put");
    match &outcomes[..] {
        [Outcome::Recorded(answer, _)] => assert_eq!(answer.cost.to_string(), "3"),
        other => panic!("{other:?}"),
    }
}
