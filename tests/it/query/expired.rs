//! Markers expire before the pages of a tenant whose retention was raised.

use super::listed;
use serde_json::json;
use tollgate_core::{Name, Write, table};
use tollgate_service::Store;
use tollgate_tests::TestApp;

#[tokio::test]
async fn an_event_is_listed_by_its_id_and_task_though_its_marker_expired() {
    let app = TestApp::new().await;
    app.put("/tenants/acme", json!({ "retention_days": 35 }))
        .await
        .expect(200);
    app.record("acme", json!({ "id": "e1", "task_id": "t1" }))
        .await
        .expect(201);
    app.clock.advance(86_400);
    app.put("/tenants/acme", json!({ "retention_days": 400 }))
        .await
        .expect(200);
    app.clock.advance(100 * 86_400);
    app.service().roll_up_all().await.expect("a rollup");
    let key = table::marker(
        &Name::new("acme").expect("a tenant"),
        &Name::new("e1").expect("an id"),
    );
    let expired = Write::delete(key);
    app.store.commit(&[expired]).await.expect("a commit");
    for query in [
        "",
        "task_id=t1",
        "id=e1",
        "id=e1&task_id=t1",
        "id=e1&start=2026-11-22",
    ] {
        assert_eq!(listed(&app, query).await, "e1", "{query}");
    }
}
