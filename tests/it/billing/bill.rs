//! `GET /billing/{tenant_id}`: line by line, a function of events and cards.

use super::{bill, events};
use crate::given::{card, card_with, get_as, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

fn line(head: (&str, &str, &str, u64), count: u64, quantity: u64, figures: [&str; 4]) -> Value {
    let (operation, tier, component, version) = head;
    let [rate, gross, discount, amount] = figures;
    json!({
        "operation": operation, "tier": tier, "component": component, "over": null,
        "rate_card": { "id": if version == 0 { "default" } else { "ai" }, "version": version.max(1) },
        "exchange_rate": null, "count": count, "quantity": quantity, "rate": rate, "gross": gross,
        "discount": discount, "amount": amount,
    })
}

#[tokio::test]
async fn a_bill_has_a_line_for_each_operation_tier_and_component() {
    let app = TestApp::new().await;
    let prices = json!({
        "gpt-4o": { "token_in": "0.0000025", "token_out": "0.00001", "cached_token_in": "0.00000125", "api_call": "0.01" },
    });
    card(&app, "ai", prices).await;
    let call = json!({ "operation": "gpt-4o", "tokens_in": 1200, "cached_tokens_in": 200, "tokens_out": 300 });
    events(&app, "acme", 2, call.clone()).await;
    events(
        &app,
        "acme",
        1,
        crate::given::merged(call, json!({ "tier": "enhanced" })),
    )
    .await;
    events(&app, "acme", 3, json!({ "operation": "hitl_approval" })).await;
    let bill = bill(&app).await;
    let expected = json!({
        "tenant_id": "acme", "period_start": "2026-11-01T00:00:00Z", "period_end": "2026-12-01T00:00:00Z", "currency": "USD",
        "line_items": [
            line(("gpt-4o", "enhanced", "token_in", 1), 1, 1000, ["0.00000375", "0.00375", "0", "0.00"]),
            line(("gpt-4o", "enhanced", "cached_token_in", 1), 1, 200, ["0.000001875", "0.000375", "0", "0.00"]),
            line(("gpt-4o", "enhanced", "token_out", 1), 1, 300, ["0.000015", "0.0045", "0", "0.00"]),
            line(("gpt-4o", "standard", "token_in", 1), 2, 2000, ["0.0000025", "0.005", "0", "0.00"]),
            line(("gpt-4o", "standard", "cached_token_in", 1), 2, 400, ["0.00000125", "0.0005", "0", "0.00"]),
            line(("gpt-4o", "standard", "token_out", 1), 2, 600, ["0.00001", "0.006", "0", "0.01"]),
            line(("hitl_approval", "standard", "unit", 0), 3, 3, ["0.05", "0.15", "0", "0.15"]),
        ],
        "subtotal": "0.16", "subtotal_exact": "0.170125", "credits_applied": "0.00",
        "total": "0.16", "total_events": 6, "constitutional_hash": "cdd01ef066bc6cf2",
    });
    assert_eq!(bill.json(), expected);
}

#[tokio::test]
async fn the_bill_is_the_sum_of_its_events_before_rounding() {
    let app = TestApp::new().await;
    card(&app, "ai", json!({ "x": { "unit": { "amount": "0.1", "per": 8 }, "api_call": "0.001", "data_byte": "0.000000000000001" } }))
        .await;
    let mut units = 0_u64;
    for n in 0..40_u64 {
        let tier = if n % 2 == 0 { "standard" } else { "enterprise" };
        let event = json!({ "operation": "x", "units": n * 8, "api_calls": n % 5, "data_bytes": n * 1000, "tier": tier });
        events(&app, "acme", 1, event).await;
        units += n * 8;
    }
    let bill = bill(&app).await;
    let cost = app.get("/usage/acme").await.at("/total_cost");
    assert_eq!(bill.at("/subtotal_exact"), cost);
    assert_eq!(
        (
            bill.at("/total_events"),
            app.get("/usage/acme").await.at("/total_units")
        ),
        (json!(40), json!(units))
    );
}

#[tokio::test]
async fn each_line_is_rounded_once_half_even_to_the_minor_unit() {
    let app = TestApp::new().await;
    let operations = json!({ "a": { "unit": "0.005" }, "b": { "unit": "0.015" }, "c": { "unit": "0.025" }, "d": { "unit": "0.0050001" } });
    card(&app, "ai", operations).await;
    for operation in ["a", "b", "c", "d"] {
        events(&app, "acme", 1, json!({ "operation": operation })).await;
    }
    let bill = bill(&app).await;
    let amounts = [0, 1, 2, 3].map(|n| bill.at(&format!("/line_items/{n}/amount")));
    assert_eq!(
        amounts,
        [json!("0.00"), json!("0.02"), json!("0.02"), json!("0.01")]
    );
    assert_eq!(
        (bill.at("/subtotal"), bill.at("/subtotal_exact")),
        (json!("0.05"), json!("0.0500001"))
    );
}

#[tokio::test]
async fn every_currency_has_its_own_minor_unit() {
    for (currency, amount, subtotal) in [
        ("JPY", "2", "2"),
        ("USD", "1.50", "1.50"),
        ("KWD", "1.500", "1.500"),
        ("CLF", "1.5000", "1.5000"),
    ] {
        let app = TestApp::new().await;
        card_with(
            &app,
            "ai",
            json!({ "currency": currency, "operations": { "x": { "unit": "1.5" } } }),
        )
        .await;
        events(&app, "acme", 1, json!({ "operation": "x" })).await;
        let bill = bill(&app).await;
        let figures = [
            bill.at("/line_items/0/amount"),
            bill.at("/subtotal"),
            bill.at("/total"),
            bill.at("/currency"),
        ];
        assert_eq!(
            figures,
            [
                json!(amount),
                json!(subtotal),
                json!(subtotal),
                json!(currency)
            ]
        );
    }
}

#[tokio::test]
async fn an_override_is_a_line_of_its_own_without_a_rate() {
    let app = TestApp::new().await;
    events(
        &app,
        "acme",
        2,
        json!({ "operation": "hitl_approval", "cost_override": "0.0075" }),
    )
    .await;
    events(&app, "acme", 1, json!({ "operation": "hitl_approval" })).await;
    let bill = bill(&app).await;
    let override_line = bill
        .at("/line_items")
        .as_array()
        .expect("lines")
        .iter()
        .find(|line| line["component"] == "override")
        .cloned();
    let expected = json!({
        "operation": "hitl_approval", "tier": "standard", "component": "override", "over": null, "rate_card": { "id": "default", "version": 1 },
        "exchange_rate": null, "count": 2, "quantity": 2, "rate": null, "gross": "0.015",
        "discount": "0", "amount": "0.02",
    });
    assert_eq!(override_line, Some(expected));
    assert_eq!(
        (bill.at("/subtotal"), bill.at("/total_events")),
        (json!("0.07"), json!(3))
    );
}

#[tokio::test]
async fn a_card_version_has_its_own_lines() {
    let app = TestApp::new().await;
    card(&app, "ai", json!({ "x": { "unit": 1 } })).await;
    events(&app, "acme", 2, json!({ "operation": "x" })).await;
    app.clock.advance(60);
    card(&app, "ai", json!({ "x": { "unit": 3 } })).await;
    events(&app, "acme", 1, json!({ "operation": "x" })).await;
    let bill = bill(&app).await;
    let lines = [0, 1].map(|n| {
        (
            bill.at(&format!("/line_items/{n}/rate_card/version")),
            bill.at(&format!("/line_items/{n}/amount")),
        )
    });
    assert_eq!(
        lines,
        [(json!(1), json!("2.00")), (json!(2), json!("3.00"))]
    );
}

#[tokio::test]
async fn a_bill_is_for_the_current_month_unless_asked() {
    let app = TestApp::new().await;
    for (timestamp, count) in [
        ("2026-10-31T23:59:59.999999999Z", 1),
        ("2026-11-01T00:00:00Z", 2),
        ("2026-11-22T10:05:00Z", 4),
    ] {
        events(
            &app,
            "acme",
            count,
            json!({ "operation": "hitl_approval", "timestamp": timestamp }),
        )
        .await;
    }
    for (query, expected) in [
        ("", 6),
        ("?start=2026-10-01", 7),
        ("?start=2026-10-01&end=2026-11-01", 1),
        ("?end=2026-11-02", 2),
        ("?start_date=2026-11-22&end_date=2026-11-23", 4),
        ("?end=2026-10-01", 0),
    ] {
        let bill = app.get(&format!("/billing/acme{query}")).await.expect(200);
        assert_eq!(bill.at("/total_events"), expected, "{query}");
    }
    app.clock.set("2026-12-01T00:00:00Z");
    assert_eq!(bill(&app).await.at("/total_events"), 0);
}

#[tokio::test]
async fn an_empty_bill_is_zero_and_another_tenants_is_not_there() {
    let app = TestApp::new().await;
    let bill = bill(&app).await;
    assert_eq!(
        (
            bill.at("/line_items"),
            bill.at("/subtotal"),
            bill.at("/currency")
        ),
        (json!([]), json!("0.00"), json!("USD"))
    );
    let (own, other) = (app.keys("acme").await.read, app.keys("other").await.read);
    get_as(&app, &own, "/billing/acme").await.expect(200);
    refused(
        &get_as(&app, &other, "/billing/acme").await,
        404,
        "not_found",
    );
}

#[tokio::test]
async fn a_rate_that_no_decimal_holds_is_a_fraction_and_its_line_is_exact() {
    let app = TestApp::new().await;
    let prices = json!({ "third": { "unit": { "amount": "1", "per": 3 } }, "dozen": { "unit": { "amount": "6", "per": 12 } } });
    card(&app, "ai", prices).await;
    events(&app, "acme", 3, json!({ "operation": "third" })).await;
    events(&app, "acme", 1, json!({ "operation": "dozen" })).await;
    let lines = bill(&app).await.at("/line_items");
    let figures: Vec<[&Value; 3]> = lines
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| ["operation", "rate", "gross"].map(|field| &line[field]))
        .collect();
    assert_eq!(figures, [["dozen", "0.5", "0.5"], ["third", "1/3", "1"]]);
}
