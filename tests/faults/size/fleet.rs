//! A fleet against a clock: 100,000 tenants of which 10,000 are active are rolled up,
//! swept and told within the hour, whatever becomes of some.

use super::{name, record};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant as Moment;
use tollgate_core::{Alert, Attrs, Instant, Key, Name, Write, table};
use tollgate_service::{
    Chore, ChoreQueue, Clock, Commit, Courier, Deliveries, Housekeeping, Memory, Query, Service,
    Slice, Store, StoreError, Tenancy, Together,
};
use tollgate_tests::TestApp;

const TENANTS: usize = 100_000;
const ACTIVE: usize = 10_000;
/// Every so many-th active tenant has an alert that is due.
const TOLD: usize = 10;
/// As in the template.
const WORKERS: usize = 20;
const BATCH: usize = 10;
const RECEIVES_MAX: u32 = 3;
const VISIBLE_AGAIN: Duration = Duration::from_secs(960);
/// What calls take: an active tenant's rollup takes some 20, of some 7 ms.
const READ: Duration = Duration::from_millis(5);
const WRITE: Duration = Duration::from_millis(10);
/// Whose page has a bit flipped.
const UNFOLDABLE: &str = "t7";
const HOUR: Duration = Duration::from_secs(3600);

/// A store as far away as DynamoDB is.
struct Far {
    inner: Arc<Memory>,
    calls: AtomicU64,
}

impl Far {
    async fn wait(&self, time: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(time).await;
    }
}

#[async_trait]
impl Store for Far {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.wait(READ).await;
        self.inner.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.wait(READ).await;
        self.inner.read_together(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.wait(READ).await;
        self.inner.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        self.wait(WRITE).await;
        self.inner.commit(writes).await
    }
}

/// Goes on as the runtime's time does.
struct Running {
    since: Instant,
    began: Moment,
}

impl Clock for Running {
    fn now(&self) -> Instant {
        let passed = i64::try_from(self.began.elapsed().as_secs()).expect("seconds");
        self.since.plus_seconds(passed)
    }
}

/// A FIFO queue, in which one chore of a group is taken at a time.
#[derive(Default)]
struct Fifo {
    waiting: Mutex<VecDeque<(Chore, u32)>>,
    taken: Mutex<BTreeSet<String>>,
    dead: Mutex<Vec<Chore>>,
}

#[async_trait]
impl ChoreQueue for Fifo {
    async fn send(&self, chores: Vec<Chore>, _: Instant) -> Result<(), String> {
        for batch in chores.chunks(BATCH) {
            tokio::time::sleep(WRITE).await;
            let batch = batch.iter().map(|chore| (chore.clone(), 1));
            self.waiting.lock().expect("waiting").extend(batch);
        }
        Ok(())
    }
}

impl Fifo {
    /// Some chores of groups that nobody works on.
    fn take(&self) -> Vec<(Chore, u32)> {
        let mut waiting = self.waiting.lock().expect("waiting");
        let mut taken = self.taken.lock().expect("taken");
        let (mut batch, mut passed) = (Vec::new(), VecDeque::new());
        while batch.len() < BATCH
            && let Some((chore, receives)) = waiting.pop_front()
        {
            if taken.insert(chore.group()) {
                batch.push((chore, receives));
            } else {
                passed.push_back((chore, receives));
            }
        }
        passed.append(&mut waiting);
        *waiting = passed;
        batch
    }

    fn is_done(&self) -> bool {
        self.waiting.lock().expect("waiting").is_empty()
            && self.taken.lock().expect("taken").is_empty()
    }

    fn free(&self, chore: &Chore) {
        self.taken.lock().expect("taken").remove(&chore.group());
    }

    /// One that failed is seen again later, and given up in the end.
    async fn put_back(self: Arc<Self>, chore: Chore, receives: u32) {
        tokio::time::sleep(VISIBLE_AGAIN).await;
        if receives < RECEIVES_MAX {
            let mut waiting = self.waiting.lock().expect("waiting");
            waiting.push_back((chore.clone(), receives + 1));
        } else {
            self.dead.lock().expect("dead").push(chore.clone());
        }
        self.free(&chore);
    }
}

