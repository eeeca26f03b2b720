//! What a denial costs: at most one refused transaction, and then reads alone
//! until something changes, which the very next try sees.

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_dynamo::embedded;
use tollgate_service::{Commit, Memory, Store, Tenancy};
use tollgate_tests::TestApp;

/// How often a caller that was denied asks again.
const TRIES: usize = 3;
/// Events of a batch: more than one transaction takes.
const BATCH: usize = 250;

/// What the caller asks for: 40 tokens, or so many for each event of a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ask {
    Event,
    Batch,
    Hold,
}

/// What happens after which 40 tokens fit.
#[derive(Clone, Copy, Debug)]
enum Freed {
    Release,
    Capture,
    Expiry,
    Limit,
}

/// The commits of a request: how many were refused, how many done.
#[derive(Debug, PartialEq)]
struct Commits {
    refused: usize,
    done: usize,
}

const NONE: Commits = Commits {
    refused: 0,
    done: 0,
};

fn commits(app: &TestApp) -> Commits {
    let all = app.store.take_commits();
    let done = all
        .iter()
        .filter(|commit| matches!(commit.outcome, Ok(Commit::Done { .. })))
        .count();
    Commits {
        refused: all.len() - done,
        done,
    }
}

fn event(id: &str, tokens: u64) -> Value {
    json!({ "id": id, "tenant_id": "acme", "operation": "agent_message", "tokens_in": tokens })
}

impl Ask {
    /// Asks under a `name` of its own; how much was admitted, what it cost.
    async fn send(self, app: &TestApp, name: &str) -> (usize, Commits) {
        app.store.take_commits();
        let (status, admitted) = match self {
            Ask::Event => (app.post("/events", event(name, 40)).await.status, 1),
            Ask::Hold => (
                app.post(
                    "/holds",
                    json!({ "id": name, "event": event(name, 40), "ttl_seconds": 600 }),
                )
                .await
                .status,
                1,
            ),
            Ask::Batch => {
                let events: Vec<Value> = (0..BATCH)
                    .map(|i| event(&format!("{name}-{i}"), 40))
                    .collect();
                let reply = app
                    .post("/events/batch", json!({ "events": events }))
                    .await
                    .expect(200)
                    .json();
                let admitted =
                    usize::try_from(reply["recorded"].as_u64().expect("a count")).expect("a count");
                (if admitted == 0 { 429 } else { 201 }, admitted)
            }
        };
        assert!(matches!(status, 201 | 429), "{self:?} {name}: {status}");
        (if status == 201 { admitted } else { 0 }, commits(app))
    }
}

impl Freed {
    async fn happen(self, app: &TestApp) {
        match self {
            Freed::Release => {
                app.post("/holds/h/release", json!({ "tenant_id": "acme" }))
                    .await
                    .expect(200);
            }
            Freed::Capture => {
                app.post(
                    "/holds/h/capture?tenant_id=acme",
                    json!({ "event": { "tokens_in": 20 } }),
                )
                .await
                .expect(201);
            }
            Freed::Expiry => app.clock.advance(600),
            Freed::Limit => {
                hard(app, 140).await;
            }
        }
    }
}

async fn hard(app: &TestApp, tokens: u64) -> tollgate_tests::TestReply {
    app.limit("acme", json!([{ "id": "l", "scope": "tenant", "measure": "tokens", "window": "total", "hard": tokens }])).await
}

/// 30 tokens used and 60 held of 100, in a process that has read no counter.
async fn nearly_full(store: Arc<dyn Store>, tenancy: Tenancy) -> TestApp {
    let app = TestApp::over(store, tenancy);
    hard(&app, 100).await;
    app.post("/events", event("used", 30)).await.expect(201);
    app.post(
        "/holds",
        json!({ "id": "h", "event": event("h", 60), "ttl_seconds": 600 }),
    )
    .await
    .expect(201);
    app
}

async fn stores() -> [Arc<dyn Store>; 2] {
    [
        Arc::new(Memory::default()),
        Arc::new(embedded::open(None).await.expect("a store")),
    ]
}

const TENANCIES: [Tenancy; 2] = [
    Tenancy::Sole,
    Tenancy::Shared {
        settle: Duration::ZERO,
    },
];

#[tokio::test]
async fn a_denial_costs_one_refused_transaction_at_most_and_the_next_tries_only_reads_until_something_is_free()
 {
    for ask in [Ask::Event, Ask::Batch, Ask::Hold] {
        for freed in [Freed::Release, Freed::Capture, Freed::Expiry, Freed::Limit] {
            for tenancy in TENANCIES {
                for store in stores().await {
                    let case = format!("{ask:?}, {freed:?}, {tenancy:?}");
                    let app = nearly_full(store, tenancy).await;
                    let (admitted, cost) = ask.send(&app, "first").await;
                    assert_eq!((admitted, cost.done), (0, 0), "{case}");
                    assert!(cost.refused <= 1, "{case}: {cost:?}");
                    for again in 0..TRIES {
                        assert_eq!(
                            ask.send(&app, "first").await,
                            (0, NONE),
                            "{case}: the same, again {again}"
                        );
                        assert_eq!(
                            ask.send(&app, &format!("other-{again}")).await,
                            (0, NONE),
                            "{case}: another, {again}"
                        );
                    }
                    freed.happen(&app).await;
                    let (admitted, cost) = ask.send(&app, "first").await;
                    assert_eq!((admitted, cost.refused), (1, 0), "{case}: {cost:?}");
                    let (admitted, cost) = ask.send(&app, "last").await;
                    assert_eq!((admitted, cost.done), (0, 0), "{case}: {cost:?}");
                    assert!(cost.refused <= 1, "{case}: {cost:?}");
                    assert_eq!(ask.send(&app, "last").await, (0, NONE), "{case}");
                }
            }
        }
    }
}

/// What changes nothing for the caller: a capture of all that was held.
#[tokio::test]
async fn what_frees_nothing_costs_the_denied_no_transaction() {
    for ask in [Ask::Event, Ask::Batch, Ask::Hold] {
        let [store, _] = stores().await;
        let app = nearly_full(store, Tenancy::Sole).await;
        ask.send(&app, "first").await;
        app.post(
            "/holds/h/capture?tenant_id=acme",
            json!({ "event": { "tokens_in": 60 } }),
        )
        .await
        .expect(201);
        assert_eq!(ask.send(&app, "first").await, (0, NONE), "{ask:?}");
        hard(&app, 129).await;
        assert_eq!(
            ask.send(&app, "first").await,
            (0, NONE),
            "{ask:?}: 90 used of 129"
        );
        hard(&app, 130).await;
        assert_eq!(
            ask.send(&app, "first").await.0,
            1,
            "{ask:?}: 90 used of 130"
        );
    }
}

#[tokio::test]
async fn only_an_event_that_would_fit_an_empty_limit_meets_the_stores_refusal_and_a_hold_never_does()
 {
    let refused = async |ask: Ask, tokens: u64| {
        let [store, _] = stores().await;
        let app = nearly_full(store, Tenancy::Sole).await;
        hard(&app, tokens).await;
        ask.send(&app, "first").await.1.refused
    };
    let table = [
        (Ask::Event, 100, 1),
        (Ask::Event, 39, 0),
        (Ask::Batch, 100, 0),
        (Ask::Hold, 100, 0),
    ];
    for (ask, tokens, expected) in table {
        assert_eq!(refused(ask, tokens).await, expected, "{ask:?} of {tokens}");
    }
}
