//! `GET /usage/stats`: what is stored of a tenant.

use crate::given::{get_as, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

async fn stats(app: &TestApp) -> Value {
    app.get("/usage/stats?tenant_id=acme")
        .await
        .expect(200)
        .json()
}

fn expected(events: u64, [oldest, newest, last_rollup, last_purge]: [&str; 4]) -> Value {
    let or_null = |at: &str| {
        if at.is_empty() {
            Value::Null
        } else {
            json!(at)
        }
    };
    json!({
        "total_events": events, "oldest_timestamp": or_null(oldest), "newest_timestamp": or_null(newest), "retention_days": 400,
        "last_rollup": or_null(last_rollup), "last_purge": or_null(last_purge),
    })
}

#[tokio::test]
async fn of_nothing_there_is_nothing_to_tell() {
    let app = TestApp::new().await;
    assert_eq!(stats(&app).await, expected(0, [""; 4]));
    app.put("/tenants/acme", json!({ "retention_days": 90 }))
        .await
        .expect(200);
    let found = stats(&app).await;
    assert_eq!(
        (
            &found["total_events"],
            &found["oldest_timestamp"],
            &found["retention_days"]
        ),
        (&json!(0), &Value::Null, &json!(90))
    );
}

#[tokio::test]
async fn they_are_the_same_before_and_after_a_rollup_and_follow_a_purge() {
    let app = TestApp::new().await;
    for (at, timestamp) in [
        ("2026-11-22T10:00:00Z", "2026-10-20T00:00:00.5Z"),
        ("2026-11-22T12:00:00Z", "2026-11-22T12:05:00Z"),
        ("2026-12-20T08:00:00Z", "2026-12-01T00:00:00Z"),
    ] {
        app.clock.set(at);
        app.record("acme", json!({ "timestamp": timestamp }))
            .await
            .expect(201);
    }
    let (oldest, newest) = ("2026-10-20T00:00:00.5Z", "2026-12-01T00:00:00Z");
    assert_eq!(stats(&app).await, expected(3, [oldest, newest, "", ""]));
    app.service().roll_up_all().await.expect("a rollup");
    assert_eq!(
        stats(&app).await,
        expected(3, [oldest, newest, "2026-12-20T08:00:00Z", ""])
    );
    app.clock.set("2026-12-26T00:00:00Z");
    app.post(
        "/usage/purge",
        json!({ "tenant_id": "acme", "older_than_days": 35, "dry_run": true }),
    )
    .await
    .expect(200);
    let rolled = "2026-12-20T08:00:00Z";
    assert_eq!(stats(&app).await, expected(3, [oldest, newest, rolled, ""]));
    let rolled = "2026-12-26T00:00:00Z";
    app.post(
        "/usage/purge",
        json!({ "tenant_id": "acme", "older_than_days": 35 }),
    )
    .await
    .expect(200);
    assert_eq!(
        stats(&app).await,
        expected(2, ["2026-11-22T12:05:00Z", newest, rolled, rolled])
    );
    app.clock.set("2026-12-27T00:00:00Z");
    app.post(
        "/usage/purge",
        json!({ "tenant_id": "acme", "older_than_days": 35 }),
    )
    .await
    .expect(200);
    assert_eq!(
        stats(&app).await,
        expected(2, ["2026-11-22T12:05:00Z", newest, rolled, rolled]),
        "a purge of nothing is no purge"
    );
    app.clock.set("2027-03-01T00:00:00Z");
    app.post("/usage/purge", json!({ "older_than_days": 35 }))
        .await
        .expect(200);
    let end = "2027-03-01T00:00:00Z";
    assert_eq!(stats(&app).await, expected(0, ["", "", rolled, end]));
    assert_eq!(
        app.get("/usage/summary?tenant_id=acme")
            .await
            .expect(200)
            .at("/total_events"),
        3
    );
}

#[tokio::test]
async fn a_key_asks_about_its_own_tenant_and_for_no_part_of_it() {
    let app = TestApp::new().await;
    app.record("acme", json!({})).await.expect(201);
    let other = app.keys("other").await.read;
    assert_eq!(
        get_as(&app, &other, "/usage/stats")
            .await
            .expect(200)
            .at("/total_events"),
        0
    );
    refused(
        &get_as(&app, &other, "/usage/stats?tenant_id=acme").await,
        404,
        "not_found",
    );
    let problem = refused(&app.get("/usage/stats").await, 400, "invalid_request");
    assert_eq!(pointers(&problem), "?tenant_id");
    refused(
        &app.get("/usage/stats?tenant_id=acme&start=2026-11-22")
            .await,
        400,
        "invalid_request",
    );
}
