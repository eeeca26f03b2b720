//! `GET /usage/tasks/{task_id}`.

use super::{fields, five};
use crate::given::{get_as, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_task_is_its_events_and_their_totals() {
    let app = TestApp::new().await;
    five(&app).await;
    let task = app.get("/usage/tasks/t1?tenant_id=acme").await.expect(200);
    let events = app
        .get("/usage?tenant_id=acme&task_id=t1")
        .await
        .expect(200);
    assert_eq!(task.at("/data"), events.at("/data"));
    assert_eq!(
        (task.at("/count"), task.at("/next_cursor")),
        (json!(2), Value::Null)
    );
    let names = [
        "task_id",
        "total_events",
        "total_tasks",
        "total_units",
        "total_tokens",
        "total_cost",
        "currency",
        "unique_agents",
    ];
    let expected = [
        json!("t1"),
        json!(2),
        json!(1),
        json!(2),
        json!(0),
        json!("0.001"),
        json!("USD"),
        json!(1),
    ];
    assert_eq!(fields(&task.json(), names), expected);
}

#[tokio::test]
async fn a_task_without_events_is_404() {
    let app = TestApp::new().await;
    five(&app).await;
    let other = app.keys("other").await.read;
    refused(
        &app.get("/usage/tasks/t9?tenant_id=acme").await,
        404,
        "not_found",
    );
    refused(
        &app.get("/usage/tasks/t1?tenant_id=other").await,
        404,
        "not_found",
    );
    refused(
        &get_as(&app, &other, "/usage/tasks/t1").await,
        404,
        "not_found",
    );
    refused(
        &get_as(&app, &other, "/usage/tasks/t1?tenant_id=acme").await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn a_task_with_a_slash_is_found_by_query() {
    let app = TestApp::new().await;
    five(&app).await;
    assert_eq!(super::listed(&app, "task_id=t/2").await, "d");
}

#[tokio::test]
async fn averages_are_per_task_with_six_digits() {
    let app = TestApp::new().await;
    for (id, tokens, millis) in [("e1", 1, 10), ("e2", 1, 0), ("e3", 3, 1)] {
        let event =
            json!({ "id": id, "task_id": "t1", "tokens_in": tokens, "duration_ms": millis });
        app.record("acme", event).await.expect(201);
    }
    let task = app.get("/usage/tasks/t1?tenant_id=acme").await.expect(200);
    let averages = fields(
        &task.json(),
        ["avg_tokens_per_task", "avg_duration_ms_per_task"],
    );
    assert_eq!(averages, [json!("5.000000"), json!("11.000000")]);
}

#[tokio::test]
async fn a_long_task_comes_in_parts_with_the_totals_of_all() {
    let app = TestApp::new().await;
    for n in 0..250 {
        app.record(
            "acme",
            json!({ "id": format!("e{n:03}"), "task_id": "t1", "tokens_in": 1 }),
        )
        .await
        .expect(201);
        app.clock.advance(i64::from(n % 3 == 0) * 60);
    }
    app.clock.advance(30 * 3600);
    app.service().roll_up_all().await.expect("a rollup");
    let (mut ids, mut path) = (
        Vec::new(),
        "/usage/tasks/t1?tenant_id=acme&limit=90".to_owned(),
    );
    loop {
        let part = app.get(&path).await.expect(200).json();
        assert_eq!(
            (
                &part["total_events"],
                &part["total_tasks"],
                &part["tokens_in"]
            ),
            (&json!(250), &json!(1), &json!(250))
        );
        let events = part["data"].as_array().expect("events");
        assert_eq!(part["count"], events.len());
        ids.extend(
            events
                .iter()
                .map(|event| event["id"].as_str().expect("an id").to_owned()),
        );
        let Some(cursor) = part["next_cursor"].as_str() else {
            break;
        };
        path = format!("/usage/tasks/t1?tenant_id=acme&limit=90&cursor={cursor}");
    }
    assert_eq!(
        ids,
        (0..250).map(|n| format!("e{n:03}")).collect::<Vec<_>>()
    );
    refused(
        &app.get("/usage/tasks/t2?tenant_id=acme&cursor=aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
            .await,
        400,
        "invalid_cursor",
    );
    // The list by task takes the same way, part by part.
    let (mut listed, mut path) = (
        Vec::new(),
        "/usage?tenant_id=acme&task_id=t1&limit=90".to_owned(),
    );
    loop {
        let part = app.get(&path).await.expect(200);
        listed.extend(super::ids(&part).split(' ').map(str::to_owned));
        let cursor = part.at("/next_cursor");
        let Some(cursor) = cursor.as_str() else { break };
        path = format!("/usage?tenant_id=acme&task_id=t1&limit=90&cursor={cursor}");
    }
    assert_eq!(listed, ids);
}