/// Receivers that take a third of a second, and one that is gone.
#[derive(Default)]
struct Receivers {
    told: Mutex<BTreeMap<String, usize>>,
}

#[async_trait]
impl Courier for Receivers {
    async fn post(&self, url: &str, _: &[(&'static str, String)], _: String) -> Result<(), String> {
        if url.ends_with("/t0") {
            tokio::time::sleep(Duration::from_secs(5)).await;
            return Err("it does not answer".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(333)).await;
        *self
            .told
            .lock()
            .expect("told")
            .entry(url.to_owned())
            .or_default() += 1;
        Ok(())
    }
}

/// One worker: takes what it can get, ten chores at a time.
async fn work(service: Service, queue: Arc<Fifo>, receivers: Arc<Receivers>) {
    let deliveries = Deliveries {
        courier: &*receivers,
        body: |alert: &Alert| alert.id.clone(),
    };
    loop {
        let batch = queue.take();
        if batch.is_empty() {
            tokio::time::sleep(Duration::from_millis(500)).await;
            continue;
        }
        let chores: Vec<Chore> = batch.iter().map(|(chore, _)| chore.clone()).collect();
        let stop = Moment::now() + Duration::from_secs(300);
        let done = service.do_chores(&chores, &deliveries, stop).await;
        for ((chore, receives), done) in batch.into_iter().zip(done) {
            match done {
                Ok(_) => queue.free(&chore),
                Err(_) => {
                    tokio::spawn(queue.clone().put_back(chore, receives));
                }
            }
        }
    }
}

fn tenant(number: usize) -> String {
    format!("t{number}")
}

/// The fleet, and the hour in which it worked.
async fn fleet(memory: &Arc<Memory>) -> Instant {
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.store.remember_nothing();
    for number in 0..TENANTS {
        let entry = table::known(&name(&tenant(number)));
        let listed = memory.commit(&[Write::put(entry, Attrs::new())]).await;
        assert!(matches!(listed, Ok(Commit::Done { .. })));
    }
    for number in 0..ACTIVE {
        let tenant = tenant(number);
        if number % TOLD == 0 {
            let url = format!("https://hooks.example.com/{tenant}");
            let alerts = json!({ "thresholds": [100], "url": url });
            app.put(&format!("/alerts/{tenant}"), alerts)
                .await
                .expect(200);
            let limit = json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "day", "hard": 1 }]);
            app.limit(&tenant, limit).await;
        }
        record(&app, &tenant, 1, |_, _| {}).await;
        let held = json!({ "tenant_id": tenant, "operation": "agent_message", "agent_id": "a" });
        let hold = json!({ "id": "h", "ttl_seconds": 60, "event": held });
        if number % TOLD != 0 {
            app.post("/holds", hold).await.expect(201);
        }
    }
    let hour = app.service().now().floor_to(3600);
    let of_one = table::pages(&name(UNFOLDABLE), &table::stretch(hour, 0));
    app.damage(&of_one).await;
    app.clock.advance(85 * 60);
    hour
}

/// The tenants that are on any of these lists.
async fn listed(memory: &Memory, lists: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    for list in lists {
        let mut next = Some(Query::of(list));
        while let Some(query) = next {
            let slice = memory.query(&query).await.expect("a list");
            next = query.after(&slice);
            listed.extend(slice.items.into_iter().map(|(tenant, _)| tenant));
        }
    }
    listed
}

async fn rolled_up(memory: &Memory, hour: Instant) -> usize {
    let mut rolled = 0;
    for number in 0..ACTIVE {
        let tenant: Name = name(&tenant(number));
        let record = memory.read(&[table::hour(&tenant, hour)]).await;
        let record = record.expect("a record").remove(0).expect("an hour");
        rolled += usize::from(record.contains_key(table::BODY));
    }
    rolled
}

