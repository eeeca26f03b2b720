//! `POST /usage/purge` with `pseudonymise`: a name goes, and nothing else.

mod orders;

use super::DAY;
use crate::given::{Open, merged, refused, without};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tollgate_core::{Attrs, Key, Value as Stored};
use tollgate_tests::TestApp;

/// Occurs nowhere else.
const NAME: &str = "bob-4711@example.com";
const TENANTS: [&str; 2] = ["acme", "beta"];

/// Events of two months that name `NAME` as agent, as consumer, as both and
/// not at all; `rolled` up as far as hours are closed, but for the last.
async fn history(open: &Open, rolled: bool) {
    let app = &open.app;
    app.limit("acme", json!([{ "id": "each", "scope": "agent", "measure": "events", "window": "total", "soft": 1, "hard": 900 }])).await;
    for (hour, received) in [
        "2026-11-28T10:00:00Z",
        "2026-11-30T23:10:00Z",
        "2026-12-01T00:20:00Z",
        "2026-12-03T09:00:00Z",
    ]
    .iter()
    .enumerate()
    {
        app.clock.set(received);
        if rolled {
            app.service().roll_up_all().await.expect("a rollup");
        }
        for tenant in TENANTS {
            let people = [
                json!({ "agent_id": NAME }),
                json!({ "consumer_id": NAME, "agent_id": "ann" }),
                json!({ "agent_id": NAME, "consumer_id": NAME }),
                json!({}),
            ];
            for (number, people) in people.into_iter().enumerate() {
                let fields = json!({ "id": format!("e{hour}{number}"), "task_id": format!("t{number}"), "session_id": format!("s{hour}"), "tokens_in": 5 });
                app.record(tenant, merged(fields, people)).await.expect(201);
            }
        }
    }
    app.clock.advance(1);
}

async fn erase(app: &TestApp, fields: Value) -> Value {
    let order = merged(json!({ "tenant_id": "acme", "pseudonymise": true }), fields);
    app.post("/usage/purge", order).await.expect(200).json()
}

/// The pseudonym that the answer tells.
fn pseudonym(answer: &Value) -> String {
    let pseudonym = answer["pseudonym"]
        .as_str()
        .expect("a pseudonym")
        .to_owned();
    assert!(
        pseudonym.starts_with("erased-") && !pseudonym.contains("bob"),
        "{pseudonym}"
    );
    pseudonym
}

/// Every answer about `tenant` that adds something up. Rows keep the order of
/// what they hold, whatever they are called.
async fn totals(app: &TestApp, tenant: &str, called: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for by in [
        "agent",
        "consumer",
        "operation",
        "session",
        "hour",
        "day",
        "week",
        "month",
    ] {
        for range in [
            "",
            "&start=2026-11-28T09:59:59.5Z&end=2026-12-03T09:00:00.5Z",
        ] {
            let reply = app
                .get(&format!(
                    "/usage/aggregate?tenant_id={tenant}&group_by={by}{range}"
                ))
                .await
                .expect(200);
            let mut rows: Vec<String> = reply
                .at("/data")
                .as_array()
                .expect("rows")
                .iter()
                .map(|row| row.to_string().replace(called, "NAME"))
                .collect();
            rows.sort();
            all.push(json!(rows));
        }
    }
    for path in [
        "/usage/summary?tenant_id=",
        "/usage/",
        "/usage/stats?tenant_id=",
        "/quota/",
    ] {
        all.push(without(
            app.get(&format!("{path}{tenant}")).await.expect(200).json(),
            &["last_rollup"],
        ));
    }
    all
}

/// The items that hold `text`, counters and configurations left out.
fn holding(items: &BTreeMap<Key, Attrs>, text: &str) -> Vec<Key> {
    let holds = |value: &Stored| match value {
        Stored::S(held) => held.contains(text),
        Stored::B(held) => held.windows(text.len()).any(|part| part == text.as_bytes()),
        Stored::N(_) => false,
    };
    let counted = |key: &Key| key.pk.contains("|C|") || key.pk.ends_with("|CONFIG");
    let named = items.iter().filter(|(key, attrs)| {
        !counted(key) && (format!("{key:?}").contains(text) || attrs.values().any(holds))
    });
    named.map(|(key, _)| key.clone()).collect()
}

#[tokio::test]
async fn the_name_is_gone_and_every_total_stays() {
    for rolled in [false, true] {
        let open = Open::new();
        history(&open, rolled).await;
        let (app, before, foreign) = (
            &open.app,
            totals(&open.app, "acme", NAME).await,
            open.dump_of("beta"),
        );
        assert!(
            holding(&open.dump_of("acme"), NAME).len() >= 4,
            "it is found where it is"
        );
        let agent = erase(app, json!({ "agent_id": NAME })).await;
        assert_eq!(
            (&agent["pseudonymised"], &agent["pages"], &agent["removed"]),
            (&json!(8), &json!(8), &json!(0)),
            "rolled up: {rolled}"
        );
        assert_ne!(
            holding(&open.dump_of("acme"), NAME),
            [],
            "the consumer of that name is another"
        );
        let consumer = erase(app, json!({ "consumer_id": NAME })).await;
        assert_eq!(
            (&consumer["pseudonymised"], &consumer["pages"]),
            (&json!(8), &json!(8))
        );
        assert_ne!(pseudonym(&agent), pseudonym(&consumer));
        assert_eq!(holding(&open.dump_of("acme"), NAME), []);
        assert_eq!(
            holding(&open.dump(), NAME),
            holding(&open.dump_of("beta"), NAME),
            "only beta names it"
        );
        assert_eq!(
            open.dump_of("beta"),
            if rolled {
                foreign
            } else {
                open.dump_of("beta")
            }
        );
        let counted =
            |totals: Vec<Value>, name: &str| json!(totals).to_string().replace(name, "NAME");
        let after = counted(
            totals(app, "acme", &pseudonym(&agent)).await,
            &pseudonym(&consumer),
        );
        assert_eq!(after, counted(before.clone(), NAME));
        for days in [1, 40] {
            app.clock.advance(days * DAY);
            app.service().roll_up_all().await.expect("a rollup");
            let rolled = totals(app, "acme", &pseudonym(&agent)).await;
            let rolled: Vec<Value> = rolled[..16]
                .iter()
                .filter(|rows| !rows.to_string().contains("start"))
                .cloned()
                .collect();
            assert_eq!(
                counted(rolled, &pseudonym(&consumer)),
                counted(before[..16].to_vec(), NAME),
                "after {days} days"
            );
            assert_eq!(holding(&open.dump_of("acme"), NAME), []);
        }
    }
}

