//! Long histories under a storm of faults, from seeds: what was acknowledged
//! is stored, once, and all counters balance.

use crate::chance::Chance;
use crate::client::send;
use crate::ledger::{Ledger, credit::told};
use crate::usage::{Limits, batch, event};
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tollgate_dynamo::embedded;
use tollgate_service::{Memory, Reason, Store, Tenancy};
use tollgate_tests::{Call, Fault, Operation, TestApp};

const TENANTS: [&str; 3] = ["acme", "globex", "initech"];
const CLIENTS: usize = 6;

/// What a storm is like.
#[derive(Clone, Copy)]
struct Weather {
    seed: u64,
    /// What each client sends, in requests.
    requests: usize,
    /// Faults in a hundred calls.
    faults: u64,
    /// Requests in a hundred that record whatever the limits say.
    observe: u64,
    /// How limits change on the way.
    limits: Limits,
}

/// How a storm went.
#[derive(Default)]
struct Count {
    recorded: usize,
    denied: usize,
}

/// Makes faults of all kinds, so many in a hundred calls.
pub(crate) fn faults(
    seed: u64,
    percent: u64,
    injected: Arc<AtomicU64>,
) -> impl FnMut(Call) -> Fault + Send + 'static {
    let mut chance = Chance::new(seed);
    move |call| {
        if !chance.percent(percent) {
            return Fault::None;
        }
        injected.fetch_add(1, Ordering::Relaxed);
        if call.operation != Operation::Commit {
            return Fault::Before;
        }
        let reasons = [None, Some(Reason::Conflict), Some(Reason::Throttled)];
        let mixed = (0..call.writes)
            .map(|_| chance.pick(&reasons).clone())
            .collect();
        match chance.below(4) {
            0 => Fault::Before,
            1 => Fault::After,
            2 => Fault::Refuse(mixed),
            _ => Fault::Mask(mixed),
        }
    }
}

/// One client: what it sent, and which of that was recorded.
struct Client<'a> {
    name: String,
    tenant: &'static str,
    apps: &'a [TestApp],
    weather: Weather,
    /// Whether it is the one that changes the tenant's limits.
    changes: bool,
    chance: Chance,
    sent: Vec<Value>,
    recorded: BTreeMap<String, bool>,
}

