//! `POST /holds/{hold_id}/capture`.

use super::{capture, event, extend, hold, limited, release, shown, stands, sweep};
use crate::given::{events_of, merged, pointers, refused};
use serde_json::{Value, json};

/// What is released and what is above, of a hold of 300 output tokens and 3
/// calls at 0.001 a token.
fn settled(spend: [&str; 2], tokens: [u64; 2], calls: [u64; 2]) -> [Value; 2] {
    [0, 1].map(|of| {
        json!({ "spend": spend[of], "units": 0, "tokens": tokens[of], "tokens_in": 0, "tokens_out": tokens[of],
            "api_calls": calls[of], "duration_ms": 0 })
    })
}

#[tokio::test]
async fn a_capture_books_what_was_used_and_says_what_was_left_or_above() {
    for (used, [released, overage], stood) in [
        (
            json!({ "tokens_out": 75, "api_calls": 1 }),
            settled(["0.225", "0"], [225, 0], [2, 0]),
            json!([["0.075", "0"], [75, 0]]),
        ),
        (
            json!({ "tokens_out": 300, "api_calls": 3 }),
            settled(["0", "0"], [0, 0], [0, 0]),
            json!([["0.3", "0"], [300, 0]]),
        ),
        (
            json!({ "tokens_out": 1500, "api_calls": 2 }),
            settled(["0", "1.2"], [0, 1200], [1, 0]),
            json!([["1.5", "0"], [1500, 0]]),
        ),
        (
            json!({ "tokens_out": 0, "api_calls": 4 }),
            settled(["0.3", "0"], [300, 0], [0, 1]),
            json!([["0", "0"], [0, 0]]),
        ),
    ] {
        let app = limited().await;
        app.post(
            "/holds",
            json!({ "id": "h1", "event": event(json!({ "tokens_out": 300, "api_calls": 3 })) }),
        )
        .await
        .expect(201);
        let captured = capture(&app, "h1", used.clone()).await.expect(201);
        assert_eq!(
            (captured.at("/released"), captured.at("/overage")),
            (released, overage),
            "{used}"
        );
        assert_eq!(
            (
                captured.at("/event_id"),
                captured.at("/hold_id"),
                captured.at("/recorded")
            ),
            (json!("h1"), json!("h1"), json!(true))
        );
        assert_eq!(stands(&app).await, stood, "{used}");
        let booked = app.get("/events/h1?tenant_id=acme").await.expect(200);
        assert_eq!(
            (
                booked.at("/cost"),
                booked.at("/tokens_out").as_u64().unwrap_or(0)
            ),
            (
                captured.at("/cost"),
                used["tokens_out"].as_u64().unwrap_or(0)
            )
        );
        assert_eq!(
            (booked.at("/agent_id"), booked.at("/operation")),
            (json!("a1"), json!("gpt"))
        );
        let hold = shown(&app, "h1").await.expect(200);
        assert_eq!(
            (hold.at("/state"), hold.at("/event_id"), hold.at("/cost")),
            (json!("captured"), json!("h1"), json!("0.3"))
        );
        assert_eq!(
            app.get("/billing/acme").await.at("/subtotal_exact"),
            captured.at("/cost")
        );
    }
}

#[tokio::test]
async fn the_same_capture_again_is_a_replay_and_another_is_refused() {
    let app = limited().await;
    hold(&app, "h1", 300).await.expect(201);
    let used = json!({ "id": "e1", "tokens_out": 75, "model": "gpt-5" });
    let first = capture(&app, "h1", used.clone()).await.expect(201).json();
    app.clock.advance(86_400);
    let again = capture(&app, "h1", used.clone()).await.expect(200).json();
    assert_eq!(again, merged(first.clone(), json!({ "replayed": true })));
    capture(
        &app,
        "h1",
        merged(
            used.clone(),
            json!({ "operation": "gpt", "agent_id": "a1", "timestamp": "2026-11-22T10:00:00Z" }),
        ),
    )
    .await
    .expect(200);
    for other in [
        json!({ "tokens_out": 76 }),
        json!({ "id": "e2" }),
        json!({ "model": "x" }),
        json!({ "agent_id": "a2" }),
    ] {
        let problem = refused(
            &capture(&app, "h1", merged(used.clone(), other)).await,
            409,
            "hold_closed",
        );
        assert_eq!(
            (&problem["hold_id"], &problem["state"]),
            (&json!("h1"), &json!("captured"))
        );
    }
    assert_eq!(events_of(&app, "acme").await, 1);
}