#[tokio::test]
async fn lists_and_filters_know_the_pseudonym_and_replays_the_event() {
    let open = Open::new();
    history(&open, true).await;
    let app = &open.app;
    let event = json!({ "id": "e00", "task_id": "t0", "session_id": "s0", "tokens_in": 5, "agent_id": NAME });
    let name = pseudonym(&erase(app, json!({ "agent_id": NAME })).await);
    let again = app.record("acme", event.clone()).await.expect(200);
    assert_eq!(again.at("/replayed"), true);
    refused(
        &app.record("acme", merged(event, json!({ "agent_id": name })))
            .await,
        409,
        "event_id_reused",
    );
    let count = async |path: &str, at: &str| {
        app.get(&format!("{path}tenant_id=acme"))
            .await
            .expect(200)
            .at(at)
    };
    for (filter, events) in [(NAME, 0), (name.as_str(), 8), ("ann", 4)] {
        assert_eq!(
            count(&format!("/usage?agent={filter}&"), "/count").await,
            events,
            "{filter}"
        );
        assert_eq!(
            count(&format!("/usage/summary?agent={filter}&"), "/total_events").await,
            events,
            "{filter}"
        );
    }
    assert_eq!(count("/events/e00?", "/agent_id").await, json!(name));
    assert_eq!(
        count("/usage/tasks/t0?", "/data/0/agent_id").await,
        json!(name)
    );
    let foreign = app
        .get("/usage?tenant_id=beta&agent=bob-4711@example.com")
        .await
        .expect(200);
    assert_eq!(foreign.at("/count"), 8);
}

#[tokio::test]
async fn a_name_that_comes_back_is_a_new_one_until_it_is_erased_too() {
    let open = Open::new();
    history(&open, true).await;
    let app = &open.app;
    let agents = async || {
        app.get("/usage/summary?tenant_id=acme")
            .await
            .expect(200)
            .at("/unique_agents")
    };
    let first = erase(app, json!({ "agent_id": NAME })).await;
    assert_eq!(agents().await, 2);
    app.clock.set("2026-12-29T10:00:00Z");
    for (id, advance) in [("back-1", 3 * 3600), ("back-2", 4 * DAY), ("back-3", 1)] {
        app.record(
            "acme",
            json!({ "id": id, "agent_id": NAME, "consumer_id": "c" }),
        )
        .await
        .expect(201);
        app.clock.advance(advance);
        app.service().roll_up_all().await.expect("a rollup");
        assert_eq!(agents().await, 3, "{id}");
    }
    let second = erase(app, json!({ "agent_id": NAME })).await;
    assert_eq!(
        (&second["pseudonymised"], &second["pseudonym"]),
        (&json!(3), &first["pseudonym"])
    );
    for days in [0, 3, 60] {
        app.clock.advance(days * DAY);
        app.service().roll_up_all().await.expect("a rollup");
        assert_eq!(agents().await, 2, "after {days} days");
        let rows = app
            .get("/usage/agents?tenant_id=acme")
            .await
            .expect(200)
            .at("/data");
        let named = rows
            .as_array()
            .expect("rows")
            .iter()
            .find(|row| row["agent_id"] == first["pseudonym"])
            .expect("a row");
        assert_eq!(
            (
                &named["total_events"],
                &named["unique_agents"],
                &named["unique_consumers"]
            ),
            (&json!(11), &json!(1), &json!(2))
        );
        assert_eq!(
            rows.as_array().map(Vec::len),
            Some(3),
            "the pseudonym, ann and (none)"
        );
    }
}

#[tokio::test]
async fn what_is_purged_names_nobody_either() {
    let open = Open::new();
    history(&open, true).await;
    let app = &open.app;
    app.clock.advance(60 * DAY);
    app.post(
        "/usage/purge",
        json!({ "tenant_id": "acme", "older_than_days": 35 }),
    )
    .await
    .expect(200);
    let rows = |reply: Value| reply.as_array().expect("rows").len();
    let agents = async || {
        rows(
            app.get("/usage/agents?tenant_id=acme")
                .await
                .expect(200)
                .at("/data"),
        )
    };
    assert_eq!(
        (
            agents().await,
            holding(&open.dump_of("acme"), NAME).len() > 1
        ),
        (3, true),
        "rosters still name it"
    );
    for field in ["agent_id", "consumer_id"] {
        let answer = erase(app, json!({ field: NAME })).await;
        assert_eq!(
            (&answer["pseudonymised"], &answer["pages"]),
            (&json!(0), &json!(0))
        );
    }
    assert_eq!(
        (agents().await, holding(&open.dump_of("acme"), NAME)),
        (3, vec![])
    );
}
