//! Refunds: what a voided event drew goes back to where it was drawn from.

use super::{grant, spend, stands, with_allowance};
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_refund_goes_back_to_where_the_cost_was_drawn_from() {
    let app = with_allowance("1").await;
    grant(&app, "a", "2", json!({})).await;
    app.clock.advance(1);
    grant(&app, "b", "5", json!({})).await;
    spend(&app, "6", json!({ "id": "e1" })).await.expect(201);
    assert!(
        stands(&app)
            .await
            .starts_with("allowance 1/1 granted 7 used 5 held 0 expired 0 available 2")
    );
    for status in [201, 200] {
        app.post("/events/e1/void", json!({ "tenant_id": "acme" }))
            .await
            .expect(status);
        assert_eq!(
            stands(&app).await,
            "allowance 0/1 granted 7 used 0 held 0 expired 0 available 8 uncovered 0 a=0 b=0"
        );
    }
    // What was used beyond all credit is taken back from there.
    let observed = json!({ "id": "e2", "tenant_id": "acme", "operation": "agent_message", "cost_override": "9" });
    app.post("/events?mode=observe", observed).await.expect(201);
    assert!(stands(&app).await.contains("available 0 uncovered 1 "));
    app.post("/events/e2/void", json!({ "tenant_id": "acme" }))
        .await
        .expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 0/1 granted 7 used 0 held 0 expired 0 available 8 uncovered 0 a=0 b=0"
    );
}

#[tokio::test]
async fn a_refund_of_a_used_up_grant_can_be_drawn_again() {
    let app = TestApp::new().await;
    grant(&app, "a", "2", json!({})).await;
    spend(&app, "2", json!({ "id": "e1" })).await.expect(201);
    grant(&app, "b", "1", json!({})).await;
    app.post("/events/e1/void", json!({ "tenant_id": "acme" }))
        .await
        .expect(201);
    spend(&app, "2", json!({})).await.expect(201);
    assert!(stands(&app).await.ends_with("a=2 b=0"));
    // What comes back after the grant's time is lost.
    grant(
        &app,
        "c",
        "4",
        json!({ "priority": 0, "expires_at": "2026-11-22T11:00:00Z" }),
    )
    .await;
    spend(&app, "4", json!({ "id": "e3" })).await.expect(201);
    app.clock.set("2026-11-22T11:00:00Z");
    app.post("/events/e3/void", json!({ "tenant_id": "acme" }))
        .await
        .expect(201);
    assert!(stands(&app).await.contains("expired 4 available 1 "));
}

#[tokio::test]
async fn a_refund_is_answered_though_there_is_no_room_for_its_grant() {
    let app = TestApp::new().await;
    grant(&app, "a", "1", json!({ "priority": 0 })).await;
    spend(&app, "1", json!({ "id": "e1" })).await.expect(201);
    for n in 0..50 {
        grant(&app, &format!("n{n}"), "1", json!({})).await;
    }
    app.post("/events/e1/void", json!({ "tenant_id": "acme" }))
        .await
        .expect(201);
    app.post("/events/e1/void", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    spend(&app, "1", json!({})).await.expect(201);
    assert!(stands(&app).await.contains("available 49 "));
    let all = app.get("/credits/acme/grants").await.expect(200);
    assert_eq!(
        (
            all.at("/count"),
            all.at("/data/0/id"),
            all.at("/data/0/remaining")
        ),
        (json!(51), json!("a"), json!("1"))
    );
}