impl Client<'_> {
    async fn live(&mut self) {
        for _ in 0..self.weather.requests {
            for app in self.apps {
                app.clock
                    .advance(i64::try_from(self.chance.clone().below(40)).expect("seconds"));
            }
            match self.chance.below(100) {
                0..45 => self.single().await,
                45..85 => self.batch().await,
                85..88 => self.again().await,
                88..90 => self.void().await,
                90..95 => self.hold().await,
                _ => self.change().await,
            }
        }
    }

    fn app(&mut self) -> &TestApp {
        self.chance.pick(self.apps)
    }

    fn mode(&mut self) -> &'static str {
        if self.chance.percent(self.weather.observe) {
            "?mode=observe"
        } else {
            ""
        }
    }

    fn fresh(&mut self) -> Value {
        let now = self.apps[0].service().now();
        let event = event(
            &mut self.chance,
            self.tenant,
            &format!("{}-{}", self.name, self.sent.len()),
            now,
        );
        self.sent.push(event.clone());
        event
    }

    async fn single(&mut self) {
        let event = self.fresh();
        self.post(&event).await;
    }

    async fn post(&mut self, event: &Value) {
        let path = format!("/events{}", self.mode());
        let reply = send(self.app(), "POST", &path, event).await;
        let code = reply.at("/code");
        self.settle(event, reply.status < 300, &code);
    }

    async fn batch(&mut self) {
        let fresh = self.chance.below(24) + 1;
        let mut events: Vec<Value> = (0..fresh).map(|_| self.fresh()).collect();
        for _ in 0..self.chance.below(3) {
            events.push(self.chance.pick(&self.sent).clone());
        }
        let path = format!("/events/batch{}", self.mode());
        let reply = send(self.app(), "POST", &path, &batch(&events))
            .await
            .expect(200);
        for (place, event) in events.iter().enumerate() {
            let result = reply.at(&format!("/results/{place}"));
            self.settle(
                event,
                result["status"] != "rejected",
                &result["problem"]["code"],
            );
        }
    }

    async fn again(&mut self) {
        if !self.sent.is_empty() {
            let event = self.chance.pick(&self.sent).clone();
            self.post(&event).await;
        }
    }

    /// Takes back an event of its own, perhaps again.
    async fn void(&mut self) {
        let own: Vec<String> = self
            .recorded
            .iter()
            .filter(|(id, recorded)| **recorded && !id.starts_with("void-"))
            .map(|(id, _)| id.clone())
            .collect();
        if own.is_empty() {
            return;
        }
        let path = format!(
            "/events/{}/void?tenant_id={}",
            self.chance.pick(&own),
            self.tenant
        );
        let reply = send(self.app(), "POST", &path, &json!({})).await;
        assert!(reply.status < 300, "{}", reply.text);
        self.recorded.insert(
            reply.at("/event_id").as_str().expect("an id").to_owned(),
            true,
        );
    }

    /// Holds, and then captures no more than that, releases, or leaves it to
    /// its expiry.
    async fn hold(&mut self) {
        let estimate = self.fresh();
        self.sent.pop();
        let id = estimate["id"].as_str().expect("an id").to_owned() + "-held";
        let mut event = estimate.clone();
        event["id"] = json!(id);
        self.sent.push(event.clone());
        let ttl_seconds = self.chance.below(300) + 1;
        let taken = send(
            self.app(),
            "POST",
            "/holds",
            &json!({ "event": event, "ttl_seconds": ttl_seconds }),
        )
        .await;
        if taken.status >= 300 {
            return self.settle(&event, false, &taken.at("/code"));
        }
        let how = *self
            .chance
            .pick(&["capture", "capture", "release", "extend", "leave"]);
        let path = format!("/holds/{id}/{how}?tenant_id={}", self.tenant);
        let reply = match how {
            "leave" => return,
            "capture" => send(self.app(), "POST", &path, &json!({ "event": event })).await,
            _ => send(self.app(), "POST", &path, &json!({})).await,
        };
        let over = reply.status == 409 && reply.at("/state") == "expired";
        assert!(reply.status < 300 || over, "{how}: {}", reply.text);
        if how == "capture" && !over {
            self.recorded.insert(id, true);
        }
    }

    async fn change(&mut self) {
        if !self.changes {
            return;
        }
        let minutes = self.apps[0]
            .service()
            .now()
            .unix_seconds()
            .rem_euclid(86_400)
            / 60
            - 600;
        let limits = self
            .weather
            .limits
            .next(&mut self.chance, u64::try_from(minutes).unwrap_or(0));
        let path = format!("/limits/{}", self.tenant);
        send(self.app(), "PUT", &path, &limits).await.expect(200);
    }

    /// Notes an answer: what is recorded stays so, and nothing but a limit denies.
    fn settle(&mut self, event: &Value, recorded: bool, code: &Value) {
        let id = event["id"].as_str().expect("an id").to_owned();
        let before = self.recorded.insert(id, recorded);
        assert!(
            recorded || before != Some(true),
            "{event} was recorded and is now denied: {code}"
        );
        let denial = ["usage_limit_exceeded", "budget_exceeded"]
            .iter()
            .any(|denial| *code == **denial);
        assert!(recorded || denial, "{event}: {code}");
    }
}

/// Gives `tenant` an allowance, a grant that ends on the way and one that does
/// not, and a tree of budgets: some of its use is refused for want of them.
async fn credit(app: &TestApp, tenant: &str) {
    let plan = json!({ "name": "Storm", "currency": "USD", "features": [], "allowance": "2.5" });
    send(app, "PUT", "/plans/storm", &plan).await.expect(200);
    send(
        app,
        "PUT",
        &format!("/tenants/{tenant}/subscription"),
        &json!({ "plan": "storm" }),
    )
    .await
    .expect(200);
    let ends = app.service().now().plus_seconds(900).to_string();
    for (id, amount, expires_at) in [("ends", "1.5", json!(ends)), ("stays", "9", Value::Null)] {
        let grant =
            json!({ "id": id, "amount": amount, "currency": "USD", "expires_at": expires_at });
        send(app, "POST", &format!("/credits/{tenant}"), &grant)
            .await
            .expect(201);
    }
    let node = |id: &str, parent: Value, hard: &str| {
        let limits = json!([{ "measure": "spend", "window": "total", "hard": hard }]);
        json!({ "id": id, "parent": parent, "limits": limits })
    };
    let nodes = [
        node("org", Value::Null, "11"),
        node("team", json!("org"), "5"),
        node("a1", json!("team"), "3"),
        node("a2", json!("org"), "4"),
    ];
    send(
        app,
        "PUT",
        &format!("/budgets/{tenant}/tree"),
        &json!({ "currency": "USD", "nodes": nodes }),
    )
    .await
    .expect(200);
}

