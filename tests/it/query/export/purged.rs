//! Exports beside purges and erasures: whole, or broken off, never a part that
//! looks whole.

use super::{Thin, export, ids};
use crate::given::refused;
use axum::body::{Body, to_bytes};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{EraseOrder, Name, Person};
use tollgate_gateway::router;
use tollgate_service::{Actor, Memory, Store, Tenancy};
use tollgate_tests::{Fault, Gate, TestApp, TestReply};
use tower::ServiceExt;

const DAY: i64 = 86_400;
const PATH: &str = "/usage/export?tenant_id=acme";

/// Two receipt hours past their retention, one that is not; read in slices of
/// two pages.
async fn aged() -> Arc<Thin> {
    let store = Arc::new(Thin {
        inner: Arc::<Memory>::default(),
        items_max: 2,
    });
    let app = TestApp::over(store.clone(), Tenancy::Sole);
    for (hour, advance) in [("a", 2 * 3600), ("b", 50 * DAY), ("c", 0)] {
        for n in 0..5 {
            app.record(
                "acme",
                json!({ "id": format!("{hour}{n}"), "agent_id": "a1" }),
            )
            .await
            .expect(201);
            app.clock.advance(60);
        }
        app.clock.advance(advance);
    }
    app.service().roll_up_all().await.expect("a rollup");
    store
}

/// A process over `store`, at the time when two hours may be purged.
fn process(store: &Arc<Thin>) -> TestApp {
    let store: Arc<dyn Store> = store.clone();
    let app = TestApp::over(
        store,
        Tenancy::Shared {
            settle: Duration::ZERO,
        },
    );
    app.clock.advance(51 * DAY);
    app
}

async fn purge(app: &TestApp) {
    let order = json!({ "tenant_id": "acme", "older_than_days": 35, "dry_run": false });
    assert_eq!(
        app.post("/usage/purge", order)
            .await
            .expect(200)
            .at("/removed"),
        10
    );
}

#[tokio::test]
async fn purged_hours_are_left_out_whole() {
    let store = aged().await;
    let app = process(&store);
    assert_eq!(ids(&export(&app, "").await).split(' ').count(), 15);
    purge(&app).await;
    assert_eq!(ids(&export(&app, "").await), "c0 c1 c2 c3 c4");
    assert_eq!(ids(&export(&app, "limit=100").await), "c0 c1 c2 c3 c4");
}

#[tokio::test]
async fn a_cursor_does_not_outlive_a_purge_of_what_it_had_still_to_show() {
    for (limit, refuses) in [(2, true), (5, true), (9, true), (12, false)] {
        let store = aged().await;
        let app = process(&store);
        let first = export(&app, &format!("limit={limit}")).await;
        let cursor = first.at("/next_cursor");
        purge(&app).await;
        let rest = app
            .get(&format!(
                "{PATH}&cursor={}",
                cursor.as_str().expect("a cursor")
            ))
            .await;
        if refuses {
            refused(&rest, 400, "invalid_cursor");
        } else {
            assert_eq!(
                format!("{} {}", ids(&first), ids(&rest.expect(200)))
                    .split(' ')
                    .count(),
                15
            );
        }
    }
}

/// What an export comes to while `work` is done at its call `number`: the
/// status, and the ids if the transfer was completed.
async fn beside(
    store: &Arc<Thin>,
    number: u64,
    query: &str,
    work: impl AsyncFnOnce(TestApp),
) -> (u16, Option<BTreeSet<String>>) {
    let (reader, worker, gate) = (process(store), process(store), Gate::default());
    let held = Fault::HeldBefore(gate.clone());
    reader.store.rule(move |call| {
        if call.number == number {
            held.clone()
        } else {
            Fault::None
        }
    });
    let path = format!("{PATH}&{query}");
    let answer = async {
        let request = TestApp::request(TestApp::operator(), "GET", &path, Body::empty());
        let response = router(&reader.app, TestApp::routes())
            .oneshot(request)
            .await
            .expect("an answer");
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.ok();
        (status, bytes)
    };
    let meanwhile = async {
        gate.arrived().await;
        work(worker).await;
        gate.open();
    };
    let ((status, bytes), ()) = tokio::join!(answer, meanwhile);
    let ids = bytes.filter(|_| status == 200).map(|bytes| {
        let body: Value =
            serde_json::from_slice(&bytes).expect("a transfer that was completed is whole JSON");
        body["data"]
            .as_array()
            .expect("data")
            .iter()
            .map(|event| event["id"].as_str().expect("an id").to_owned())
            .collect()
    });
    (status, ids)
}

/// How many calls an export makes.
async fn calls(query: &str) -> u64 {
    let app = process(&aged().await);
    let before = app.store.calls();
    export(&app, query).await;
    app.store.calls() - before
}

/// The names of the events of these hours.
fn names(hours: &str) -> BTreeSet<String> {
    hours
        .chars()
        .flat_map(|hour| (0..5).map(move |n| format!("{hour}{n}")))
        .collect()
}

/// Does `work` at each call of an export in turn: each comes to all events, to
/// those that are `left` after it, or to no answer that looks whole.
async fn no_silent_part(query: &str, left: &BTreeSet<String>, work: impl AsyncFn(TestApp)) {
    let (mut before, mut after, mut broken) = (0, 0, 0);
    for number in 0..calls(query).await {
        let (status, ids) = beside(&aged().await, number, query, &work).await;
        match ids {
            Some(ids) if ids == names("abc") => before += 1,
            Some(ids) if ids == *left => after += 1,
            Some(ids) => panic!("call {number} of `{query}`: a silent part: {ids:?}"),
            None => {
                // Before the first piece is sent, even a stream can be refused.
                let is_part = query.contains("limit");
                assert!(
                    status == 503 || (status == 200 && !is_part),
                    "call {number} of `{query}`: {status}"
                );
                broken += 1;
            }
        }
    }
    println!("`{query}`: {before} as before, {after} as after, {broken} broken off");
    assert!(before + after > 0 && broken > 0);
}

#[tokio::test]
async fn a_purge_at_any_call_leaves_no_silent_part() {
    for query in ["", "limit=100"] {
        no_silent_part(query, &names("c"), async |app| purge(&app).await).await;
    }
}

async fn erase(app: &TestApp) {
    let name = |text: &str| Name::new(text).expect("a name");
    let order = EraseOrder {
        tenant: name("acme"),
        person: Person::Agent,
        name: name("a1"),
        dry_run: false,
    };
    let actor = Actor::unconditional("test");
    assert_eq!(
        app.service()
            .erase(&order, &actor)
            .await
            .expect("an erasure")
            .events,
        15
    );
}

#[tokio::test]
async fn an_erasure_at_any_call_leaves_no_silent_part_of_what_the_name_picks() {
    for query in ["agent=a1", "agent=a1&limit=100"] {
        no_silent_part(query, &BTreeSet::new(), async |app| erase(&app).await).await;
    }
    let app = process(&aged().await);
    let first = export(&app, "agent=a1&limit=7").await;
    let all = export(&app, "limit=7").await;
    erase(&app).await;
    let cursor = |part: &TestReply| {
        part.at("/next_cursor")
            .as_str()
            .expect("a cursor")
            .to_owned()
    };
    refused(
        &app.get(&format!("{PATH}&agent=a1&cursor={}", cursor(&first)))
            .await,
        400,
        "invalid_cursor",
    );
    assert_eq!(
        ids(&app
            .get(&format!("{PATH}&cursor={}", cursor(&all)))
            .await
            .expect(200))
        .split(' ')
        .count(),
        8
    );
}
