//! Erasures beside other erasures, rollups and lists: all end alike, and no list is a mixture.

use super::{NAME, NOW, TENANT, counts, ended, named, order, prepared, undisturbed};
use crate::copies::{copy, crash, hold, process};
use serde_json::json;
use tollgate_core::FormVersion;
use tollgate_service::{Memory, migrate};

#[tokio::test]
async fn rollups_and_erasures_that_meet_anywhere_end_alike() {
    let prepared = prepared().await;
    let plain = undisturbed(&prepared).await;
    let orders = [
        json!({ "tenant_id": TENANT, "older_than_days": 40 }),
        order(),
        json!({ "tenant_id": TENANT, "agent_id": "ann", "pseudonymise": true }),
    ];
    for (meets, other) in orders.iter().enumerate() {
        for number in 0..plain.calls {
            let memory = copy(&prepared).await;
            let (slow, fast) = (process(&memory, NOW), process(&memory, NOW));
            let gate = hold(&slow, number, true);
            let erasing = tokio::spawn(async move { slow.post("/usage/purge", order()).await });
            gate.arrived().await;
            fast.post("/usage/purge", other.clone()).await.expect(200);
            assert_eq!(
                counts(&fast).await,
                plain.counts,
                "between, held at call {number} beside order {meets}"
            );
            gate.open();
            erasing.await.expect("a task").expect(200);
            assert_eq!(
                (counts(&fast).await, named(&fast).await),
                (plain.counts.clone(), 0),
                "held at call {number} beside order {meets}"
            );
            if meets < 2 {
                assert!(
                    ended(&memory) == plain.ended,
                    "held at call {number} beside order {meets}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_list_by_name_beside_an_erasure_is_whole_or_refused() {
    let prepared = prepared().await;
    let plain = undisturbed(&prepared).await;
    let mut refused = 0;
    for number in 0..plain.calls {
        let memory = copy(&prepared).await;
        let (app, other) = (process(&memory, NOW), process(&memory, NOW));
        let running = app.clone();
        crash(&app, number, true, async move {
            drop(running.post("/usage/purge", order()).await)
        })
        .await;
        let listed = other
            .get(&format!("/usage?tenant_id={TENANT}&agent_id={NAME}"))
            .await;
        match listed.status {
            200 => assert!(
                [json!(0), json!(8)].contains(&listed.at("/count")),
                "a crash at call {number}: {}",
                listed.text
            ),
            status => assert_eq!(status, 503, "a crash at call {number}"),
        }
        refused += u64::from(listed.status == 503);
        other
            .get(&format!("/usage?tenant_id={TENANT}"))
            .await
            .expect(200);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn a_migration_at_any_call_of_an_erasure_leaves_no_name_and_every_total() {
    let prepared = prepared().await;
    let plain = undisturbed(&prepared).await;
    let to = async |memory: &Memory, version| {
        let done = migrate(memory, version, |_| {}).await.expect("a migration");
        assert!(done.rewritten > 0);
    };
    for number in 0..plain.calls {
        for after in [false, true] {
            let memory = copy(&prepared).await;
            to(&memory, FormVersion::Before).await;
            let slow = process(&memory, NOW);
            let gate = hold(&slow, number, after);
            let erasing = tokio::spawn(async move { slow.post("/usage/purge", order()).await });
            gate.arrived().await;
            to(&memory, FormVersion::Current).await;
            gate.open();
            erasing.await.expect("a task").expect(200);
            let app = process(&memory, NOW);
            assert_eq!(
                (counts(&app).await, named(&app).await),
                (plain.counts.clone(), 0),
                "held at call {number}, {after}"
            );
            assert!(ended(&memory) == plain.ended, "call {number}, {after}");
        }
    }
}
