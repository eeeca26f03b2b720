//! Rolling up across faults, crashes and beside itself: always the same items.

mod held;

use crate::chance::Chance;
use crate::copies::{copy, crash, fail, hold, over, process};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tollgate_core::{Attrs, Key, Name, Write};
use tollgate_service::{Commit, Failure, Memory, Query, Slice, Store, StoreError, Together};
use tollgate_tests::stored::in_one_version;
use tollgate_tests::{Fault, TestApp};

const TENANT: &str = "acme";
/// When there are two hours to roll up that end a day and a month, and one of
/// the next month.
const NOW: &str = "2026-12-01T01:40:00Z";
type Dump = BTreeMap<Key, Attrs>;

fn tenant() -> Name {
    Name::new(TENANT).expect("a tenant")
}

/// A store with pages of receipt hours before and after the end of a month,
/// none rolled up. Events are of those days and of earlier ones, or all of over
/// a month before.
async fn prepared(old: bool) -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = process(&memory, NOW);
    let received = [
        "2026-11-30T21:10:00Z",
        "2026-11-30T23:10:00Z",
        "2026-12-01T00:10:00Z",
        "2026-12-01T01:30:00Z",
    ];
    for (hour, received) in received.iter().enumerate() {
        app.clock.set(received);
        let midnight = format!("{}T00:00:00Z", &received[..10]);
        let recent = [
            "2026-11-20T23:59:59.999999999Z",
            "2026-11-30T21:05:00Z",
            &midnight,
        ];
        let times = if old {
            [
                "2026-10-20T23:59:59.999999999Z",
                "2026-10-25T00:00:00Z",
                "2026-10-25T21:05:00Z",
            ]
        } else {
            recent
        };
        for (number, time) in times.iter().enumerate() {
            let event = json!({
                "id": format!("e{hour}{number}"), "tenant_id": TENANT, "operation": "agent_message", "timestamp": time,
                "agent_id": format!("a{}", (hour + number) % 3), "consumer_id": format!("c{hour}"),
                "session_id": format!("s{number}"), "task_id": format!("t{}", hour * number % 4), "tokens_in": hour + 1,
            });
            app.post("/events?backfill=true", event).await.expect(201);
        }
    }
    memory
}

async fn roll_up(app: &TestApp) -> Result<u64, Failure> {
    app.service().roll_up(&tenant()).await
}

/// All that the service says of the tenant.
async fn answers(app: &TestApp) -> Vec<Value> {
    let mut answers = Vec::new();
    for by in [
        "agent",
        "consumer",
        "session",
        "operation",
        "hour",
        "day",
        "month",
    ] {
        answers.push(
            app.get(&format!(
                "/usage/aggregate?tenant_id={TENANT}&group_by={by}"
            ))
            .await
            .expect(200)
            .at("/data"),
        );
    }
    answers.push(
        app.get(&format!("/usage/summary?tenant_id={TENANT}&task_id=t0"))
            .await
            .expect(200)
            .json(),
    );
    answers.push(
        app.get(&format!("/usage?tenant_id={TENANT}"))
            .await
            .expect(200)
            .at("/data"),
    );
    answers
}

/// What an undisturbed run makes of `prepared`: its items, answers and calls.
async fn undisturbed(prepared: &Memory) -> (Dump, Vec<Value>, u64) {
    let memory = copy(prepared).await;
    let app = process(&memory, NOW);
    assert_eq!(roll_up(&app).await.expect("a rollup"), 3);
    let calls = app.store.calls();
    (in_one_version(memory.dump()), answers(&app).await, calls)
}

/// The items are those of an undisturbed run, and stay so.
async fn assert_same(memory: &Arc<Memory>, expected: &(Dump, Vec<Value>, u64), case: &str) {
    let app = process(memory, NOW);
    roll_up(&app).await.expect("a rollup");
    let (found, wanted) = (in_one_version(memory.dump()), &expected.0);
    let odd: Vec<&Key> = found
        .keys()
        .chain(wanted.keys())
        .filter(|key| found.get(key) != wanted.get(key))
        .collect();
    assert!(odd.is_empty(), "{case}: {odd:?} differ");
    assert_eq!(answers(&app).await, expected.1, "{case}");
}

