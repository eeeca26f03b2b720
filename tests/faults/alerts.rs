//! Alerts under faults, crashes and races: each threshold is told once, none
//! is lost, and each is delivered.

use crate::client::send;
use crate::holds::{Actor, play};
use crate::ledger::Ledger;
use crate::stories::TENANT;
use crate::wire::{Wire, thread};
use async_trait::async_trait;
use futures::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tollgate_core::{Alert, AlertState, Name};
use tollgate_dynamo::embedded;
use tollgate_service::{Courier, Memory, Reason, Store, Tenancy};
use tollgate_tests::{Fault, Gate, Operation, TestApp};

fn tokens(id: &str, tokens: u64) -> Value {
    json!({ "id": id, "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "tokens_in": tokens })
}

fn limits() -> Value {
    json!([
        { "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 1000 },
        { "id": "tenant", "scope": "tenant", "measure": "tokens", "window": "day", "soft": 1500 },
    ])
}

/// A tenant that is told of its limits.
pub(crate) async fn watched(app: &TestApp) {
    app.put(
        "/alerts/acme",
        json!({ "url": "https://hooks.example.com/a" }),
    )
    .await
    .expect(200);
    app.limit(TENANT, limits()).await;
    app.record(TENANT, tokens("before", 100)).await.expect(201);
}

fn learned(status: u16) -> Value {
    json!(if status < 300 { 200 } else { status })
}

/// Crosses thresholds by events, a batch, a hold, and a capture above it.
pub(crate) async fn cross(app: &TestApp) -> Vec<Value> {
    let hold = |id: &str, of: u64| {
        let mut estimate = tokens(id, of);
        estimate.as_object_mut().expect("an event").remove("id");
        json!({ "id": id, "event": estimate })
    };
    let end = |id: &str, how: &str| format!("/holds/{id}/{how}?tenant_id={TENANT}");
    let mut asked = vec![
        ("/events".to_owned(), tokens("e1", 300)),
        ("/events".to_owned(), tokens("e2", 200)),
    ];
    asked.push(("/holds".to_owned(), hold("h1", 210)));
    asked.push((end("h1", "release"), json!({})));
    asked.push(("/holds".to_owned(), hold("h2", 20)));
    asked.push((
        end("h2", "capture"),
        json!({ "event": { "tokens_in": 900 } }),
    ));
    asked.push(("/events".to_owned(), tokens("e3", 1)));
    asked.push((
        "/events/batch?mode=observe".to_owned(),
        json!({ "events": [tokens("b1", 10), tokens("b2", 10)] }),
    ));
    let mut answers = Vec::new();
    for (path, body) in asked {
        answers.push(learned(send(app, "POST", &path, &body).await.status));
    }
    answers
}

/// Sets, changes and sets again what a tenant is told of.
pub(crate) async fn put(app: &TestApp) -> Vec<Value> {
    let mut answers = Vec::new();
    for order in [
        json!({}),
        json!({ "url": "https://hooks.example.com/a" }),
        json!({ "thresholds": [10, 90], "url": "https://hooks.example.com/b" }),
    ] {
        let put = send(app, "PUT", "/alerts/acme", &order).await;
        answers.push(json!([
            put.status,
            put.at("/thresholds"),
            put.at("/url"),
            put.at("/has_secret")
        ]));
    }
    answers.push(learned(
        send(app, "POST", "/events", &tokens("e1", 400))
            .await
            .status,
    ));
    answers
}

/// The thresholds told so far, by limit and scope id; each once.
async fn told(app: &TestApp) -> BTreeMap<(String, String), Vec<u8>> {
    let (_, alerts) = app
        .service()
        .alerts(&Name::new(TENANT).expect("a tenant"))
        .await
        .expect("alerts");
    assert!(alerts.len() < 100, "all of them are shown");
    let mut told: BTreeMap<(String, String), Vec<u8>> = BTreeMap::new();
    for alert in &alerts {
        let at = &alert.standpoint;
        told.entry((at.limit.id.to_string(), at.scope_id.to_string()))
            .or_default()
            .push(alert.threshold);
    }
    for (limit, thresholds) in &mut told {
        thresholds.sort_unstable();
        assert!(
            thresholds.windows(2).all(|pair| pair[0] < pair[1]),
            "{limit:?}: {thresholds:?}"
        );
    }
    told
}

async fn post(app: &TestApp, path: &str, body: Value) -> (u16, Value) {
    let reply = app.post(path, body).await;
    (reply.status, reply.json())
}

// Their clocks differ, so that an alert told twice would stand twice.
const EVENT: Actor = Actor {
    name: "event",
    seconds_after: -1,
    asks: |app| Box::pin(post(app, "/events?mode=observe", tokens("e1", 300))),
};
const OTHER: Actor = Actor {
    name: "other",
    seconds_after: -2,
    asks: |app| Box::pin(post(app, "/events?mode=observe", tokens("e2", 200))),
};
/// Either of these crosses one half, and both no more.
const SMALL: Actor = Actor {
    name: "small",
    seconds_after: -6,
    asks: |app| Box::pin(post(app, "/events", tokens("e3", 20))),
};
const ALSO_SMALL: Actor = Actor {
    name: "also small",
    seconds_after: -7,
    asks: |app| Box::pin(post(app, "/events", tokens("e4", 30))),
};
/// Neither of these crosses one half, and both do.
const TINY: Actor = Actor {
    name: "tiny",
    seconds_after: -8,
    asks: |app| Box::pin(post(app, "/events", tokens("e5", 6))),
};
const CAPTURE_LITTLE: Actor = Actor {
    name: "capture a little above",
    seconds_after: -9,
    asks: |app| {
        Box::pin(post(
            app,
            "/holds/h1/capture?tenant_id=acme",
            json!({ "event": { "tokens_in": 45 } }),
        ))
    },
};
const HOLD: Actor = Actor {
    name: "hold",
    seconds_after: -3,
    asks: |app| {
        let event = json!({ "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "tokens_in": 200 });
        Box::pin(post(app, "/holds", json!({ "id": "h2", "event": event })))
    },
};
const CAPTURE: Actor = Actor {
    name: "capture above",
    seconds_after: -4,
    asks: |app| {
        Box::pin(post(
            app,
            "/holds/h1/capture?tenant_id=acme",
            json!({ "event": { "tokens_in": 350 } }),
        ))
    },
};
const LOWER: Actor = Actor {
    name: "lower",
    seconds_after: -5,
    asks: |app| Box::pin(post(app, "/holds/h1/release?tenant_id=acme", json!({}))),
};

/// 450 of 1000 are used, and 40 held.
async fn nearly_half() -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put("/alerts/acme", json!({})).await.expect(200);
    app.limit(TENANT, json!([{ "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 1000 }])).await;
    app.record(TENANT, tokens("before", 450)).await.expect(201);
    let event = json!({ "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "tokens_in": 40 });
    app.post(
        "/holds",
        json!({ "id": "h1", "event": event, "ttl_seconds": 3600 }),
    )
    .await
    .expect(201);
    memory
}

/// The next path in order: the last choice that had another.
fn following(mut path: Vec<usize>, choices: &[usize]) -> Option<Vec<usize>> {
    path.resize(choices.len(), 0);
    while let Some(last) = path.pop() {
        if last + 1 < choices[path.len()] {
            path.push(last + 1);
            return Some(path);
        }
    }
    None
}

#[tokio::test]
async fn wherever_writes_meet_each_threshold_is_told_once_and_none_is_lost() {
    for (actors, least) in [
        (&[EVENT, OTHER][..], 990),
        (&[SMALL, ALSO_SMALL], 540),
        (&[SMALL, CAPTURE], 820),
        (&[TINY, CAPTURE_LITTLE], 501),
        (&[EVENT, HOLD], 990),
        (&[EVENT, CAPTURE], 1100),
        (&[HOLD, CAPTURE], 1000),
        (&[EVENT, LOWER], 750),
    ] {
        let (mut path, mut count): (Vec<usize>, usize) = (Vec::new(), 0);
        loop {
            let memory = nearly_half().await;
            let (answers, choices) = play(actors, &path, &memory).await;
            assert!(
                answers.iter().all(|(status, _)| *status < 300),
                "{answers:?}"
            );
            let app = TestApp::over(memory.clone(), Tenancy::Sole);
            let told = told(&app).await;
            let expected: Vec<u8> = [(50, 500), (80, 800), (100, 1000)]
                .into_iter()
                .filter(|(_, at)| *at <= least)
                .map(|(percent, _)| percent)
                .collect();
            let names: Vec<&str> = actors.iter().map(|actor| actor.name).collect();
            assert_eq!(
                told.into_values().collect::<Vec<_>>(),
                [expected],
                "{names:?} {path:?}"
            );
            Ledger::balanced_in(&memory, TENANT).await;
            count += 1;
            match following(path, &choices) {
                Some(next) => path = next,
                None => break,
            }
        }
        eprintln!(
            "{:?}: {count} interleavings",
            actors.iter().map(|actor| actor.name).collect::<Vec<_>>()
        );
        assert!(count > 1);
    }
}

const THREADS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_threads_in_two_processes_tell_each_threshold_exactly_once() {
    let store: Arc<dyn Store> = Arc::new(embedded::open(None).await.expect("a store"));
    let shared = Tenancy::Shared {
        settle: std::time::Duration::ZERO,
    };
    let apps = [
        TestApp::over(store.clone(), shared),
        TestApp::over(store.clone(), shared),
    ];
    // An alert told twice would stand twice.
    apps[1].clock.advance(1);
    let addresses = [apps[0].serve().await, apps[1].serve().await];
    let thresholds = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100];
    apps[0]
        .put("/alerts/acme", json!({ "thresholds": thresholds }))
        .await
        .expect(200);
    let limit = |id: &str, scope: &str, hard: u64| json!({ "id": id, "scope": scope, "measure": "tokens", "window": "total", "hard": hard });
    apps[0]
        .limit(
            TENANT,
            json!([
                limit("tenant", "tenant", 9000),
                limit("agent", "agent", 3000)
            ]),
        )
        .await;
    let work = |name: usize| {
        thread(async move {
            let wire = Wire::to(addresses[name % 2]);
            let mut booked = 0_u64;
            for turn in 0..20 {
                let agent = format!("a{}", name % 4);
                let event = |id: String, of: u64| json!({ "id": id, "tenant_id": TENANT, "operation": "agent_message", "agent_id": agent, "tokens_in": of });
                let single = wire
                    .settled("POST", "/events", &event(format!("e-{name}-{turn}"), 7))
                    .await;
                booked += if single.status < 300 { 7 } else { 0 };
                let events: Vec<Value> = (0..4)
                    .map(|n| event(format!("b-{name}-{turn}-{n}"), 3))
                    .collect();
                let batch = wire
                    .settled("POST", "/events/batch", &json!({ "events": events }))
                    .await;
                let taken = batch.body["results"]
                    .as_array()
                    .expect("results")
                    .iter()
                    .filter(|result| result["status"] != "rejected")
                    .count();
                booked += 3 * taken as u64;
                let mut estimate = event(String::new(), 5);
                estimate.as_object_mut().expect("an event").remove("id");
                let id = format!("h-{name}-{turn}");
                if wire
                    .settled("POST", "/holds", &json!({ "id": id, "event": estimate }))
                    .await
                    .status
                    < 300
                {
                    let used = 20 * (turn % 2);
                    let path = format!("/holds/{id}/capture?tenant_id={TENANT}");
                    let captured = wire
                        .settled("POST", &path, &json!({ "event": { "tokens_in": used } }))
                        .await;
                    assert!(captured.status < 300, "{}", captured.body);
                    booked += used;
                }
            }
            (name % 4, booked)
        })
    };
    let mut used: BTreeMap<(String, String), u64> = BTreeMap::new();
    for booked in join_all((0..THREADS).map(work)).await {
        let (agent, booked) = booked.expect("a thread");
        *used
            .entry(("agent".to_owned(), format!("a{agent}")))
            .or_default() += booked;
        *used
            .entry(("tenant".to_owned(), String::new()))
            .or_default() += booked;
    }
    Ledger::balanced(&*store, TENANT).await;
    let told = told(&apps[0]).await;
    assert_eq!(
        told.keys().collect::<Vec<_>>(),
        used.keys().collect::<Vec<_>>()
    );
    for (limit, used) in &used {
        let hard: u64 = if limit.0 == "tenant" { 9000 } else { 3000 };
        let reached = |percent: &&u8| u64::from(**percent) * hard <= used * 100;
        let expected: Vec<u8> = thresholds.iter().filter(reached).copied().collect();
        // What was held for a while may have reached one more.
        assert!(
            told[limit].starts_with(&expected) && told[limit].len() <= expected.len() + 1,
            "{limit:?} used {used}: {:?}",
            told[limit]
        );
        assert!(
            expected.len() >= 5,
            "{limit:?} used {used}: too little to say anything"
        );
    }
}

/// Takes everything, and remembers it.
#[derive(Default)]
struct Taker(Mutex<Vec<String>>);

#[async_trait]
impl Courier for Taker {
    async fn post(
        &self,
        _: &str,
        headers: &[(&'static str, String)],
        _: String,
    ) -> Result<(), String> {
        let id = headers
            .iter()
            .find(|(name, _)| *name == "Tollgate-Alert-Id")
            .expect("an id")
            .1
            .clone();
        self.0.lock().expect("taken").push(id);
        Ok(())
    }
}

fn body(alert: &Alert) -> String {
    alert.id.clone()
}

/// The alerts of an event of `size` tokens of 10 are due.
async fn due(memory: &Arc<Memory>, size: u64) -> TestApp {
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put(
        "/alerts/acme",
        json!({ "url": "https://hooks.example.com/a" }),
    )
    .await
    .expect(200);
    app.limit(TENANT, json!([{ "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 10 }])).await;
    app.record(TENANT, tokens("all", size)).await.expect(201);
    app
}

/// Delivers on, a few minutes, until all is done: each was taken at least once.
async fn delivered(app: &TestApp, taker: &Taker, case: &str) -> usize {
    app.store.heal();
    let tenant = Name::new(TENANT).expect("a tenant");
    for _ in 0..8 {
        app.service()
            .deliver_alerts(taker, body)
            .await
            .expect("a round");
        app.clock.advance(60);
    }
    let (_, alerts) = app.service().alerts(&tenant).await.expect("alerts");
    let taken = taker.0.lock().expect("taken").clone();
    assert_eq!(alerts.len(), 3, "{case}");
    for alert in &alerts {
        assert_eq!(alert.state, AlertState::Delivered, "{case}");
        assert!(taken.contains(&alert.id), "{case}");
    }
    taken.len()
}

/// Delivers what is due, and answers with the ids that were taken.
const WORKER: Actor = Actor {
    name: "worker",
    seconds_after: 0,
    asks: |app| {
        Box::pin(async {
            let taker = Taker::default();
            app.service()
                .deliver_alerts(&taker, body)
                .await
                .expect("a round");
            let taken = taker.0.lock().expect("taken").clone();
            (200, json!(taken))
        })
    },
};

#[tokio::test]
async fn wherever_two_workers_meet_an_alert_is_delivered_once() {
    let mut count = 0;
    let mut path = Vec::new();
    while let Some(next) = {
        let memory = Arc::new(Memory::default());
        let app = due(&memory, 5).await;
        let (answers, choices) = play(&[WORKER, WORKER], &path, &memory).await;
        let taken: usize = answers
            .iter()
            .map(|(_, ids)| ids.as_array().expect("ids").len())
            .sum();
        assert_eq!(taken, 1, "{path:?}");
        let (_, alerts) = app
            .service()
            .alerts(&Name::new(TENANT).expect("a tenant"))
            .await
            .expect("alerts");
        assert_eq!(
            alerts.iter().map(|alert| alert.state).collect::<Vec<_>>(),
            [AlertState::Delivered]
        );
        count += 1;
        following(path, &choices)
    } {
        path = next;
    }
    eprintln!("{count} interleavings");
    assert!(count > 5);
}

#[tokio::test]
async fn whatever_fails_while_it_is_delivered_an_alert_arrives() {
    let plain = Arc::new(Mutex::new(Vec::new()));
    let (memory, hears) = (Arc::new(Memory::default()), plain.clone());
    let app = due(&memory, 10).await;
    app.store.rule(move |call| {
        hears.lock().expect("calls").push(call.operation);
        Fault::None
    });
    assert_eq!(
        app.service()
            .deliver_alerts(&Taker::default(), body)
            .await
            .expect("a round")
            .delivered,
        3
    );
    let plain = plain.lock().expect("calls").clone();
    let (mut cases, mut repeats) = (0, 0);
    for (number, operation) in plain.iter().enumerate() {
        let refused = Fault::Refuse(vec![Some(Reason::Conflict)]);
        let faults = [
            Fault::Before,
            Fault::After,
            refused,
            Fault::HeldBefore(Gate::default()),
            Fault::HeldAfter(Gate::default()),
        ];
        for fault in faults.into_iter().filter(|fault| {
            *operation == Operation::Commit || !matches!(fault, Fault::After | Fault::Refuse(_))
        }) {
            let case = format!("{fault:?} at call {number}, a {operation:?}");
            let memory = Arc::new(Memory::default());
            let (app, taker) = (Arc::new(due(&memory, 10).await), Arc::new(Taker::default()));
            let (began, planned) = (app.store.calls(), fault.clone());
            app.store.rule(move |call| {
                if call.number == began + number as u64 {
                    planned.clone()
                } else {
                    Fault::None
                }
            });
            if let Fault::HeldBefore(gate) | Fault::HeldAfter(gate) = &fault {
                let (acts, takes) = (app.clone(), taker.clone());
                let running =
                    tokio::spawn(async move { acts.service().deliver_alerts(&*takes, body).await });
                gate.arrived().await;
                running.abort();
                assert!(
                    running
                        .await
                        .expect_err("it stood at the gate")
                        .is_cancelled()
                );
                let other = TestApp::over(memory.clone(), Tenancy::Sole);
                repeats += delivered(&other, &taker, &case).await - 3;
            } else {
                app.service().deliver_alerts(&*taker, body).await.ok();
                repeats += delivered(&app, &taker, &case).await - 3;
            }
            cases += 1;
        }
    }
    eprintln!("{cases} faults and crashes, {repeats} deliveries repeated");
    assert!(cases > 30);
}
