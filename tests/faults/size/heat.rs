//! Heat: a partition key gives 3,000 read units and 1,000 write units a second, and
//! nobody but one tenant's own use may take a large part of one.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{HeatLedger, TestApp, Units};

const TENANTS: usize = 1000;
const PROCESSES: usize = 8;
const SECONDS: usize = 8;
const HOT: &str = "hot";
const LANES: u64 = 16;
/// What the hot tenant sends in a second, beside a batch of 90.
const HOT_EVENTS: usize = 120;

/// What one request of a tenant that is not hot may take of any one key.
const REQUEST: Units = Units {
    read: 24,
    written: 24,
};

/// Keys that may take more, and what of the hot tenant's requests they may take: each
/// reads its version once (and once more where the first reading is too old).
const HOT_VERSION: &str = "T|hot|V";

struct Fleet {
    processes: Vec<TestApp>,
    next: usize,
}

impl Fleet {
    /// The process that the next request comes to.
    fn any(&mut self) -> &TestApp {
        self.next = (self.next + 1) % self.processes.len();
        &self.processes[self.next]
    }

    async fn advance(&self, seconds: i64) {
        for process in &self.processes {
            process.clock.advance(seconds);
            process.store.take_commits();
        }
        tokio::time::advance(Duration::from_secs(seconds.unsigned_abs())).await;
    }
}

fn event(id: &str, agent: usize) -> Value {
    json!({
        "id": id, "operation": "agent_message", "agent_id": format!("agent-{agent}"),
        "session_id": format!("session-{}", agent % 7), "tokens_in": 10,
    })
}

/// An event that is held, whose id is the hold's.
fn held(tenant: &str, round: usize) -> Value {
    let mut held = event("", round);
    held.as_object_mut().expect("an event").remove("id");
    held["tenant_id"] = json!(tenant);
    held
}

/// One request of a tenant: of each kind in turn.
async fn ask(app: &TestApp, tenant: &str, round: usize) {
    let id = format!("e{round}");
    match round % 5 {
        0 => {
            app.record(tenant, event(&id, round)).await.expect(201);
        }
        1 => {
            let of = |number: usize| {
                let mut event = event(&format!("{id}-{number}"), number);
                event["tenant_id"] = json!(tenant);
                event
            };
            let events: Vec<Value> = (0..3).map(of).collect();
            app.post("/events/batch", json!({ "events": events }))
                .await
                .expect(200);
        }
        2 => {
            app.get(&format!("/usage/{tenant}")).await.expect(200);
        }
        3 => {
            let hold = json!({ "id": id, "event": held(tenant, round) });
            app.post("/holds", hold).await.expect(201);
        }
        _ => {
            app.get(&format!("/limits/{tenant}")).await.expect(200);
        }
    }
}

async fn press(fleet: &mut Fleet, second: usize) {
    for number in 0..HOT_EVENTS {
        let id = format!("hot-{second}-{number}");
        let app = fleet.any();
        app.record(HOT, event(&id, number)).await.expect(201);
    }
    let of = |number: usize| {
        let mut event = event(&format!("hot-{second}-b-{number}"), number);
        event["tenant_id"] = json!(HOT);
        event
    };
    let events: Vec<Value> = (0..90).map(of).collect();
    let app = fleet.any();
    app.post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
}

async fn warm_up(ledger: &Arc<HeatLedger>) -> Fleet {
    let settle = Duration::from_secs(7);
    let process = |_| TestApp::over(ledger.clone(), Tenancy::Shared { settle });
    let mut fleet = Fleet {
        processes: (0..PROCESSES).map(process).collect(),
        next: 0,
    };
    let app = fleet.any();
    app.put(&format!("/tenants/{HOT}"), json!({ "lanes": LANES }))
        .await
        .expect(200);
    let limit = json!([{ "id": "agents", "scope": "agent", "measure": "tokens", "window": "day", "hard": 1_000_000_000 }]);
    app.limit(HOT, limit).await;
    // Every process knows the hot tenant's hour.
    for round in 0..PROCESSES {
        press(&mut fleet, SECONDS + round).await;
    }
    for tenant in 0..TENANTS {
        ask(fleet.any(), &format!("t{tenant}"), 0).await;
    }
    fleet.advance(2).await;
    ledger.take();
    fleet
}

fn sum<'a>(keys: &'a BTreeMap<String, Units>, part: &str) -> (Units, Units, &'a str) {
    let (mut sum, mut most, mut hottest) = (Units::default(), Units::default(), "");
    for (key, units) in keys.iter().filter(|(key, _)| key.starts_with(part)) {
        sum.read += units.read;
        sum.written += units.written;
        if units.read + units.written > most.read + most.written {
            (most, hottest) = (*units, key);
        }
    }
    (sum, most, hottest)
}

/// Asserts that no key takes more than its share of one second.
fn check(keys: &BTreeMap<String, Units>) {
    for (key, units) in keys {
        if key == HOT_VERSION {
            let most = 2 * (HOT_EVENTS as u64 + 1);
            assert!(units.read <= most && units.written == 0, "{key}: {units:?}");
        } else if key.starts_with("T|") && !key.starts_with("T|hot|") {
            assert!(units.read <= REQUEST.read, "{key}: {units:?}");
            assert!(units.written <= REQUEST.written, "{key}: {units:?}");
        } else if key.starts_with("L|HELD|") {
            // Each tenant once an hour and process, here all of them at once.
            assert!(units.read == 0, "{key}: {units:?}");
            assert!(units.written <= TENANTS as u64 / 10, "{key}: {units:?}");
        } else if !key.starts_with("T|") {
            // What belongs to all: at most once a second by each process.
            assert!(units.read <= PROCESSES as u64, "{key}: {units:?}");
            assert!(units.written <= PROCESSES as u64, "{key}: {units:?}");
        }
    }
    // The hot tenant's own use is spread: over lanes, and over its agents.
    let (all, _, _) = sum(keys, "T|hot|");
    for (part, share) in [("T|hot|E|", 4), ("T|hot|C|", 10), ("T|hot|I|", 50)] {
        let (of, most, key) = sum(keys, part);
        assert!(of.written > 0, "{part} is written");
        let spread = most.written <= of.written.max(all.written / 8) / share;
        assert!(spread, "{key} takes {most:?} of {of:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_key_takes_more_than_its_share_beside_1000_tenants_and_a_hot_one() {
    let ledger = HeatLedger::around(Arc::new(Memory::default()));
    let mut fleet = warm_up(&ledger).await;
    let (mut hottest, mut total) = (Units::default(), Units::default());
    for second in 0..SECONDS {
        for tenant in 0..TENANTS {
            ask(fleet.any(), &format!("t{tenant}"), second + 1).await;
        }
        press(&mut fleet, second).await;
        let keys = ledger.take();
        check(&keys);
        let (sum, most, _) = sum(&keys, "");
        total = Units {
            read: total.read.max(sum.read),
            written: total.written.max(sum.written),
        };
        hottest = Units {
            read: hottest.read.max(most.read),
            written: hottest.written.max(most.written),
        };
        fleet.advance(1).await;
    }
    println!("of {total:?} in the busiest second, the hottest key takes {hottest:?}");
}
