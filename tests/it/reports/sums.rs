//! A total that fits is told, whatever its parts add up to on the way.

use super::{event, void};
use serde_json::{Value, json};
use tollgate_tests::TestApp;

/// The dearest events there are, so many that their sum is no amount.
const BATCHES: usize = 100;
const BATCH: usize = 1000;

/// One mistake that is taken back must not hide all other figures.
#[tokio::test]
async fn a_void_brings_a_sum_that_was_too_large_back_into_every_total() {
    let app = TestApp::new().await;
    for batch in 0..BATCHES {
        let dearest = |number: usize| {
            let id = format!("e{batch}-{number}");
            event(json!({ "id": id, "cost_override": "1000000000000000" }))
        };
        let events: Vec<Value> = (0..BATCH).map(dearest).collect();
        let reply = app
            .post("/events/batch", json!({ "events": events }))
            .await
            .expect(200);
        assert_eq!(reply.at("/recorded"), BATCH);
    }
    app.clock.advance(1);
    void(&app, "e0-0").await.expect(201);
    for is_rolled_up in [false, true] {
        if is_rolled_up {
            app.clock.advance(3 * 3600);
            let order = json!({ "action": "rollup" });
            let rolled = tollgate_purge::scheduled(&app.app, &order)
                .await
                .expect("a rollup");
            assert_eq!(rolled["hours"], 1);
        }
        for (path, cost) in [
            ("/usage/acme", "/total_cost"),
            ("/usage/summary?tenant_id=acme", "/total_cost"),
            (
                "/usage/aggregate?tenant_id=acme&group_by=day",
                "/data/0/total_cost",
            ),
        ] {
            let reply = app.get(path).await.expect(200);
            let (events, total) = (BATCHES * BATCH - 1, "99999000000000000000");
            assert_eq!(reply.at(&cost.replace("cost", "events")), events, "{path}");
            assert_eq!(reply.at(cost), total, "{path}, rolled up: {is_rolled_up}");
        }
        app.get("/billing/acme").await.expect(200);
        app.get("/usage?tenant_id=acme&limit=1").await.expect(200);
    }
}