#[tokio::test(start_paused = true)]
async fn one_fault_at_any_call_of_a_rollup_changes_no_item() {
    let prepared = prepared(false).await;
    let expected = undisturbed(&prepared).await;
    assert_eq!(
        answers(&process(&prepared, NOW)).await,
        expected.1,
        "rolled up or not"
    );
    for number in 0..expected.2 {
        for fault in [Fault::Before, Fault::After, Fault::Refuse(Vec::new())] {
            let memory = copy(&prepared).await;
            let app = process(&memory, NOW);
            fail(&app, number, fault.clone());
            let rolled = roll_up(&app).await;
            assert!(
                matches!(rolled, Ok(_) | Err(Failure::Unavailable(_))),
                "{fault:?} at call {number}: {rolled:?}"
            );
            app.store.heal();
            assert_eq!(
                answers(&app).await,
                expected.1,
                "between, {fault:?} at call {number}"
            );
            assert_same(&memory, &expected, &format!("{fault:?} at call {number}")).await;
        }
    }
    eprintln!("{} calls of a rollup", expected.2);
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_of_a_rollup_changes_no_item() {
    let prepared = prepared(false).await;
    let expected = undisturbed(&prepared).await;
    for number in 0..expected.2 {
        for after in [false, true] {
            let memory = copy(&prepared).await;
            let app = process(&memory, NOW);
            let running = app.clone();
            crash(
                &app,
                number,
                after,
                async move { drop(roll_up(&running).await) },
            )
            .await;
            assert_eq!(
                answers(&app).await,
                expected.1,
                "between, a crash at call {number}"
            );
            assert_same(&memory, &expected, &format!("a crash at call {number}")).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rollup_overtaken_at_any_call_changes_no_item() {
    let prepared = prepared(false).await;
    let expected = undisturbed(&prepared).await;
    for number in 0..expected.2 {
        for after in [false, true] {
            let memory = copy(&prepared).await;
            let (slow, fast) = (process(&memory, NOW), process(&memory, NOW));
            let gate = hold(&slow, number, after);
            let running = tokio::spawn(async move { roll_up(&slow).await });
            gate.arrived().await;
            roll_up(&fast).await.expect("a rollup");
            gate.open();
            running.await.expect("a task").expect("a rollup");
            assert_same(&memory, &expected, &format!("overtaken at call {number}")).await;
        }
    }
}

/// Lets others go first, as chance has it.
struct Dawdling {
    inner: Arc<Memory>,
    chance: Mutex<Chance>,
}

impl Dawdling {
    async fn dawdle(&self) {
        let times = self.chance.lock().expect("chance").below(4);
        for _ in 0..times {
            tokio::task::yield_now().await;
        }
    }
}

#[async_trait]
impl Store for Dawdling {
    async fn read(&self, keys: &[Key]) -> Result<Vec<Option<Attrs>>, StoreError> {
        self.dawdle().await;
        let found = self.inner.read(keys).await;
        self.dawdle().await;
        found
    }

    async fn read_together(&self, keys: &[Key]) -> Result<Together, StoreError> {
        self.dawdle().await;
        let found = self.inner.read_together(keys).await;
        self.dawdle().await;
        found
    }

    async fn query(&self, query: &Query) -> Result<Slice, StoreError> {
        self.dawdle().await;
        let found = self.inner.query(query).await;
        self.dawdle().await;
        found
    }

    async fn commit(&self, writes: &[Write]) -> Result<Commit, StoreError> {
        self.dawdle().await;
        let outcome = self.inner.commit(writes).await;
        self.dawdle().await;
        outcome
    }
}

#[tokio::test(start_paused = true)]
async fn rollups_that_take_turns_by_chance_make_the_same_items() {
    let prepared = prepared(false).await;
    let expected = undisturbed(&prepared).await;
    for seed in 1..=60 {
        let memory = copy(&prepared).await;
        let one = |seed: u64| {
            over(
                Arc::new(Dawdling {
                    inner: memory.clone(),
                    chance: Mutex::new(Chance::new(seed)),
                }),
                NOW,
            )
        };
        let (first, second, third) = (one(seed), one(seed + 1000), one(seed + 2000));
        let (a, b, c, found) = tokio::join!(
            roll_up(&first),
            roll_up(&second),
            roll_up(&third),
            answers(&second)
        );
        let rolled = [a, b, c]
            .map(|rolled| rolled.expect("a rollup"))
            .iter()
            .sum::<u64>();
        assert_eq!((rolled, &found), (3, &expected.1), "seed {seed}");
        assert_same(&memory, &expected, &format!("seed {seed}")).await;
    }
}

/// More agents, consumers and tasks in one hour than the parts of a roster that
/// one transaction takes.
#[tokio::test(start_paused = true)]
async fn a_roster_of_many_parts_is_whole_after_a_crash_in_its_middle() {
    let memory = Arc::new(Memory::default());
    let app = process(&memory, "2026-11-30T23:10:00Z");
    for batch in 0..7 {
        let event = |number: usize| {
            let name = batch * 1000 + number;
            json!({ "id": format!("e{name}"), "tenant_id": TENANT, "operation": "agent_message", "agent_id": format!("a{name}"), "consumer_id": format!("c{name}"), "task_id": format!("t{name}") })
        };
        let events: Vec<Value> = (0..1000).map(event).collect();
        app.post("/events/batch", json!({ "events": events }))
            .await
            .expect(200);
    }
    let counts = async |app: &TestApp| {
        let summary = app
            .get(&format!("/usage/summary?tenant_id={TENANT}"))
            .await
            .expect(200);
        [
            summary.at("/total_events"),
            summary.at("/unique_agents"),
            summary.at("/unique_consumers"),
        ]
    };
    let whole = copy(&memory).await;
    roll_up(&process(&whole, NOW)).await.expect("a rollup");
    let parts = whole
        .dump()
        .keys()
        .filter(|key| key.pk.contains("|N|"))
        .count();
    assert!(parts > 8, "{parts} parts");
    app.clock.set(NOW);
    let commits = Arc::new(Mutex::new(0));
    for number in 1..3 {
        let memory = copy(&memory).await;
        let app = process(&memory, NOW);
        *commits.lock().expect("commits") = 0;
        let seen = commits.clone();
        app.store.rule(move |call| {
            let mut seen = seen.lock().expect("commits");
            *seen += u64::from(call.operation == tollgate_tests::Operation::Commit);
            if *seen >= number {
                Fault::Before
            } else {
                Fault::None
            }
        });
        roll_up(&app).await.expect_err("the store is out of reach");
        app.store.heal();
        assert_eq!(counts(&app).await, [7000; 3], "after {number} commits");
        roll_up(&app).await.expect("a rollup");
        assert_eq!(counts(&app).await, [7000; 3]);
        let items = |memory: &Memory| in_one_version(memory.dump());
        assert!(items(&memory) == items(&whole), "after {number} commits");
    }
}
