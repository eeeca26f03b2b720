//! Purges and stats after months: what is gone is not read again.

use super::{Unmarked, record};
use serde_json::json;
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Meter, Reads, TestApp};

const DAYS: u64 = 160;

#[tokio::test]
async fn a_purge_and_stats_read_what_is_kept_however_much_was_purged_before() {
    let meter = Meter::around(Arc::new(Unmarked(Arc::new(Memory::default()))));
    let app = TestApp::over(meter.clone(), Tenancy::Sole);
    let kept = json!({ "retention_days": 35 });
    app.put("/tenants/acme", kept).await.expect(200);
    let mut costs: Vec<[Reads; 2]> = Vec::new();
    for day in 1..=DAYS {
        for _ in 0..24 {
            record(&app, "acme", 1, |_, _| {}).await;
            app.clock.advance(3_600);
        }
        if day % 5 > 0 {
            continue;
        }
        app.service().roll_up_all().await.expect("a rollup");
        meter.take();
        let order = json!({ "tenant_id": "acme", "dry_run": false });
        let purged = app.post("/usage/purge", order).await.expect(200);
        let purge = meter.take();
        let stats = app.get("/usage/stats?tenant_id=acme").await.expect(200);
        costs.push([purge, meter.take()]);
        let all = if day < 40 { 24 * day } else { 24 * 36 };
        assert!(
            stats.at("/total_events").as_u64().expect("events") <= all,
            "{}",
            stats.text
        );
        assert_eq!(purged.at("/removed").as_u64() > Some(0), day > 35, "{day}");
    }
    // The first that removed five days, and the last.
    let (first, last) = (costs[8], costs[costs.len() - 1]);
    println!("purge and stats: {first:?} after 45 days, {last:?} after {DAYS}");
    for (first, last) in first.iter().zip(last) {
        // What is kept lies in two months or in three.
        assert!(last.calls <= first.calls + 4, "{first:?} {last:?}");
        assert!(last.units <= first.units + 4, "{first:?} {last:?}");
    }
}
