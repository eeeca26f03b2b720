//! The ways in which models are priced, from the event to the bill.

use super::{bill, cost};
use crate::given::{card, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

fn million(amount: &str) -> Value {
    json!({ "amount": amount, "per": 1_000_000 })
}

async fn priced() -> TestApp {
    let app = TestApp::new().await;
    let claude = json!({
        "token_in": million("3"), "cached_token_in": million("0.30"), "cache_write_token_in": million("3.75"),
        "cache_write_1h_token_in": million("6"), "token_out": million("15"), "search": { "amount": "10", "per": 1000 },
        "over": [{ "tokens_in": 200_000, "token_in": million("6"), "token_out": million("22.50") }],
        "tiers": { "batch": "0.5", "priority": { "token_in": million("4.5"), "token_out": million("22.5") } },
    });
    card(&app, "ai", json!({ "claude": claude, "fax": { "packages": { "size": 1000, "price": "2" }, "minimum": "5" } })).await;
    app
}

#[tokio::test]
async fn an_event_costs_what_its_parts_its_size_and_its_tier_say() {
    let app = priced().await;
    let claude = |fields: Value| crate::given::merged(json!({ "operation": "claude" }), fields);
    for (event, expected) in [
        (
            claude(
                json!({ "tokens_in": 12_307, "cache_write_tokens_in": 12_304, "tokens_out": 550 }),
            ),
            "0.054399",
        ),
        (
            claude(json!({ "tokens_in": 1000, "cache_write_1h_tokens_in": 1000 })),
            "0.006",
        ),
        (
            claude(json!({ "tokens_out": 200, "reasoning_tokens_out": 150 })),
            "0.003",
        ),
        (claude(json!({ "searches": 3 })), "0.03"),
        (claude(json!({ "tokens_in": 200_000 })), "0.6"),
        (claude(json!({ "tokens_in": 200_001 })), "1.200006"),
        (
            claude(json!({ "tokens_in": 1000, "tier": "batch" })),
            "0.0015",
        ),
        (
            claude(json!({ "tokens_in": 1000, "tier": "priority" })),
            "0.0045",
        ),
        (json!({ "operation": "fax", "units": 250 }), "0.5"),
    ] {
        assert_eq!(cost(&app, event.clone()).await, expected, "{event}");
    }
    let overfull =
        claude(json!({ "tokens_in": 10, "cached_tokens_in": 6, "cache_write_tokens_in": 5 }));
    let problem = refused(&app.record("acme", overfull).await, 422, "invalid_event");
    assert_eq!(pointers(&problem), "/tokens_in");
}

/// From events, whether they are read or folded into rollups.
#[tokio::test]
async fn a_bill_has_a_line_for_each_size_and_asks_for_packages_and_minimums() {
    let app = priced().await;
    for (id, fields) in [
        (
            "small",
            json!({ "operation": "claude", "tokens_in": 100_000, "cached_tokens_in": 40_000 }),
        ),
        (
            "large",
            json!({ "operation": "claude", "tokens_in": 300_000, "tokens_out": 1000 }),
        ),
        ("fax", json!({ "operation": "fax", "units": 1001 })),
    ] {
        let event = crate::given::merged(
            fields,
            json!({ "id": id, "timestamp": "2026-11-22T09:00:00Z" }),
        );
        app.record("acme", event).await.expect(201);
    }
    let read = bill(&app).await.at("/line_items");
    app.clock.advance(3 * 3600);
    app.service().roll_up_all().await.expect("a rollup");
    let rolled = bill(&app).await;
    assert_eq!(rolled.at("/line_items"), read);
    let lines = read.as_array().expect("lines").iter().map(|line| {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        (
            text("component"),
            line["over"].as_u64(),
            line["quantity"].as_i64(),
            text("gross"),
        )
    });
    let line = |component: &str, over, quantity, gross: &str| {
        (component.to_owned(), over, Some(quantity), gross.to_owned())
    };
    let expected = [
        line("token_in", None, 60_000, "0.18"),
        line("cached_token_in", None, 40_000, "0.012"),
        line("token_in", Some(200_001), 300_000, "1.8"),
        line("token_out", Some(200_001), 1000, "0.0225"),
        line("package", None, 2, "4"),
        line("minimum", None, 1, "1"),
    ];
    assert_eq!(lines.collect::<Vec<_>>(), expected);
    assert_eq!(rolled.at("/subtotal_exact"), "7.0145");
}

#[tokio::test]
async fn what_is_observed_without_a_price_is_recorded_at_nothing_and_named() {
    let app = TestApp::new().await;
    card(&app, "ai", json!({ "half": { "token_in": million("1") } })).await;
    for (event, pointer) in [
        (json!({ "operation": "unknown" }), "/operation"),
        (json!({ "operation": "half", "tier": "gold" }), "/tier"),
        (
            json!({ "operation": "half", "tokens_out": 5 }),
            "/tokens_out",
        ),
    ] {
        let refused = refused(
            &app.record("acme", event.clone()).await,
            422,
            "invalid_event",
        );
        assert_eq!(pointers(&refused), pointer);
        let event = crate::given::merged(json!({ "tenant_id": "acme" }), event);
        let observed = app.post("/events?mode=observe", event).await.expect(201);
        assert_eq!(
            (observed.at("/cost"), observed.at("/rate_card")),
            (json!("0"), json!(null))
        );
        assert_eq!(observed.at("/warnings/0/code"), "unpriced");
    }
    app.record(
        "acme",
        json!({ "operation": "half", "tokens_in": 1_000_000 }),
    )
    .await
    .expect(201);
    let unpriced = app
        .get("/usage?tenant_id=acme&unpriced=true")
        .await
        .expect(200);
    assert_eq!(unpriced.at("/count"), 3);
    assert_eq!(app.get("/usage?tenant_id=acme").await.at("/count"), 4);
    let bill = bill(&app).await;
    assert_eq!(
        (bill.at("/total_events"), bill.at("/subtotal")),
        (json!(4), json!("1.00"))
    );
    let lines = bill.at("/line_items");
    let unpriced = lines
        .as_array()
        .into_iter()
        .flatten()
        .filter(|line| line["component"] == "unpriced");
    assert_eq!(unpriced.count(), 3);
}

/// What was used is booked, whatever the hold's card has no price for, and told.
#[tokio::test]
async fn a_capture_without_a_price_is_booked_and_told() {
    let app = TestApp::new().await;
    card(&app, "ai", json!({ "half": { "token_in": "0.001" } })).await;
    let hold = |id: &str, event: Value| {
        let event = crate::given::merged(json!({ "tenant_id": "acme" }), event);
        app.post("/holds", json!({ "id": id, "event": event }))
    };
    hold("h1", json!({ "operation": "half", "tokens_in": 5 }))
        .await
        .expect(201);
    let used = json!({ "event": { "tenant_id": "acme", "operation": "half", "tokens_in": 1, "tokens_out": 9 } });
    for status in [201, 200] {
        let captured = app
            .post("/holds/h1/capture", used.clone())
            .await
            .expect(status);
        assert_eq!(captured.at("/cost"), "0.001");
        assert_eq!(captured.at("/warnings/0/code"), "unpriced");
    }
    // Held at a price of its own at a tier that nobody knows.
    let given = json!({ "operation": "half", "tier": "nope", "cost_override": "5" });
    hold("h2", given).await.expect(201);
    let used = json!({ "event": { "tenant_id": "acme", "operation": "half", "tier": "nope", "tokens_in": 1 } });
    let captured = app.post("/holds/h2/capture", used).await.expect(201);
    assert_eq!(
        (captured.at("/cost"), captured.at("/rate_card")),
        (json!("0"), json!(null))
    );
}

/// A price of its own is never dropped for the lack of a card's: it is refused, so that
/// whoever sends it knows.
#[tokio::test]
async fn a_price_of_its_own_is_never_recorded_as_nothing() {
    let app = TestApp::new().await;
    let later = json!({ "currency": "EUR", "effective_from": "2026-11-23T00:00:00Z",
        "operations": { "x": { "unit": "1" } } });
    app.put("/rate-cards/later", later).await.expect(200);
    app.put("/tenants/acme", json!({ "rate_cards": ["later"] }))
        .await
        .expect(200);
    let observe = async |fields: Value| {
        let event = json!({ "tenant_id": "acme", "operation": "x" });
        let event = crate::given::merged(event, fields);
        app.post("/events?mode=observe", event).await
    };
    refused(
        &observe(json!({ "cost_override": "5" })).await,
        422,
        "invalid_event",
    );
    // Without one it costs nothing, in the currency of the card that is to come.
    let nothing = observe(json!({})).await.expect(201);
    assert_eq!(
        (nothing.at("/cost"), nothing.at("/currency")),
        (json!("0"), json!("EUR"))
    );
    app.clock.advance(86_400);
    let own = observe(json!({ "cost_override": "5" })).await.expect(201);
    assert_eq!(own.at("/cost"), "5");
    assert_eq!(observe(json!({})).await.expect(201).at("/cost"), "1");
}
