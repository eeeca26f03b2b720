//! What clocks do: no page enters a closed hour, none is unseen, and a clock
//! that nobody confirmed removes nothing.

use super::event;
use crate::given::refused;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

const TENANCIES: [Tenancy; 2] = [
    Tenancy::Sole,
    Tenancy::Shared {
        settle: Duration::ZERO,
    },
];
/// Everything, whatever a clock says.
const ALWAYS: &str = "start=2020-01-01T00:00:00Z&end=2040-01-01T00:00:00Z";

/// How many events each way of asking tells of.
async fn seen(app: &TestApp) -> [u64; 4] {
    let count = |of: serde_json::Value| of.as_u64().expect("a count");
    let list = app
        .get(&format!("/usage?tenant_id=acme&{ALWAYS}&limit=1000"))
        .await
        .expect(200);
    let totals = app.get(&format!("/usage/acme?{ALWAYS}")).await.expect(200);
    let bill = app
        .get(&format!("/billing/acme?{ALWAYS}"))
        .await
        .expect(200);
    let stats = app.get("/usage/stats?tenant_id=acme").await.expect(200);
    [
        count(list.at("/count")),
        count(totals.at("/total_events")),
        count(bill.at("/total_events")),
        count(stats.at("/total_events")),
    ]
}

/// Records without a timestamp: its time is that of receipt.
async fn record(app: &TestApp, id: &str) -> u16 {
    app.post("/events", event(json!({ "id": id }))).await.status
}

#[tokio::test]
async fn whatever_a_clock_does_what_was_acknowledged_is_seen() {
    for tenancy in TENANCIES {
        for restarts in [false, true] {
            for back in [1, 59, 300, 301, 3_600, 7_200, 86_400, 400 * 86_400] {
                for rolled in [false, true] {
                    let memory = Arc::new(Memory::default());
                    let first = TestApp::over(memory.clone(), tenancy);
                    let case = format!("{tenancy:?} {restarts} {back} {rolled}");
                    let mut acknowledged = 0;
                    for hour in 0..3 {
                        assert_eq!(record(&first, &format!("h{hour}")).await, 201, "{case}");
                        acknowledged += 1;
                        first.clock.advance(3_600);
                    }
                    if rolled {
                        first.service().roll_up_all().await.expect("a rollup");
                    }
                    let now = first.service().now();
                    let after = if restarts {
                        TestApp::over(memory.clone(), tenancy)
                    } else {
                        first
                    };
                    after.clock.set(&now.plus_seconds(-back).to_string());
                    for try_ in 0..3 {
                        let status = record(&after, &format!("back{try_}")).await;
                        assert!(matches!(status, 201 | 503), "{case}: {status}");
                        acknowledged += u64::from(status == 201);
                        assert_eq!(seen(&after).await, [acknowledged; 4], "{case}");
                        after.clock.advance(20);
                    }
                    after.clock.set(&now.plus_seconds(7_200).to_string());
                    after.service().roll_up_all().await.expect("a rollup");
                    assert_eq!(record(&after, "late").await, 201, "{case}");
                    assert_eq!(seen(&after).await, [acknowledged + 1; 4], "{case}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_clock_far_behind_what_is_closed_is_refused_and_says_so() {
    for tenancy in TENANCIES {
        let memory = Arc::new(Memory::default());
        let app = TestApp::over(memory.clone(), tenancy);
        assert_eq!(record(&app, "first").await, 201);
        app.clock.advance(7_200);
        app.service().roll_up_all().await.expect("a rollup");
        let before = memory.dump();
        let other = TestApp::over(memory.clone(), tenancy);
        let reply = other.post("/events", event(json!({ "id": "e" }))).await;
        refused(&reply, 503, "store_unavailable");
        assert!(!reply.header("retry-after").is_empty());
        let hold = json!({ "id": "h", "event": event(json!({})) });
        let reply = other.post("/holds", hold).await;
        refused(&reply, 503, "store_unavailable");
        assert_eq!(memory.dump(), before);
    }
}

#[tokio::test]
async fn a_clock_that_nobody_confirmed_purges_folds_and_expires_nothing() {
    for years in [0, 1, 10] {
        let memory = Arc::new(Memory::default());
        let sole = TestApp::over(memory.clone(), Tenancy::Sole);
        assert_eq!(record(&sole, "e1").await, 201);
        let hold = json!({ "id": "h", "ttl_seconds": 60, "event": event(json!({})) });
        sole.post("/holds", hold).await.expect(201);
        let app = TestApp::in_doubt(memory.clone(), Tenancy::Sole);
        app.clock.advance(36 * 86_400 + years * 365 * 86_400);
        let before = memory.dump();
        for action in ["purge", "rollup", "expire_holds"] {
            // Refused or done for nothing: what is stored stays.
            drop(tollgate_purge::scheduled(&app.app, &json!({ "action": action })).await);
            assert_eq!(memory.dump(), before, "{action} {years}");
        }
        let health = app.get("/health").await.json();
        assert_eq!(health["clock"], "unconfirmed", "{health}");
        // A client's own time near it confirms it.
        let now = app.service().now().to_string();
        let told = event(json!({ "id": "e2", "timestamp": now }));
        app.post("/events", told).await.expect(201);
        assert_eq!(app.get("/health").await.json()["clock"], "trusted");
        tollgate_purge::scheduled(&app.app, &json!({ "action": "expire_holds" }))
            .await
            .expect("a sweep");
        let hold = app.get("/holds/h?tenant_id=acme").await.expect(200);
        assert_eq!(hold.at("/state"), "expired");
    }
}
