//! Long histories under a storm of faults, from seeds: what was acknowledged
//! is stored, once, and all counters balance.

mod client;

use crate::chance::Chance;
use crate::client::send;
use crate::ledger::{Ledger, credit::told};
use crate::usage::Limits;
use client::Client;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tollgate_dynamo::embedded;
use tollgate_service::{Memory, Reason, Store, Tenancy};
use tollgate_tests::{Call, Fault, Operation, TestApp, file_in};

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
        sealed: Vec::new(),
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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

#[tokio::test(start_paused = true)]
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
async fn the_embedded_store_and_the_embedded_dynamodb_balance_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores: [Arc<dyn Store>; 2] = [
        Arc::new(file_in(folder.path())),
        Arc::new(embedded::open(None).await.expect("a store")),
    ];
    for (seed, store) in (41..).zip(stores) {
        let apps = [TestApp::over(store.clone(), Tenancy::Sole)];
        let weather = Weather {
            seed,
            requests: 40,
            faults: 20,
            observe: 20,
            limits: Limits::Any,
        };
        storm(weather, &*store, &apps).await;
    }
}