#[tokio::test(start_paused = true)]
async fn of_100_000_tenants_10_000_are_rolled_up_swept_and_told_within_the_hour() {
    let memory = Arc::new(Memory::default());
    let hour = fleet(&memory).await;
    let since = hour.plus_seconds(85 * 60);
    let far = Arc::new(Far {
        inner: memory.clone(),
        calls: AtomicU64::new(0),
    });
    let (began, queue) = (Moment::now(), Arc::new(Fifo::default()));
    let receivers = Arc::new(Receivers::default());
    let process = || {
        let settle = Duration::from_secs(7);
        let clock = Arc::new(Running { since, began });
        Service::new(far.clone(), clock, Tenancy::Shared { settle }, [7; 32])
    };
    for _ in 0..WORKERS {
        tokio::spawn(work(process(), queue.clone(), receivers.clone()));
    }
    let schedule = process();
    let mut chores = BTreeMap::new();
    for kind in [
        Housekeeping::RollUp,
        Housekeeping::ExpireHolds,
        Housekeeping::DeliverAlerts,
    ] {
        let sent = schedule.dispatch(kind, &*queue).await.expect("sent");
        chores.insert(kind, sent);
    }
    let dispatched = began.elapsed();
    let active = u64::try_from(ACTIVE).expect("a number");
    assert_eq!(chores[&Housekeeping::RollUp], active, "no idle tenant");
    assert_eq!(chores[&Housekeeping::ExpireHolds], active - active / 10);
    assert_eq!(chores[&Housekeeping::DeliverAlerts], active / 10);
    // All but the one that cannot be folded.
    while rolled_up(&memory, hour).await < ACTIVE - 1
        || receivers.told.lock().expect("told").len() < ACTIVE / TOLD - 1
    {
        assert!(began.elapsed() < HOUR, "not within the hour");
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    let (took, calls) = (began.elapsed(), far.calls.load(Ordering::Relaxed));
    println!(
        "{TENANTS} tenants, {ACTIVE} active, {WORKERS} workers: found and sent in \
         {dispatched:?}, done in {took:?}, {} calls an active tenant",
        calls / active
    );
    assert!(took < HOUR);
    let open = listed(
        &memory,
        (0..ACTIVE).map(|number| table::open_holds(&name(&tenant(number)))),
    );
    assert_eq!(open.await, BTreeSet::new(), "no hold is open");
    let told = receivers.told.lock().expect("told").clone();
    assert!(told.values().all(|times| *times == 1), "each once");
    assert!(!told.contains_key("https://hooks.example.com/t0"));
    while !queue.is_done() {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let dead = queue.dead.lock().expect("dead").clone();
    assert_eq!(
        dead,
        [Chore::RollUp {
            tenant_id: name(UNFOLDABLE)
        }]
    );
    assert_eq!(rolled_up(&memory, hour).await, ACTIVE - 1);
    let due: Vec<Chore> = schedule
        .list_chores(Housekeeping::RollUp)
        .await
        .expect("chores");
    assert_eq!(due, dead, "it is tried again, and nobody else is due");
    let entries = listed(&memory, table::unfolded_lists()).await;
    assert_eq!(
        entries.len(),
        ACTIVE,
        "all have a day to roll up at its end"
    );
}

#[tokio::test(start_paused = true)]
async fn a_chore_says_by_itself_what_is_to_be_done() {
    let chore = Chore::DeliverAlerts {
        tenant_id: name("acme"),
        entries: vec!["2026-11-22T10:00:00Z|acme|place".to_owned()],
    };
    let told: Value = serde_json::to_value(&chore).expect("JSON");
    assert_eq!(
        told,
        json!({
            "chore": "deliver_alerts", "tenant_id": "acme",
            "entries": ["2026-11-22T10:00:00Z|acme|place"],
        })
    );
    assert_eq!(
        serde_json::from_value::<Chore>(told).expect("a chore"),
        chore
    );
    let tenant_id = name("acme");
    let purge = Chore::Purge {
        tenant_id: tenant_id.clone(),
    };
    assert_eq!(Chore::RollUp { tenant_id }.group(), purge.group());
    assert_ne!(chore.group(), purge.group());
}
