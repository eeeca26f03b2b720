//! Plans, credit and trees where calls of the store fail, and where a process
//! ends in the middle of a new version of a plan.

use crate::client::send;
use crate::ledger::{Ledger, credit};
use crate::stories::TENANT;
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Fault, Gate, TestApp, TestReply};

/// More calls than a plan and its two subscribers take.
const CALLS_MAX: u64 = 100;

fn plan(hard: u64, allowance: &str) -> Value {
    let feature = json!({ "feature_key": "messages", "hard_limit": hard });
    json!({ "name": "Plan", "currency": "USD", "features": [feature], "allowance": allowance })
}

fn tree(parent: &str) -> Value {
    let limits = json!([{ "measure": "spend", "window": "month", "hard": "5" }]);
    let node =
        |id: &str, parent: Option<&str>| json!({ "id": id, "parent": parent, "limits": limits });
    json!({ "currency": "USD", "nodes": [node("north", None), node("south", None), node("a1", Some(parent))] })
}

async fn subscribe(app: &TestApp, tenant: &str, status: &str) -> TestReply {
    send(
        app,
        "PUT",
        &format!("/tenants/{tenant}/subscription"),
        &json!({ "plan": "plan", "status": status }),
    )
    .await
}

async fn grant(app: &TestApp, id: &str, amount: &str, expires_at: Value) -> Value {
    let order = json!({ "id": id, "amount": amount, "currency": "USD", "expires_at": expires_at });
    let reply = send(app, "POST", &format!("/credits/{TENANT}"), &order).await;
    json!([reply.status < 300, reply.at("/code"), reply.at("/amount")])
}

/// What is learned of an event: whether it is recorded, else why not.
async fn spend(app: &TestApp, id: &str, cost: &str) -> Value {
    let event = json!({ "id": id, "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "cost_override": cost });
    let reply = send(app, "POST", "/events", &event).await;
    json!([reply.status < 300, reply.at("/code"), reply.at("/cost")])
}

/// A tenant with an allowance, a grant that is about to expire and one that is
/// not, a hold on the first of them, and a tree.
pub(crate) async fn prepaid(app: &TestApp) {
    app.put("/plans/plan", plan(20, "1")).await.expect(200);
    subscribe(app, TENANT, "active").await.expect(200);
    let ends = app.service().now().plus_seconds(60).to_string();
    assert_eq!(grant(app, "ends", "2", json!(ends)).await[0], true);
    assert_eq!(grant(app, "stays", "3", Value::Null).await[0], true);
    app.put(&format!("/budgets/{TENANT}/tree"), tree("north"))
        .await
        .expect(200);
    let held = json!({ "tenant_id": TENANT, "operation": "agent_message", "agent_id": "a1", "cost_override": "1.5" });
    app.post("/holds", json!({ "id": "held", "event": held }))
        .await
        .expect(201);
}

/// Draws from all sources, captures above, is granted more, takes back, and at
/// last is refused.
pub(crate) async fn draw(app: &TestApp) -> Vec<Value> {
    let mut learned = vec![
        spend(app, "e1", "0.75").await,
        spend(app, "e2", "1.5").await,
    ];
    let body = json!({ "event": { "tenant_id": TENANT, "cost_override": "2" } });
    let captured = send(app, "POST", "/holds/held/capture", &body).await;
    learned.push(json!([captured.status < 300, captured.at("/cost")]));
    learned.extend([
        grant(app, "more", "1", Value::Null).await,
        spend(app, "e3", "0.5").await,
    ]);
    let voided = send(
        app,
        "POST",
        "/events/e2/void",
        &json!({ "tenant_id": TENANT }),
    )
    .await;
    learned.push(json!([voided.status < 300, voided.at("/code")]));
    learned.extend([
        grant(app, "more", "2", Value::Null).await,
        spend(app, "e4", "1.25").await,
        spend(app, "e5", "4").await,
    ]);
    learned
}

/// Another version of the plan, another status, another tree.
pub(crate) async fn change(app: &TestApp) -> Vec<Value> {
    let put = send(app, "PUT", "/plans/plan", &plan(3, "0.5")).await;
    let mut learned = vec![json!(put.status), spend(app, "e1", "0.25").await];
    learned.push(json!(subscribe(app, TENANT, "past_due").await.status));
    learned.push(json!(
        send(
            app,
            "PUT",
            &format!("/budgets/{TENANT}/tree"),
            &tree("south")
        )
        .await
        .status
    ));
    learned.extend([spend(app, "e2", "0.5").await, spend(app, "e3", "0").await]);
    learned.push(json!(subscribe(app, TENANT, "cancelled").await.status));
    learned.push(spend(app, "e4", "0").await);
    learned
}

/// Which hard value the plan has for `tenant`.
async fn in_force(app: &TestApp, tenant: &str) -> Value {
    app.get(&format!("/limits/{tenant}"))
        .await
        .expect(200)
        .at("/standing/0/hard")
}

/// Two subscribers, one of whom has used something.
async fn subscribed() -> Arc<Memory> {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put("/plans/plan", plan(5, "2")).await.expect(200);
    for tenant in [TENANT, "globex"] {
        subscribe(&app, tenant, "active").await.expect(200);
    }
    assert_eq!(spend(&app, "before", "0.5").await[0], true);
    memory
}

#[tokio::test(start_paused = true)]
async fn a_new_version_of_a_plan_that_is_cut_off_anywhere_is_completed_by_the_next_round() {
    let (mut cut_off, mut halves) = (0, 0);
    for number in 0..CALLS_MAX {
        for after in [false, true] {
            let memory = subscribed().await;
            let app = Arc::new(TestApp::over(memory.clone(), Tenancy::Sole));
            let (gate, began) = (Gate::default(), app.store.calls());
            let stands = gate.clone();
            app.store
                .rule(move |call| match call.number == began + number {
                    true if after => Fault::HeldAfter(stands.clone()),
                    true => Fault::HeldBefore(stands.clone()),
                    false => Fault::None,
                });
            let acting = app.clone();
            let mut running =
                tokio::spawn(async move { acting.put("/plans/plan", plan(3, "1")).await });
            tokio::select! {
                () = gate.arrived() => running.abort(),
                reply = &mut running => {
                    reply.expect("an answer").expect(200);
                    continue;
                }
            }
            cut_off += 1;
            let other = TestApp::over(memory.clone(), Tenancy::Sole);
            let put = other
                .get("/plans/plan")
                .await
                .expect(200)
                .at("/features/0/hard_limit");
            halves +=
                usize::from(in_force(&other, TENANT).await != in_force(&other, "globex").await);
            tollgate_purge::scheduled(&other.app, &json!({ "action": "complete_changes" }))
                .await
                .expect("a round");
            for tenant in [TENANT, "globex"] {
                assert_eq!(
                    in_force(&other, tenant).await,
                    put,
                    "{tenant}, call {number}, {after}"
                );
                Ledger::balanced_in(&memory, tenant).await;
                credit::told(&other, &*memory, tenant).await;
            }
        }
    }
    assert!(
        cut_off > 10 && halves > 0,
        "{cut_off} cut off, {halves} between two subscribers"
    );
}
