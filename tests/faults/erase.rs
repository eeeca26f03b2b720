//! Erasing a name across faults and crashes: it goes entirely, and no total changes.

mod meeting;

use crate::client::send;
use crate::copies::{copy, crash, fail, process};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{Attrs, Key, Name, Value as Stored, table};
use tollgate_service::{Memory, Service, Tenancy};
use tollgate_tests::stored::in_one_version;
use tollgate_tests::{Fault, TestApp};

const TENANT: &str = "acme";
const NAME: &str = "bob-4711";
/// When some hours are rolled up and some could be.
const NOW: &str = "2026-12-02T03:00:00Z";

fn order() -> Value {
    json!({ "tenant_id": TENANT, "agent_id": NAME, "pseudonymise": true })
}

/// A store with the name in two months, in rolled up hours, in closed ones that
/// are not, and in the open one.
async fn prepared() -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = process(&memory, NOW);
    for (hour, received) in [
        "2026-11-30T22:10:00Z",
        "2026-12-01T01:10:00Z",
        "2026-12-01T23:30:00Z",
        "2026-12-02T02:50:00Z",
    ]
    .iter()
    .enumerate()
    {
        app.clock.set(received);
        if hour == 2 {
            roll_up(&app).await;
        }
        for (number, agent) in [NAME, "ann", NAME].iter().enumerate() {
            let event = json!({ "id": format!("e{hour}{number}"), "agent_id": agent, "consumer_id": NAME, "task_id": format!("t{number}") });
            app.record(TENANT, event).await.expect(201);
        }
    }
    memory
}

async fn roll_up(app: &TestApp) {
    tollgate_purge::scheduled(&app.app, &json!({ "action": "rollup" }))
        .await
        .expect("a rollup");
}

/// How much there is of the agents, whatever they are called.
async fn counts(app: &TestApp) -> Vec<Value> {
    let summary = app
        .get(&format!("/usage/summary?tenant_id={TENANT}"))
        .await
        .expect(200);
    let mut counts = vec![
        summary.at("/total_events"),
        summary.at("/unique_agents"),
        summary.at("/unique_consumers"),
    ];
    let rows = app
        .get(&format!("/usage/agents?tenant_id={TENANT}"))
        .await
        .expect(200)
        .at("/data");
    let mut events: Vec<u64> = rows
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["total_events"].as_u64())
        .collect();
    events.sort_unstable();
    counts.push(json!(events));
    let days = app
        .get(&format!("/usage/aggregate?tenant_id={TENANT}&group_by=day"))
        .await
        .expect(200)
        .at("/data");
    counts.extend(
        days.as_array()
            .expect("rows")
            .iter()
            .map(|row| row["unique_agents"].clone()),
    );
    counts
}

/// The items that name the agent: pages and rosters are read for it, as the
/// consumer keeps the same name.
async fn named(app: &TestApp) -> u64 {
    let listed = app
        .get(&format!("/usage?tenant_id={TENANT}&agent_id={NAME}"))
        .await
        .expect(200);
    let summed = app
        .get(&format!(
            "/usage/summary?tenant_id={TENANT}&agent_id={NAME}"
        ))
        .await
        .expect(200);
    listed.at("/count").as_u64().expect("a count")
        + summed.at("/total_events").as_u64().expect("a count")
}

/// The records of closed hours, digests among them.
fn hours(memory: &Memory) -> Vec<(Key, Attrs)> {
    in_one_version(memory.dump())
        .into_iter()
        .filter(|(key, _)| key.pk.starts_with(&format!("T|{TENANT}|Y|20")))
        .collect()
}

/// Rolled up to the end, with pages and rosters as they are but for what says
/// who ordered what, and how often.
fn ended(memory: &Memory) -> Vec<(Key, Attrs)> {
    let mut items: Vec<(Key, Attrs)> = in_one_version(memory.dump()).into_iter().collect();
    items.retain(|(key, _)| !key.pk.starts_with("A|AUDIT") && !key.pk.ends_with("|W"));
    for (_, attrs) in items
        .iter_mut()
        .filter(|(key, _)| key.pk.starts_with("L|DIRTY"))
    {
        attrs.remove(table::VERSION);
    }
    items
}

struct Undisturbed {
    counts: Vec<Value>,
    ended: Vec<(Key, Attrs)>,
    calls: u64,
}

