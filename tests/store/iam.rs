//! Each function may do what its routes do, and nothing else.

mod requests;

use crate::chores::Kept;
use async_trait::async_trait;
use axum::body::Body;
use requests::requests;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_core::{Attrs, Change, Key, Write};
use tollgate_gateway::Route;
use tollgate_service::{
    Commit, Housekeeping, Memory, Query, Slice, Store, StoreError, Tenancy, Together,
};
use tollgate_tests::{Fault, Operation, TestApp};

type Actions = BTreeSet<&'static str>;

/// Notes the actions that the same calls would be on AWS.
#[derive(Default)]
struct Witness {
    inner: Memory,
    seen: Mutex<Actions>,
}

impl Witness {
    fn note(&self, action: &'static str) {
        self.seen.lock().expect("actions").insert(action);
    }

    fn take(&self) -> Actions {
        std::mem::take(&mut *self.seen.lock().expect("actions"))
    }
}

#[async_trait]
impl Store for Witness {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.note("BatchGetItem");
        self.inner.read(keys).await
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.note("GetItem");
        self.inner.read_together(keys).await
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.note(if query.by_task {
            "Query of the index"
        } else {
            "Query"
        });
        self.inner.query(query).await
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        for write in writes {
            self.note(match write.change {
                Change::Put(_) => "PutItem",
                Change::Update { .. } => "UpdateItem",
                Change::Delete => "DeleteItem",
            });
        }
        self.inner.commit(writes).await
    }
}

/// What the template allows each role, by the function's name.
fn allowed() -> BTreeMap<String, Actions> {
    let template = include_str!("../../infra/template.yaml");
    let known = [
        "BatchGetItem",
        "GetItem",
        "Query",
        "PutItem",
        "UpdateItem",
        "DeleteItem",
    ];
    let of_stream = [
        "DescribeStream",
        "GetRecords",
        "GetShardIterator",
        "ListStreams",
    ];
    let (mut roles, mut role): (BTreeMap<String, Actions>, Option<String>) = Default::default();
    let mut lines = template.lines().peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("  ") && !line.starts_with("   ") {
            role = line.trim().strip_suffix("Role:").map(str::to_lowercase);
        }
        let (Some(role), Some((_, action))) = (&role, line.split_once("dynamodb:")) else {
            continue;
        };
        if of_stream.contains(&action.trim()) {
            assert_eq!(role, "alertpipe", "the stream is for the pipe alone");
            continue;
        }
        let name = known
            .into_iter()
            .find(|known| *known == action.trim())
            .unwrap_or_else(|| panic!("`{action}` is not used here"));
        let of_index = lines
            .peek()
            .is_some_and(|next| next.contains("/index/task"));
        roles.entry(role.clone()).or_default().insert(if of_index {
            "Query of the index"
        } else {
            name
        });
    }
    roles
}

/// What fills the limit of the agent of a function.
fn holding(agent: &str) -> Value {
    json!({ "id": agent, "tenant_id": "acme", "operation": "agent_message", "agent_id": agent, "tokens_in": 10 })
}

