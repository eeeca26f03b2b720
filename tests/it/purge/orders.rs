//! `POST /usage/purge`: what an order removes, and what the schedules do.

use super::{DAY, history, pages, purge};
use crate::given::{Open, events_of, merged, operators, pointers, refused};
use serde_json::json;
use tollgate_core::{Attrs, Name, Value, Write, table};
use tollgate_service::Store;
use tollgate_tests::TestApp;

#[tokio::test]
async fn a_dry_run_counts_and_removes_nothing() {
    let open = Open::new();
    let app = &open.app;
    history(app).await;
    app.clock.advance(360 * DAY);
    app.service().roll_up_all().await.expect("a rollup");
    let before = open.dump();
    for _ in 0..2 {
        let reply = app
            .post(
                "/usage/purge",
                json!({ "tenant_id": "acme", "dry_run": true }),
            )
            .await
            .expect(200);
        let expected = json!({ "status": "dry_run", "removed": 6, "pages": 2, "dry_run": true,
            "pseudonymised": null, "pseudonym": null });
        assert_eq!(reply.json(), expected);
    }
    assert_eq!(open.dump(), before);
    let reply = app
        .post(
            "/usage/purge",
            json!({ "tenant_id": "acme", "dry_run": false }),
        )
        .await
        .expect(200);
    let expected = json!({ "status": "purged", "removed": 6, "pages": 2, "dry_run": false,
        "pseudonymised": null, "pseudonym": null });
    assert_eq!(reply.json(), expected);
}

