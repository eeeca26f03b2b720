//! The retention floor: 35 days, under which nothing can be purged.

use super::{DAY, pages, purge};
use crate::given::{Open, pointers, refused};
use serde_json::json;

#[tokio::test]
async fn no_order_reaches_under_the_floor() {
    let open = Open::new();
    let app = &open.app;
    app.record("acme", json!({ "id": "e1" })).await.expect(201);
    app.clock.advance(35 * DAY - 1);
    let before = open.dump();
    for days in [0, 1, 34] {
        for dry_run in [false, true] {
            let order = json!({ "tenant_id": "acme", "older_than_days": days, "dry_run": dry_run });
            let problem = refused(
                &app.post("/usage/purge", order).await,
                422,
                "below_retention_floor",
            );
            assert_eq!(
                (pointers(&problem).as_str(), &problem["retention_days_min"]),
                ("/older_than_days", &json!(35))
            );
        }
    }
    assert_eq!(open.dump(), before);
    assert_eq!(
        purge(app, json!({ "older_than_days": 35 })).await,
        (json!(0), json!(0))
    );
    assert_eq!(pages(&open.dump()), 1);
}

#[tokio::test]
async fn what_is_inside_the_retention_stays_however_often_it_is_purged() {
    let open = Open::new();
    let app = &open.app;
    for day in 0..5 {
        app.record("acme", json!({ "id": format!("e{day}") }))
            .await
            .expect(201);
        app.clock.advance(10 * DAY);
        let (removed, _) = purge(app, json!({ "older_than_days": 35 })).await;
        assert_eq!(removed, u64::from(day >= 3), "40 days after the first");
    }
    assert_eq!(pages(&open.dump()), 3);
    let summary = app.get("/usage/summary?tenant_id=acme").await.expect(200);
    assert_eq!(summary.at("/total_events"), 5);
}
