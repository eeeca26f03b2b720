//! Questions under way while hours are rolled up, purged, or a name is erased:
//! the answer is exactly right wherever it was held.

use super::{NOW, TENANT, prepared, roll_up};
use crate::copies::{copy, hold, process};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::Memory;
use tollgate_tests::TestApp;

/// When all prepared days can be rolled up.
const LATER: &str = "2026-12-02T02:00:00Z";

type Work = fn(Arc<TestApp>) -> BoxFuture<'static, ()>;

/// Questions whose answers no purge may change.
const QUESTIONS: [&str; 12] = [
    "/usage/aggregate?tenant_id=acme&group_by=agent",
    "/usage/aggregate?tenant_id=acme&group_by=session",
    "/usage/aggregate?tenant_id=acme&group_by=hour&consumer_id=c1",
    "/usage/aggregate?tenant_id=acme&group_by=month&start=2026-10-20T23:00:00Z&end=2026-12-01T01:00:00Z",
    "/usage/aggregate?tenant_id=acme&group_by=operation&start=2026-10-20T23:59:59.9Z&end=2026-11-30T21:05:00.5Z",
    "/usage/aggregate?tenant_id=acme&group_by=tool&task_id=t0",
    "/usage/consumers?tenant_id=acme",
    "/usage/summary?tenant_id=acme",
    "/usage/summary?tenant_id=acme&agent_id=a1&end=2026-12-01",
    "/usage/summary?tenant_id=acme&session_id=s0",
    "/usage/acme?start=2026-01-01&end=2027-01-01",
    "/billing/acme?start=2026-01-01&end=2027-01-01",
];

/// Asks every question with each of its calls held while `work` is done.
async fn ask_beside(
    prepared: &Memory,
    now: &str,
    questions: &[&str],
    work: Work,
    may_be_purged: bool,
) {
    let mut held = 0;
    for question in questions {
        let alone = process(&copy(prepared).await, now);
        let expected = alone.get(question).await.expect(200).json();
        for number in 0..alone.store.calls() {
            for after in [false, true] {
                let memory = copy(prepared).await;
                let reader = process(&memory, now);
                let gate = hold(&reader, number, after);
                let path = (*question).to_owned();
                let asking = tokio::spawn(async move { reader.get(&path).await });
                gate.arrived().await;
                work(process(&memory, now)).await;
                gate.open();
                let reply = asking.await.expect("an answer");
                held += 1;
                if may_be_purged && question.contains('.') && reply.status == 422 {
                    assert_eq!(reply.at("/code"), "range_purged");
                    continue;
                }
                assert_eq!(
                    reply.expect(200).json(),
                    expected,
                    "{question} held {} call {number}",
                    if after { "after" } else { "before" }
                );
            }
        }
    }
    eprintln!("{held} calls held");
}

fn rolls_up(app: Arc<TestApp>) -> BoxFuture<'static, ()> {
    Box::pin(async move { assert!(roll_up(&app).await.is_ok()) })
}

fn purges(app: Arc<TestApp>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let order = json!({ "tenant_id": TENANT, "older_than_days": 35 });
        let purged = app.post("/usage/purge", order).await.expect(200);
        assert_eq!(purged.at("/removed"), 12);
    })
}

fn erases(app: Arc<TestApp>) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        for field in ["agent_id", "consumer_id"] {
            let mut order = json!({ "tenant_id": TENANT, "pseudonymise": true });
            order[field] = json!(if field == "agent_id" { "a0" } else { "c0" });
            app.post("/usage/purge", order).await.expect(200);
        }
    })
}

/// The prepared store with all that can be rolled up by `now`.
async fn rolled_up(now: &str, old: bool) -> Arc<Memory> {
    let memory = prepared(old).await;
    roll_up(&process(&memory, now)).await.expect("a rollup");
    memory
}

#[tokio::test]
async fn a_rollup_passing_by_changes_no_question_under_way() {
    let list = [
        "/usage?tenant_id=acme",
        "/usage?tenant_id=acme&limit=5&agent_id=a1",
    ];
    for (prepared, now) in [
        (prepared(false).await, NOW),
        (rolled_up("2026-12-01T00:21:00Z", false).await, NOW),
        (rolled_up(NOW, false).await, LATER),
    ] {
        ask_beside(&prepared, now, &QUESTIONS, rolls_up, false).await;
        ask_beside(&prepared, now, &list, rolls_up, false).await;
    }
}

#[tokio::test]
async fn a_purge_of_rolled_up_hours_passing_by_changes_no_question_under_way() {
    ask_beside(
        &*rolled_up(LATER, true).await,
        LATER,
        &QUESTIONS,
        purges,
        true,
    )
    .await;
}

#[tokio::test]
async fn a_purge_that_rolls_up_first_changes_no_question_under_way() {
    ask_beside(&*prepared(true).await, LATER, &QUESTIONS, purges, true).await;
    ask_beside(
        &*rolled_up(NOW, true).await,
        LATER,
        &QUESTIONS,
        purges,
        true,
    )
    .await;
}

#[tokio::test]
async fn a_name_erased_meanwhile_is_counted_once_by_questions_under_way() {
    let unnamed: Vec<&str> = QUESTIONS
        .into_iter()
        .filter(|question| !question.contains("group_by=agent") && !question.contains("/consumers"))
        .collect();
    for (prepared, now) in [
        (prepared(false).await, NOW),
        (rolled_up(NOW, false).await, NOW),
    ] {
        ask_beside(&prepared, now, &unnamed, erases, false).await;
        let alone = process(&copy(&prepared).await, now);
        let question = "/usage/aggregate?tenant_id=acme&group_by=agent";
        alone.get(question).await.expect(200);
        for number in 0..alone.store.calls() {
            let memory = copy(&prepared).await;
            let reader = process(&memory, now);
            let gate = hold(&reader, number, true);
            let asking = tokio::spawn(async move { reader.get(question).await });
            gate.arrived().await;
            erases(process(&memory, now)).await;
            gate.open();
            let data = asking.await.expect("an answer").expect(200).at("/data");
            let sum = |field: &str| {
                data.as_array()
                    .expect("rows")
                    .iter()
                    .map(|row| row[field].as_u64().expect("a number"))
                    .sum::<u64>()
            };
            assert_eq!(
                (data.as_array().map(Vec::len), sum("total_events")),
                (Some(3), 12),
                "held at call {number}: {data}"
            );
        }
    }
}

#[tokio::test]
async fn statistics_stand_beside_a_rollup() {
    let question = ["/usage/stats?tenant_id=acme"];
    let (mut memory, now) = (prepared(false).await, NOW);
    for _ in 0..2 {
        let alone = process(&copy(&memory).await, now);
        let expected: Value = alone.get(question[0]).await.expect(200).json();
        for number in 0..alone.store.calls() {
            let shared = copy(&memory).await;
            let reader = process(&shared, now);
            let gate = hold(&reader, number, true);
            let asking = tokio::spawn(async move { reader.get(question[0]).await });
            gate.arrived().await;
            rolls_up(process(&shared, now)).await;
            gate.open();
            let found = asking.await.expect("an answer").expect(200);
            for field in ["/total_events", "/oldest_timestamp", "/newest_timestamp"] {
                assert_eq!(
                    found.at(field),
                    *expected.pointer(field).expect("a field"),
                    "held at call {number}"
                );
            }
        }
        memory = rolled_up("2026-12-01T00:21:00Z", false).await;
    }
}