#[tokio::test]
async fn a_repeat_removes_nothing() {
    let open = Open::new();
    history(&open.app).await;
    open.app.clock.advance(360 * DAY);
    assert_eq!(purge(&open.app, json!({})).await, (json!(6), json!(2)));
    let before = open.dump();
    assert_eq!(purge(&open.app, json!({})).await, (json!(0), json!(0)));
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn an_hour_goes_only_when_all_of_its_events_are_old_enough() {
    let open = Open::new();
    let app = &open.app;
    app.record(
        "acme",
        json!({ "id": "old", "timestamp": "2026-10-20T10:00:00Z" }),
    )
    .await
    .expect(201);
    app.record(
        "acme",
        json!({ "id": "ahead", "timestamp": "2026-11-22T10:05:00Z" }),
    )
    .await
    .expect(201);
    app.clock.set("2026-12-27T10:05:00Z");
    assert_eq!(
        purge(app, json!({ "older_than_days": 35 })).await,
        (json!(0), json!(0))
    );
    app.clock.advance(1);
    assert_eq!(
        purge(app, json!({ "older_than_days": 35 })).await,
        (json!(2), json!(2))
    );
}

#[tokio::test]
async fn each_tenant_has_its_own_retention() {
    let open = Open::new();
    let app = &open.app;
    app.put("/tenants/short", json!({ "retention_days": 35 }))
        .await
        .expect(200);
    app.put("/tenants/usual", json!({})).await.expect(200);
    for tenant in ["short", "usual"] {
        app.record(tenant, json!({ "id": "e1" })).await.expect(201);
    }
    app.clock.advance(36 * DAY);
    assert_eq!(
        purge(app, json!({ "tenant_id": "usual" })).await,
        (json!(0), json!(0))
    );
    let before = open.dump_of("usual");
    assert_eq!(
        purge(app, json!({ "tenant_id": "short" })).await,
        (json!(1), json!(1))
    );
    assert_eq!(open.dump_of("usual"), before);
    app.get("/events/e1?tenant_id=usual").await.expect(200);
    app.clock.advance(365 * DAY);
    assert_eq!(purge(app, json!({})).await, (json!(1), json!(1)));
    assert_eq!(
        (events_of(app, "short").await, events_of(app, "usual").await),
        (json!(1), json!(1))
    );
}

#[tokio::test]
async fn a_purge_enters_the_audit_trail_hour_by_hour() {
    let open = Open::new();
    history(&open.app).await;
    open.app.clock.advance(360 * DAY);
    purge(&open.app, json!({ "dry_run": true })).await;
    purge(&open.app, json!({})).await;
    purge(&open.app, json!({})).await;
    let trail = open.app.get("/audit").await.expect(200).at("/data");
    let details: Vec<_> = trail
        .as_array()
        .expect("data")
        .iter()
        .map(|entry| (&entry["action"], &entry["detail"]["events"]))
        .collect();
    assert_eq!(
        details,
        [
            (&json!("usage.purge"), &json!(3)),
            (&json!("usage.purge"), &json!(3))
        ]
    );
    assert_eq!(
        (&trail[0]["tenant_id"], &trail[0]["key_id"]),
        (&json!("acme"), &json!("test-operator"))
    );
}

#[tokio::test]
async fn schedules_do_the_same_work_and_are_safe_to_repeat() {
    let open = Open::new();
    history(&open.app).await;
    open.app.clock.advance(360 * DAY);
    let run = async |action: &str| {
        tollgate_purge::scheduled(&open.app.app, &json!({ "action": action })).await
    };
    assert_eq!(
        run("rollup").await,
        Ok(json!({ "action": "rollup", "hours": 3 }))
    );
    let before = open.dump();
    assert_eq!(
        run("rollup").await,
        Ok(json!({ "action": "rollup", "hours": 0 }))
    );
    assert_eq!(open.dump(), before);
    assert_eq!(
        run("purge").await,
        Ok(json!({ "action": "purge", "removed": 6, "pages": 2 }))
    );
    assert_eq!(
        run("purge").await,
        Ok(json!({ "action": "purge", "removed": 0, "pages": 0 }))
    );
    assert!(run("format").await.is_err());
    assert_eq!(pages(&open.dump()), 1);
}

#[tokio::test]
async fn the_order_is_an_operators_and_its_fields_are_known() {
    let open = Open::new();
    let app = &open.app;
    let keys = app.keys("acme").await;
    let before = open.dump();
    for key in [&keys.ingest, &keys.read] {
        refused(
            &app.call_with(key, "POST", "/usage/purge", "{}").await,
            403,
            "forbidden",
        );
    }
    for (order, status, pointer) in [
        (json!({ "tenant_id": "a|b" }), 422, "/tenant_id"),
        (json!({ "older_than_days": "99" }), 400, "/older_than_days"),
        (json!({ "older_than_days": -1 }), 422, "/older_than_days"),
        (json!({ "dry_run": "yes" }), 400, "/dry_run"),
        (json!({ "all": true }), 400, "/all"),
    ] {
        let code = if status == 400 {
            "invalid_request"
        } else {
            "invalid_value"
        };
        assert_eq!(
            pointers(&refused(
                &app.post("/usage/purge", order).await,
                status,
                code
            )),
            pointer
        );
    }
    assert_eq!(open.dump(), before);
}

#[tokio::test]
async fn an_idempotency_key_repeats_the_answer() {
    let open = Open::new();
    history(&open.app).await;
    open.app.clock.advance(360 * DAY);
    let order = |fields| merged(json!({ "tenant_id": "acme" }), fields);
    for _ in 0..2 {
        let request = operators(
            "POST",
            "/usage/purge",
            &order(json!({})),
            "idempotency-key",
            "k1",
        );
        assert_eq!(open.app.send(request).await.expect(200).at("/removed"), 6);
    }
    let other = operators(
        "POST",
        "/usage/purge",
        &order(json!({ "dry_run": true })),
        "idempotency-key",
        "k1",
    );
    refused(&open.app.send(other).await, 422, "idempotency_key_reused");
}

#[tokio::test]
async fn a_tenant_that_fails_keeps_no_other_from_the_schedules_work() {
    let app = TestApp::new().await;
    for tenant in ["a", "b", "c"] {
        app.record(tenant, json!({ "id": "e1" })).await.expect(201);
    }
    app.clock.advance(2 * 3600);
    app.service().roll_up_all().await.expect("a rollup");
    let damaged = Attrs::from([(table::BODY.into(), Value::B(b"{".to_vec()))]);
    let write = Write::put(table::watermark(&Name::new("b").unwrap()), damaged);
    app.store.commit(&[write]).await.expect("a commit");
    for hours in 0..3 {
        app.clock.advance(hours * 3600 + 450 * 86_400);
        for tenant in ["a", "c"] {
            app.record(tenant, json!({ "id": format!("later-{hours}") }))
                .await
                .expect(201);
        }
        app.clock.advance(450 * 86_400);
        let failed = tollgate_purge::scheduled(&app.app, &json!({ "action": "purge" })).await;
        assert!(failed.is_err(), "{failed:?}");
        for tenant in ["a", "c"] {
            assert_eq!(
                app.get(&format!("/usage/stats?tenant_id={tenant}"))
                    .await
                    .expect(200)
                    .at("/total_events"),
                0,
                "{tenant}"
            );
        }
    }
}
