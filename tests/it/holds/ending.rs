//! Release, extension, expiry.

use super::{capture, event, extend, hold, limited, release, shown, stands, sweep};
use crate::given::{Open, refused};
use serde_json::{Value, json};

const NOTHING: fn() -> Value = || json!([["0", "0"], [0, 0]]);

#[tokio::test]
async fn a_release_gives_everything_back_and_is_safe_to_repeat() {
    let app = limited().await;
    hold(&app, "h1", 1000).await.expect(201);
    hold(&app, "h2", 1).await.expect(402);
    let released = release(&app, "h1").await.expect(200).json();
    assert_eq!(
        (&released["state"], &released["ended_at"]),
        (&json!("released"), &json!("2026-11-22T10:00:00Z"))
    );
    assert_eq!(stands(&app).await, NOTHING());
    app.clock.advance(100_000);
    assert_eq!(release(&app, "h1").await.expect(200).json(), released);
    refused(&release(&app, "none").await, 404, "not_found");
}

#[tokio::test]
async fn a_captured_hold_is_neither_released_nor_extended() {
    let app = limited().await;
    hold(&app, "h1", 10).await.expect(201);
    capture(&app, "h1", json!({ "tokens_out": 10 }))
        .await
        .expect(201);
    assert_eq!(
        refused(&release(&app, "h1").await, 409, "hold_closed")["state"],
        "captured"
    );
    assert_eq!(
        refused(&extend(&app, "h1", 60).await, 409, "hold_closed")["state"],
        "captured"
    );
    app.clock.advance(1000);
    assert_eq!(sweep(&app).await, 0);
    assert_eq!(stands(&app).await, json!([["0.01", "0"], [10, 0]]));
}

#[tokio::test]
async fn a_hold_is_open_until_the_instant_of_its_expiry() {
    for (wait, state) in [(599, "open"), (600, "expired"), (601, "expired")] {
        let app = limited().await;
        hold(&app, "h1", 10).await.expect(201);
        app.clock.advance(wait);
        assert_eq!(shown(&app, "h1").await.expect(200).at("/state"), state);
        let captured = capture(&app, "h1", json!({ "tokens_out": 1 })).await;
        assert_eq!(captured.expect(201).at("/late"), state == "expired");
        assert_eq!(stands(&app).await, json!([["0.001", "0"], [1, 0]]));
    }
}

#[tokio::test]
async fn what_expired_stays_so_when_clocks_step_back() {
    let app = limited().await;
    hold(&app, "h1", 10).await.expect(201);
    app.clock.advance(600);
    assert_eq!(sweep(&app).await, 1);
    app.clock.advance(-300);
    refused(&extend(&app, "h1", 60).await, 409, "hold_closed");
    assert_eq!(shown(&app, "h1").await.at("/state"), "expired");
    assert_eq!(
        release(&app, "h1").await.expect(200).at("/state"),
        "expired"
    );
}

#[tokio::test]
async fn the_sweep_frees_what_is_over_and_nothing_else() {
    let open = Open::new();
    let app = &open.app;
    super::limit(app).await;
    for (id, ttl) in [("h1", 60), ("h2", 120), ("h3", 600)] {
        app.post(
            "/holds",
            json!({ "id": id, "ttl_seconds": ttl, "event": event(json!({ "tokens_out": 100 })) }),
        )
        .await
        .expect(201);
    }
    app.clock.advance(120);
    assert_eq!(sweep(app).await, 2);
    assert_eq!(stands(app).await, json!([["0", "0.1"], [0, 100]]));
    assert_eq!(
        shown(app, "h1").await.at("/ended_at"),
        "2026-11-22T10:02:00Z"
    );
    let swept = open.dump();
    assert_eq!(sweep(app).await, 0);
    assert_eq!(open.dump(), swept, "a second sweep writes nothing");
    let unknown = tollgate_purge::scheduled(&app.app, &json!({ "action": "expire" })).await;
    assert!(unknown.unwrap_err().contains("expire_holds"));
}

#[tokio::test]
async fn a_limit_that_would_deny_frees_what_is_over_first() {
    let app = limited().await;
    hold(&app, "h1", 1000).await.expect(201);
    app.clock.advance(599);
    refused(&hold(&app, "h2", 1000).await, 402, "budget_exceeded");
    app.clock.advance(1);
    hold(&app, "h2", 1000).await.expect(201);
    app.clock.advance(600);
    app.record("acme", event(json!({ "id": "e1", "tokens_out": 1000 })))
        .await
        .expect(201);
    assert_eq!(stands(&app).await, json!([["1", "0"], [1000, 0]]));
    assert_eq!(
        [
            shown(&app, "h1").await.at("/state"),
            shown(&app, "h2").await.at("/state")
        ],
        ["expired", "expired"]
    );
}

#[tokio::test]
async fn a_batch_frees_what_is_over_too() {
    let app = limited().await;
    hold(&app, "h1", 900).await.expect(201);
    app.clock.advance(600);
    let events: Vec<Value> = (0..20)
        .map(|i| event(json!({ "id": format!("b{i}"), "tokens_out": 60 })))
        .collect();
    let batch = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(
        (batch.at("/recorded"), batch.at("/rejected")),
        (json!(16), json!(4))
    );
}

#[tokio::test]
async fn an_extension_moves_the_expiry_and_never_back() {
    let app = limited().await;
    hold(&app, "h1", 1000).await.expect(201);
    app.clock.advance(300);
    assert_eq!(
        extend(&app, "h1", 600).await.expect(200).at("/expires_at"),
        "2026-11-22T10:15:00Z"
    );
    assert_eq!(
        extend(&app, "h1", 600).await.expect(200).at("/expires_at"),
        "2026-11-22T10:15:00Z"
    );
    assert_eq!(
        extend(&app, "h1", 1).await.expect(200).at("/expires_at"),
        "2026-11-22T10:15:00Z"
    );
    app.clock.advance(599);
    assert_eq!(sweep(&app).await, 0);
    refused(&hold(&app, "h2", 1).await, 402, "budget_exceeded");
    app.clock.advance(1);
    refused(&extend(&app, "h1", 600).await, 409, "hold_closed");
    assert_eq!(stands(&app).await, NOTHING());
}

#[tokio::test]
async fn a_hold_lives_at_most_30_days_however_often_it_is_extended() {
    let app = limited().await;
    hold(&app, "h1", 1).await.expect(201);
    app.clock.advance(590);
    for _ in 0..30 {
        extend(&app, "h1", 86_400).await.expect(200);
        app.clock.advance(86_300);
    }
    assert_eq!(
        extend(&app, "h1", 86_400)
            .await
            .expect(200)
            .at("/expires_at"),
        "2026-12-22T10:00:00Z"
    );
    app.clock.set("2026-12-22T10:00:00Z");
    refused(&extend(&app, "h1", 86_400).await, 409, "hold_closed");
}
