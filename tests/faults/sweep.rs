//! One fault, or two, at every call of every route that writes: the end is
//! the same as without.

use crate::ledger::{Ledger, credit};
use crate::stories::{STORIES, Story, TENANT, state};
use futures::future::join_all;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use tollgate_service::{Memory, Reason, Tenancy};
use tollgate_tests::{Fault, Gate, Operation, TestApp};

/// How a story went: the operations it took, what was answered, how it ended.
struct Told {
    operations: Vec<Operation>,
    learned: Vec<Value>,
    state: Value,
}

async fn begun(story: &Story, memory: &Arc<Memory>) -> TestApp {
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    (story.begin)(&app).await;
    app
}

/// Another process over the same store, at the same time.
fn restarted(app: &TestApp, memory: &Arc<Memory>) -> TestApp {
    let other = TestApp::over(memory.clone(), Tenancy::Sole);
    other.clock.set(&app.service().now().to_string());
    other
}

/// Tells `story` without faults.
async fn told(story: &Story) -> Told {
    let memory = Arc::new(Memory::default());
    let app = begun(story, &memory).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    app.store.rule(move |call| {
        hears.lock().expect("calls").push(call.operation);
        Fault::None
    });
    let learned = (story.act)(&app).await;
    app.store.heal();
    let state = ended(story, "no fault", &app, &memory).await;
    let operations = heard.lock().expect("calls").clone();
    Told {
        operations,
        learned,
        state,
    }
}

async fn ended(story: &Story, case: &str, app: &TestApp, memory: &Memory) -> Value {
    app.service()
        .complete_changes()
        .await
        .expect("changes, complete");
    if story.name != "POST /usage/purge" {
        println!("{}: {case}", story.name);
        Ledger::balanced_in(memory, TENANT).await;
        credit::told(app, memory, TENANT).await;
    }
    state(app).await
}

fn conflict() -> Fault {
    Fault::Refuse(vec![Some(Reason::Conflict)])
}

fn throttle() -> Fault {
    Fault::Refuse(vec![None, Some(Reason::Throttled)])
}

/// The faults that call `operation` can have.
fn faults(operation: Operation) -> Vec<Fault> {
    match operation {
        Operation::Commit => vec![Fault::Before, Fault::After, conflict(), throttle()],
        Operation::ReadTogether => vec![Fault::Before, conflict()],
        Operation::Read | Operation::Query => vec![Fault::Before],
    }
}

/// Tells `story` with `faults` at the calls of these numbers.
async fn told_with(story: &Story, plain: &Told, faults: &[(u64, Fault)]) {
    let memory = Arc::new(Memory::default());
    let app = begun(story, &memory).await;
    let began = app.store.calls();
    let planned = faults.to_vec();
    app.store.rule(move |call| {
        let fault = planned
            .iter()
            .find(|(number, _)| began + number == call.number);
        fault.map_or(Fault::None, |(_, fault)| fault.clone())
    });
    let learned = (story.act)(&app).await;
    app.store.heal();
    let case = format!("{faults:?}");
    assert_eq!(learned, plain.learned, "{}: {case}", story.name);
    assert_eq!(
        ended(story, &case, &app, &memory).await,
        plain.state,
        "{}: {case}",
        story.name
    );
}

#[tokio::test(start_paused = true)]
async fn one_fault_at_any_call_changes_nothing() {
    let mut injected = 0;
    for story in STORIES {
        let plain = told(story).await;
        for (number, operation) in (0..).zip(&plain.operations) {
            for fault in faults(*operation) {
                told_with(story, &plain, &[(number, fault)]).await;
                injected += 1;
            }
        }
        eprintln!("{}: {} calls", story.name, plain.operations.len());
    }
    eprintln!("{injected} faults, one at a time");
}

#[tokio::test(start_paused = true)]
async fn two_faults_at_any_calls_of_recording_change_nothing() {
    let mut pairs = 0;
    for story in STORIES.iter().filter(|story| {
        ["POST /events", "POST /events/batch", "the first event"].contains(&story.name)
    }) {
        let plain = told(story).await;
        let calls = u64::try_from(plain.operations.len()).expect("calls") + 2;
        for first in 0..calls {
            for second in first + 1..calls {
                for (one, other) in [
                    (Fault::After, Fault::Before),
                    (Fault::After, conflict()),
                    (throttle(), Fault::After),
                    (Fault::After, Fault::After),
                ] {
                    told_with(story, &plain, &[(first, one), (second, other)]).await;
                    pairs += 1;
                }
            }
        }
    }
    eprintln!("{pairs} pairs of faults");
}

#[tokio::test(start_paused = true)]
async fn an_outage_longer_than_all_tries_changes_nothing() {
    // Each outlasts the tries of one request, some of two.
    let outages = STORIES.iter().flat_map(|story| {
        [
            (story, Fault::Before),
            (story, Fault::After),
            (story, conflict()),
            (story, throttle()),
        ]
    });
    let told_through = outages.map(|(story, fault)| async move {
        let plain = told(story).await;
        let faults: Vec<(u64, Fault)> = (1..20).map(|number| (number, fault.clone())).collect();
        told_with(story, &plain, &faults).await;
    });
    join_all(told_through).await;
}

/// Ends the process at call `number`, before or after the call did its work,
/// and asks everything again of another process.
async fn told_across_a_crash(story: &Story, plain: &Told, number: u64, after: bool) {
    let memory = Arc::new(Memory::default());
    let app = Arc::new(begun(story, &memory).await);
    let began = app.store.calls();
    let gate = Gate::default();
    let stands = gate.clone();
    app.store
        .rule(move |call| match call.number == began + number {
            true if after => Fault::HeldAfter(stands.clone()),
            true => Fault::HeldBefore(stands.clone()),
            false => Fault::None,
        });
    let act = story.act;
    let acting = app.clone();
    let running = tokio::spawn(async move { act(&acting).await });
    gate.arrived().await;
    running.abort();
    assert!(
        running
            .await
            .expect_err("it stood at the gate")
            .is_cancelled()
    );
    let other = restarted(&app, &memory);
    let learned = (story.act)(&other).await;
    let case = format!(
        "a crash {} call {number}",
        if after { "after" } else { "before" }
    );
    assert_eq!(learned, plain.learned, "{}: {case}", story.name);
    assert_eq!(
        ended(story, &case, &other, &memory).await,
        plain.state,
        "{}: {case}",
        story.name
    );
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_call_changes_nothing() {
    let mut crashes = 0;
    for story in STORIES {
        let plain = told(story).await;
        for number in 0..u64::try_from(plain.operations.len()).expect("calls") {
            for after in [false, true] {
                told_across_a_crash(story, &plain, number, after).await;
                crashes += 1;
            }
        }
    }
    eprintln!("{crashes} crashes");
}
