//! A purge harms no total, no bill, no dedupe and no counter.

use super::{DAY, history, pages, purge, totals};
use crate::given::{Open, limit, refused};
use serde_json::json;

#[tokio::test]
async fn usage_and_bills_are_the_same_before_and_after() {
    let open = Open::new();
    let app = &open.app;
    history(app).await;
    app.clock.advance(360 * DAY);
    let before = totals(app).await;
    assert_eq!(
        purge(app, json!({ "tenant_id": "acme" })).await,
        (json!(6), json!(2))
    );
    assert_eq!(totals(app).await, before);
    assert_eq!(pages(&open.dump()), 1);
    app.clock.advance(50 * DAY);
    let before = totals(app).await;
    assert_eq!(
        purge(app, json!({ "tenant_id": "acme" })).await,
        (json!(3), json!(1))
    );
    assert_eq!((totals(app).await, pages(&open.dump())), (before, 0));
}

#[tokio::test]
async fn what_is_purged_is_still_a_replay() {
    let open = Open::new();
    let app = &open.app;
    let event =
        json!({ "id": "e1", "tenant_id": "acme", "operation": "hitl_approval", "task_id": "t1" });
    let first = app.post("/events", event.clone()).await.expect(201);
    app.clock.advance(36 * DAY);
    purge(app, json!({ "tenant_id": "acme", "older_than_days": 35 })).await;
    assert_eq!(pages(&open.dump()), 0);
    let before = open.dump();
    let again = app.post("/events", event).await.expect(200);
    assert_eq!(
        (again.at("/replayed"), again.at("/cost")),
        (json!(true), first.at("/cost"))
    );
    let other = json!({ "id": "e1", "tenant_id": "acme", "operation": "hitl_approval" });
    refused(&app.post("/events", other).await, 409, "event_id_reused");
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn the_events_themselves_are_gone() {
    let app = Open::new().app;
    history(&app).await;
    app.clock.advance(360 * DAY);
    purge(&app, json!({})).await;
    let list = app.get("/usage?tenant_id=acme").await.expect(200);
    assert_eq!(list.at("/count"), 3);
    refused(
        &app.get("/events/10-now?tenant_id=acme").await,
        404,
        "not_found",
    );
    app.get("/events/x-now?tenant_id=acme").await.expect(200);
    let task = app.get("/usage/tasks/t1?tenant_id=acme").await.expect(200);
    assert_eq!(task.at("/data").as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn counters_stand_and_a_new_limit_still_counts_what_was_purged() {
    let app = Open::new().app;
    let total = |hard: u64| {
        json!([limit(
            json!({ "scope": "agent", "window": "total", "hard": hard })
        )])
    };
    app.limit("acme", total(10)).await;
    history(&app).await;
    app.clock.advance(360 * DAY);
    purge(&app, json!({})).await;
    app.record("acme", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    refused(
        &app.record("acme", json!({ "agent_id": "a1" })).await,
        429,
        "usage_limit_exceeded",
    );
    app.limit("acme", json!([])).await;
    app.limit("acme", total(11)).await;
    app.record("acme", json!({ "agent_id": "a1" }))
        .await
        .expect(201);
    refused(
        &app.record("acme", json!({ "agent_id": "a1" })).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn a_range_that_cuts_a_purged_hour_is_refused() {
    let app = Open::new().app;
    history(&app).await;
    app.clock.advance(360 * DAY);
    for purged in [false, true] {
        if purged {
            purge(&app, json!({})).await;
        }
        for path in [
            "/usage/acme?",
            "/usage/summary?tenant_id=acme&",
            "/billing/acme?",
        ] {
            for (range, cuts) in [
                ("start=2026-11-20T07:30:00Z&end=2026-11-21", true),
                ("start=2026-11-20&end=2026-11-20T07:45:00.5Z", true),
                ("start=2026-11-20T07:45:00Z&end=2026-11-20T07:46:00Z", true),
                ("start=2026-11-20T07:00:00Z&end=2026-11-20T08:00:00Z", false),
                ("start=2026-11-20T06:30:00Z&end=2026-11-21T06:30:00Z", false),
                ("start=2027-11-01T00:30:00Z&end=2027-11-02T00:30:00Z", false),
            ] {
                let reply = app.get(&format!("{path}{range}")).await;
                if cuts && purged {
                    refused(&reply, 422, "range_purged");
                } else {
                    assert_eq!(reply.status, 200, "{path}{range}: {}", reply.text);
                }
            }
        }
    }
}
