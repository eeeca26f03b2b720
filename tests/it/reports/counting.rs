//! A change of limits is a job: published at once, counted behind that, and
//! never inside a rollup.

use super::event;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Fault, Operation, TestApp};

fn by_month() -> Value {
    json!({ "limits": [{ "id": "m", "scope": "tenant", "measure": "events", "window": "month", "hard": 1_000_000 }] })
}

/// Two events in each of 48 hours, rolled up.
async fn rolled_up() -> TestApp {
    let app = TestApp::over(Arc::new(Memory::default()), Tenancy::Sole);
    for _ in 0..48 {
        let batch: Vec<Value> = (0..2).map(|_| event(json!({}))).collect();
        app.post("/events/batch", json!({ "events": batch }))
            .await
            .expect(200);
        app.clock.advance(3_600);
    }
    app.clock.advance(86_400);
    app.service().roll_up_all().await.expect("a rollup");
    app
}

/// Wherever it stops, it goes on from there; rollups neither wait for it nor do it.
#[tokio::test]
async fn a_change_that_stops_is_shown_as_counting_until_a_round_completes_it() {
    let mut stopped = 0;
    for allowed in 1..40 {
        let app = rolled_up().await;
        let mut commits = 0;
        app.store.rule(move |call| {
            commits += u64::from(call.operation == Operation::Commit);
            if call.operation == Operation::Commit && commits > allowed {
                Fault::Before
            } else {
                Fault::None
            }
        });
        let put = app.put("/limits/acme", by_month()).await;
        app.store.heal();
        if put.status != 200 || put.at("/limits/0/state") == "active" {
            continue;
        }
        stopped += 1;
        assert_eq!(put.at("/limits/0/state"), "counting");
        app.clock.advance(7_200);
        app.service().roll_up_all().await.expect("a rollup");
        let shown = app.get("/limits/acme").await.expect(200);
        assert_eq!(shown.at("/limits/0/state"), "counting");
        let round = json!({ "action": "complete_changes" });
        tollgate_purge::scheduled(&app.app, &round)
            .await
            .expect("a round");
        let shown = app.get("/limits/acme").await.expect(200);
        assert_eq!(shown.at("/limits/0/state"), "active");
        assert_eq!(shown.at("/standing/0/used"), 96);
    }
    assert!(stopped > 1, "{stopped}");
}
