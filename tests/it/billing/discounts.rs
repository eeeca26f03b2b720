//! Volume discounts: tables that an accountant can check.

use super::{bill, events};
use crate::given::card;
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// 0.001 a unit, 10 % off from 100 on, 25 % off from 200 on.
fn prices(mode: &str) -> Value {
    let steps = json!([{ "from": 100, "discount": "0.10" }, { "from": 200, "discount": "0.25" }]);
    json!({ "x": { "unit": "0.001", "api_call": "0.01", "volume_discounts": steps, "discount_mode": mode } })
}

async fn discounted(mode: &str, parts: &[u64]) -> [Value; 3] {
    let app = TestApp::new().await;
    card(&app, "ai", prices(mode)).await;
    for units in parts {
        events(&app, "acme", 1, json!({ "operation": "x", "units": units })).await;
    }
    let bill = bill(&app).await;
    ["gross", "discount", "amount"].map(|field| bill.at(&format!("/line_items/0/{field}")))
}

#[tokio::test]
async fn graduated_discounts_each_slice_and_volume_the_whole() {
    for (mode, units, gross, discount, amount) in [
        ("graduated", 99, "0.099", "0", "0.10"),
        ("graduated", 100, "0.1", "0", "0.10"),
        ("graduated", 101, "0.101", "0.0001", "0.10"),
        ("graduated", 200, "0.2", "0.01", "0.19"),
        ("graduated", 201, "0.201", "0.01025", "0.19"),
        ("graduated", 300, "0.3", "0.035", "0.26"),
        ("graduated", 1000, "1", "0.21", "0.79"),
        ("volume", 99, "0.099", "0", "0.10"),
        ("volume", 100, "0.1", "0.01", "0.09"),
        ("volume", 199, "0.199", "0.0199", "0.18"),
        ("volume", 200, "0.2", "0.05", "0.15"),
        ("volume", 300, "0.3", "0.075", "0.22"),
        ("volume", 1000, "1", "0.25", "0.75"),
    ] {
        assert_eq!(
            discounted(mode, &[units]).await,
            [json!(gross), json!(discount), json!(amount)],
            "{mode} {units}"
        );
    }
}

#[tokio::test]
async fn the_range_asked_for_is_what_counts_however_it_was_sent() {
    for mode in ["graduated", "volume"] {
        let whole = discounted(mode, &[300]).await;
        assert_eq!(
            discounted(mode, &[1, 98, 1, 100, 50, 50]).await,
            whole,
            "{mode}"
        );
    }
}

#[tokio::test]
async fn discounts_are_for_units_and_per_operation_and_tier() {
    let app = TestApp::new().await;
    card(&app, "ai", prices("graduated")).await;
    for tier in ["standard", "enterprise"] {
        events(
            &app,
            "acme",
            1,
            json!({ "operation": "x", "units": 150, "api_calls": 500, "tier": tier }),
        )
        .await;
    }
    let lines = bill(&app).await.at("/line_items");
    let figures: Vec<[&Value; 4]> = lines
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| ["tier", "component", "discount", "amount"].map(|field| &line[field]))
        .collect();
    let expected = [
        ["enterprise", "unit", "0.01", "0.29"],
        ["enterprise", "api_call", "0", "10.00"],
        ["standard", "unit", "0.005", "0.14"],
        ["standard", "api_call", "0", "5.00"],
    ];
    assert_eq!(figures, expected);
}

#[tokio::test]
async fn graduation_goes_on_over_a_change_of_card() {
    let app = TestApp::new().await;
    card(&app, "ai", prices("graduated")).await;
    events(&app, "acme", 1, json!({ "operation": "x", "units": 150 })).await;
    app.clock.advance(60);
    card(&app, "ai", prices("graduated")).await;
    events(&app, "acme", 1, json!({ "operation": "x", "units": 150 })).await;
    let bill = bill(&app).await;
    let discounts = [0, 1].map(|n| bill.at(&format!("/line_items/{n}/discount")));
    assert_eq!(
        discounts,
        [json!("0.005"), json!("0.03")],
        "50 units at 10 %, then 50 at 10 % and 100 at 25 %"
    );
}

#[tokio::test]
async fn an_overridden_cost_takes_no_part() {
    let app = TestApp::new().await;
    card(&app, "ai", prices("volume")).await;
    events(
        &app,
        "acme",
        1,
        json!({ "operation": "x", "units": 5000, "cost_override": "1" }),
    )
    .await;
    events(&app, "acme", 1, json!({ "operation": "x", "units": 99 })).await;
    let bill = bill(&app).await;
    let total = bill
        .at("/line_items")
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| line["discount"].clone())
        .collect::<Vec<_>>();
    assert_eq!(total, ["0", "0"]);
    assert_eq!(bill.at("/subtotal"), "1.10");
}

#[tokio::test]
async fn the_decision_at_the_time_is_by_the_undiscounted_cost() {
    let app = TestApp::new().await;
    card(&app, "ai", prices("volume")).await;
    assert_eq!(
        super::cost(&app, json!({ "operation": "x", "units": 1000 })).await,
        "1"
    );
}
