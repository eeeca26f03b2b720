//! Changes that meet requests under way: nothing is decided by what was read
//! before a change was answered.

use crate::ledger::Ledger;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_service::{Memory, Reason, Tenancy};
use tollgate_tests::{Fault, Gate, Operation, TestApp, TestReply};

const SHARED: Tenancy = Tenancy::Shared {
    settle: Duration::ZERO,
};

fn process(memory: &Arc<Memory>, tenancy: Tenancy) -> Arc<TestApp> {
    Arc::new(TestApp::over(memory.clone(), tenancy))
}

fn limits(hard: u64) -> Value {
    json!([{ "id": "l", "scope": "tenant", "measure": "events", "window": "month", "hard": hard }])
}

async fn record(app: &TestApp, id: &str) -> TestReply {
    app.record("acme", json!({ "id": id })).await
}

/// A store in which the tenant has used 3 of 10 events.
async fn three_of_ten() -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = process(&memory, Tenancy::Sole);
    app.limit("acme", limits(10)).await;
    for i in 0..3 {
        record(&app, &format!("before-{i}")).await.expect(201);
    }
    memory
}

/// Holds the first call of `operation` that `app` makes from now on.
fn hold(app: &TestApp, operation: Operation, after: bool) -> Gate {
    let gate = Gate::default();
    let mut held = Some(if after {
        Fault::HeldAfter(gate.clone())
    } else {
        Fault::HeldBefore(gate.clone())
    });
    app.store.rule(move |call| {
        if call.operation == operation {
            held.take().unwrap_or(Fault::None)
        } else {
            Fault::None
        }
    });
    gate
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_a_change_of_limits_overtook_is_not_remembered() {
    for path in [
        "/limits/acme",
        "/quota/acme",
        "/usage/acme",
        "/billing/acme",
        "/tenants/acme",
    ] {
        let memory = three_of_ten().await;
        let app = process(&memory, Tenancy::Sole);
        let gate = hold(&app, Operation::Read, true);
        let reads = app.clone();
        let reading = tokio::spawn(async move { reads.get(path).await });
        gate.arrived().await;
        app.limit("acme", limits(3)).await;
        gate.open();
        reading.await.expect("an answer").expect(200);
        record(&app, "over").await.expect(429);
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_read_while_it_was_revoked_is_not_remembered() {
    let memory = Arc::new(Memory::default());
    let made = process(&memory, Tenancy::Sole)
        .post(
            "/keys",
            json!({ "tenant_id": "acme", "scopes": ["ingest"] }),
        )
        .await
        .expect(201);
    let (id, key) = (
        made.at("/key_id"),
        made.at("/key").as_str().expect("a key").to_owned(),
    );
    let app = process(&memory, Tenancy::Sole);
    let gate = hold(&app, Operation::Read, true);
    let event = || json!({ "operation": "agent_message" }).to_string();
    let (uses, with) = (app.clone(), key.clone());
    let using =
        tokio::spawn(async move { uses.call_with(&with, "POST", "/events", event()).await });
    gate.arrived().await;
    app.call(
        "DELETE",
        &format!("/keys/{}", id.as_str().expect("an id")),
        "",
    )
    .await
    .expect(200);
    gate.open();
    using.await.expect("an answer");
    app.call_with(&key, "POST", "/events", event())
        .await
        .expect(401);
}

#[tokio::test(start_paused = true)]
async fn cards_read_while_one_was_put_are_not_remembered() {
    let memory = Arc::new(Memory::default());
    let app = process(&memory, Tenancy::Sole);
    let gate = hold(&app, Operation::Query, true);
    let reads = app.clone();
    let reading = tokio::spawn(async move { reads.get("/costs").await });
    gate.arrived().await;
    app.put_card(
        "mine",
        json!({ "currency": "USD", "operations": { "search": { "unit": "0.25" } } }),
    )
    .await
    .expect(200);
    gate.open();
    reading.await.expect("an answer").expect(200);
    let costs = app.get("/costs").await.expect(200);
    assert!(costs.text.contains("\"search\""), "{}", costs.text);
    let priced = app
        .record("acme", json!({ "operation": "search" }))
        .await
        .expect(201);
    assert_eq!(priced.at("/cost"), "0.25");
}

#[tokio::test(start_paused = true)]
async fn a_process_of_its_own_changes_limits_after_what_is_in_flight() {
    let memory = three_of_ten().await;
    let app = process(&memory, Tenancy::Sole);
    let gate = hold(&app, Operation::Commit, false);
    let records = app.clone();
    let recording = tokio::spawn(async move { record(&records, "in-flight").await });
    gate.arrived().await;
    let changes = app.clone();
    let new = json!([{ "id": "total", "scope": "tenant", "measure": "events", "window": "total", "hard": 4 }]);
    let changing = tokio::spawn(async move { changes.limit("acme", new).await });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!changing.is_finished(), "it waits for the event");
    gate.open();
    recording.await.expect("an answer").expect(201);
    let answered = changing.await.expect("an answer");
    assert_eq!(answered.at("/standing/0/used"), 4);
    record(&app, "over").await.expect(429);
    Ledger::balanced_in(&memory, "acme").await.within_limits();
}

#[tokio::test(start_paused = true)]
async fn an_event_planned_under_old_limits_is_planned_again_once_the_new_ones_counted() {
    let memory = three_of_ten().await;
    let (slow, other) = (process(&memory, SHARED), process(&memory, SHARED));
    let gate = hold(&slow, Operation::Commit, false);
    let recording = tokio::spawn(async move { record(&slow, "in-flight").await });
    gate.arrived().await;
    other.limit("acme", limits(4)).await;
    record(&other, "fills").await.expect(201);
    gate.open();
    recording.await.expect("an answer").expect(429);
    Ledger::balanced_in(&memory, "acme").await.within_limits();
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_delayed_reads_the_limits_again_before_it_commits() {
    let memory = three_of_ten().await;
    let (slow, other) = (process(&memory, SHARED), process(&memory, SHARED));
    let (gate, clock, mut commits, mut after) = (Gate::default(), slow.clock.clone(), 0, None);
    let held = gate.clone();
    slow.store.rule(move |call| {
        if let Some(fault) = after.take() {
            return fault;
        }
        if call.operation != Operation::Commit || commits > 0 {
            return Fault::None;
        }
        commits += 1;
        clock.advance(2);
        after = Some(Fault::HeldBefore(held.clone()));
        Fault::Refuse(vec![Some(Reason::Conflict)])
    });
    let recording = tokio::spawn(async move { record(&slow, "delayed").await });
    gate.arrived().await;
    let new = json!([{ "id": "total", "scope": "tenant", "measure": "events", "window": "total", "hard": 10 }]);
    other.limit("acme", new).await;
    gate.open();
    recording.await.expect("an answer").expect(201);
    let ledger = Ledger::balanced_in(&memory, "acme").await;
    assert_eq!(ledger.counted("total"), 4);
}

#[tokio::test(start_paused = true)]
async fn who_completes_interrupted_limits_waits_for_what_is_in_flight() {
    let memory = Arc::new(Memory::default());
    let sole = process(&memory, Tenancy::Sole);
    record(&sole, "before").await.expect(201);
    let settled = Tenancy::Shared {
        settle: Duration::from_secs(2),
    };
    let (slow, setter, roller) = (
        process(&memory, settled),
        process(&memory, settled),
        process(&memory, settled),
    );
    let gate = hold(&slow, Operation::Commit, false);
    let recording = tokio::spawn(async move { record(&slow, "in-flight").await });
    gate.arrived().await;
    // The change is published, and its process ends.
    let published = hold(&setter, Operation::Commit, true);
    let setting = tokio::spawn(async move { setter.limit("acme", limits(10)).await });
    published.arrived().await;
    setting.abort();
    let rolling = tokio::spawn(async move {
        tollgate_purge::scheduled(&roller.app, &json!({ "action": "complete_changes" })).await
    });
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    gate.open();
    recording.await.expect("an answer").expect(201);
    rolling.await.expect("a round").expect("a round");
    let ledger = Ledger::balanced_in(&memory, "acme").await;
    assert_eq!(ledger.counted("l"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_whose_answer_was_lost_holds_where_it_was_stored() {
    let memory = three_of_ten().await;
    let app = process(&memory, Tenancy::Sole);
    let mut stored = false;
    app.store.rule(move |call| match call.operation {
        Operation::Commit if stored => Fault::Before,
        Operation::Commit => {
            stored = true;
            Fault::After
        }
        _ => Fault::None,
    });
    app.put("/limits/acme", json!({ "limits": limits(3) }))
        .await
        .expect(503);
    app.store.heal();
    record(&app, "over").await.expect(429);
    assert_eq!(
        app.get("/limits/acme")
            .await
            .expect(200)
            .at("/limits/0/hard"),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_conditional_change_whose_answer_was_lost_is_made_and_entered_once() {
    let memory = three_of_ten().await;
    let app = process(&memory, Tenancy::Sole);
    let version = app.get("/limits/acme").await.expect(200).at("/version");
    let mut lost = false;
    app.store.rule(move |call| match call.operation {
        Operation::Commit if !lost => {
            lost = true;
            Fault::After
        }
        _ => Fault::None,
    });
    let body = json!({ "limits": limits(5) }).to_string();
    let mut request = TestApp::request(TestApp::operator(), "PUT", "/limits/acme", body.into());
    request
        .headers_mut()
        .insert("if-match", version.to_string().parse().expect("a header"));
    app.send(request).await.expect(200);
    let audit = app.get("/audit").await.expect(200);
    let actions: Vec<Value> = audit
        .at("/data")
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["action"].clone())
        .collect();
    assert_eq!(
        actions,
        ["limits.put", "limits.put"],
        "the first limits, and these"
    );
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_cannot_be_read_is_no_endless_try() {
    let memory = three_of_ten().await;
    let app = process(&memory, Tenancy::Sole);
    use tollgate_core::{Attrs, Name, Value, Write, table};
    use tollgate_service::Store;
    let name = |text| Name::new(text).expect("a name");
    let attrs = Attrs::from([(
        table::PAGE.into(),
        Value::S("from a later version".to_owned()),
    )]);
    let key = table::marker(&name("acme"), &name("damaged"));
    memory
        .commit(&[Write::put(key, attrs)])
        .await
        .expect("a commit");
    record(&app, "damaged").await.expect(500);
    record(&app, "next").await.expect(201);
}
