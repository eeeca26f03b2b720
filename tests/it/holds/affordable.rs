//! `max_affordable`: the output tokens that the money left pays for.

use super::{capture, event, hold, limited, shown, stands};
use crate::given::{card, merged, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

async fn affordable(app: &TestApp, id: &str, fields: Value) -> TestReply {
    app.post(
        "/holds",
        json!({ "id": id, "max_affordable": true, "event": event(fields) }),
    )
    .await
}

/// P29: 5 USD left, 0.002 a token each way, of 100,000 wanted.
#[tokio::test]
async fn a_hold_is_cut_to_what_the_money_left_pays_for_beyond_the_input() {
    let app = TestApp::new().await;
    card(
        &app,
        "ai",
        json!({ "gpt": { "token_in": "0.002", "token_out": "0.002" } }),
    )
    .await;
    app.limit("acme", json!([super::money("5")])).await;
    let taken = affordable(
        &app,
        "h1",
        json!({ "tokens_in": 500, "tokens_out": 100_000 }),
    )
    .await
    .expect(201);
    assert_eq!(
        (
            taken.at("/max_tokens_out"),
            taken.at("/tokens_out"),
            taken.at("/cost")
        ),
        (json!(2000), json!(2000), json!("5"))
    );
    let again = affordable(
        &app,
        "h1",
        json!({ "tokens_in": 500, "tokens_out": 100_000 }),
    )
    .await
    .expect(200);
    assert_eq!(
        (again.at("/max_tokens_out"), again.at("/replayed")),
        (json!(2000), json!(true))
    );
    assert_eq!(shown(&app, "h1").await.at("/tokens_out"), 2000);
    capture(&app, "h1", json!({ "tokens_in": 500, "tokens_out": 1999 }))
        .await
        .expect(201);
    // 0.002 is left: it pays for one token, in or out.
    let one = affordable(&app, "h2", json!({ "tokens_out": 9 }))
        .await
        .expect(201);
    assert_eq!(
        (one.at("/max_tokens_out"), one.at("/cost")),
        (json!(1), json!("0.002"))
    );
    let none = affordable(&app, "h3", json!({ "tokens_out": 9 })).await;
    let problem = refused(&none, 402, "budget_exceeded");
    let figures = ["hard", "used", "held", "remaining"].map(|of| &problem["violations"][0][of]);
    assert_eq!(figures, ["5", "4.998", "0.002", "0"]);
}

#[tokio::test]
async fn an_estimate_that_fits_is_held_as_it_is() {
    let app = limited().await;
    let taken = affordable(&app, "h1", json!({ "tokens_out": 300 }))
        .await
        .expect(201);
    assert_eq!(
        (taken.at("/max_tokens_out"), taken.at("/tokens_out")),
        (json!(1000), json!(300))
    );
    let next = affordable(&app, "h2", json!({ "tokens_out": 0 }))
        .await
        .expect(201);
    assert_eq!(
        (
            next.at("/max_tokens_out"),
            next.at("/tokens_out"),
            next.at("/cost")
        ),
        (json!(700), json!(0), json!("0"))
    );
    assert_eq!(stands(&app).await, json!([["0", "0.3"], [0, 300]]));
}

#[tokio::test]
async fn the_figure_is_exact_for_every_price_tier_and_limit() {
    for (price, tier, hard, wanted, most) in [
        (json!("0.001"), "standard", "1", 5000, 1000),
        (json!("0.001"), "enhanced", "1", 5000, 666),
        (
            json!({ "amount": "2.50", "per": 1_000_000 }),
            "standard",
            "1",
            900_000,
            400_000,
        ),
        (json!({ "amount": "1", "per": 3 }), "standard", "1", 9, 3),
        (
            json!({ "amount": "1", "per": 3 }),
            "standard",
            "0.999999",
            9,
            2,
        ),
        (
            json!({ "amount": "1", "per": 7 }),
            "deliberation",
            "1",
            9,
            2,
        ),
        (
            json!("0.000000000000001"),
            "standard",
            "0.000001",
            2_000_000_000,
            1_000_000_000,
        ),
    ] {
        let app = TestApp::new().await;
        card(&app, "ai", json!({ "gpt": { "token_out": price } })).await;
        let tenant = json!({ "id": "t", "scope": "tenant", "measure": "spend", "window": "total", "hard": "99", "currency": "USD" });
        app.limit("acme", json!([super::money(hard), tenant])).await;
        let taken = affordable(&app, "h1", json!({ "tokens_out": wanted, "tier": tier }))
            .await
            .expect(201);
        assert_eq!(
            (taken.at("/max_tokens_out"), taken.at("/tokens_out")),
            (json!(most), json!(most)),
            "{price} {tier} {hard}"
        );
    }
}

#[tokio::test]
async fn without_a_limit_or_a_price_money_bounds_nothing() {
    let app = TestApp::new().await;
    card(
        &app,
        "ai",
        json!({ "gpt": { "token_out": "0.001" }, "free": { "unit": "0" } }),
    )
    .await;
    assert_eq!(
        affordable(&app, "h1", json!({ "tokens_out": 9 }))
            .await
            .expect(201)
            .at("/max_tokens_out"),
        Value::Null
    );
    app.post("/holds/h1/release", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    app.limit("acme", json!([super::money("0")])).await;
    let free = affordable(&app, "h2", json!({ "tokens_out": 9, "operation": "free" }))
        .await
        .expect(201);
    assert_eq!(
        (free.at("/max_tokens_out"), free.at("/tokens_out")),
        (Value::Null, json!(9))
    );
    // Money that is there does not help against another limit.
    app.limit("acme", json!([super::money("1"), super::tokens(5)]))
        .await;
    refused(
        &affordable(&app, "h3", json!({ "tokens_out": 9 })).await,
        429,
        "usage_limit_exceeded",
    );
}

#[tokio::test]
async fn money_of_holds_that_are_over_is_counted_in() {
    let app = limited().await;
    hold(&app, "h1", 900).await.expect(201);
    assert_eq!(
        affordable(&app, "h2", json!({ "tokens_out": 500 }))
            .await
            .expect(201)
            .at("/tokens_out"),
        100
    );
    app.clock.advance(600);
    assert_eq!(
        affordable(&app, "h3", json!({ "tokens_out": 500 }))
            .await
            .expect(201)
            .at("/max_tokens_out"),
        1000
    );
    assert_eq!(stands(&app).await, json!([["0", "0.5"], [0, 500]]));
}

#[tokio::test]
async fn a_soft_limit_that_blocks_bounds_as_a_hard_one() {
    let app = limited().await;
    let soft = merged(
        super::money("1"),
        json!({ "soft": "0.25", "soft_mode": "block" }),
    );
    app.limit("acme", json!([soft])).await;
    assert_eq!(
        affordable(&app, "h1", json!({ "tokens_out": 500 }))
            .await
            .expect(201)
            .at("/tokens_out"),
        250
    );
}
