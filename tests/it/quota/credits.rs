//! Credit: allowance first, then grants; beyond all of it what is not yet done is refused.

mod allowance;
mod grants;
mod holds;
mod refunds;

use crate::given::{merged, refused};
use serde_json::{Value, json};
use tollgate_tests::{TestApp, TestReply};

async fn spend(app: &TestApp, cost: &str, fields: Value) -> TestReply {
    app.post(
        "/events",
        merged(
            json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": cost }),
            fields,
        ),
    )
    .await
}

async fn grant(app: &TestApp, id: &str, amount: &str, fields: Value) {
    app.post(
        "/credits/acme",
        merged(
            json!({ "id": id, "amount": amount, "currency": "USD" }),
            fields,
        ),
    )
    .await
    .expect(201);
}

async fn with_allowance(amount: &str) -> TestApp {
    let app = TestApp::new().await;
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": amount }),
    )
    .await
    .expect(200);
    app.put("/tenants/acme/subscription", json!({ "plan": "free" }))
        .await
        .expect(200);
    app
}

/// The figures of `GET /credits`, in one line.
async fn stands(app: &TestApp) -> String {
    let body = app.get("/credits/acme").await.expect(200).json();
    let units = |field: &str| {
        let text = body[field].as_str().expect("text");
        let amount: tollgate_core::Amount = text.parse().expect("an amount");
        amount.units()
    };
    assert_eq!(
        units("granted"),
        units("used") + units("held") + units("remaining") + units("expired"),
        "conserved: {body}"
    );
    let figure = |pointer: &str| {
        let found = body.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or("-").to_owned()
    };
    let grants: Vec<String> = body["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| {
            format!(
                "{}={}",
                grant["id"].as_str().unwrap(),
                grant["used"].as_str().unwrap()
            )
        })
        .collect();
    format!(
        "allowance {}/{} granted {} used {} held {} expired {} available {} uncovered {} {}",
        figure("/allowance/used"),
        figure("/allowance/amount"),
        figure("/granted"),
        figure("/used"),
        figure("/held"),
        figure("/expired"),
        figure("/available"),
        figure("/uncovered"),
        grants.join(" "),
    )
}

#[tokio::test]
async fn the_allowance_goes_first_then_grants_by_priority_expiry_and_age() {
    let app = with_allowance("10").await;
    grant(&app, "old", "5", json!({})).await;
    app.clock.advance(1);
    grant(&app, "new", "5", json!({})).await;
    grant(
        &app,
        "ends",
        "5",
        json!({ "expires_at": "2026-12-01T00:00:00Z" }),
    )
    .await;
    grant(&app, "promotion", "5", json!({ "priority": 1 })).await;
    for (cost, expected) in [
        ("10", "promotion=0 ends=0 old=0 new=0"),
        ("3", "promotion=3 ends=0 old=0 new=0"),
        ("8", "promotion=5 ends=5 old=1 new=0"),
        ("9", "promotion=5 ends=5 old=5 new=5"),
    ] {
        spend(&app, cost, json!({})).await.expect(201);
        assert!(
            stands(&app).await.ends_with(expected),
            "{cost}: {}",
            stands(&app).await
        );
    }
    let body = refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
    let violation = json!({
        "limit_id": null, "source": null, "scope": "credit", "scope_id": null,
        "measure": "spend", "currency": "USD", "window": null, "window_start": null,
        "window_end": null, "soft": null, "hard": "30", "used": null, "held": null,
        "remaining": "0", "percent": null, "status": null, "limit_type": null,
        "requested": "0.01",
        "reason": "credit_exhausted",
    });
    assert_eq!(
        (&body["reason"], &body["violations"]),
        (&json!("credit_exhausted"), &json!([violation]))
    );
    spend(&app, "0", json!({})).await.expect(201);
}

#[tokio::test]
async fn what_has_happened_is_recorded_beyond_all_credit_and_told() {
    // P9, P14.
    let app = with_allowance("10").await;
    let reply = app
        .post(
            "/events?mode=observe",
            json!({ "tenant_id": "acme", "operation": "agent_message", "cost_override": "125" }),
        )
        .await;
    assert_eq!(reply.expect(201).at("/decision"), "deny");
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 0 used 0 held 0 expired 0 available 0 uncovered 115 "
    );
    refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    assert_eq!(
        app.post(
            "/check",
            json!({ "tenant_id": "acme", "operation": "agent_message" })
        )
        .await
        .expect(200)
        .at("/reason"),
        "credit_exhausted"
    );
    // What is granted later is not eaten up by it.
    grant(&app, "topup", "2", json!({})).await;
    spend(&app, "1", json!({})).await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 2 used 1 held 0 expired 0 available 1 uncovered 115 topup=1"
    );
}

#[tokio::test]
async fn a_batch_draws_in_order_and_stops_where_credit_ends() {
    let app = with_allowance("1").await;
    grant(&app, "g", "1", json!({})).await;
    let event = |id: usize, cost: &str| json!({ "id": format!("e{id}"), "tenant_id": "acme", "operation": "agent_message", "cost_override": cost });
    let events = [
        event(0, "0.75"),
        event(1, "0.75"),
        event(2, "0.75"),
        event(3, "0.5"),
        event(4, "0.01"),
    ];
    let reply = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    let statuses: Vec<String> = (0..5)
        .map(|n| {
            reply
                .at(&format!("/results/{n}/status"))
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        statuses,
        ["recorded", "recorded", "rejected", "recorded", "rejected"]
    );
    assert_eq!(
        stands(&app).await,
        "allowance 1/1 granted 1 used 1 held 0 expired 0 available 0 uncovered 0 g=1"
    );
    // Sent again it is all replayed but for what never fitted.
    let reply = app
        .post("/events/batch", json!({ "events": events }))
        .await
        .expect(200);
    assert_eq!(
        (reply.at("/replayed"), reply.at("/rejected")),
        (json!(3), json!(2))
    );
}

#[tokio::test]
async fn a_refusal_for_want_of_credit_rests_on_two_readings() {
    let app = TestApp::new().await;
    grant(&app, "g", "1", json!({})).await;
    spend(&app, "1", json!({})).await.expect(201);
    // From the first refusal on, a tenant's state is read before it is planned for.
    refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    app.store.take_commits();
    let began = app.store.calls();
    refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    // State, holds that may be over, state again; and nothing is tried to be written.
    assert_eq!(
        (app.store.calls() - began, app.store.take_commits().len()),
        (3, 0)
    );
}
