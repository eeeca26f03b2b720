//! Delivery: each alert arrives, and of workers that meet one delivers it.

use super::{following, tokens};
use crate::holds::{Actor, play};
use crate::stories::TENANT;
use async_trait::async_trait;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tollgate_core::{Alert, AlertState, Name};
use tollgate_service::{Courier, Memory, Reason, Tenancy};
use tollgate_tests::{Fault, Gate, Operation, TestApp};

/// Takes everything, and remembers it.
#[derive(Default)]
struct Taker(Mutex<Vec<String>>);

#[async_trait]
impl Courier for Taker {
    async fn post(
        &self,
        _: &str,
        headers: &[(&'static str, String)],
        _: String,
    ) -> Result<(), String> {
        let id = headers
            .iter()
            .find(|(name, _)| *name == "Tollgate-Alert-Id")
            .expect("an id")
            .1
            .clone();
        self.0.lock().expect("taken").push(id);
        Ok(())
    }
}

fn body(alert: &Alert) -> String {
    alert.id.clone()
}

/// The alerts of an event of `size` tokens of 10 are due.
async fn due(memory: &Arc<Memory>, size: u64) -> TestApp {
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    app.put(
        "/alerts/acme",
        json!({ "url": "https://hooks.example.com/a" }),
    )
    .await
    .expect(200);
    app.limit(TENANT, json!([{ "id": "agent", "scope": "agent", "measure": "tokens", "window": "total", "hard": 10 }])).await;
    app.record(TENANT, tokens("all", size)).await.expect(201);
    app
}

/// Delivers on, a few minutes, until all is done: each was taken at least once.
async fn delivered(app: &TestApp, taker: &Taker, case: &str) -> usize {
    app.store.heal();
    let tenant = Name::new(TENANT).expect("a tenant");
    for _ in 0..8 {
        app.service()
            .deliver_alerts(taker, body)
            .await
            .expect("a round");
        app.clock.advance(60);
    }
    let (_, alerts) = app.service().read_alerts(&tenant).await.expect("alerts");
    let taken = taker.0.lock().expect("taken").clone();
    assert_eq!(alerts.len(), 3, "{case}");
    for alert in &alerts {
        assert_eq!(alert.state, AlertState::Delivered, "{case}");
        assert!(taken.contains(&alert.id), "{case}");
    }
    taken.len()
}

/// Delivers what is due, and answers with the ids that were taken.
const WORKER: Actor = Actor {
    name: "worker",
    seconds_after: 0,
    asks: |app| {
        Box::pin(async {
            let taker = Taker::default();
            app.service()
                .deliver_alerts(&taker, body)
                .await
                .expect("a round");
            let taken = taker.0.lock().expect("taken").clone();
            (200, json!(taken))
        })
    },
};

#[tokio::test]
async fn wherever_two_workers_meet_an_alert_is_delivered_once() {
    let mut count = 0;
    let mut path = Vec::new();
    while let Some(next) = {
        let memory = Arc::new(Memory::default());
        let app = due(&memory, 5).await;
        let (answers, choices) = play(&[WORKER, WORKER], &path, &memory).await;
        let taken: usize = answers
            .iter()
            .map(|(_, ids)| ids.as_array().expect("ids").len())
            .sum();
        assert_eq!(taken, 1, "{path:?}");
        let (_, alerts) = app
            .service()
            .read_alerts(&Name::new(TENANT).expect("a tenant"))
            .await
            .expect("alerts");
        assert_eq!(
            alerts.iter().map(|alert| alert.state).collect::<Vec<_>>(),
            [AlertState::Delivered]
        );
        count += 1;
        following(path, &choices)
    } {
        path = next;
    }
    eprintln!("{count} interleavings");
    assert!(count > 5);
}

#[tokio::test]
async fn whatever_fails_while_it_is_delivered_an_alert_arrives() {
    let plain = Arc::new(Mutex::new(Vec::new()));
    let (memory, hears) = (Arc::new(Memory::default()), plain.clone());
    let app = due(&memory, 10).await;
    app.store.rule(move |call| {
        hears.lock().expect("calls").push(call.operation);
        Fault::None
    });
    assert_eq!(
        app.service()
            .deliver_alerts(&Taker::default(), body)
            .await
            .expect("a round")
            .delivered,
        3
    );
    let plain = plain.lock().expect("calls").clone();
    let (mut cases, mut repeats) = (0, 0);
    for (number, operation) in plain.iter().enumerate() {
        let refused = Fault::Refuse(vec![Some(Reason::Conflict)]);
        let faults = [
            Fault::Before,
            Fault::After,
            refused,
            Fault::HeldBefore(Gate::default()),
            Fault::HeldAfter(Gate::default()),
        ];
        for fault in faults.into_iter().filter(|fault| {
            *operation == Operation::Commit || !matches!(fault, Fault::After | Fault::Refuse(_))
        }) {
            let case = format!("{fault:?} at call {number}, a {operation:?}");
            let memory = Arc::new(Memory::default());
            let (app, taker) = (Arc::new(due(&memory, 10).await), Arc::new(Taker::default()));
            let (began, planned) = (app.store.calls(), fault.clone());
            app.store.rule(move |call| {
                if call.number == began + number as u64 {
                    planned.clone()
                } else {
                    Fault::None
                }
            });
            if let Fault::HeldBefore(gate) | Fault::HeldAfter(gate) = &fault {
                let (acts, takes) = (app.clone(), taker.clone());
                let running =
                    tokio::spawn(async move { acts.service().deliver_alerts(&*takes, body).await });
                gate.arrived().await;
                running.abort();
                assert!(
                    running
                        .await
                        .expect_err("it stood at the gate")
                        .is_cancelled()
                );
                let other = TestApp::over(memory.clone(), Tenancy::Sole);
                repeats += delivered(&other, &taker, &case).await - 3;
            } else {
                app.service().deliver_alerts(&*taker, body).await.ok();
                repeats += delivered(&app, &taker, &case).await - 3;
            }
            cases += 1;
        }
    }
    eprintln!("{cases} faults and crashes, {repeats} deliveries repeated");
    assert!(cases > 30);
}
