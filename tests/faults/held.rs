//! Stories of holds: each request may come again, and then changes nothing.

use crate::client::send;
use crate::stories::TENANT;
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

/// What a client learns of a hold, whether it happened just now or before.
fn learned(reply: &TestReply) -> Value {
    let body = reply.json();
    let kept = [
        "code",
        "cost",
        "hold_id",
        "event_id",
        "released",
        "overage",
        "expires_at",
    ];
    let status = if reply.status < 300 {
        200
    } else {
        reply.status
    };
    let fields = kept
        .into_iter()
        .filter(|name| *name != "event_id" || status != 200 || body.get("released").is_some());
    json!({ "status": status, "body": fields.map(|name| body[name].clone()).collect::<Vec<_>>() })
}

fn estimate(id: &str, agent: &str, tokens: u64, ttl_seconds: u64) -> Value {
    let event = json!({ "tenant_id": TENANT, "operation": "agent_message", "agent_id": agent, "tokens_in": tokens });
    json!({ "id": id, "event": event, "ttl_seconds": ttl_seconds })
}

async fn hold(app: &TestApp, id: &str, agent: &str, tokens: u64) -> Value {
    learned(&send(app, "POST", "/holds", &estimate(id, agent, tokens, 600)).await)
}

async fn end(app: &TestApp, id: &str, how: &str, body: Value) -> Value {
    let path = format!("/holds/{id}/{how}?tenant_id={TENANT}");
    learned(&send(app, "POST", &path, &body).await)
}

/// A tenant with a hold and few limits.
pub(crate) async fn holding(app: &TestApp) {
    let agent = json!({ "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 1000 });
    app.limit(TENANT, json!([agent])).await;
    app.post("/holds", estimate("before", "a3", 10, 600))
        .await
        .expect(201);
}

/// Takes, is refused,
/// captures below and above, releases, extends.
pub(crate) async fn hold_and_end(app: &TestApp) -> Vec<Value> {
    vec![
        hold(app, "h1", "a1", 300).await,
        hold(app, "h2", "a1", 2000).await,
        end(
            app,
            "h1",
            "capture",
            json!({ "event": { "tokens_in": 75 } }),
        )
        .await,
        end(
            app,
            "h1",
            "capture",
            json!({ "event": { "tokens_in": 75 } }),
        )
        .await,
        end(
            app,
            "h1",
            "capture",
            json!({ "event": { "tokens_in": 76 } }),
        )
        .await,
        end(app, "h1", "release", json!({})).await,
        hold(app, "h3", "a1", 100).await,
        end(app, "h3", "release", json!({})).await,
        end(app, "h3", "release", json!({})).await,
        end(app, "h3", "capture", json!({ "event": {} })).await,
        hold(app, "h4", "a2", 10).await,
        end(
            app,
            "h4",
            "capture",
            json!({ "event": { "id": "e4", "tokens_in": 5000 } }),
        )
        .await,
        hold(app, "h4", "a2", 11).await,
        end(app, "none", "release", json!({})).await,
        end(app, "before", "extend", json!({ "ttl_seconds": 900 })).await,
        end(app, "before", "extend", json!({ "ttl_seconds": 60 })).await,
    ]
}

pub(crate) async fn first_hold(app: &TestApp) -> Vec<Value> {
    let taken = hold(app, "h1", "a1", 10).await;
    vec![
        taken,
        end(app, "h1", "capture", json!({ "event": { "tokens_in": 7 } })).await,
    ]
}

/// A tenant whose limits are full of three holds whose time is over.
pub(crate) async fn over(app: &TestApp) {
    let tenant = json!({ "id": "tenant", "scope": "tenant", "measure": "events", "window": "month", "hard": 4 });
    let agent = json!({ "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 1000 });
    app.limit(TENANT, json!([tenant, agent])).await;
    app.record(TENANT, json!({ "id": "before", "agent_id": "a1" }))
        .await
        .expect(201);
    for (id, agent) in [("h1", "a1"), ("h2", "a2"), ("h3", "a3")] {
        app.post("/holds", estimate(id, agent, 1000, 60))
            .await
            .expect(201);
    }
    app.clock.advance(60);
}

/// An event and a hold that only fit once what is over is free.
pub(crate) async fn use_what_is_over(app: &TestApp) -> Vec<Value> {
    let event = json!({ "id": "e1", "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "tokens_in": 600 });
    let recorded = send(app, "POST", "/events", &event).await;
    vec![
        json!([recorded.status < 300, recorded.at("/cost")]),
        end(app, "h1", "capture", json!({ "event": { "tokens_in": 1 } })).await,
        hold(app, "h4", "a1", 400).await,
        hold(app, "h5", "a1", 1001).await,
        end(app, "h2", "extend", json!({ "ttl_seconds": 60 })).await,
        end(app, "h3", "release", json!({})).await,
    ]
}

/// The schedule, as often as it takes.
pub(crate) async fn sweep(app: &TestApp) -> Vec<Value> {
    for _ in 0..200 {
        if tollgate_purge::scheduled(&app.app, &json!({ "action": "expire_holds" }))
            .await
            .is_ok()
        {
            return vec![end(app, "h1", "release", json!({})).await];
        }
    }
    panic!("no sweep came to an end");
}