/// Runs a storm over the processes `apps` of one store.
async fn storm(weather: Weather, store: &dyn Store, apps: &[TestApp]) -> Count {
    for tenant in TENANTS {
        send(
            &apps[0],
            "PUT",
            &format!("/limits/{tenant}"),
            &weather.limits.first(),
        )
        .await
        .expect(200);
        credit(&apps[0], tenant).await;
    }
    let injected = Arc::new(AtomicU64::new(0));
    for (salt, app) in (1..).zip(apps) {
        app.store.rule(faults(
            weather.seed ^ (salt << 32),
            weather.faults,
            injected.clone(),
        ));
    }
    let client = |place: usize| Client {
        name: format!("c{place}"),
        tenant: TENANTS[place % TENANTS.len()],
        apps,
        weather,
        changes: place < TENANTS.len(),
        chance: Chance::new(weather.seed.wrapping_mul(1000) + place as u64),
        sent: Vec::new(),
        recorded: BTreeMap::new(),
    };
    let mut clients: Vec<Client> = (0..CLIENTS).map(client).collect();
    join_all(clients.iter_mut().map(Client::live)).await;
    apps.iter().for_each(|app| app.store.heal());
    let complete = apps[0].service().complete_changes().await;
    complete.expect("changes, complete");
    let mut count = Count::default();
    for tenant in TENANTS {
        let ledger = Ledger::balanced(store, tenant).await;
        let fates = clients
            .iter()
            .filter(|client| client.tenant == tenant)
            .flat_map(|client| &client.recorded);
        let (recorded, denied): (Vec<_>, Vec<_>) = fates.partition(|(_, recorded)| **recorded);
        let acknowledged: Vec<&String> = recorded.iter().map(|(id, _)| *id).collect();
        let stored: Vec<&String> = ledger.events.keys().collect();
        assert_eq!(
            sorted(acknowledged),
            stored,
            "{tenant}: acknowledged and stored"
        );
        if weather.observe == 0 && weather.limits != Limits::Any {
            ledger.within_limits();
        }
        told(&apps[0], store, tenant).await;
        let usage = apps[0].get(&format!("/usage/{tenant}")).await.expect(200);
        // A void takes an event back, and is none itself.
        let voids = ledger
            .events
            .values()
            .filter(|booked| booked.stored.voids.is_some())
            .count();
        let counted = stored.len() - 2 * voids;
        assert_eq!(usage.at("/total_events"), counted);
        assert_eq!(
            apps[0]
                .get(&format!("/billing/{tenant}"))
                .await
                .expect(200)
                .at("/total_events"),
            counted
        );
        count.recorded += recorded.len();
        count.denied += denied.len();
    }
    let (recorded, denied) = (count.recorded, count.denied);
    eprintln!(
        "seed {}: {recorded} events recorded, {denied} denied, {} faults",
        weather.seed,
        injected.load(Ordering::Relaxed)
    );
    count
}

fn sorted(mut ids: Vec<&String>) -> Vec<&String> {
    ids.sort();
    ids
}

async fn in_memory(weather: Weather) -> Count {
    println!("seed {}", weather.seed);
    let memory = Arc::new(Memory::default());
    let apps = [TestApp::over(memory.clone(), Tenancy::Sole)];
    let count = storm(weather, &*memory, &apps).await;
    for tenant in TENANTS {
        Ledger::balanced_in(&memory, tenant).await;
    }
    count
}

#[tokio::test]
async fn limits_that_only_rise_are_never_passed() {
    let (mut recorded, mut denied) = (0, 0);
    for seed in 1..=5 {
        let count = in_memory(Weather {
            seed,
            requests: 60,
            faults: 20,
            observe: 0,
            limits: Limits::Rising,
        })
        .await;
        recorded += count.recorded;
        denied += count.denied;
    }
    assert!(
        recorded > 3000 && denied > 1000,
        "{recorded} recorded, {denied} denied: too few to say anything"
    );
}

#[tokio::test]
async fn observed_events_and_changing_limits_balance() {
    for seed in 11..=13 {
        in_memory(Weather {
            seed,
            requests: 60,
            faults: 20,
            observe: 30,
            limits: Limits::Any,
        })
        .await;
    }
}

#[tokio::test]
async fn a_storm_of_faults_in_every_second_call_balances() {
    in_memory(Weather {
        seed: 21,
        requests: 12,
        faults: 50,
        observe: 20,
        limits: Limits::Any,
    })
    .await;
}

#[tokio::test]
async fn several_processes_over_one_store_balance() {
    for seed in 31..=32 {
        println!("seed {seed}");
        let memory = Arc::new(Memory::default());
        let shared = || {
            TestApp::over(
                memory.clone(),
                Tenancy::Shared {
                    settle: Duration::ZERO,
                },
            )
        };
        let apps = [shared(), shared(), shared()];
        storm(
            Weather {
                seed,
                requests: 60,
                faults: 20,
                observe: 10,
                limits: Limits::Rising,
            },
            &*memory,
            &apps,
        )
        .await;
        for tenant in TENANTS {
            Ledger::balanced_in(&memory, tenant).await;
        }
    }
}

#[tokio::test]
async fn the_embedded_store_balances_too() {
    let store = Arc::new(embedded::open(None).await.expect("a store"));
    let apps = [TestApp::over(store.clone(), Tenancy::Sole)];
    storm(
        Weather {
            seed: 41,
            requests: 40,
            faults: 20,
            observe: 20,
            limits: Limits::Any,
        },
        &*store,
        &apps,
    )
    .await;
}
