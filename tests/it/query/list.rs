//! `GET /usage`: which events, and in which order.

use super::{five, ids, listed};
use crate::given::{pointers, refused, without};
use proptest::prelude::*;
use serde_json::json;
use tollgate_tests::TestApp;

#[tokio::test]
async fn events_come_by_timestamp_then_id() {
    let app = TestApp::new().await;
    five(&app).await;
    assert_eq!(listed(&app, "").await, "a b c d e");
}

#[test]
fn the_order_does_not_depend_on_arrival() {
    let arrivals = proptest::collection::vec((0..4_u32, 0..40_u32), 1..25);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(arrivals in arrivals)| {
        let (found, expected) = runtime.block_on(async {
            let app = TestApp::new().await;
            let mut expected = Vec::new();
            for (second, id) in arrivals {
                let (timestamp, id) = (format!("2026-11-22T09:00:0{second}Z"), format!("e{id}"));
                let reply = app.record("acme", json!({ "id": id, "timestamp": timestamp })).await;
                expected.extend((reply.status == 201).then_some((timestamp, id)));
            }
            expected.sort();
            let expected: Vec<String> = expected.into_iter().map(|(_, id)| id).collect();
            (listed(&app, "").await, expected.join(" "))
        });
        prop_assert_eq!(found, expected);
    });
}

#[tokio::test]
async fn filters_pick_and_all_of_them_must_hold() {
    let app = TestApp::new().await;
    five(&app).await;
    for (query, expected) in [
        ("agent_id=a1", "a d"),
        ("agent=a1", "a d"),
        ("consumer_id=c1", "a b"),
        ("consumer=c1", "a b"),
        ("session_id=s1", "a b"),
        ("task_id=t1", "a c"),
        ("task_id=t/2", "d"),
        ("task_id=t%2F2", "d"),
        ("operation=hitl_approval", "b"),
        ("operation=agent_message", "a c d e"),
        ("tier=enhanced", "d"),
        ("tier=standard", "a b c e"),
        ("tool_server=srv", "c e"),
        ("tool_name=find", "e"),
        ("model=m2", "c"),
        ("id=d", "d"),
        ("agent=a1&consumer=c1", "a"),
        ("agent=a1&model=m1", ""),
        ("agent=A1", ""),
        ("agent=nobody", ""),
    ] {
        assert_eq!(listed(&app, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn an_entry_has_the_shape_of_an_event_and_its_answer() {
    let app = TestApp::new().await;
    app.post("/events", crate::ingest::full()).await.expect(201);
    let one = app.get("/events/evt-1?tenant_id=acme").await.expect(200);
    assert_eq!(one.at("/voided"), false);
    let list = app.get("/usage?tenant_id=acme").await.expect(200);
    assert_eq!(
        list.json(),
        json!({ "data": [without(one.json(), &["voided"])], "count": 1, "next_cursor": null })
    );
}

#[tokio::test]
async fn a_list_has_100_entries_unless_asked_and_1000_at_most() {
    let app = TestApp::new().await;
    for batch in 0..2 {
        let event = |n: usize| json!({ "tenant_id": "acme", "id": format!("e{:04}", batch * 1000 + n), "operation": "agent_message" });
        app.post(
            "/events/batch",
            json!({ "events": (0..600).map(event).collect::<Vec<_>>() }),
        )
        .await
        .expect(200);
    }
    for (query, count) in [("", 100), ("limit=1", 1), ("limit=1000", 1000)] {
        let reply = app
            .get(&format!("/usage?tenant_id=acme&{query}"))
            .await
            .expect(200);
        assert_eq!(ids(&reply).split(' ').count(), count);
        assert!(reply.at("/next_cursor").is_string());
    }
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_named() {
    let app = TestApp::new().await;
    for (query, pointer) in [
        ("limit=0", "?limit"),
        ("limit=1001", "?limit"),
        ("limit=-1", "?limit"),
        ("limit=1e2", "?limit"),
        ("limit=", "?limit"),
        ("limit=%2B1", "?limit"),
        ("offset=1", "?offset"),
        ("Agent=a1", "?Agent"),
        ("agent=", "?agent"),
        ("agent=a%7Cb", "?agent"),
        ("agent=a1&agent_id=a1", "?agent_id"),
        ("limit=1&limit=1", "?limit"),
        ("start=yesterday", "?start"),
        ("start_date=2026-11-22T10:00:00", "?start_date"),
        ("end=2026-13-01", "?end"),
        ("start=2026-11-22&end=2026-11-21", "?start"),
        ("model=%ff", "?model"),
        ("model=%zz", "?model"),
        ("model=a%00", "?model"),
    ] {
        let reply = app.get(&format!("/usage?tenant_id=acme&{query}")).await;
        assert_eq!(
            pointers(&refused(&reply, 400, "invalid_request")),
            pointer,
            "{query}"
        );
    }
}
