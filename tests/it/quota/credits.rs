//! Credit: allowance first, then grants; what is refunded, held and expired.

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
        body[field].as_str().map_or(0, |text| {
            text.parse::<tollgate_core::Amount>()
                .expect("an amount")
                .units()
        })
    };
    assert_eq!(
        units("granted"),
        units("consumed") + units("held") + units("remaining") + units("expired"),
        "conserved: {body}"
    );
    let figure = |field: &str| body[field].as_str().unwrap_or("-").to_owned();
    let grants: Vec<String> = body["grants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|grant| {
            format!(
                "{}={}",
                grant["id"].as_str().unwrap(),
                grant["consumed"].as_str().unwrap()
            )
        })
        .collect();
    format!(
        "allowance {}/{} granted {} consumed {} held {} expired {} available {} uncovered {} {}",
        figure("allowance_used"),
        figure("allowance"),
        figure("granted"),
        figure("consumed"),
        figure("held"),
        figure("expired"),
        figure("available"),
        figure("uncovered"),
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
    assert_eq!(
        (&body["reason"], &body["violations"]),
        (
            &json!("credit_exhausted"),
            &json!([{ "scope": "credit", "limit": "30", "current": "30", "requested": "0.01", "currency": "USD" }]),
        )
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
        "allowance 10/10 granted 0 consumed 0 held 0 expired 0 available 0 uncovered 115 "
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
        "allowance 10/10 granted 2 consumed 1 held 0 expired 0 available 1 uncovered 115 topup=1"
    );
}

#[tokio::test]
async fn each_period_has_its_own_allowance() {
    // P13.
    let app = with_allowance("10").await;
    grant(&app, "bought", "5", json!({})).await;
    spend(&app, "12", json!({})).await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 5 consumed 2 held 0 expired 0 available 3 uncovered 0 bought=2"
    );
    app.clock.set("2026-12-01T00:00:00Z");
    assert_eq!(
        stands(&app).await,
        "allowance 0/10 granted 5 consumed 2 held 0 expired 0 available 13 uncovered 0 bought=2"
    );
    // A late event is paid by the period of its own time.
    spend(&app, "1", json!({ "timestamp": "2026-11-30T23:59:59Z" }))
        .await
        .expect(201);
    spend(&app, "1", json!({})).await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 1/10 granted 5 consumed 3 held 0 expired 0 available 11 uncovered 0 bought=3"
    );
}

#[tokio::test]
async fn a_grant_is_drawn_until_it_expires_and_what_is_left_is_lost() {
    let app = TestApp::new().await;
    grant(
        &app,
        "short",
        "5",
        json!({ "expires_at": "2026-11-22T11:00:00Z" }),
    )
    .await;
    spend(&app, "2", json!({})).await.expect(201);
    app.clock.set("2026-11-22T10:59:59Z");
    spend(&app, "1", json!({})).await.expect(201);
    app.clock.set("2026-11-22T11:00:00Z");
    refused(&spend(&app, "1", json!({})).await, 402, "budget_exceeded");
    assert_eq!(
        stands(&app).await,
        "allowance -/- granted 5 consumed 3 held 0 expired 2 available 0 uncovered 0 short=3"
    );
}

#[tokio::test]
async fn a_grant_is_made_once_by_its_id_and_in_the_tenants_currency() {
    let app = TestApp::new().await;
    grant(&app, "g", "5", json!({})).await;
    let again = json!({ "id": "g", "amount": "5.00", "currency": "USD" });
    assert_eq!(
        app.post("/credits/acme", again)
            .await
            .expect(200)
            .at("/replayed"),
        true
    );
    refused(
        &app.post(
            "/credits/acme",
            json!({ "id": "g", "amount": "6", "currency": "USD" }),
        )
        .await,
        409,
        "conflict",
    );
    refused(
        &app.post(
            "/credits/acme",
            json!({ "id": "h", "amount": "6", "currency": "EUR" }),
        )
        .await,
        422,
        "currency_mismatch",
    );
    assert_eq!(
        stands(&app).await,
        "allowance -/- granted 5 consumed 0 held 0 expired 0 available 5 uncovered 0 g=0"
    );
    // Grants that are used up make room for others; at most 50 have something left.
    spend(&app, "5", json!({})).await.expect(201);
    for n in 0..50 {
        grant(&app, &format!("n{n}"), "1", json!({})).await;
    }
    refused(
        &app.post(
            "/credits/acme",
            json!({ "id": "n50", "amount": "1", "currency": "USD" }),
        )
        .await,
        422,
        "invalid_event",
    );
    spend(&app, "50", json!({})).await.expect(201);
    grant(&app, "n50", "1", json!({})).await;
}

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
        "allowance 0/10 granted 20 consumed 0 held 5 expired 0 available 15 uncovered 0 g=0"
    );
    // P19: a hold larger than what is left is refused, and nothing moves.
    refused(&hold(&app, "h2", "15.01").await, 402, "budget_exceeded");
    capture(&app, "h1", "12").await.expect(201);
    assert_eq!(
        stands(&app).await,
        "allowance 10/10 granted 20 consumed 2 held 0 expired 0 available 18 uncovered 0 g=2"
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
        "allowance 10/10 granted 20 consumed 2 held 0 expired 0 available 18 uncovered 0 g=2"
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
        "allowance 10/10 granted 20 consumed 3 held 17 expired 0 available 0 uncovered 0 g=3"
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
        "allowance 4/4 granted 3 consumed 3 held 0 expired 0 available 0 uncovered 2.5 g=3"
    );
}

