//! Alerts under faults, crashes and races: each threshold is told once, none
//! is lost, and each is delivered.

mod delivery;
mod threads;

use crate::client::send;
use crate::holds::{Actor, play};
use crate::ledger::Ledger;
use crate::stories::TENANT;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::Name;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

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
        .read_alerts(&Name::new(TENANT).expect("a tenant"))
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

#[tokio::test(start_paused = true)]
async fn wherever_writes_meet_each_threshold_is_told_once_and_none_is_lost() {
    for (actors, least) in [
        (&[EVENT, OTHER][..], 990),
        (&[SMALL, ALSO_SMALL], 540),
        (&[SMALL, CAPTURE], 820),
        (&[TINY, CAPTURE_LITTLE], 501),
        (&[EVENT, HOLD], 750),
        (&[EVENT, CAPTURE], 1100),
        (&[HOLD, CAPTURE], 800),
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
