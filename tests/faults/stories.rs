//! One story for each route that writes: what is there before, what a client
//! then asks, and what it was answered.

mod settings;

use crate::client::{send, send_once};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use settings::{
    foreign, keys, post_quota, put_exchange_rates, put_limits, put_rate_card, put_tenant,
};
use tollgate_tests::{TestApp, TestReply};

/// The tenant of all stories.
pub(crate) const TENANT: &str = "acme";

/// What happens to one route.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    /// What is there before; no fault disturbs it.
    pub(crate) begin: for<'a> fn(&'a TestApp) -> BoxFuture<'a, ()>,
    /// What the client asks. It may ask all of it again.
    pub(crate) act: for<'a> fn(&'a TestApp) -> BoxFuture<'a, Vec<Value>>,
}

/// Every story.
pub(crate) const STORIES: &[Story] = &[
    Story {
        name: "the first event",
        begin: |_| Box::pin(async {}),
        act: |app| Box::pin(first_event(app)),
    },
    Story {
        name: "POST /events",
        begin: |app| Box::pin(limited(app)),
        act: |app| Box::pin(post_events(app)),
    },
    Story {
        name: "POST /events/batch",
        begin: |app| Box::pin(limited(app)),
        act: |app| Box::pin(post_events_batch(app)),
    },
    Story {
        name: "POST /usage",
        begin: |app| Box::pin(limited(app)),
        act: |app| Box::pin(post_usage(app)),
    },
    Story {
        name: "PUT /limits",
        begin: |app| Box::pin(used(app)),
        act: |app| Box::pin(put_limits(app)),
    },
    Story {
        name: "POST /quota",
        begin: |app| Box::pin(used(app)),
        act: |app| Box::pin(post_quota(app)),
    },
    Story {
        name: "PUT /rate-cards",
        begin: |app| Box::pin(used(app)),
        act: |app| Box::pin(put_rate_card(app)),
    },
    Story {
        name: "PUT /exchange-rates",
        begin: |app| Box::pin(foreign(app)),
        act: |app| Box::pin(put_exchange_rates(app)),
    },
    Story {
        name: "PUT /tenants",
        begin: |app| Box::pin(used(app)),
        act: |app| Box::pin(put_tenant(app)),
    },
    Story {
        name: "POST and DELETE /keys",
        begin: |app| Box::pin(used(app)),
        act: |app| Box::pin(keys(app)),
    },
    Story {
        name: "holds",
        begin: |app| Box::pin(crate::held::holding(app)),
        act: |app| Box::pin(crate::held::hold_and_end(app)),
    },
    Story {
        name: "the first hold",
        begin: |_| Box::pin(async {}),
        act: |app| Box::pin(crate::held::first_hold(app)),
    },
    Story {
        name: "holds that are over",
        begin: |app| Box::pin(crate::held::over(app)),
        act: |app| Box::pin(crate::held::use_what_is_over(app)),
    },
    Story {
        name: "the sweep of holds",
        begin: |app| Box::pin(crate::held::over(app)),
        act: |app| Box::pin(crate::held::sweep(app)),
    },
    Story {
        name: "voids",
        begin: |app| Box::pin(limited(app)),
        act: |app| Box::pin(void_events(app)),
    },
    Story {
        name: "alerts",
        begin: |app| Box::pin(crate::alerts::watched(app)),
        act: |app| Box::pin(crate::alerts::cross(app)),
    },
    Story {
        name: "PUT /alerts",
        begin: |app| Box::pin(limited(app)),
        act: |app| Box::pin(crate::alerts::put(app)),
    },
    Story {
        name: "credit",
        begin: |app| Box::pin(crate::prepaid::prepaid(app)),
        act: |app| Box::pin(crate::prepaid::draw(app)),
    },
    Story {
        name: "plans, subscriptions and trees",
        begin: |app| Box::pin(crate::prepaid::prepaid(app)),
        act: |app| Box::pin(crate::prepaid::change(app)),
    },
    Story {
        name: "POST /usage/purge",
        begin: |app| Box::pin(aged(app)),
        act: |app| Box::pin(purge(app)),
    },
];

/// What the client learns, whether it was recorded just now or before.
fn learned(reply: &TestReply) -> Value {
    let mut body = reply.json();
    if let Some(body) = body.as_object_mut() {
        for name in [
            "recorded",
            "replayed",
            "voided",
            "warnings",
            "request_id",
            "version",
            "limits",
            "standing",
            "status",
        ] {
            body.remove(name);
        }
        for result in body
            .get_mut("results")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if result["status"] != "rejected" {
                result["status"] = json!("recorded or replayed");
            }
        }
        for problem in body
            .get_mut("results")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(problem) = problem.get_mut("problem").and_then(Value::as_object_mut) {
                problem
                    .retain(|name, _| name == "code" || name == "usage" || name == "limit_value");
            }
        }
    }
    json!({ "status": if reply.status < 300 { 200 } else { reply.status }, "body": body })
}

