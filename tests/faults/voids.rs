//! Events taken back where others are at work: once, and every counter agrees.

use crate::ledger::Ledger;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Call, Fault, Gate, Operation, TestApp, TestReply};

/// More calls than a request here makes.
const CALLS_MAX: u64 = 40;

async fn void(app: &TestApp, id: &str) -> TestReply {
    app.post(
        &format!("/events/{id}/void"),
        json!({ "tenant_id": "acme" }),
    )
    .await
}

fn limits(measure: &str) -> Value {
    json!({ "limits": [
        { "id": "l", "scope": "tenant", "measure": measure, "window": "month", "hard": 100 },
        { "id": "each", "scope": "agent", "measure": "tokens", "window": "total", "hard": 100 },
    ] })
}

async fn begun() -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put("/limits/acme", limits("events")).await.expect(200);
    for id in ["e1", "e2"] {
        app.record(
            "acme",
            json!({ "id": id, "agent_id": "a1", "tokens_in": 7 }),
        )
        .await
        .expect(201);
    }
    memory
}

/// Voids `e1` in a process that stands still at call `number`, before or after
/// the call did its work, while `meanwhile` happens in another and so many
/// seconds pass; `None` once there is no such call.
async fn meeting<F>(
    (number, after): (u64, bool),
    tenancy: Tenancy,
    seconds: i64,
    meanwhile: F,
) -> Option<(Arc<Memory>, TestReply)>
where
    F: AsyncFn(&TestApp),
{
    let memory = begun().await;
    let app = Arc::new(TestApp::over(memory.clone(), tenancy));
    let (gate, began) = (Gate::default(), app.store.calls());
    let stands = gate.clone();
    // A commit that has begun is over before what a change waits for.
    let waits = move |call: Call| {
        call.number == began + number
            && (after || seconds == 0 || call.operation != Operation::Commit)
    };
    app.store.rule(move |call| match waits(call) {
        true if after => Fault::HeldAfter(stands.clone()),
        true => Fault::HeldBefore(stands.clone()),
        false => Fault::None,
    });
    let acting = app.clone();
    let mut running = tokio::spawn(async move { void(&acting, "e1").await });
    tokio::select! {
        () = gate.arrived() => {}
        reply = &mut running => {
            reply.expect("an answer").expect(201);
            return None;
        }
    }
    let other = TestApp::over(memory.clone(), tenancy);
    meanwhile(&other).await;
    app.clock.advance(seconds);
    gate.open();
    let reply = running.await.expect("an answer");
    Some((memory, reply))
}

#[tokio::test(start_paused = true)]
async fn two_voids_at_once_void_once_wherever_they_meet() {
    let mut met = 0;
    for number in 0..CALLS_MAX {
        for after in [false, true] {
            let other = std::sync::Mutex::new(0);
            let voided = async |app: &TestApp| {
                let status = void(app, "e1").await.status;
                *other.lock().expect("a status") = status;
            };
            let Some((memory, reply)) = meeting((number, after), Tenancy::Sole, 0, voided).await
            else {
                continue;
            };
            let mut statuses = [reply.status, *other.lock().expect("a status")];
            statuses.sort_unstable();
            assert_eq!(statuses, [200, 201], "{number} {after}");
            let ledger = Ledger::balanced_in(&memory, "acme").await;
            assert_eq!(
                (ledger.len(), ledger.counted("l"), ledger.counted("each")),
                (3, 1, 7),
                "{number} {after}"
            );
            met += 1;
        }
    }
    assert!(met >= 6, "{met}");
}

#[tokio::test(start_paused = true)]
async fn a_name_half_erased_does_not_come_back_with_what_is_taken_back() {
    let order = json!({ "tenant_id": "acme", "agent_id": "a1", "pseudonymise": true });
    let mut met = 0;
    for number in 0..CALLS_MAX {
        let memory = begun().await;
        let app = Arc::new(TestApp::over(memory.clone(), Tenancy::Sole));
        app.clock.advance(1);
        let (gate, began) = (Gate::default(), app.store.calls());
        let stands = gate.clone();
        app.store.rule(move |call| {
            if call.number == began + number {
                Fault::HeldBefore(stands.clone())
            } else {
                Fault::None
            }
        });
        let (acting, ordered) = (app.clone(), order.clone());
        let mut running = tokio::spawn(async move { acting.post("/usage/purge", ordered).await });
        let crashed = tokio::select! {
            () = gate.arrived() => true,
            reply = &mut running => {
                reply.expect("an answer").expect(200);
                false
            }
        };
        running.abort();
        let other = TestApp::over(memory.clone(), Tenancy::Sole);
        other.clock.advance(2);
        let id = void(&other, "e1").await.expect(201).at("/event_id");
        other.service().roll_up_all().await.expect("a rollup");
        let agent = async |id: &str| {
            other
                .get(&format!("/events/{id}?tenant_id=acme"))
                .await
                .expect(200)
                .at("/agent_id")
        };
        let (of_event, of_void) = (agent("e1").await, agent(id.as_str().expect("an id")).await);
        assert_eq!(of_event, of_void, "{number}");
        met += usize::from(crashed && of_event != "a1");
        if !crashed {
            break;
        }
    }
    assert!(met > 0, "it is met half erased");
}

#[tokio::test(start_paused = true)]
async fn limits_that_change_meanwhile_count_it_as_taken_back() {
    let mut met = 0;
    for number in 0..CALLS_MAX {
        for after in [false, true] {
            let settle = std::time::Duration::ZERO;
            let change = async |app: &TestApp| {
                app.put("/limits/acme", limits("api_calls"))
                    .await
                    .expect(200);
                app.put("/limits/acme", limits("events")).await.expect(200);
            };
            let Some((memory, reply)) =
                meeting((number, after), Tenancy::Shared { settle }, 2, change).await
            else {
                continue;
            };
            assert_eq!(reply.status, 201, "{number} {after}: {}", reply.text);
            let ledger = Ledger::balanced_in(&memory, "acme").await;
            assert_eq!(
                (ledger.len(), ledger.counted("l"), ledger.counted("each")),
                (3, 1, 7),
                "{number} {after}"
            );
            met += 1;
        }
    }
    assert!(met >= 6, "{met}");
}

#[tokio::test(start_paused = true)]
async fn what_was_used_in_a_node_stays_above_it_and_is_given_back_there() {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    let plant = async |parent: &str| {
        let limits = json!([{ "measure": "events", "window": "month", "hard": 2 }]);
        let nodes = json!([
            { "id": "north", "limits": limits }, { "id": "south", "limits": limits }, { "id": "a1", "parent": parent, "limits": limits },
        ]);
        app.put(
            "/budgets/acme/tree",
            json!({ "currency": "USD", "nodes": nodes }),
        )
        .await
        .expect(200);
        Ledger::balanced_in(&memory, "acme").await.within_limits();
    };
    plant("north").await;
    for id in ["e1", "e2"] {
        app.record("acme", json!({ "id": id, "agent_id": "a1" }))
            .await
            .expect(201);
    }
    plant("south").await;
    let of = async |id: &str, node: &str| {
        app.record("acme", json!({ "id": id, "budget_node": node }))
            .await
    };
    of("other", "south").await.expect(201);
    of("free", "north").await.expect(429);
    void(&app, "e1").await.expect(201);
    of("free", "north").await.expect(201);
    of("more", "south").await.expect(201);
    of("most", "south").await.expect(429);
    Ledger::balanced_in(&memory, "acme").await.within_limits();
}
