//! Layers of limits: quota and general limits apply side by side.

use crate::given::{Open, limit, refused};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

async fn sources(app: &TestApp) -> Vec<(Value, Value)> {
    let limits = app.get("/limits/acme").await.expect(200).at("/limits");
    limits
        .as_array()
        .expect("limits")
        .iter()
        .map(|limit| (limit["id"].clone(), limit["source"].clone()))
        .collect()
}

#[tokio::test]
async fn every_layer_applies_and_says_where_it_comes_from() {
    let app = TestApp::new().await;
    app.limit("acme", json!([limit(json!({ "id": "total", "hard": 3 }))]))
        .await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "monthly_total_limit": 2, "rate_limit_per_second": 9 }),
    )
    .await
    .expect(200);
    let expected = [
        ("quota:total", "quota"),
        ("quota:rate", "quota"),
        ("total", "limits"),
    ];
    assert_eq!(
        sources(&app).await,
        expected.map(|(id, source)| (json!(id), json!(source)))
    );
    for _ in 0..2 {
        app.record("acme", json!({})).await.expect(201);
    }
    let problem = refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(problem["violations"][0]["limit_id"], "quota:total");
    app.post("/quota", json!({ "tenant_id": "acme" }))
        .await
        .expect(200);
    app.record("acme", json!({})).await.expect(201);
    let problem = refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(
        problem["violations"][0]["limit_id"], "total",
        "the other layer stays"
    );
    app.limit("acme", json!([])).await;
    assert!(sources(&app).await.is_empty());
}

#[tokio::test]
async fn limits_that_count_the_same_share_their_count() {
    let app = TestApp::new().await;
    app.limit(
        "acme",
        json!([
            limit(json!({ "id": "a", "hard": 5 })),
            limit(json!({ "id": "b", "soft": 1, "hard": 2 }))
        ]),
    )
    .await;
    app.post(
        "/quota",
        json!({ "tenant_id": "acme", "monthly_total_limit": 4 }),
    )
    .await
    .expect(200);
    for _ in 0..2 {
        app.record("acme", json!({})).await.expect(201);
    }
    let problem = refused(
        &app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(problem["violations"].as_array().map(Vec::len), Some(1));
    let standing = app.get("/limits/acme").await.expect(200).at("/standing");
    let used: Vec<&Value> = standing
        .as_array()
        .expect("limits")
        .iter()
        .map(|limit| &limit["used"])
        .collect();
    assert_eq!(used, [2, 2, 2]);
}

#[tokio::test]
async fn a_named_limit_and_one_on_each_apply_together() {
    let app = TestApp::new().await;
    let each = limit(json!({ "id": "each", "scope": "agent", "hard": 3 }));
    let named = limit(json!({ "id": "named", "scope": "agent", "scope_id": "a1", "hard": 1 }));
    for limits in [json!([each, named]), json!([named, each])] {
        app.limit("acme", json!([])).await;
        app.limit("acme", limits).await;
        let used = app
            .get("/usage/summary?tenant_id=acme&agent=a1")
            .await
            .at("/total_events");
        for n in used.as_u64().expect("a count")..1 {
            app.record("acme", json!({ "id": format!("a1-{n}"), "agent_id": "a1" }))
                .await
                .expect(201);
        }
        let problem = refused(
            &app.record("acme", json!({ "agent_id": "a1" })).await,
            429,
            "usage_limit_exceeded",
        );
        assert_eq!(problem["violations"][0]["limit_id"], "named");
    }
    for n in 0..4 {
        let reply = app.record("acme", json!({ "agent_id": "a2" })).await;
        assert_eq!(reply.status, if n < 3 { 201 } else { 429 });
    }
    app.record("acme", json!({})).await.expect(201);
}

#[tokio::test]
async fn a_denied_first_event_leaves_no_trace() {
    let open = Open::new();
    open.app
        .limit("acme", json!([limit(json!({ "hard": 0 }))]))
        .await;
    let before = open.dump();
    refused(
        &open.app.record("acme", json!({})).await,
        429,
        "usage_limit_exceeded",
    );
    assert_eq!(open.dump(), before);
    let _ = open
        .app
        .put("/tenants/acme", json!({ "currency": "EUR" }))
        .await
        .expect(200);
}
