//! Events of sealed batches, wherever events are shown, counted or changed.

use super::{batch, event, send, statuses, used};
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

fn body() -> Value {
    let of = |number: usize| {
        event(json!({
            "tokens_in": 10 + number, "agent_id": format!("a{}", number % 2),
            "task_id": format!("t{}", number % 3), "timestamp": format!("2026-11-22T09:{:02}:00Z", 10 + number),
        }))
    };
    batch("b-1", &(0..6).map(of).collect::<Vec<_>>())
}

async fn roll_up(app: &TestApp) {
    app.clock.advance(2 * 86_400);
    app.service().roll_up_all().await.expect("a rollup");
}

fn ids(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect()
}

const ALL: [&str; 6] = ["b-1~0", "b-1~1", "b-1~2", "b-1~3", "b-1~4", "b-1~5"];

#[tokio::test]
async fn they_are_found_listed_and_exported_before_and_after_a_rollup() {
    let app = TestApp::new().await;
    send(&app, &body()).await.expect(200);
    for rolled in [false, true] {
        if rolled {
            roll_up(&app).await;
        }
        let list = app
            .get("/usage?tenant_id=acme")
            .await
            .expect(200)
            .at("/data");
        assert_eq!(ids(list.as_array().expect("events")), ALL, "{rolled}");
        let one = app.get("/events/b-1~3?tenant_id=acme").await.expect(200);
        assert_eq!(
            (one.at("/id"), one.at("/tokens_in")),
            (json!("b-1~3"), json!(13))
        );
        for none in ["b-1~6", "b-1~", "b-1", "b-2~0", "b-1~03"] {
            app.get(&format!("/events/{none}?tenant_id=acme"))
                .await
                .expect(404);
        }
        let export = app
            .get("/usage/export?tenant_id=acme&format=jsonl")
            .await
            .expect(200);
        assert_eq!(export.text.lines().count(), 6, "{}", export.text);
        let task = app.get("/usage/tasks/t1?tenant_id=acme").await.expect(200);
        assert_eq!(task.at("/total_events"), 2, "{rolled}");
        assert_eq!(
            ids(task.at("/data").as_array().expect("events")),
            ["b-1~1", "b-1~4"]
        );
        let by = app
            .get("/usage?tenant_id=acme&task_id=t1&limit=1")
            .await
            .expect(200);
        assert_eq!(ids(by.at("/data").as_array().expect("events")), ["b-1~1"]);
        let cursor = by.at("/next_cursor");
        let next = format!(
            "/usage?tenant_id=acme&task_id=t1&limit=1&cursor={}",
            cursor.as_str().expect("a cursor")
        );
        let next = app.get(&next).await.expect(200);
        assert_eq!(ids(next.at("/data").as_array().expect("events")), ["b-1~4"]);
        assert_eq!(used(&app).await, (json!(6), json!(75)));
    }
}

#[tokio::test]
async fn one_is_voided_once_and_gives_back_what_it_took() {
    let app = TestApp::new().await;
    let grant = json!({ "id": "g1", "amount": "1.00", "currency": "USD" });
    app.post("/credits/acme", grant).await.expect(201);
    send(&app, &body()).await.expect(200);
    let left = async || {
        app.get("/credits/acme")
            .await
            .expect(200)
            .at("/grants/0/used")
    };
    assert_eq!(left().await, "0.003");
    for (number, id) in ["b-1~2", "b-1~2", "b-1~4"].into_iter().enumerate() {
        let path = format!("/events/{id}/void?tenant_id=acme");
        let reply = app.post(&path, json!({ "reason": "wrong" })).await;
        assert!(matches!(reply.status, 200 | 201), "{}", reply.text);
        let again = send(&app, &body()).await.expect(200);
        assert_eq!(statuses(&again), ["replayed"; 6].join(" "));
        assert_eq!(again.at("/results/2/voided"), true);
        assert_eq!(again.at("/results/4/voided"), number == 2);
        assert_eq!(again.at("/results/3/voided"), false);
    }
    assert_eq!(left().await, "0.002");
    let one = app.get("/events/b-1~2?tenant_id=acme").await.expect(200);
    assert_eq!(one.at("/voided"), true);
    assert_eq!(used(&app).await, (json!(4), json!(75 - 12 - 14)));
}

#[tokio::test]
async fn a_name_is_erased_from_them_and_they_are_purged_as_all_others() {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    send(&app, &body()).await.expect(200);
    roll_up(&app).await;
    let order = json!({ "tenant_id": "acme", "agent_id": "a1", "pseudonymise": true });
    let erased = app.post("/usage/purge", order).await.expect(200);
    assert_eq!(erased.at("/pseudonymised"), 3);
    let one = app.get("/events/b-1~1?tenant_id=acme").await.expect(200);
    assert_eq!(one.at("/agent_id"), erased.at("/pseudonym"));
    // It is still known as the batch that was sent.
    assert_eq!(
        statuses(&send(&app, &body()).await.expect(200)),
        ["replayed"; 6].join(" ")
    );
    app.clock.advance(40 * 86_400);
    let order = json!({ "tenant_id": "acme", "older_than_days": 35, "dry_run": false });
    assert_eq!(
        app.post("/usage/purge", order)
            .await
            .expect(200)
            .at("/removed"),
        6
    );
    let again = send(&app, &body()).await.expect(200);
    assert_eq!(statuses(&again), ["replayed"; 6].join(" "));
    assert_eq!(again.at("/results/0/cost"), Value::Null);
    assert!(again.text.contains("\"cost\":null"), "{}", again.text);
    app.get("/events/b-1~1?tenant_id=acme").await.expect(404);
    assert_eq!(used(&app).await.0, 6);
}