async fn undisturbed(prepared: &Memory) -> Undisturbed {
    let memory = copy(prepared).await;
    let app = process(&memory, NOW);
    let counts = counts(&app).await;
    assert_eq!((&counts[1], named(&app).await), (&json!(2), 16));
    let began = app.store.calls();
    assert_eq!(
        app.post("/usage/purge", order())
            .await
            .expect(200)
            .at("/pseudonymised"),
        8
    );
    let calls = app.store.calls() - began;
    assert_eq!(
        (self::counts(&app).await, named(&app).await),
        (counts.clone(), 0)
    );
    Undisturbed {
        counts,
        ended: ended(&memory),
        calls,
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_of_an_erasure_is_completed_by_the_next_rollup() {
    let prepared = prepared().await;
    let plain = undisturbed(&prepared).await;
    let (mut completed, mut before) = (0, 0);
    for number in 0..plain.calls {
        for after in [false, true] {
            let memory = copy(&prepared).await;
            let (app, other) = (process(&memory, NOW), process(&memory, NOW));
            let running = app.clone();
            crash(&app, number, after, async move {
                drop(running.post("/usage/purge", order()).await)
            })
            .await;
            let case = format!("a crash at call {number}");
            assert_eq!(counts(&other).await, plain.counts, "between, {case}");
            let begun = ended_or_begun(&other).await;
            roll_up(&other).await;
            assert_eq!(counts(&other).await, plain.counts, "rolled up, {case}");
            if begun {
                assert_eq!(named(&other).await, 0, "{case}");
                assert!(ended(&memory) == plain.ended, "{case}");
                completed += 1;
            } else {
                before += 1;
            }
            other.post("/usage/purge", order()).await.expect(200);
            assert_eq!(
                (counts(&other).await, named(&other).await),
                (plain.counts.clone(), 0),
                "again, {case}"
            );
            assert!(ended(&memory) == plain.ended, "again, {case}");
        }
    }
    assert!(
        completed > 10 && before > 10,
        "{completed} begun, {before} not"
    );
}

/// Whether the name is hidden already: from the order on, no total shows it.
async fn ended_or_begun(app: &TestApp) -> bool {
    let summed = app
        .get(&format!(
            "/usage/summary?tenant_id={TENANT}&agent_id={NAME}"
        ))
        .await
        .expect(200);
    let events = summed.at("/total_events").as_u64().expect("a count");
    assert!(
        [0, 8].contains(&events),
        "{events} of 8 events show the name"
    );
    events == 0
}

/// A secret that was changed makes other pseudonyms: whoever has it cannot
/// complete the order, and may not say that it is.
#[tokio::test(start_paused = true)]
async fn an_erasure_is_not_ended_by_a_process_with_another_secret() {
    let prepared = prepared().await;
    let (mut memory, mut number) = (copy(&prepared).await, 0);
    while !ended_or_begun(&process(&memory, NOW)).await {
        memory = copy(&prepared).await;
        let app = process(&memory, NOW);
        crash(&app.clone(), number, true, async move {
            drop(app.post("/usage/purge", order()).await)
        })
        .await;
        number += 1;
    }
    let app = process(&memory, NOW);
    let other = Service::new(
        memory.clone(),
        app.clock.clone(),
        Tenancy::Shared {
            settle: Duration::ZERO,
        },
        [8; 32],
    );
    drop(other.roll_up(&Name::new(TENANT).expect("a name")).await);
    roll_up(&app).await;
    assert_eq!(named(&app).await, 0);
}

#[tokio::test(start_paused = true)]
async fn one_fault_at_any_call_of_an_erasure_changes_nothing_in_the_end() {
    let prepared = prepared().await;
    let plain = undisturbed(&prepared).await;
    for number in 0..plain.calls {
        for fault in [Fault::Before, Fault::After, Fault::Refuse(Vec::new())] {
            let memory = copy(&prepared).await;
            let app = process(&memory, NOW);
            fail(&app, number, fault.clone());
            send(&app, "POST", "/usage/purge", &order())
                .await
                .expect(200);
            app.store.heal();
            let case = format!("{fault:?} at call {number}");
            assert_eq!(
                (counts(&app).await, named(&app).await),
                (plain.counts.clone(), 0),
                "{case}"
            );
            assert!(ended(&memory) == plain.ended, "{case}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_erasure_whose_answer_was_lost_once_still_says_what_it_did() {
    let prepared = prepared().await;
    let plain = undisturbed(&prepared).await;
    for number in 0..plain.calls {
        let memory = copy(&prepared).await;
        let app = process(&memory, NOW);
        fail(&app, number, Fault::After);
        let reply = app.post("/usage/purge", order()).await;
        if reply.status == 200 {
            assert_eq!(
                (reply.at("/pseudonymised"), reply.at("/pages")),
                (json!(8), json!(8)),
                "the answer to call {number} was lost"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_digest_depends_on_when_a_name_was_erased() {
    let prepared = prepared().await;
    let rolled = copy(&prepared).await;
    roll_up(&process(&rolled, NOW)).await;
    let expected = hours(&rolled);
    process(&rolled, NOW)
        .post("/usage/purge", order())
        .await
        .expect(200);
    assert_eq!(hours(&rolled), expected, "erased after a rollup");
    // The erased pages are rolled up anew, from the beginning.
    let anew = copy(&rolled).await;
    let is_hour = |key: &Key| key.pk.contains("|Y|20");
    for (key, mut attrs) in anew.dump().into_iter().filter(|(key, _)| {
        key.pk.ends_with("|W") || is_hour(key) || key.pk.contains("|R|") || key.pk.contains("|N|")
    }) {
        // Which hours have pages stays known.
        let write = if is_hour(&key) {
            attrs.retain(|name, _| &**name == tollgate_core::table::LANES);
            tollgate_core::Write::put(key, attrs)
        } else {
            tollgate_core::Write::delete(key)
        };
        tollgate_service::Store::commit(&*anew, &[write])
            .await
            .expect("a commit");
    }
    let app = process(&anew, NOW);
    app.service()
        .roll_up(&Name::new(TENANT).expect("a name"))
        .await
        .expect("a rollup");
    assert_eq!(hours(&anew), expected, "rolled up after it was erased");
    assert_eq!(counts(&app).await, counts(&process(&rolled, NOW)).await);
}

#[tokio::test(start_paused = true)]
async fn no_item_names_the_erased_agent_once_both_roles_are_erased() {
    let memory = copy(&*prepared().await).await;
    let app = process(&memory, NOW);
    app.post("/usage/purge", order()).await.expect(200);
    app.post(
        "/usage/purge",
        json!({ "tenant_id": TENANT, "consumer_id": NAME, "pseudonymise": true }),
    )
    .await
    .expect(200);
    app.clock.advance(40 * 86_400);
    roll_up(&app).await;
    for (key, attrs) in memory.dump() {
        for value in attrs.values() {
            let holds = match value {
                Stored::S(text) => text.contains(NAME),
                Stored::B(bytes) => bytes
                    .windows(NAME.len())
                    .any(|part| part == NAME.as_bytes()),
                Stored::N(_) => false,
            };
            assert!(!holds, "{key:?} holds the name");
        }
    }
}