fn functions() -> [(&'static str, Vec<Route>); 5] {
    [
        ("ingest", tollgate_ingest::routes()),
        ("query", tollgate_query::routes()),
        ("quota", tollgate_quota::routes()),
        ("billing", tollgate_billing::routes()),
        ("purge", tollgate_purge::routes()),
    ]
}

async fn send(app: &TestApp, method: &str, path: &str, body: &Value) {
    let path = match path {
        "/keys/{key}" => format!(
            "/keys/{}",
            app.get("/keys")
                .await
                .at("/data/0/key_id")
                .as_str()
                .expect("a key")
        ),
        path => path.to_owned(),
    };
    let body = if body.is_null() {
        Body::empty()
    } else {
        Body::from(body.to_string())
    };
    let reply = app.call(method, &path, body).await;
    assert!(
        (200..300).contains(&reply.status),
        "{method} {path}: {} {}",
        reply.status,
        reply.text
    );
}

#[tokio::test]
async fn each_function_is_allowed_exactly_what_its_routes_do() {
    let allowed = allowed();
    let witness = Arc::new(Witness::default());
    let process = || {
        TestApp::over(
            witness.clone(),
            Tenancy::Shared {
                settle: Duration::ZERO,
            },
        )
    };
    let limit = |id: &str, scope: &str, measure: &str, hard: u64| json!({ "id": id, "scope": scope, "measure": measure, "window": "month", "hard": hard });
    process()
        .limit(
            "acme",
            json!([
                limit("l", "tenant", "events", 1000),
                limit("full", "agent", "tokens", 10)
            ]),
        )
        .await;
    for agent in ["ingest", "quota", "purge"] {
        let mut over = holding(agent);
        over["id"] = json!(format!("over-{agent}"));
        process()
            .post("/holds", json!({ "ttl_seconds": 1, "event": over }))
            .await
            .expect(201);
    }
    for (function, routes) in functions() {
        let requests = requests(function);
        let asked: BTreeSet<(&str, &str)> = requests
            .iter()
            .map(|(method, route, ..)| (*method, *route))
            .collect();
        let offered: BTreeSet<(&str, &str)> = routes
            .iter()
            .map(|route| (route.method.as_str(), route.path))
            .collect();
        assert_eq!(asked, offered, "{function}: every route is asked");
        let app = process();
        app.clock.advance(2);
        if function == "purge" {
            app.clock.advance(40 * 86_400);
            interrupted_limits(&process()).await;
        }
        witness.take();
        for (method, _, path, body) in &requests {
            send(&app, method, path, body).await;
        }
        if function == "purge" {
            for action in [
                "rollup",
                "purge",
                "expire_holds",
                "complete_changes",
                "deliver_alerts",
            ] {
                tollgate_purge::scheduled(&app.app, &json!({ "action": action }))
                    .await
                    .expect("a schedule's work");
            }
        }
        let seen = witness.take();
        println!("{function}: {seen:?}");
        assert_eq!(
            allowed.get(function),
            Some(&seen),
            "{function}: allowed and done"
        );
    }
}

#[tokio::test]
async fn the_worker_is_allowed_exactly_what_its_chores_do() {
    let witness = Arc::new(Witness::default());
    let settle = Duration::ZERO;
    let process = || TestApp::over(witness.clone(), Tenancy::Shared { settle });
    let app = process();
    app.post(
        "/holds",
        json!({ "ttl_seconds": 1, "event": holding("worker") }),
    )
    .await
    .expect(201);
    app.record("acme", json!({ "id": "e" })).await.expect(201);
    app.clock.advance(40 * 86_400);
    interrupted_limits(&process()).await;
    let queue = Kept::default();
    for (action, _) in Housekeeping::ALL {
        let event = json!({ "action": action });
        let sent = tollgate_purge::dispatch(&app.app, &event, &queue).await;
        sent.expect("a schedule's work");
    }
    let event = queue.take();
    assert!(
        event["Records"].as_array().is_some_and(|of| of.len() >= 4),
        "{event}"
    );
    witness.take();
    let failed = tollgate_purge::work(&app.app, &event).await;
    assert_eq!(failed, json!({ "batchItemFailures": [] }));
    assert_eq!(allowed().get("worker"), Some(&witness.take()));
}

/// Limits whose count was interrupted before it was complete: whoever comes
/// by next completes it.
async fn interrupted_limits(app: &TestApp) {
    let mut is_published = false;
    app.store.rule(move |call| {
        if is_published {
            return Fault::Before;
        }
        is_published = call.operation == Operation::Commit;
        Fault::None
    });
    let limits = json!({ "limits": [{ "id": "m", "scope": "tenant", "measure": "units", "window": "total", "hard": 1000 }] });
    app.put("/limits/acme", limits).await.expect(503);
}