#[tokio::test]
async fn a_capture_is_of_whom_what_and_where_its_hold_is() {
    let app = limited().await;
    let whole = json!({ "tokens_out": 9, "consumer_id": "c1", "session_id": "s1", "tool_server": "srv", "tool_name": "find", "task_id": "t1",
        "model": "m1", "provider": "p1", "budget_node": "n1", "tier": "enhanced", "metadata": { "a": 1 } });
    app.post("/holds", json!({ "id": "h1", "event": event(whole) }))
        .await
        .expect(201);
    for (field, other) in [
        ("operation", "other"),
        ("agent_id", "a2"),
        ("consumer_id", "c2"),
        ("session_id", "s2"),
        ("tool_server", "x"),
        ("tool_name", "x"),
        ("budget_node", "n2"),
        ("timestamp", "2026-11-22T10:00:01Z"),
    ] {
        let problem = refused(
            &capture(&app, "h1", json!({ field: other })).await,
            422,
            "hold_mismatch",
        );
        assert_eq!(pointers(&problem), format!("/event/{field}"));
    }
    let captured = capture(
        &app,
        "h1",
        json!({ "tokens_out": 10, "tier": "deliberation", "model": "m2" }),
    )
    .await
    .expect(201);
    assert_eq!(
        (captured.at("/tier"), captured.at("/cost")),
        (json!("deliberation"), json!("0.03"))
    );
    let booked = app.get("/events/h1?tenant_id=acme").await.json();
    let expected = json!({ "consumer_id": "c1", "session_id": "s1", "tool_server": "srv", "tool_name": "find", "task_id": "t1", "model": "m2",
        "provider": "p1", "budget_node": "n1", "metadata": { "a": 1 }, "timestamp": "2026-11-22T10:00:00Z" });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&booked[name], value, "{name}");
    }
    assert_eq!(
        app.get("/usage/tasks/t1?tenant_id=acme")
            .await
            .at("/total_events"),
        1
    );
}

#[tokio::test]
async fn what_the_hold_lacks_no_capture_adds() {
    let app = limited().await;
    app.post(
        "/holds",
        json!({ "id": "h1", "event": { "tenant_id": "acme", "operation": "gpt" } }),
    )
    .await
    .expect(201);
    for field in ["agent_id", "budget_node"] {
        refused(
            &capture(&app, "h1", json!({ field: "a1" })).await,
            422,
            "hold_mismatch",
        );
    }
}

#[tokio::test]
async fn what_cannot_be_booked_leaves_the_hold_open() {
    let app = limited().await;
    hold(&app, "h1", 300).await.expect(201);
    app.record("acme", json!({ "id": "taken" }))
        .await
        .expect(201);
    let reused = refused(
        &capture(&app, "h1", json!({ "id": "taken" })).await,
        409,
        "event_id_reused",
    );
    assert_eq!(reused["event_id"], "taken");
    refused(&capture(&app, "none", json!({})).await, 404, "not_found");
    assert_eq!(shown(&app, "h1").await.at("/state"), "open");
    capture(&app, "h1", json!({ "tokens_out": 1 }))
        .await
        .expect(201);
}

#[tokio::test]
async fn an_event_captured_and_the_same_recorded_count_once() {
    let app = limited().await;
    hold(&app, "h1", 300).await.expect(201);
    capture(&app, "h1", json!({ "tokens_out": 7 }))
        .await
        .expect(201);
    let again = app
        .post(
            "/events?mode=observe",
            event(json!({ "id": "h1", "tokens_out": 7 })),
        )
        .await
        .expect(200);
    assert_eq!(again.at("/replayed"), true);
    assert_eq!(stands(&app).await, json!([["0.007", "0"], [7, 0]]));
}

