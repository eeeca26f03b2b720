//! `/rate-cards`: versions, and what a card may say.

use crate::given::{Open, card, card_with, get_as, merged, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// The card of the contract.
fn contract() -> Value {
    let shown = shown();
    let fields = shown.as_object().expect("a card").iter();
    let is_sent = |name: &str| !["in_force", "replaced", "source"].contains(&name);
    let sent = fields.filter(|(name, _)| is_sent(name));
    Value::Object(sent.map(|(name, of)| (name.clone(), of.clone())).collect())
}

/// The same as it is shown.
fn shown() -> Value {
    json!({
        "id": "ai", "in_force": 1, "currency": "USD", "effective_from": "2026-01-01T00:00:00Z",
        "tiers": { "deliberation": "3", "enhanced": "1.5", "enterprise": "2", "standard": "1" }, "unpriced": "reject",
        "operations": {
            "aws-polly:standard:character": { "unit": "0.000004" },
            "constitutional_validation": {
                "unit": "0.001", "volume_discounts": [{ "from": 100_000, "discount": "0.1" }], "discount_mode": "graduated",
            },
            "gpt-4o": {
                "token_in": { "amount": "2.5", "per": 1_000_000 }, "cached_token_in": "0.00000125", "token_out": "0.00001",
            },
        },
        "replaced": [], "source": null,
    })
}

#[tokio::test]
async fn a_card_is_shown_as_it_was_put_with_its_version() {
    let app = TestApp::new().await;
    let put = app.put("/rate-cards/ai", contract()).await.expect(200);
    let expected = merged(shown(), json!({ "version": 1, "warnings": [] }));
    assert_eq!(put.json(), expected);
    assert_eq!(
        app.get("/rate-cards/ai").await.expect(200).json(),
        merged(shown(), json!({ "version": 1 }))
    );
    let bare = app
        .put(
            "/rate-cards/bare",
            json!({ "currency": "EUR", "operations": {} }),
        )
        .await
        .expect(200);
    let expected = json!({
        "id": "bare", "version": 1, "in_force": 1, "currency": "EUR", "effective_from": "1970-01-01T00:00:00Z", "tiers": { "standard": "1" },
        "unpriced": "reject", "operations": {}, "replaced": [], "source": null, "warnings": [],
    });
    assert_eq!(bare.json(), expected);
}

#[tokio::test]
async fn each_put_is_a_new_version_and_old_ones_stay() {
    let app = TestApp::new().await;
    for version in 1..=3 {
        let put = card(&app, "ai", json!({ "x": { "unit": version } })).await;
        assert_eq!(put.at("/version"), version);
    }
    for version in 1..=3 {
        let held = app
            .get(&format!("/rate-cards/ai?version={version}"))
            .await
            .expect(200);
        assert_eq!(held.at("/operations/x/unit"), version.to_string());
    }
    assert_eq!(app.get("/rate-cards/ai").await.at("/version"), 3);
    for path in [
        "/rate-cards/ai?version=4",
        "/rate-cards/ai?version=0",
        "/rate-cards/none",
        "/rate-cards/AI",
    ] {
        refused(&app.get(path).await, 404, "not_found");
    }
    for query in ["version=one", "version=-1", "version=", "v=1"] {
        refused(
            &app.get(&format!("/rate-cards/ai?{query}")).await,
            400,
            "invalid_request",
        );
    }
}

#[tokio::test]
async fn the_list_has_the_newest_version_of_each_card() {
    let app = TestApp::new().await;
    for id in ["b", "a", "b"] {
        card(&app, id, json!({})).await;
    }
    let list = app.get("/rate-cards").await.expect(200);
    let cards: Vec<(Value, Value)> = list
        .at("/data")
        .as_array()
        .expect("data")
        .iter()
        .map(|card| (card["id"].clone(), card["version"].clone()))
        .collect();
    assert_eq!(
        cards,
        [
            (json!("a"), json!(1)),
            (json!("b"), json!(2)),
            (json!("default"), json!(1))
        ]
    );
}

#[tokio::test]
async fn the_built_in_card_has_the_base_rates() {
    let app = TestApp::new().await;
    let card = app.get("/rate-cards/default").await.expect(200);
    let unit = |price: &str| json!({ "unit": price });
    let operations = json!({
        "agent_message": unit("0.0005"), "agent_task": unit("0"), "audit_write": unit("0.001"), "blockchain_anchor": unit("0.005"),
        "compliance_check": unit("0.0015"), "constitutional_validation": unit("0.001"), "deliberation_request": unit("0.01"),
        "hitl_approval": unit("0.05"), "policy_evaluation": unit("0.002"),
    });
    assert_eq!(card.at("/operations"), operations);
    assert_eq!(
        card.at("/tiers"),
        json!({ "batch": "0.5", "deliberation": "3", "enhanced": "1.5", "enterprise": "2", "standard": "1" })
    );
    assert_eq!(
        (card.at("/currency"), card.at("/unpriced")),
        (json!("USD"), json!("reject"))
    );
}

#[tokio::test]
async fn a_bad_card_is_named_and_changes_nothing() {
    let open = Open::new();
    let app = &open.app;
    let before = open.dump();
    let prices = |prices: Value| json!({ "operations": { "x": prices } });
    for (fields, status, pointer) in [
        (json!({ "id": "other" }), 422, "/id"),
        (json!({ "currency": "usd" }), 422, "/currency"),
        (json!({ "currency": null }), 400, "/currency"),
        (json!({ "operations": null }), 400, "/operations"),
        (json!({ "operations": [] }), 400, "/operations"),
        (json!({ "tiers": {} }), 422, "/tiers"),
        (
            json!({ "tiers": { "standard": "0.0001" } }),
            422,
            "/tiers/standard",
        ),
        (
            json!({ "tiers": { "standard": "-1" } }),
            422,
            "/tiers/standard",
        ),
        (json!({ "unpriced": "guess" }), 422, "/unpriced"),
        (
            json!({ "effective_from": "2026-01-01" }),
            422,
            "/effective_from",
        ),
        (
            json!({ "operations": { "a|b": {} } }),
            422,
            "/operations/a|b",
        ),
        (json!({ "version": 2 }), 400, "/version"),
        (prices(json!({ "unit": "-0.1" })), 422, "/operations/x/unit"),
        (
            prices(json!({ "unit": "0.0000000000000001" })),
            422,
            "/operations/x/unit",
        ),
        (
            prices(json!({ "unit": { "amount": 1 } })),
            400,
            "/operations/x/unit/per",
        ),
        (
            prices(json!({ "unit": { "amount": 1, "per": 0 } })),
            422,
            "/operations/x/unit/per",
        ),
        (prices(json!({ "minute": 1 })), 400, "/operations/x/minute"),
        (
            prices(json!({ "discount_mode": "cliff" })),
            422,
            "/operations/x/discount_mode",
        ),
        (
            prices(json!({ "volume_discounts": [{ "from": 1, "discount": "1.1" }] })),
            422,
            "/operations/x/volume_discounts/0/discount",
        ),
        (
            prices(
                json!({ "volume_discounts": [{ "from": 5, "discount": 0 }, { "from": 5, "discount": 0 }] }),
            ),
            422,
            "/operations/x/volume_discounts/1/from",
        ),
    ] {
        let code = if status == 400 {
            "invalid_request"
        } else {
            "invalid_value"
        };
        let problem = refused(
            &app.put("/rate-cards/ai", merged(contract(), fields)).await,
            status,
            code,
        );
        assert_eq!(pointers(&problem), pointer);
    }
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn a_card_is_the_operators_to_put_and_everyones_to_read() {
    let app = TestApp::new().await;
    let key = app.keys("acme").await.read;
    refused(
        &app.call_with(&key, "PUT", "/rate-cards/ai", contract().to_string())
            .await,
        403,
        "forbidden",
    );
    for path in ["/rate-cards", "/rate-cards/default", "/costs"] {
        get_as(&app, &key, path).await.expect(200);
    }
}

#[tokio::test]
async fn a_card_may_have_thousands_of_operations() {
    let app = TestApp::new().await;
    let operations: serde_json::Map<String, Value> = (0..6000)
        .map(|n| {
            (
                format!("vendor/model-{n:05}:with-a-long-name"),
                json!({ "token_in": "0.000001", "token_out": "0.000002" }),
            )
        })
        .collect();
    card_with(&app, "big", json!({ "operations": operations })).await;
    let event = json!({ "operation": "vendor/model-05999:with-a-long-name", "tokens_in": 10, "tokens_out": 1 });
    assert_eq!(super::cost(&app, event).await, "0.000012");
    assert_eq!(
        app.get("/rate-cards/big")
            .await
            .expect(200)
            .at("/operations")
            .as_object()
            .map(serde_json::Map::len),
        Some(6000)
    );
}
