//! A name that is erased stays so.

use super::{capture, event, hold};
use crate::given::{merged, refused};
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

/// Occurs nowhere else.
const NAME: &str = "jo-4711";

/// Erases the name as `field`; the pseudonym.
async fn erase(app: &TestApp, field: &str) -> Value {
    let order = json!({ "tenant_id": "acme", "pseudonymise": true });
    let order = merged(order, json!({ field: NAME }));
    app.post("/usage/purge", order)
        .await
        .expect(200)
        .at("/pseudonym")
}

/// The names of those who used something, `field` saying as what.
async fn names(app: &TestApp, field: &str) -> Vec<Value> {
    let route = if field == "agent_id" {
        "agents"
    } else {
        "consumers"
    };
    let rows = app
        .get(&format!("/usage/{route}?tenant_id=acme"))
        .await
        .expect(200)
        .at("/data");
    rows.as_array()
        .expect("rows")
        .iter()
        .map(|row| row[field].clone())
        .collect()
}

/// A call may still be under way when the name of its caller is erased.
#[tokio::test]
async fn a_capture_after_an_erasure_names_the_pseudonym() {
    for field in ["agent_id", "consumer_id"] {
        for (has_history, says_it_again) in [(true, false), (true, true), (false, false)] {
            let app = TestApp::new().await;
            let named = json!({ field: NAME });
            if has_history {
                app.record("acme", named.clone()).await.expect(201);
            }
            hold(&app, "h", named.clone()).await.expect(201);
            app.clock.advance(1);
            let pseudonym = erase(&app, field).await;
            let actual = if says_it_again { named } else { json!({}) };
            capture(&app, "h", actual).await.expect(201);
            let case = format!("{field} {has_history} {says_it_again}");
            assert_eq!(
                names(&app, field).await,
                std::slice::from_ref(&pseudonym),
                "{case}"
            );
            let booked = app.get("/events/h?tenant_id=acme").await.expect(200);
            assert_eq!(booked.at(&format!("/{field}")), pseudonym, "{case}");
            let export = app.get("/usage/export?tenant_id=acme").await.expect(200);
            assert!(!export.text.contains(NAME), "{case}: {}", export.text);
        }
    }
}

/// A repeat of the capture is the same request, though its name is gone.
#[tokio::test]
async fn a_capture_after_an_erasure_is_known_again() {
    let app = TestApp::new().await;
    let named = json!({ "agent_id": NAME });
    app.record("acme", named.clone()).await.expect(201);
    hold(&app, "h", named).await.expect(201);
    app.clock.advance(1);
    erase(&app, "agent_id").await;
    let actual = json!({ "units": 2 });
    capture(&app, "h", actual.clone()).await.expect(201);
    assert_eq!(
        capture(&app, "h", actual).await.expect(200).at("/replayed"),
        true
    );
    refused(
        &capture(&app, "h", json!({ "units": 3 })).await,
        409,
        "hold_closed",
    );
}

/// A list that ends early would look whole.
#[tokio::test]
async fn a_list_by_a_name_that_was_erased_does_not_go_on() {
    for field in ["agent_id", "consumer_id"] {
        let app = TestApp::new().await;
        let events: Vec<Value> = (0..30).map(|_| event(json!({ field: NAME }))).collect();
        let batch = app
            .post("/events/batch", json!({ "events": events }))
            .await
            .expect(200);
        assert_eq!(batch.at("/recorded"), 30);
        let path = format!("/usage?tenant_id=acme&{field}={NAME}&limit=10");
        let first = app.get(&path).await.expect(200);
        let cursor = first
            .at("/next_cursor")
            .as_str()
            .expect("a cursor")
            .to_owned();
        app.get(&format!("{path}&cursor={cursor}"))
            .await
            .expect(200);
        app.clock.advance(1);
        erase(&app, field).await;
        refused(
            &app.get(&format!("{path}&cursor={cursor}")).await,
            400,
            "invalid_cursor",
        );
        assert_eq!(
            app.get(&path).await.expect(200).at("/count"),
            0,
            "asked anew"
        );
    }
}

/// A page keeps the nodes that stood above an agent, and the agent may be one.
#[tokio::test]
async fn no_page_keeps_the_name_of_an_agent_that_is_a_node() {
    let memory = Arc::new(Memory::default());
    let app = TestApp::over(memory.clone(), Tenancy::Sole);
    let nodes = json!([{ "id": "team" }, { "id": NAME, "parent": "team" }]);
    app.put(
        "/budgets/acme/tree",
        json!({ "currency": "USD", "nodes": nodes }),
    )
    .await
    .expect(200);
    app.record("acme", json!({ "agent_id": NAME }))
        .await
        .expect(201);
    let pages_with_it = || {
        let pages = memory
            .dump()
            .into_iter()
            .filter(|(key, _)| key.pk.starts_with("T|acme|E|"));
        let named = pages.map(|(_, attrs)| format!("{attrs:?}"));
        let bytes = format!("{:?}", NAME.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']).to_owned();
        named.filter(|text| text.contains(&bytes)).count()
    };
    assert_eq!(pages_with_it(), 1);
    app.clock.advance(1);
    erase(&app, "agent_id").await;
    assert_eq!(pages_with_it(), 0);
}
