//! Credit topped up thousands of times: what is asked every day reads what can be
//! drawn on, and every grant is still found.

use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{Meter, TestApp};

const GRANTS: usize = 2_000;
const EARLY: usize = 200;

/// What `GET /credits` says, without the list of grants.
fn figures(credit: &Value) -> Vec<&str> {
    ["remaining", "available", "uncovered"]
        .into_iter()
        .filter_map(|figure| credit[figure].as_str())
        .collect()
}

#[tokio::test]
async fn what_credit_stands_at_reads_as_much_after_2000_grants_as_after_200() {
    let meter = Meter::around(Arc::new(Memory::default()));
    let app = TestApp::over(meter.clone(), Tenancy::Sole);
    let mut costs = Vec::new();
    for number in 1..=GRANTS {
        let grant = json!({ "id": format!("g-{number:04}"), "amount": "1", "currency": "USD" });
        app.post("/credits/acme", grant).await.expect(201);
        // The last one is left half used.
        let cost = if number == GRANTS { "0.5" } else { "1" };
        let event = json!({ "operation": "agent_message", "cost_override": cost });
        app.record("acme", event).await.expect(201);
        if number == EARLY || number == GRANTS {
            meter.take();
            let credit = app.get("/credits/acme").await.expect(200).json();
            costs.push(meter.take());
            let left = if number == GRANTS { "0.5" } else { "0" };
            assert_eq!(figures(&credit), [left, left, "0"], "{number}");
            let listed = credit["grants"].as_array().expect("grants").len();
            assert!(listed <= 50, "{listed} grants are listed");
        }
    }
    let [early, late] = costs[..] else {
        panic!("two readings");
    };
    println!("GET /credits: {early:?} after {EARLY} grants, {late:?} after {GRANTS}");
    assert_eq!(late, early);
    all_are_found(&app, &meter).await;
}

/// Page by page, each with what was taken of it, and no page reads more than its own.
async fn all_are_found(app: &TestApp, meter: &Meter) {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        meter.take();
        let path = format!("/credits/acme/grants?limit=300{cursor}");
        let page = app.get(&path).await.expect(200).json();
        let read = meter.take();
        assert!(read.units <= 300 + 300 / 10, "{read:?}");
        for grant in page["data"].as_array().expect("grants") {
            let id = grant["id"].as_str().expect("an id").to_owned();
            let left = if id == "g-2000" { "0.5" } else { "0" };
            assert_eq!(grant["remaining"], left, "{id}");
            ids.push(id);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let all: Vec<String> = (1..=GRANTS)
        .map(|number| format!("g-{number:04}"))
        .collect();
    assert_eq!(ids, all);
}