#[tokio::test]
async fn a_hold_can_be_cut_to_what_credit_pays_for() {
    let app = with_allowance("0.05").await;
    let price = json!({ "token_in": "0.00001", "token_out": "0.00002" });
    app.put(
        "/rate-cards/ai",
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
        "allowance 1/1 granted 1 consumed 1 held 0 expired 0 available 0 uncovered 0 g=1"
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
async fn a_smaller_allowance_in_mid_period_counts_what_was_used_of_it() {
    let app = with_allowance("10").await;
    spend(&app, "6", json!({})).await.expect(201);
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": "7" }),
    )
    .await
    .expect(200);
    spend(&app, "1", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": "5" }),
    )
    .await
    .expect(200);
    assert_eq!(
        app.get("/credits/acme").await.expect(200).at("/available"),
        "0"
    );
    // Without an allowance nothing needs to be covered.
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [] }),
    )
    .await
    .expect(200);
    spend(&app, "100", json!({})).await.expect(201);
}

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
            .starts_with("allowance 1/1 granted 7 consumed 5 held 0 expired 0 available 2")
    );
    for status in [201, 200] {
        app.post("/events/e1/void", json!({ "tenant_id": "acme" }))
            .await
            .expect(status);
        assert_eq!(
            stands(&app).await,
            "allowance 0/1 granted 7 consumed 0 held 0 expired 0 available 8 uncovered 0 a=0 b=0"
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
        "allowance 0/1 granted 7 consumed 0 held 0 expired 0 available 8 uncovered 0 a=0 b=0"
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
async fn grants_made_at_once_are_all_drawn() {
    let app = TestApp::new().await;
    let ids: Vec<String> = (0..8).map(|n| format!("g{n}")).collect();
    let made = ids.iter().map(|id| {
        app.post(
            "/credits/acme",
            json!({ "id": id, "amount": "1", "currency": "USD" }),
        )
    });
    for reply in futures::future::join_all(made).await {
        reply.expect(201);
    }
    spend(&app, "8", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
    );
}

#[tokio::test]
async fn an_allowance_is_not_given_again_when_periods_begin_elsewhere_nor_for_periods_before() {
    let app = with_allowance("20").await;
    spend(&app, "15", json!({})).await.expect(201);
    let subscribe = |fields: Value| {
        let body = merged(json!({ "plan": "free" }), fields);
        app.put("/tenants/acme/subscription", body)
    };
    subscribe(json!({ "time_zone": "Europe/Berlin" }))
        .await
        .expect(200);
    assert!(stands(&app).await.starts_with("allowance 15/20"));
    spend(&app, "3", json!({})).await.expect(201);
    // To and fro, and to an anchor: it is carried once each time.
    subscribe(json!({})).await.expect(200);
    assert!(stands(&app).await.starts_with("allowance 18/20"));
    subscribe(json!({ "period_anchor": "2026-11-10T00:00:00Z" }))
        .await
        .expect(200);
    assert!(stands(&app).await.starts_with("allowance 18/20"));
    refused(
        &spend(&app, "2.01", json!({})).await,
        402,
        "budget_exceeded",
    );
    // A period that had ended before the tenant subscribed has none.
    refused(
        &spend(&app, "1", json!({ "timestamp": "2026-10-25T00:00:00Z" })).await,
        402,
        "budget_exceeded",
    );
    spend(&app, "2", json!({})).await.expect(201);
}

#[tokio::test]
async fn a_grant_sent_again_after_its_time_is_the_grant_of_before() {
    let app = TestApp::new().await;
    let short = json!({ "id": "g", "amount": "5", "currency": "USD", "expires_at": "2026-11-22T11:00:00Z" });
    app.post("/credits/acme", short.clone()).await.expect(201);
    app.clock.set("2026-11-22T12:00:00Z");
    assert_eq!(
        app.post("/credits/acme", short.clone())
            .await
            .expect(200)
            .at("/replayed"),
        true
    );
    let late = refused(
        &app.post("/credits/acme", merged(short, json!({ "id": "h" })))
            .await,
        422,
        "invalid_event",
    );
    assert_eq!(late["errors"][0]["pointer"], "/expires_at");
}

#[tokio::test]
async fn a_hold_is_cut_to_what_is_free_once_holds_that_are_over_are_freed() {
    let app = with_allowance("10").await;
    let price = json!({ "token_out": "0.001" });
    app.put(
        "/rate-cards/ai",
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
    assert!(stands(&app).await.contains("available 50 "));
}

#[tokio::test]
async fn an_allowance_begins_whole_with_the_subscription() {
    let app = TestApp::new().await;
    spend(&app, "6", json!({})).await.expect(201);
    app.put(
        "/plans/free",
        json!({ "name": "Free", "currency": "USD", "features": [], "allowance": "10" }),
    )
    .await
    .expect(200);
    app.put("/tenants/acme/subscription", json!({ "plan": "free" }))
        .await
        .expect(200);
    spend(&app, "10", json!({})).await.expect(201);
    refused(
        &spend(&app, "0.01", json!({})).await,
        402,
        "budget_exceeded",
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