fn event(id: &str) -> Value {
    json!({ "id": id, "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "session_id": "s1", "tokens_in": 7 })
}

async fn record(app: &TestApp, id: &str) -> Value {
    learned(&send(app, "POST", "/events", &event(id)).await)
}

/// A tenant that has used 2 of 4 events, and warns from the third.
async fn limited(app: &TestApp) {
    app.record(TENANT, json!({ "id": "before-1", "agent_id": "a1" }))
        .await
        .expect(201);
    let tenant = json!({ "id": "tenant", "scope": "tenant", "measure": "events", "window": "month", "soft": 2, "hard": 4 });
    let agent = json!({ "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 1000 });
    app.limit(TENANT, json!([tenant, agent])).await;
    app.record(TENANT, json!({ "id": "before-2", "agent_id": "a1" }))
        .await
        .expect(201);
}

/// A tenant with five events of two agents, and no limits.
async fn used(app: &TestApp) {
    for i in 0..5 {
        let agent = format!("a{}", i % 2);
        app.record(
            TENANT,
            json!({ "id": format!("before-{i}"), "agent_id": agent, "tokens_in": 10 }),
        )
        .await
        .expect(201);
    }
}

/// A tenant with three events of 36 days ago, rolled up, and one of today.
async fn aged(app: &TestApp) {
    for i in 0..3 {
        app.record(
            TENANT,
            json!({ "id": format!("old-{i}"), "agent_id": "a1" }),
        )
        .await
        .expect(201);
    }
    app.clock.advance(36 * 86_400);
    let rolled = tollgate_purge::scheduled(&app.app, &json!({ "action": "rollup" }))
        .await
        .expect("a rollup");
    assert_eq!(rolled["hours"], 1);
    app.record(TENANT, json!({ "id": "today", "agent_id": "a1" }))
        .await
        .expect(201);
}

async fn first_event(app: &TestApp) -> Vec<Value> {
    vec![record(app, "e1").await, record(app, "e2").await]
}

async fn post_events(app: &TestApp) -> Vec<Value> {
    let mut learned = Vec::new();
    for id in ["e1", "e1", "e2", "e2", "e3", "e2"] {
        learned.push(record(app, id).await);
    }
    let mut changed = event("e2");
    changed["tokens_in"] = json!(8);
    learned.push(self::learned(&send(app, "POST", "/events", &changed).await));
    learned
}

async fn post_events_batch(app: &TestApp) -> Vec<Value> {
    let events: Vec<Value> = ["b1", "before-2", "b2", "b1", "b3", "b4"]
        .map(event)
        .to_vec();
    let mut events = json!({ "events": events });
    events["events"][1] = json!({ "id": "before-2", "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1" });
    let mut learned = Vec::new();
    for _ in 0..2 {
        learned.push(self::learned(
            &send(app, "POST", "/events/batch", &events).await,
        ));
    }
    learned
}

async fn post_usage(app: &TestApp) -> Vec<Value> {
    let step = |api_calls: u64| {
        json!({ "tenant_id": TENANT, "task_id": "t", "agent_id": "a1", "consumer_id": "c", "tokens_in": 400, "tokens_out": 40,
            "duration_ms": 1, "api_calls": api_calls, "timestamp": "2026-11-22T09:59:00Z" })
    };
    let mut learned = Vec::new();
    for calls in [1, 2, 1, 3] {
        learned.push(self::learned(
            &send_once(
                app,
                TestApp::operator(),
                Some(&format!("call-{calls}")),
                "POST",
                "/usage",
                &step(calls),
            )
            .await,
        ));
    }
    let both = json!({ "events": [step(4), step(2), step(5)] });
    learned.push(self::learned(
        &send(app, "POST", "/usage/batch", &both).await,
    ));
    learned
}

async fn void(app: &TestApp, id: &str) -> Value {
    learned(
        &send(
            app,
            "POST",
            &format!("/events/{id}/void"),
            &json!({ "tenant_id": TENANT }),
        )
        .await,
    )
}

/// Fills the limit, takes events back, and uses what that frees.
async fn void_events(app: &TestApp) -> Vec<Value> {
    let mut learned = vec![record(app, "e1").await, record(app, "e2").await];
    for id in [
        "before-1",
        "e1",
        "before-1",
        "none",
        "void-0d9f4e2d1c3b5a697887a5b4c3d2e1f0",
    ] {
        learned.push(void(app, id).await);
    }
    let of_void = void(app, "e1").await["body"]["event_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    learned.extend([
        void(app, &of_void).await,
        record(app, "e3").await,
        record(app, "e1").await,
        record(app, "e4").await,
    ]);
    learned
}

async fn purge(app: &TestApp) -> Vec<Value> {
    let order = json!({ "tenant_id": TENANT, "older_than_days": 35, "dry_run": false });
    let purged = send(app, "POST", "/usage/purge", &order).await;
    vec![json!(purged.status), record(app, "after").await]
}

/// All that the service says of the tenant in the end.
pub(crate) async fn state(app: &TestApp) -> Value {
    let range = "start=2026-01-01T00:00:00Z&end=2027-12-01T00:00:00Z";
    let mut state = json!({});
    for path in [
        format!("/usage/{TENANT}?{range}"),
        format!("/billing/{TENANT}?{range}"),
        format!("/usage?tenant_id={TENANT}&limit=1000"),
        format!("/limits/{TENANT}"),
        format!("/quota/{TENANT}"),
        format!("/tenants/{TENANT}"),
        format!("/holds?tenant_id={TENANT}"),
        format!("/alerts/{TENANT}"),
        format!("/credits/{TENANT}"),
        format!("/budgets/{TENANT}/tree"),
        "/costs".to_owned(),
    ] {
        let mut body = app.get(&path).await.expect(200).json();
        unversioned(&mut body);
        state[path] = body;
    }
    state
}

/// Leaves out what counts how often something was asked.
fn unversioned(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, _| name != "version" && name != "source");
            fields.values_mut().for_each(unversioned);
        }
        Value::Array(items) => items.iter_mut().for_each(unversioned),
        _ => {}
    }
}
