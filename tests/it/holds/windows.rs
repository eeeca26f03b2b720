//! A hold settles into the windows that it was taken in.

use super::{capture, event, hold, limited, release, stands, sweep};
use serde_json::json;

#[tokio::test]
async fn taken_before_midnight_and_captured_after_it_counts_in_the_day_before() {
    let app = limited().await;
    app.clock.set("2026-11-22T23:59:59.999999999Z");
    hold(&app, "h1", 300).await.expect(201);
    app.clock.set("2026-11-23T00:05:00Z");
    assert_eq!(
        stands(&app).await,
        json!([["0", "0"], [0, 0]]),
        "the new day holds nothing"
    );
    let captured = capture(&app, "h1", json!({ "tokens_out": 200 }))
        .await
        .expect(201);
    assert_eq!(captured.at("/timestamp"), "2026-11-22T23:59:59.999999999Z");
    assert_eq!(stands(&app).await, json!([["0", "0"], [0, 0]]));
    let before = app
        .post(
            "/check",
            event(json!({ "timestamp": "2026-11-22T12:00:00Z" })),
        )
        .await
        .expect(200);
    assert_eq!(
        (before.at("/limits/0/used"), before.at("/limits/0/held")),
        (json!("0.2"), json!("0"))
    );
    let day = app
        .get("/usage/aggregate?tenant_id=acme&group_by=day")
        .await
        .expect(200);
    assert_eq!(
        (day.at("/data/0/key"), day.at("/data/0/total_tokens")),
        (json!("2026-11-22"), json!(200))
    );
}

#[tokio::test]
async fn release_and_expiry_free_the_window_of_the_hold() {
    let app = limited().await;
    app.clock.set("2026-11-22T23:59:00Z");
    hold(&app, "h1", 300).await.expect(201);
    hold(&app, "h2", 300).await.expect(201);
    app.clock.set("2026-11-23T00:00:00Z");
    hold(&app, "h3", 1000).await.expect(201);
    release(&app, "h1").await.expect(200);
    app.clock.set("2026-11-23T00:09:00Z");
    assert_eq!(sweep(&app).await, 1);
    assert_eq!(stands(&app).await, json!([["0", "1"], [0, 1000]]));
    let before = app
        .post(
            "/check",
            event(json!({ "timestamp": "2026-11-22T12:00:00Z" })),
        )
        .await
        .expect(200);
    assert_eq!(
        (before.at("/limits/0/used"), before.at("/limits/0/held")),
        (json!("0"), json!("0"))
    );
}

#[tokio::test]
async fn an_ended_hold_is_forgotten_only_with_its_event() {
    let open = crate::given::Open::new();
    let app = &open.app;
    super::limit(app).await;
    for id in ["captured", "released", "expired"] {
        hold(app, id, 1).await.expect(201);
    }
    let ttl = |pk: &str| {
        let items = open.dump();
        let (_, attrs) = items
            .into_iter()
            .find(|(key, _)| key.pk == pk)
            .expect("an item");
        attrs
            .get(tollgate_core::table::TTL)
            .and_then(tollgate_core::Value::as_number)
    };
    assert_eq!(
        ttl("T|acme|H|captured"),
        None,
        "an open one is never forgotten"
    );
    capture(app, "captured", json!({})).await.expect(201);
    release(app, "released").await.expect(200);
    app.clock.advance(600);
    sweep(app).await;
    let kept = 401 * 86_400;
    let at = i128::from(app.service().now().unix_seconds());
    assert_eq!(
        [
            ttl("T|acme|H|captured"),
            ttl("T|acme|I|captured"),
            ttl("T|acme|H|released")
        ],
        [Some(at - 600 + kept); 3]
    );
    assert_eq!(ttl("T|acme|H|expired"), Some(at + kept));
}