#[tokio::test]
async fn an_event_recorded_and_the_same_captured_count_once_and_the_hold_ends() {
    for (of, late) in [
        ("h1", false),
        ("other", false),
        ("h1", true),
        ("other", true),
    ] {
        let app = limited().await;
        hold(&app, "h1", 300).await.expect(201);
        app.clock.advance(60);
        app.post(
            "/events?mode=observe",
            event(json!({ "id": of, "tokens_out": 7 })),
        )
        .await
        .expect(201);
        assert_eq!(stands(&app).await, json!([["0.007", "0.3"], [7, 300]]));
        if late {
            app.clock.advance(3600);
            sweep(&app).await;
        }
        let other = capture(&app, "h1", json!({ "id": of, "tokens_out": 8 })).await;
        refused(&other, 409, "event_id_reused");
        for _ in 0..2 {
            let again = capture(&app, "h1", json!({ "id": of, "tokens_out": 7 }))
                .await
                .expect(200);
            let at = |name: &str| again.at(name);
            assert_eq!((at("/replayed"), at("/late")), (json!(true), json!(late)));
            assert_eq!(at("/timestamp"), "2026-11-22T10:01:00Z");
            assert_eq!(at("/released/spend"), json!("0.293"), "{}", again.text);
            assert_eq!(shown(&app, "h1").await.at("/state"), "captured");
            assert_eq!(stands(&app).await, json!([["0.007", "0"], [7, 0]]));
        }
        let events = app.get("/usage?tenant_id=acme").await.expect(200);
        assert_eq!(events.at("/count"), 1);
    }
}

#[tokio::test]
async fn limits_made_since_are_counted_and_not_tested_and_those_gone_are_settled() {
    let app = limited().await;
    hold(&app, "h1", 300).await.expect(201);
    let session = json!({ "id": "new", "scope": "tenant", "measure": "tokens", "window": "month", "hard": 5 });
    app.limit("acme", json!([super::tokens(1000), session]))
        .await;
    capture(&app, "h1", json!({ "tokens_out": 100 }))
        .await
        .expect(201);
    let check = app.post("/check", event(json!({}))).await.expect(200);
    let at = |index: usize, name: &str| check.at(&format!("/limits/{index}/{name}"));
    assert_eq!((at(0, "used"), at(0, "held")), (json!(100), json!(0)));
    assert_eq!(
        (at(1, "used"), at(1, "held"), at(1, "status")),
        (json!(100), json!(0), json!("hard_limit_exceeded"))
    );
    // The limit on money, set again, counts from what is booked.
    app.limit("acme", json!([super::money("1"), super::tokens(1000)]))
        .await;
    assert_eq!(stands(&app).await, json!([["0.1", "0"], [100, 0]]));
}

#[tokio::test]
async fn a_limit_below_what_is_held_denies_and_the_capture_still_books() {
    let app = limited().await;
    hold(&app, "h1", 300).await.expect(201);
    app.limit("acme", json!([super::money("0.1"), super::tokens(1000)]))
        .await;
    refused(&hold(&app, "h2", 1).await, 402, "budget_exceeded");
    capture(&app, "h1", json!({ "tokens_out": 300 }))
        .await
        .expect(201);
    assert_eq!(stands(&app).await, json!([["0.3", "0"], [300, 0]]));
}

#[tokio::test]
async fn a_warned_hold_is_captured_with_its_decision() {
    let app = limited().await;
    let soft = json!({ "id": "soft", "scope": "agent", "measure": "tokens", "window": "day", "soft": 100 });
    app.limit("acme", json!([soft])).await;
    assert_eq!(
        hold(&app, "h1", 300).await.expect(201).at("/decision"),
        "warn"
    );
    let captured = capture(&app, "h1", json!({ "tokens_out": 1 }))
        .await
        .expect(201);
    assert_eq!(
        (captured.at("/decision"), captured.at("/warnings")),
        (json!("warn"), json!([]))
    );
}

#[tokio::test]
async fn after_any_other_end_a_capture_is_refused_and_the_use_can_be_observed() {
    let app = limited().await;
    hold(&app, "h1", 300).await.expect(201);
    release(&app, "h1").await.expect(200);
    assert_eq!(
        refused(
            &capture(&app, "h1", json!({ "tokens_out": 5 })).await,
            409,
            "hold_closed"
        )["state"],
        "released"
    );
    refused(&extend(&app, "h1", 60).await, 409, "hold_closed");
    app.post(
        "/events?mode=observe",
        event(json!({ "id": "h1", "tokens_out": 5 })),
    )
    .await
    .expect(201);
    assert_eq!(stands(&app).await, json!([["0.005", "0"], [5, 0]]));
}
