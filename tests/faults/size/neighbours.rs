//! Neighbours: over a store with DynamoDB's own limits, one tenant at ten times what it
//! can take leaves the others as they were.

use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};
use tollgate_service::Tenancy;
use tollgate_tests::{Commits, Partitions, TestApp};

const HOT: &str = "hot";
/// One transaction at a time is at its counter, for ten milliseconds.
const CEILING: u32 = 100;
const NEIGHBOURS: u32 = 100;
const SECONDS: u32 = 20;
/// What the template lets the table take in a second, and an account's functions at once.
const TABLE_WRITES: u32 = 4000;
const FUNCTIONS: usize = 1000;
const SETTLE: Duration = Duration::from_secs(7);

/// Where requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processes {
    /// A function for each request under way, that which was used last first.
    Functions,
    /// One server for all.
    Server,
}

struct Fleet {
    store: Arc<Partitions>,
    processes: Processes,
    began: Instant,
    idle: Mutex<Vec<Arc<TestApp>>>,
    all: Mutex<Vec<Arc<TestApp>>>,
}

impl Fleet {
    /// A process that is free; `None` where the account has no more.
    fn take(&self) -> Option<Arc<TestApp>> {
        let idle = match self.processes {
            Processes::Functions => self.idle.lock().expect("idle").pop(),
            Processes::Server => self.all.lock().expect("all").first().cloned(),
        };
        if idle.is_some() {
            return idle;
        }
        let mut all = self.all.lock().expect("all");
        (all.len() < FUNCTIONS).then(|| {
            let tenancy = Tenancy::Shared { settle: SETTLE };
            let app = Arc::new(TestApp::over(self.store.clone(), tenancy));
            app.store.remember_nothing();
            let seconds = self.began.elapsed().as_secs();
            app.clock.advance(i64::try_from(seconds).expect("seconds"));
            all.push(app.clone());
            app
        })
    }

    fn first(&self) -> Arc<TestApp> {
        self.all.lock().expect("all").first().expect("one").clone()
    }

    async fn record(&self, tenant: &str, number: u32) -> Told {
        let began = Instant::now();
        let Some(app) = self.take() else {
            return Told {
                status: 429,
                took: Duration::ZERO,
            };
        };
        let event = json!({ "id": format!("e{number}"), "agent_id": "a1", "tokens_in": 10 });
        let status = app.record(tenant, event).await.status;
        if self.processes == Processes::Functions {
            self.idle.lock().expect("idle").push(app);
        }
        Told {
            status,
            took: began.elapsed(),
        }
    }
}

/// What a request was told, and how long that took.
#[derive(Clone, Copy, Debug)]
struct Told {
    status: u16,
    took: Duration,
}

/// Sends so many requests a second of each tenant of `tenants`, evenly.
async fn send(fleet: &Arc<Fleet>, tenants: Vec<String>, per_second: u32, first: u32) -> Vec<Told> {
    let began = Instant::now();
    let each =
        Duration::from_secs(1) / (per_second * u32::try_from(tenants.len()).expect("tenants"));
    let mut requests = Vec::new();
    for number in 0..per_second * SECONDS {
        for tenant in &tenants {
            let at = began + each * u32::try_from(requests.len()).expect("requests");
            sleep_until(at).await;
            let (fleet, tenant) = (fleet.clone(), tenant.clone());
            requests.push(tokio::spawn(async move {
                fleet.record(&tenant, first + number).await
            }));
        }
    }
    let mut told = Vec::new();
    for request in requests {
        told.push(request.await.expect("an answer"));
    }
    told
}

fn success(told: &[Told]) -> f64 {
    let done = told.iter().filter(|told| told.status == 201).count();
    done as f64 / told.len() as f64
}

