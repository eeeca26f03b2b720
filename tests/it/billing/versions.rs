//! Versions of rate cards that say what they do: what prices now, what is warned of, what
//! would be dropped, what takes the place of what.

use super::cost;
use crate::given::{operators, pointers, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

fn card(effective_from: Option<&str>, operations: Value) -> Value {
    json!({ "currency": "USD", "effective_from": effective_from, "operations": operations })
}

async fn put(app: &TestApp, card: Value) -> TestReply {
    app.put("/rate-cards/llm", card).await
}

fn codes(reply: &TestReply) -> Vec<String> {
    let warnings = reply.at("/warnings");
    let codes = warnings.as_array().into_iter().flatten();
    codes
        .map(|warning| warning["code"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Wrong prices since the 20th, right ones since the 1st: the right ones are put, but do
/// not price, and the answer says so; naming the wrong version makes them.
#[tokio::test]
async fn a_correction_says_whether_it_corrects() {
    let app = TestApp::new().await;
    app.put_card(
        "llm",
        card(
            Some("2026-01-01T00:00:00Z"),
            json!({ "x": { "unit": "1" } }),
        ),
    )
    .await
    .expect(200);
    let wrong = card(
        Some("2026-11-20T00:00:00Z"),
        json!({ "x": { "unit": "50" } }),
    );
    let wrong = put(&app, wrong).await.expect(200);
    assert_eq!((wrong.at("/in_force"), codes(&wrong)), (json!(2), vec![]));
    let right = card(
        Some("2026-11-01T00:00:00Z"),
        json!({ "x": { "unit": "2" } }),
    );
    let late = put(&app, right.clone()).await.expect(200);
    assert_eq!(
        (late.at("/version"), late.at("/in_force")),
        (json!(3), json!(2))
    );
    assert_eq!(codes(&late), ["never_in_force"]);
    assert_eq!(cost(&app, json!({ "operation": "x" })).await, "50");
    let mut replacing = right;
    replacing["replaces"] = json!([2]);
    let replaced = put(&app, replacing).await.expect(200);
    assert_eq!(
        (replaced.at("/in_force"), codes(&replaced)),
        (json!(4), vec![])
    );
    assert_eq!(replaced.at("/replaced"), json!([2]));
    assert_eq!(cost(&app, json!({ "operation": "x" })).await, "2");
    let listed = app.get("/rate-cards/llm?version=2").await.expect(200);
    assert_eq!(listed.at("/in_force"), 4);
}

/// What was over by then would price again, so that is refused.
#[tokio::test]
async fn a_version_takes_all_of_the_time_of_those_that_it_replaces() {
    let app = TestApp::new().await;
    for day in [1, 10, 20] {
        let from = format!("2026-11-{day:02}T00:00:00Z");
        put(&app, card(Some(&from), json!({ "x": { "unit": day } })))
            .await
            .expect(200);
    }
    for (from, replaces, pointer) in [
        (Some("2026-11-21T00:00:00Z"), json!([3]), "/effective_from"),
        (Some("2026-11-05T00:00:00Z"), json!([3]), "/replaces"),
        (None, json!([9]), "/replaces"),
    ] {
        let mut next = card(from, json!({ "x": { "unit": "5" } }));
        next["replaces"] = replaces;
        let problem = refused(&put(&app, next.clone()).await, 422, "invalid_value");
        assert_eq!(pointers(&problem), pointer, "{next}");
    }
    let mut next = card(None, json!({ "x": { "unit": "5" } }));
    next["replaces"] = json!([2, 3]);
    app.clock.advance(1);
    let put = put(&app, next).await.expect(200);
    assert_eq!(put.at("/effective_from"), "2026-11-10T00:00:00Z");
    assert_eq!(put.at("/in_force"), 4);
    // What is replaced already is not taken away again, and backdates nothing.
    app.clock.advance(1);
    let mut again = card(None, json!({ "x": { "unit": "6" } }));
    again["replaces"] = json!([2, 3]);
    let put = self::put(&app, again).await.expect(200);
    assert_eq!(put.at("/effective_from"), "2026-11-22T10:00:02Z");
    assert_eq!(put.at("/replaced"), json!([2, 3]));
    let audit = app.get("/audit").await.expect(200);
    assert_eq!(audit.at("/data/0/detail/replaces"), json!([]));
    assert_eq!(audit.at("/data/1/detail/replaces"), json!([2, 3]));
}

#[tokio::test]
async fn a_put_drops_no_operation_that_it_does_not_name() {
    let app = TestApp::new().await;
    let both = card(
        None,
        json!({ "a": { "unit": "1" }, "b/c": { "unit": "2" } }),
    );
    put(&app, both).await.expect(200);
    let one = card(None, json!({ "a": { "unit": "3" } }));
    let problem = refused(&put(&app, one.clone()).await, 409, "would_drop");
    assert_eq!(pointers(&problem), "/operations/b~1c");
    let path = "/rate-cards/llm?replace=true";
    let dropped = app.put(path, one).await.expect(200);
    assert_eq!(
        (dropped.at("/version"), codes(&dropped)),
        (json!(2), vec!["operations_dropped".to_owned()])
    );
    assert_eq!(dropped.at("/warnings/0/operations"), json!(["b/c"]));
}

#[tokio::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let app = TestApp::new().await;
    let patch = |body: Value| {
        let app = &app;
        async move { app.call("PATCH", "/rate-cards/llm", body.to_string()).await }
    };
    refused(&patch(json!({})).await, 404, "not_found");
    let prices = json!({
        "a": { "token_in": { "amount": "3", "per": 1_000_000 }, "token_out": "0.1",
            "over": [{ "tokens_in": 9, "token_in": "0.2" }], "tiers": { "batch": "0.5" } },
        "b": { "unit": "0.000000000000001" },
    });
    put(&app, card(None, prices)).await.expect(200);
    app.clock.advance(60);
    let body = json!({ "operations": { "a": { "token_out": "0.2", "tiers": { "batch": null } }, "c": { "unit": 7 } } });
    let patched = patch(body).await.expect(200);
    let expected = json!({
        "a": { "token_in": { "amount": "3", "per": 1_000_000 }, "token_out": "0.2",
            "over": [{ "tokens_in": 9, "token_in": "0.2" }] },
        "b": { "unit": "0.000000000000001" }, "c": { "unit": "7" },
    });
    assert_eq!(patched.at("/operations"), expected);
    assert_eq!(patched.at("/effective_from"), "2026-11-22T10:01:00Z");
    let gone = patch(json!({ "operations": { "b": null } }))
        .await
        .expect(200);
    assert_eq!(gone.at("/operations/b"), json!(null));
    for (body, status, pointer) in [
        (
            json!({ "operations": { "a": { "token_out": "-1" } } }),
            422,
            "/operations/a/token_out",
        ),
        (json!({ "oops": 1 }), 400, "/oops"),
        (json!([]), 400, ""),
    ] {
        let code = if status == 400 {
            "invalid_request"
        } else {
            "invalid_value"
        };
        assert_eq!(
            pointers(&refused(&patch(body).await, status, code)),
            pointer
        );
    }
    assert_eq!(app.get("/rate-cards/llm").await.at("/version"), 3);
}

/// A version for later changes nothing now, and what is changed now is told not to last.
#[tokio::test]
async fn a_patch_changes_what_prices_now_and_tells_what_is_to_come() {
    let app = TestApp::new().await;
    let prices = |unit: &str| json!({ "x": { "unit": unit }, "y": { "unit": "1" } });
    app.put_card("llm", card(None, prices("1")))
        .await
        .expect(200);
    let later = card(Some("2027-01-01T00:00:00Z"), prices("10"));
    put(&app, later).await.expect(200);
    app.clock.advance(60);
    let body = json!({ "operations": { "y": { "unit": "2" } } }).to_string();
    let patched = app.call("PATCH", "/rate-cards/llm", body).await.expect(200);
    assert_eq!(patched.at("/operations/x/unit"), "1");
    assert_eq!(
        (patched.at("/version"), patched.at("/in_force")),
        (json!(3), json!(3))
    );
    assert_eq!(codes(&patched), ["superseded"]);
    assert_eq!(cost(&app, json!({ "operation": "x" })).await, "1");
    assert_eq!(cost(&app, json!({ "operation": "y" })).await, "2");
}

#[tokio::test]
async fn a_condition_that_something_stands_holds_of_nothing_that_does_not() {
    let app = TestApp::new().await;
    let body = card(None, json!({ "x": { "unit": "1" } }));
    for expected in [412, 200] {
        let request = operators("PUT", "/rate-cards/llm", &body, "if-match", "*");
        let reply = app.send(request).await;
        assert_eq!(reply.status, expected, "{}", reply.text);
        put(&app, body.clone()).await.expect(200);
    }
}

/// Many who patch at once: all changes stand.
#[tokio::test]
async fn patches_made_at_once_are_all_kept() {
    let app = TestApp::new().await;
    put(&app, card(None, json!({}))).await.expect(200);
    let patches = (0..20).map(|n| {
        let body = json!({ "operations": { format!("op-{n}"): { "unit": n } } });
        app.call("PATCH", "/rate-cards/llm", body.to_string())
    });
    for reply in futures::future::join_all(patches).await {
        reply.expect(200);
    }
    let held = app.get("/rate-cards/llm").await.expect(200);
    let held = held.at("/operations");
    assert_eq!(
        held.as_object().map(serde_json::Map::len),
        Some(20),
        "{held}"
    );
}

#[tokio::test]
async fn half_of_the_token_prices_is_warned_of() {
    let app = TestApp::new().await;
    let half = card(
        None,
        json!({ "x": { "token_in": "1" }, "y": { "token_in": "1", "token_out": "0" } }),
    );
    let put = put(&app, half).await.expect(200);
    assert_eq!(codes(&put), ["token_price_missing"]);
    assert_eq!(put.at("/warnings/0/operations"), json!(["x"]));
}

/// Prices that were agreed with one tenant are its own.
#[tokio::test]
async fn a_tenant_sees_no_card_but_those_that_can_price_it() {
    let app = TestApp::new().await;
    for id in ["acme-deal", "beta-deal"] {
        let deal = json!({ "currency": "USD", "operations": { id: { "unit": "0.01" } } });
        app.put(&format!("/rate-cards/{id}"), deal)
            .await
            .expect(200);
    }
    app.put(
        "/tenants/acme",
        json!({ "rate_cards": ["acme-deal", "default"] }),
    )
    .await
    .expect(200);
    let keys = app.keys("acme").await;
    let list = app
        .call_with(&keys.read, "GET", "/rate-cards", "")
        .await
        .expect(200);
    let ids: Vec<Value> = list
        .at("/data")
        .as_array()
        .into_iter()
        .flatten()
        .map(|card| card["id"].clone())
        .collect();
    assert_eq!(ids, ["acme-deal", "default"]);
    let other = app
        .call_with(&keys.read, "GET", "/rate-cards/beta-deal", "")
        .await;
    let none = app
        .call_with(&keys.read, "GET", "/rate-cards/nowhere", "")
        .await;
    refused(&other, 404, "not_found");
    assert_eq!(other.at("/detail"), "there is no rate card `beta-deal`");
    assert_eq!(none.at("/detail"), "there is no rate card `nowhere`");
    let costs = app
        .call_with(&keys.read, "GET", "/costs", "")
        .await
        .expect(200);
    assert!(costs.text.contains("acme-deal") && !costs.text.contains("beta-deal"));
    let as_operator = app.get("/costs?tenant_id=acme").await.expect(200);
    assert_eq!(as_operator.json(), costs.json());
    let defaults = app.get("/costs").await.expect(200);
    assert!(!defaults.text.contains("acme-deal"));
}
