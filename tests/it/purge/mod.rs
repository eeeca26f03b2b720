//! Retention: events go, totals stay.

mod erase;
mod floor;
mod orders;
mod totals;

use serde_json::{Value, json};
use tollgate_core::{Attrs, Key};
use tollgate_tests::TestApp;

const DAY: i64 = 86_400;

/// Events of three receipt hours, each with some of earlier days: at 10:00, at
/// 12:00 and, 50 days later, at 12:00.
async fn history(app: &TestApp) {
    let event = |id: String, timestamp: String, fields: Value| {
        let base = json!({ "id": id, "tenant_id": "acme", "operation": "hitl_approval", "agent_id": "a1", "timestamp": timestamp });
        crate::given::merged(base, fields)
    };
    for (hour, advance) in [("10", 2 * 3600), ("12", 50 * DAY), ("x", 0)] {
        let now = app.service().now().to_string();
        let events = [
            event(
                format!("{hour}-now"),
                now.clone(),
                json!({ "task_id": "t1", "tier": "enterprise" }),
            ),
            event(
                format!("{hour}-early"),
                "2026-11-20T07:45:00Z".to_owned(),
                json!({ "operation": "agent_message", "units": 3 }),
            ),
            event(
                format!("{hour}-price"),
                now,
                json!({ "cost_override": "0.0075", "latency_ms": "1.5", "consumer_id": "c1" }),
            ),
        ];
        let batch = json!({ "events": events });
        let reply = app
            .post("/events/batch?backfill=true", batch)
            .await
            .expect(200);
        assert_eq!(reply.at("/recorded"), 3, "{}", reply.text);
        app.clock.advance(advance);
    }
}

/// Everything that adds up, over ranges of whole hours.
async fn totals(app: &TestApp) -> Vec<Value> {
    let mut all = Vec::new();
    for range in [
        "start=2025-01-01&end=2030-01-01",
        "start=2026-11-20T07:00:00Z&end=2026-11-22T11:00:00Z",
        "start=2026-11-22T11:00:00Z",
    ] {
        for path in [
            "/usage/acme?",
            "/usage/summary?tenant_id=acme&",
            "/billing/acme?end=2030-01-01&",
        ] {
            let path = if range.contains("end=") {
                path.replace("end=2030-01-01&", "")
            } else {
                path.to_owned()
            };
            let body = app.get(&format!("{path}{range}")).await.expect(200).json();
            all.push(crate::given::without(body, &["period_end"]));
        }
    }
    all
}

async fn purge(app: &TestApp, order: Value) -> (Value, Value) {
    let done = if order["dry_run"] == true {
        "dry_run"
    } else {
        "purged"
    };
    let reply = app.post("/usage/purge", order).await.expect(200);
    assert_eq!(reply.at("/status"), done);
    (reply.at("/removed"), reply.at("/pages"))
}

/// The pages of `acme` among the items; what is left to expire is gone.
fn pages(items: &std::collections::BTreeMap<Key, Attrs>) -> usize {
    let pages = items
        .iter()
        .filter(|(key, _)| key.pk.starts_with("T|acme|E|"));
    pages
        .filter(|(_, attrs)| !attrs.contains_key(tollgate_core::table::TTL))
        .count()
}