fn p99(told: &[Told]) -> Duration {
    let mut took: Vec<Duration> = told.iter().map(|told| told.took).collect();
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

/// How the neighbours fare alone, and beside the hot one; and how that one fares.
struct Fared {
    alone: Vec<Told>,
    beside: Vec<Told>,
    hot: Vec<Told>,
    /// The hot one once it is hot no more.
    after: Vec<Told>,
    commits: Commits,
    processes: usize,
}

/// A fleet with one process, and clocks that go on as the runtime's time does.
fn fleet(processes: Processes, table_writes: u32) -> Arc<Fleet> {
    let fleet = Arc::new(Fleet {
        store: Partitions::new(table_writes),
        processes,
        began: Instant::now(),
        idle: Mutex::default(),
        all: Mutex::default(),
    });
    let app = fleet.take().expect("a process");
    fleet.idle.lock().expect("idle").push(app);
    let ticking = fleet.clone();
    tokio::spawn(async move {
        loop {
            sleep(Duration::from_secs(1)).await;
            let all = ticking.all.lock().expect("all").clone();
            all.iter().for_each(|app| app.clock.advance(1));
        }
    });
    fleet
}

async fn fare(processes: Processes) -> Fared {
    let fleet = fleet(processes, TABLE_WRITES);
    let app = fleet.first();
    let limit = json!([{ "id": "all", "scope": "tenant", "measure": "tokens", "window": "day", "hard": 1_000_000_000 }]);
    let neighbours: Vec<String> = (0..NEIGHBOURS).map(|number| format!("t{number}")).collect();
    for tenant in neighbours.iter().map(String::as_str).chain([HOT]) {
        app.limit(tenant, limit.clone()).await;
        assert_eq!(fleet.record(tenant, 0).await.status, 201);
    }
    let alone = send(&fleet, neighbours.clone(), 1, 1_000).await;
    fleet.store.take();
    let (beside, hot) = tokio::join!(
        send(&fleet, neighbours, 1, 2_000),
        send(&fleet, vec![HOT.to_owned()], 10 * CEILING, 1),
    );
    let processes = fleet.all.lock().expect("all").len();
    let commits = fleet.store.take();
    sleep(Duration::from_secs(10)).await;
    let after = send(&fleet, vec![HOT.to_owned()], 10, 1_000_000).await;
    Fared {
        alone,
        beside,
        hot,
        after,
        commits,
        processes,
    }
}

async fn others_are_left_alone(processes: Processes) {
    let fared = fare(processes).await;
    let recorded = fared.hot.iter().filter(|told| told.status == 201).count();
    println!(
        "{processes:?}: neighbours alone {:.2} %, p99 {:?}; beside the hot one {:.2} %, p99 {:?}; \
         the hot one {recorded} of {} in {SECONDS} s, p99 {:?}; {:?}; {} processes",
        100.0 * success(&fared.alone),
        p99(&fared.alone),
        100.0 * success(&fared.beside),
        p99(&fared.beside),
        fared.hot.len(),
        p99(&fared.hot),
        fared.commits,
        fared.processes,
    );
    assert_eq!(success(&fared.alone), 1.0);
    assert!(success(&fared.beside) >= 0.999);
    assert!(p99(&fared.beside) <= 2 * p99(&fared.alone));
    assert_eq!(success(&fared.after), 1.0, "its burst is over");
    // It gets what the store gives it, and is told so at once where not.
    let most = usize::try_from(CEILING * SECONDS).expect("a count");
    assert!(recorded >= most / 3, "{recorded} of {most}");
    let told = |told: &&Told| [201, 503].contains(&told.status);
    assert_eq!(fared.hot.iter().filter(told).count(), fared.hot.len());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_at_ten_times_its_ceiling_leaves_others_as_they_were_in_functions() {
    others_are_left_alone(Processes::Functions).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_at_ten_times_its_ceiling_leaves_others_as_they_were_in_one_server() {
    others_are_left_alone(Processes::Server).await;
}

/// Without a limit a tenant's pages are what is hot: a thousand a second, of which a lane
/// takes half.
#[tokio::test(start_paused = true)]
async fn a_tenant_whose_pages_are_throttled_gets_more_lanes_by_itself() {
    for processes in [Processes::Functions, Processes::Server] {
        let fleet = fleet(processes, 40_000);
        let told = send(&fleet, vec![HOT.to_owned()], 1000, 0).await;
        let early = success(&told[..told.len() / 2]);
        let late = success(&told[told.len() / 2..]);
        let app = fleet.first();
        let lanes = app
            .get(&format!("/tenants/{HOT}"))
            .await
            .at("/lanes")
            .clone();
        println!(
            "{processes:?}: {:.2} % in the first half, {:.2} % in the second, p99 {:?}; {lanes} lanes; {:?}",
            100.0 * early,
            100.0 * late,
            p99(&told[told.len() / 2..]),
            fleet.store.take(),
        );
        assert!(early < 1.0, "one lane is not enough");
        assert!(late >= 0.999, "{late}");
        assert!(
            [2, 4, 8, 16].contains(&lanes.as_u64().expect("lanes")),
            "{lanes}"
        );
        let recorded = told.iter().filter(|told| told.status == 201).count();
        let usage = app.get("/usage/summary?tenant_id=hot").await;
        assert_eq!(usage.at("/total_events"), json!(recorded));
        let audit = app.get("/audit").await;
        assert!(audit.text.contains("lanes.raise"), "{}", audit.text);
    }
}
