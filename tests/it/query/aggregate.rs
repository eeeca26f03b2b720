//! `GET /usage/aggregate`, `/usage/agents` and `/usage/consumers`: keys, order,
//! and who is counted once.

mod asap;
mod pages;

use super::five;
use crate::given::{merged, pointers, refused, without};
use serde_json::json;
use tollgate_tests::TestApp;

/// The keys of an aggregate of `acme` with their `field`s.
async fn groups(app: &TestApp, query: &str, field: &str) -> Vec<(String, u64)> {
    let reply = app
        .get(&format!("/usage/aggregate?tenant_id=acme&group_by={query}"))
        .await
        .expect(200);
    let rows = reply.at("/data");
    let rows = rows.as_array().expect("rows");
    assert_eq!(reply.at("/count"), rows.len());
    rows.iter()
        .map(|row| {
            (
                row["key"].as_str().expect("a key").to_owned(),
                row[field].as_u64().expect("a number"),
            )
        })
        .collect()
}

/// Its keys, one space between.
async fn keys(app: &TestApp, query: &str) -> String {
    groups(app, query, "total_events")
        .await
        .into_iter()
        .map(|(key, _)| key)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Does `check` before and after everything is rolled up, as hours and as days.
async fn rolled_or_not(app: &TestApp, check: impl AsyncFn(&TestApp)) {
    check(app).await;
    for hours in [2, 30] {
        app.clock.advance(hours * 3600);
        app.service().roll_up_all().await.expect("a rollup");
        check(app).await;
    }
}

#[tokio::test]
async fn every_group_has_its_key() {
    let app = TestApp::new().await;
    five(&app).await;
    app.record(
        "acme",
        json!({ "tool_server": "s/v", "tool_name": "a/b/c", "timestamp": "2026-11-22T09:00:00Z" }),
    )
    .await
    .expect(201);
    app.record(
        "acme",
        json!({ "tool_server": "lone", "timestamp": "2026-11-22T09:00:00Z" }),
    )
    .await
    .expect(201);
    rolled_or_not(&app, async |app| {
        for (by, expected) in [
            ("agent", "(none) a1 a2"),
            ("consumer", "(none) c1 c2"),
            ("operation", "agent_message hitl_approval"),
            ("tier", "enhanced standard"),
            ("session", "(none) s1 s2"),
            ("tool", "(none) s%2Fv/a%2Fb%2Fc srv/find srv/search"),
            ("model", "(none) m1 m2"),
            ("hour", "2026-11-22T07:00:00Z 2026-11-22T09:00:00Z"),
            ("day", "2026-11-22"),
            ("week", "2026-W47"),
            ("month", "2026-11"),
        ] {
            assert_eq!(keys(app, by).await, expected, "{by}");
        }
        assert_eq!(keys(app, "tool&tool_server=s/v").await, "s%2Fv/a%2Fb%2Fc");
        assert_eq!(
            keys(app, "agent&consumer=c1&start=2026-11-22T07:00:00.1Z").await,
            "a2"
        );
        assert_eq!(keys(app, "day&end=2026-11-22").await, "");
    })
    .await;
}

#[tokio::test]
async fn a_row_has_every_total_and_people_are_lists_of_rows() {
    let app = TestApp::new().await;
    five(&app).await;
    let expected = json!({
        "agent_id": "a1", "total_events": 2, "total_tasks": 2, "tokens_in": 0, "tokens_out": 0,
        "total_tokens": 0, "total_duration_ms": 0, "total_api_calls": 0, "total_units": 2,
        "total_data_bytes": 0, "total_searches": 0, "total_images": 0, "total_cost": "0.00125", "currency": "USD",
        "avg_tokens_per_task": "0.000000", "avg_duration_ms_per_task": "0.000000",
        "unique_agents": 1, "unique_consumers": 2,
    });
    let head = json!({ "tenant_id": "acme", "start": null, "end": null, "time_zone": "UTC" });
    let rows = app
        .get("/usage/aggregate?tenant_id=acme&group_by=agent")
        .await
        .expect(200);
    assert_eq!(
        rows.at("/data/1"),
        merged(json!({ "key": "a1" }), expected.clone())
    );
    let list = json!({ "group_by": "agent", "count": 3, "next_cursor": null });
    assert_eq!(without(rows.json(), &["data"]), merged(head.clone(), list));
    let agents = app
        .get("/usage/agents?tenant_id=acme&agent_id=a1")
        .await
        .expect(200);
    let list = json!({ "data": [expected], "count": 1, "next_cursor": null });
    assert_eq!(agents.json(), merged(head, list));
    let consumers = app.get("/usage/consumers?tenant_id=acme").await.expect(200);
    let named = |place: usize| {
        (
            consumers.at(&format!("/data/{place}/consumer_id")),
            consumers.at(&format!("/data/{place}/total_events")),
        )
    };
    assert_eq!(
        [named(0), named(1), named(2)],
        [
            (json!("(none)"), json!(2)),
            (json!("c1"), json!(2)),
            (json!("c2"), json!(1))
        ]
    );
}

/// What time it is, days with an event each, and how many events each week then has.
const WEEKS: [(&str, [&str; 6], &str); 3] = [
    (
        "2025-01-06T00:00:00Z",
        [
            "2024-12-29",
            "2024-12-30",
            "2024-12-31",
            "2025-01-01",
            "2025-01-05",
            "2025-01-06",
        ],
        "2024-W52:1 2025-W01:4 2025-W02:1",
    ),
    (
        "2027-01-05T12:00:00Z",
        [
            "2026-12-27",
            "2026-12-28",
            "2026-12-31",
            "2027-01-01",
            "2027-01-03",
            "2027-01-04",
        ],
        "2026-W52:1 2026-W53:4 2027-W01:1",
    ),
    (
        "2029-01-02T12:00:00Z",
        [
            "2028-12-24",
            "2028-12-25",
            "2028-12-31",
            "2029-01-01",
            "2029-01-02",
            "2029-01-02",
        ],
        "2028-W51:1 2028-W52:2 2029-W01:3",
    ),
];

#[tokio::test]
async fn weeks_are_of_the_year_that_their_thursday_is_in() {
    for (now, days, weeks) in WEEKS {
        let app = TestApp::new().await;
        app.clock.set(now);
        for (number, day) in days.iter().enumerate() {
            let time = if number % 2 == 0 {
                "23:59:59.999999999"
            } else {
                "00:00:00"
            };
            let time = if now.starts_with(day) {
                "00:00:00"
            } else {
                time
            };
            app.record("acme", json!({ "timestamp": format!("{day}T{time}Z") }))
                .await
                .expect(201);
        }
        rolled_or_not(&app, async |app| {
            let found = groups(app, "week", "total_events").await;
            assert_eq!(
                found
                    .iter()
                    .map(|(key, events)| format!("{key}:{events}"))
                    .collect::<Vec<_>>()
                    .join(" "),
                weeks
            );
            let sorted = keys(app, "day").await;
            let mut expected = days.to_vec();
            expected.dedup();
            assert_eq!(sorted, expected.join(" "));
        })
        .await;
    }
}

#[tokio::test]
async fn what_is_no_group_is_refused() {
    let app = TestApp::new().await;
    five(&app).await;
    for (query, pointer) in [
        ("", "?group_by"),
        ("group_by=invalid", "?group_by"),
        ("group_by=", "?group_by"),
        ("group_by=Agent", "?group_by"),
        ("group_by=agent,day", "?group_by"),
        ("group_by=agent&group_by=day", "?group_by"),
        ("group_by=agent&id=a", "?id"),
        ("group_by=agent&limit=1001", "?limit"),
        ("group_by=agent&start=2026-11-23&end=2026-11-22", "?start"),
    ] {
        let problem = refused(
            &app.get(&format!("/usage/aggregate?tenant_id=acme&{query}"))
                .await,
            400,
            "invalid_request",
        );
        assert_eq!(pointers(&problem), pointer, "{query}");
    }
    refused(
        &app.get("/usage/agents?tenant_id=acme&group_by=agent").await,
        400,
        "invalid_request",
    );
}

#[tokio::test]
async fn who_comes_again_in_other_hours_days_and_months_is_counted_once() {
    let app = TestApp::new().await;
    app.clock.set("2026-11-28T22:30:00Z");
    let mut events = 0;
    for advance in [
        600, 3600, 3600, 7200, 86_400, 40_000, 86_400, 86_400, 3600, 0,
    ] {
        for (agent, task) in [("a1", "t1"), ("a2", "t1"), ("a1", "t2")] {
            let fields = json!({ "id": format!("e{events}"), "agent_id": agent, "consumer_id": "c1", "task_id": task, "session_id": agent });
            app.record("acme", fields).await.expect(201);
            events += 1;
        }
        app.clock.advance(advance);
        app.service().roll_up_all().await.expect("a rollup");
        let summary = app.get("/usage/summary?tenant_id=acme").await.expect(200);
        let counts = [
            "/total_events",
            "/unique_agents",
            "/unique_consumers",
            "/total_tasks",
        ]
        .map(|at| summary.at(at));
        assert_eq!(counts, [json!(events), json!(2), json!(1), json!(2)]);
        for by in ["operation", "session", "consumer", "month", "week"] {
            for (key, agents) in groups(&app, by, "unique_agents").await {
                assert_eq!(
                    agents,
                    if by == "session" { 1 } else { 2 },
                    "{by} {key} after {events}"
                );
            }
        }
    }
    assert_eq!(keys(&app, "month").await, "2026-11 2026-12");
}
