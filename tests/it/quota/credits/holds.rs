//! Holds hold credit: what is free can be held, and what a hold did not cost comes back.

use super::{grant, spend, stands, with_allowance};
use crate::given::refused;
use serde_json::json;
use tollgate_tests::{TestApp, TestReply};

async fn hold(app: &TestApp, id: &str, cost: &str) -> TestReply {
    let event = json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": cost });
    app.post(
        "/holds",
        json!({ "id": id, "event": event, "ttl_seconds": 600 }),
    )
    .await
}

async fn capture(app: &TestApp, id: &str, cost: &str) -> TestReply {
    app.post(
        &format!("/holds/{id}/capture"),
        json!({ "event": { "tenant_id": "acme", "cost_override": cost } }),
    )
    .await
}

#[tokio::test]
async fn a_hold_holds_credit_and_what_ends_it_gives_back_what_it_did_not_cost() {
    let app = with_allowance("10").await;
    grant(&app, "g", "20", json!({})).await;
    hold(&app, "h1", "15").await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 0/10 granted 20 used 0 held 5 expired 0 available 15 uncovered 0 g=0"
    );
    // P19: a hold larger than what is left is refused, and nothing moves.
    refused(&hold(&app, "h2", "15.01").await, 402, "budget_exceeded");
    capture(&app, "h1", "12").await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 20 used 2 held 0 expired 0 available 18 uncovered 0 g=2"
    );
    hold(&app, "h3", "18").await.expect(201);
    app.post("/holds/h3/release", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    app.post("/holds/h3/release", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 20 used 2 held 0 expired 0 available 18 uncovered 0 g=2"
    );
    // P28: the second waits for what the first holds, until its time is over.
    hold(&app, "h4", "18").await.expect(201);
    refused(&hold(&app, "h5", "1").await, 402, "budget_exceeded");
    refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    app.clock.advance(601);
    spend(&app, "1", json!({})).await.expect(201);
    hold(&app, "h5", "17").await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 20 used 3 held 17 expired 0 available 0 uncovered 0 g=3"
    );
}

#[tokio::test]
async fn a_capture_above_its_hold_draws_what_there_is_and_the_rest_is_uncovered() {
    let app = with_allowance("4").await;
    grant(&app, "g", "3", json!({})).await;
    hold(&app, "h", "2").await.expect(201);
    capture(&app, "h", "9.5").await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 4/4 granted 3 used 3 held 0 expired 0 available 0 uncovered 2.5 g=3"
    );
}

#[tokio::test]
async fn a_hold_can_be_cut_to_what_credit_pays_for() {
    let app = with_allowance("0.05").await;
    let price = json!({ "token_in": "0.00001", "token_out": "0.00002" });
    app.put_card(
        "ai",
        json!({ "currency": "USD", "tiers": { "standard": "1" }, "operations": { "llm": price } }),
    )
    .await
    .expect(200);
    // P29: 0.05 less 1,000 input tokens pays for 2,000 output tokens.
    let event = json!({ "tenant_id": "acme", "operation": "llm", "tokens_in": 1000, "tokens_out": 100_000 });
    let reply = app
        .post(
            "/holds",
            json!({ "id": "h", "event": event, "max_affordable": true }),
        )
        .await
        .expect(201);
    assert_eq!(
        (reply.at("/max_tokens_out"), reply.at("/cost")),
        (json!(2000), json!("0.05"))
    );
}

#[tokio::test]
async fn a_hold_is_cut_to_what_is_free_once_holds_that_are_over_are_freed() {
    let app = with_allowance("10").await;
    let price = json!({ "token_out": "0.001" });
    app.put_card(
        "ai",
        json!({ "currency": "USD", "tiers": { "standard": "1" }, "operations": { "llm": price } }),
    )
    .await
    .expect(200);
    let llm = |id: &str, tokens: u64| json!({ "id": id, "event": { "tenant_id": "acme", "operation": "llm", "tokens_out": tokens }, "max_affordable": true });
    app.post("/holds", llm("h1", 8000)).await.expect(201);
    app.clock.advance(601);
    assert_eq!(
        app.post("/holds", llm("h2", 5000))
            .await
            .expect(201)
            .at("/tokens_out"),
        5000
    );
}
