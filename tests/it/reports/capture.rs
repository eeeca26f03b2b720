//! A capture books what was used, whatever happened since its hold was taken.

use super::{available, subscribed};
use super::{cap, capture, event, hold, hold_for, release, spend, standing, state, sweep, void};
use crate::given::{card_with, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// Before any hold.
const PAST: &str = "2026-11-22T00:00:00Z";

/// A version of a card in `currency` with two tiers.
fn priced(currency: &str, operations: Value) -> Value {
    let tiers = json!({ "standard": "1", "pro": "2" });
    json!({ "currency": currency, "tiers": tiers, "operations": operations })
}

/// Three units of `gen` at tier `pro`, held a minute ago at 2 `currency` each;
/// one EUR is 1.08 USD.
async fn held(currency: &str) -> TestApp {
    let app = TestApp::new().await;
    let dollars = json!({ "currency": "USD" });
    app.put("/tenants/acme", dollars).await.expect(200);
    let rates = json!({ "base": "USD", "rates": { "EUR": "1.08" } });
    app.put("/exchange-rates", rates).await.expect(200);
    card_with(
        &app,
        "c1",
        priced(currency, json!({ "gen": { "unit": "1" } })),
    )
    .await;
    card_with(
        &app,
        "c2",
        priced("USD", json!({ "other": { "unit": "1" } })),
    )
    .await;
    let estimate = json!({ "operation": "gen", "tier": "pro", "units": 3 });
    hold(&app, "h", estimate).await.expect(201);
    app.clock.advance(60);
    app
}

/// What takes the price of the hold away, or changes it: the currency of its
/// card, and the change.
fn changes() -> [(&'static str, &'static str, Value); 5] {
    let plain = json!({
        "currency": "USD", "effective_from": PAST, "tiers": { "standard": "1" },
        "operations": { "gen": { "unit": "1" } },
    });
    let dearer = json!({
        "currency": "USD", "effective_from": PAST, "tiers": { "standard": "1", "pro": "2" },
        "operations": { "gen": { "unit": "5" } },
    });
    let rates = |rates: Value| json!({ "base": "USD", "rates": rates, "effective_from": PAST });
    [
        (
            "USD",
            "/tenants/acme",
            json!({ "currency": "USD", "rate_cards": ["c2"] }),
        ),
        ("USD", "/rate-cards/c2?replace=true", plain),
        ("USD", "/rate-cards/c1?replace=true", dearer),
        ("EUR", "/exchange-rates", rates(json!({ "JPY": "0.0067" }))),
        ("EUR", "/exchange-rates", rates(json!({ "EUR": "2" }))),
    ]
}

/// A call that was admitted at a price has that price.
#[tokio::test]
async fn a_capture_is_priced_by_what_priced_its_hold_whatever_was_put_since() {
    for (currency, path, body) in changes() {
        for wait in [0, 3600] {
            let app = held(currency).await;
            app.put(path, body.clone()).await.expect(200);
            app.clock.advance(wait);
            let cost = if currency == "USD" { "4" } else { "4.32" };
            let captured = capture(&app, "h", json!({ "units": 2 })).await.expect(201);
            assert_eq!(captured.at("/cost"), cost, "{path} {body} {wait}");
            assert_eq!(
                captured.at("/rate_card"),
                json!({ "id": "c1", "version": 1 })
            );
            let total = app
                .get("/usage/summary?tenant_id=acme")
                .await
                .at("/total_cost");
            assert_eq!(
                (total, state(&app, "h").await),
                (json!(cost), json!("captured"))
            );
        }
    }
}

/// The provider may serve a call at another tier than was asked for.
#[tokio::test]
async fn a_tier_that_the_card_of_the_hold_lacks_is_priced_as_the_holds() {
    for is_put_since in [false, true] {
        let app = held("USD").await;
        if is_put_since {
            let gold = json!({
                "currency": "USD", "effective_from": PAST,
                "tiers": { "standard": "1", "pro": "2", "gold": "10" },
                "operations": { "gen": { "unit": "1" } },
            });
            app.put_card("c1", gold).await.expect(200);
        }
        let actual = json!({ "units": 2, "tier": "gold" });
        let captured = capture(&app, "h", actual).await.expect(201);
        assert_eq!(captured.at("/cost"), "4");
        let warning = json!({ "code": "unknown_tier", "limit": null, "tier": "gold" });
        assert_eq!(captured.at("/warnings"), json!([warning]));
    }
}

/// A hold of 3 of the tenant's 5, whose minute is over.
async fn overdue(is_swept: bool) -> TestApp {
    let app = TestApp::new().await;
    app.limit("acme", json!([cap("5")])).await;
    hold_for(&app, "h", 60, json!({ "cost_override": "3" }))
        .await
        .expect(201);
    app.clock.advance(60);
    if is_swept {
        sweep(&app).await;
    }
    app
}

/// A slow call was made and paid for, though its hold ended before it did.
#[tokio::test]
async fn a_capture_after_expiry_is_booked_unguarded_and_says_that_it_is_late() {
    for is_swept in [false, true] {
        let app = overdue(is_swept).await;
        spend(&app, "5", json!({ "id": "e" })).await.expect(201);
        let late = capture(&app, "h", json!({ "cost_override": "2" }))
            .await
            .expect(201);
        let told = ["late", "replayed", "cost"].map(|field| late.at(&format!("/{field}")));
        assert_eq!(
            told,
            [json!(true), json!(false), json!("2")],
            "swept: {is_swept}"
        );
        assert_eq!(standing(&app).await, json!(["7", "0"]), "swept: {is_swept}");
        assert_eq!(state(&app, "h").await, "captured");
        assert_eq!(
            app.get("/events/h?tenant_id=acme")
                .await
                .expect(200)
                .at("/cost"),
            "2"
        );
        let total = app
            .get("/usage/summary?tenant_id=acme")
            .await
            .at("/total_cost");
        assert_eq!(total, "7");
    }
}

/// A client that lost the answer asks again.
#[tokio::test]
async fn a_late_capture_is_booked_once_and_another_body_is_refused() {
    for is_swept in [false, true] {
        let app = overdue(is_swept).await;
        let actual = json!({ "cost_override": "2" });
        capture(&app, "h", actual.clone()).await.expect(201);
        app.clock.advance(3600);
        let again = capture(&app, "h", actual).await.expect(200);
        assert_eq!(
            (again.at("/replayed"), again.at("/late")),
            (json!(true), json!(true))
        );
        let other = capture(&app, "h", json!({ "cost_override": "1" })).await;
        refused(&other, 409, "hold_closed");
        assert_eq!(standing(&app).await, json!(["2", "0"]));
    }
}

/// `late` tells nothing unless it is false otherwise.
#[tokio::test]
async fn a_capture_in_time_is_not_late() {
    let app = TestApp::new().await;
    hold_for(&app, "h", 60, json!({ "cost_override": "3" }))
        .await
        .expect(201);
    app.clock.advance(59);
    let captured = capture(&app, "h", json!({ "cost_override": "2" }))
        .await
        .expect(201);
    assert_eq!(captured.at("/late"), false);
}

/// A job may be told of weeks after its hold ended.
#[tokio::test]
async fn a_hold_can_be_captured_for_35_days_after_its_expiry() {
    let app = overdue(true).await;
    app.clock.set("2026-12-27T09:00:00Z");
    let late = capture(&app, "h", json!({ "cost_override": "2" }))
        .await
        .expect(201);
    assert_eq!(
        (late.at("/late"), late.at("/cost")),
        (json!(true), json!("2"))
    );
    assert_eq!(late.at("/timestamp"), "2026-11-22T10:00:00Z");
}

/// What others drew meanwhile is theirs.
#[tokio::test]
async fn a_late_capture_draws_the_credit_that_is_left() {
    for (spent, left, uncovered) in [("5", "0", "2"), ("4", "0", "1"), ("1", "2", "0")] {
        let app = subscribed(json!({ "allowance": "5" })).await;
        hold_for(&app, "h", 60, json!({ "cost_override": "3" }))
            .await
            .expect(201);
        app.clock.advance(60);
        spend(&app, spent, json!({})).await.expect(201);
        capture(&app, "h", json!({ "cost_override": "2" }))
            .await
            .expect(201);
        assert_eq!(available(&app).await, left, "{spent}");
        let credit = app.get("/credits/acme").await.expect(200);
        assert_eq!(credit.at("/uncovered"), uncovered, "{spent}");
    }
}

/// Who released an open hold said that nothing was used.
#[tokio::test]
async fn a_release_closes_an_open_hold_and_changes_nothing_of_an_expired_one() {
    let app = overdue(false).await;
    hold(&app, "open", json!({ "cost_override": "1" }))
        .await
        .expect(201);
    for id in ["open", "h"] {
        release(&app, id).await.expect(200);
    }
    refused(
        &capture(&app, "open", json!({ "cost_override": "1" })).await,
        409,
        "hold_closed",
    );
    let late = capture(&app, "h", json!({ "cost_override": "2" }))
        .await
        .expect(201);
    assert_eq!(late.at("/late"), true);
    assert_eq!(standing(&app).await, json!(["2", "0"]));
}

/// Its capture could never be booked, so the call must not be made.
#[tokio::test]
async fn no_hold_is_taken_under_the_id_of_a_recorded_event() {
    let app = TestApp::new().await;
    app.limit("acme", json!([cap("5")])).await;
    spend(&app, "1", json!({ "id": "x" })).await.expect(201);
    spend(&app, "2", json!({ "id": "voided" }))
        .await
        .expect(201);
    void(&app, "voided").await.expect(201);
    for id in ["x", "voided"] {
        hold(&app, id, json!({ "cost_override": "3" }))
            .await
            .expect(409);
        let named = event(json!({ "id": id, "cost_override": "3" }));
        app.post("/holds", json!({ "event": named }))
            .await
            .expect(409);
        app.get(&format!("/holds/{id}?tenant_id=acme"))
            .await
            .expect(404);
    }
    assert_eq!(standing(&app).await, json!(["1", "0"]));
    // Its own event is no other's: the request that took it is a replay.
    hold(&app, "h", json!({ "cost_override": "1" }))
        .await
        .expect(201);
    capture(&app, "h", json!({ "cost_override": "1" }))
        .await
        .expect(201);
    let again = hold(&app, "h", json!({ "cost_override": "1" }))
        .await
        .expect(200);
    assert_eq!(again.at("/state"), "captured");
}
