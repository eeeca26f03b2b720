//! `POST /check`: the decision without the event.

use crate::given::{Open, limit, merged, pointers, post_as, refused};
use serde_json::{Value, json};

fn event(fields: Value) -> Value {
    merged(
        json!({ "tenant_id": "acme", "operation": "hitl_approval" }),
        fields,
    )
}

#[tokio::test]
async fn a_check_foretells_what_recording_answers_and_writes_nothing() {
    let open = Open::new();
    let app = &open.app;
    let limits = json!([
        limit(json!({ "soft": 2, "hard": 5 })),
        limit(json!({ "id": "agent", "scope": "agent", "measure": "tokens", "window": "hour", "hard": 100 })),
        { "id": "budget", "scope": "session", "measure": "spend", "window": "total", "soft": "0.1", "hard": "0.2", "currency": "USD" },
    ]);
    app.limit("acme", limits).await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "rate_limit_per_second": 7 }),
    )
    .await
    .expect(200);
    app.record("acme", json!({ "id": "first" }))
        .await
        .expect(201);
    let agents = ["a1", "a2"];
    let mut decisions = std::collections::BTreeSet::new();
    for n in 0..24_usize {
        let fields = json!({
            "id": format!("e{n}"), "agent_id": agents[n % 2], "session_id": format!("s{}", n % 3), "tokens_in": n * 7,
            "units": n % 4, "timestamp": if n > 11 { "2026-11-22T09:00:00Z" } else { "2026-11-22T10:00:00Z" },
        });
        let before = open.dump();
        let check = app.post("/check", event(fields.clone())).await.expect(200);
        assert_eq!(open.dump(), before);
        let reply = app.post("/events", event(fields)).await;
        let decision = match reply.status {
            201 => reply.at("/decision"),
            402 | 429 => json!("deny"),
            _ => panic!("{}", reply.text),
        };
        assert_eq!(check.at("/decision"), decision, "{n}");
        if reply.status == 201 {
            assert_eq!(
                (check.at("/cost"), check.at("/currency")),
                (reply.at("/cost"), reply.at("/currency"))
            );
        }
        decisions.insert(decision.to_string());
        app.clock.advance(i64::from(n % 8 == 7));
    }
    assert_eq!(decisions.len(), 3, "every decision was met: {decisions:?}");
}

#[tokio::test]
async fn a_check_shows_every_limit_that_applies() {
    let open = Open::new();
    let app = &open.app;
    let limits = json!([
        limit(json!({ "hard": 5 })),
        limit(json!({ "id": "each", "scope": "agent", "hard": 1 })),
        limit(json!({ "id": "other", "scope": "agent", "scope_id": "a2", "hard": 1 })),
        { "id": "budget", "scope": "tenant", "measure": "spend", "window": "total", "hard": "0.2", "currency": "USD" },
    ]);
    app.limit("acme", limits).await;
    app.post("/events", event(json!({ "agent_id": "a1" })))
        .await
        .expect(201);
    let check = app
        .post("/check", event(json!({ "agent_id": "a1" })))
        .await
        .expect(200);
    assert_eq!(
        (
            check.at("/decision"),
            check.at("/cost"),
            check.at("/currency")
        ),
        (json!("deny"), json!("0.05"), json!("USD"))
    );
    let (start, end) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
    let expected = json!([
        { "limit_id": "cap", "source": "limits", "scope": "tenant", "scope_id": null,
          "measure": "events", "currency": null, "window": "month", "window_start": start,
          "window_end": end, "soft": null, "hard": 5, "used": 1, "held": 0, "remaining": 4,
          "percent": "20.00", "status": "ok" },
        { "limit_id": "each", "source": "limits", "scope": "agent", "scope_id": "a1",
          "measure": "events", "currency": null, "window": "month", "window_start": start,
          "window_end": end, "soft": null, "hard": 1, "used": 1, "held": 0, "remaining": 0,
          "percent": "100.00", "status": "hard_limit_exceeded" },
        { "limit_id": "budget", "source": "limits", "scope": "tenant", "scope_id": null,
          "measure": "spend", "currency": "USD", "window": "total", "window_start": null,
          "window_end": null, "soft": null, "hard": "0.2", "used": "0.05", "held": "0",
          "remaining": "0.15", "percent": "25.00", "status": "ok" },
    ]);
    assert_eq!(check.at("/limits"), expected);
}

#[tokio::test]
async fn an_estimate_needs_no_id_and_may_use_a_taken_one() {
    let open = Open::new();
    let app = &open.app;
    app.post("/events", event(json!({ "id": "e1" })))
        .await
        .expect(201);
    let before = open.dump();
    assert_eq!(
        app.post("/check", event(json!({})))
            .await
            .expect(200)
            .at("/limits"),
        json!([])
    );
    app.post("/check", event(json!({ "id": "e1", "units": 9 })))
        .await
        .expect(200);
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn what_cannot_be_recorded_cannot_be_checked() {
    let open = Open::new();
    let app = &open.app;
    let key = app.keys("acme").await.ingest;
    app.put("/tenants/euro", json!({ "currency": "EUR" }))
        .await
        .expect(200);
    let before = open.dump();
    for (fields, status, code, pointer) in [
        (json!({ "units": -1 }), 422, "invalid_event", "/units"),
        (json!({ "units": "1" }), 400, "invalid_request", "/units"),
        (
            json!({ "operation": "gpt-9" }),
            422,
            "invalid_event",
            "/operation",
        ),
        (json!({ "tier": "gold" }), 422, "invalid_event", "/tier"),
        (
            json!({ "timestamp": "2026-10-18T09:59:59Z" }),
            422,
            "invalid_event",
            "/timestamp",
        ),
        (
            json!({ "timestamp": "2026-11-22T10:05:01Z" }),
            422,
            "invalid_event",
            "/timestamp",
        ),
        (json!({ "tenant_id": "euro" }), 422, "currency_mismatch", ""),
        (
            json!({ "tenant_id": null }),
            400,
            "invalid_request",
            "/tenant_id",
        ),
    ] {
        assert_eq!(
            pointers(&refused(
                &app.post("/check", event(fields)).await,
                status,
                code
            )),
            pointer
        );
    }
    refused(
        &post_as(app, &key, "/check", &event(json!({ "tenant_id": "euro" }))).await,
        403,
        "forbidden",
    );
    refused(
        &app.post("/check?mode=observe", event(json!({}))).await,
        400,
        "invalid_request",
    );
    assert_eq!(open.dump(), before);
}
