//! Partial rollups of open hours: the same answers for fewer reads.

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{Key, Name, Write, table};
use tollgate_service::{Memory, Query, Store, Tenancy};
use tollgate_tests::{Crowd, Fault, Meter, TestApp, name};

/// Questions about all that is there, by hour and name.
const QUESTIONS: [&str; 9] = [
    "/usage/summary?tenant_id=acme",
    "/usage/aggregate?tenant_id=acme&group_by=session&limit=1000",
    "/usage/aggregate?tenant_id=acme&group_by=agent",
    "/usage/aggregate?tenant_id=acme&group_by=hour&agent_id=agent-3",
    "/usage/summary?tenant_id=acme&session_id=session-7&agent_id=agent-3",
    "/usage/summary?tenant_id=acme&start=2026-11-22T10:20:00Z&end=2026-11-22T10:40:00Z",
    "/usage/stats?tenant_id=acme",
    "/usage?tenant_id=acme&limit=100",
    "/billing/acme",
];

/// Of 10 seconds each.
const STEPS: u64 = 300;

/// One order of the schedule.
async fn order(app: &TestApp, action: &str) -> Value {
    let event = json!({ "action": action });
    let done = tollgate_purge::scheduled(&app.app, &event).await;
    done.expect("a schedule's work")
}

/// So many events, spread over 50 minutes, rolled up each minute.
async fn fill(app: &TestApp, events: u64) {
    app.store.remember_nothing();
    for step in 0..STEPS {
        let part = events * step / STEPS..events * (step + 1) / STEPS;
        Crowd::SMALL.record(app, &name("acme"), part).await;
        app.clock.advance(10);
        if step % 6 == 5 {
            let done = app.service().roll_up_open(&name("acme"), 1).await;
            done.expect("a partial rollup");
        }
    }
    // A part ends before the second of the newest page.
    Crowd::SMALL
        .record(app, &name("acme"), events..events + 1)
        .await;
    let last = app.service().roll_up_open(&name("acme"), 1).await;
    last.expect("a partial rollup");
}

async fn metered(events: u64) -> (Arc<Meter>, TestApp) {
    let meter = Meter::around(Arc::new(Memory::default()));
    let app = TestApp::over(meter.clone(), Tenancy::Sole);
    fill(&app, events).await;
    meter.take();
    (meter, app)
}

async fn all(app: &TestApp) -> Vec<Value> {
    let mut answers = Vec::new();
    for question in QUESTIONS {
        let mut answer = app.get(question).await.expect(200).json();
        answer.as_object_mut().expect("an object").remove("as_of");
        answers.push(answer);
    }
    answers
}

#[tokio::test]
async fn with_them_and_without_them_every_answer_is_the_same() {
    let app = TestApp::new().await;
    fill(&app, 5_000).await;
    let with = all(&app).await;
    let heads = Query::of(table::partials(&name("acme")));
    let heads = app.store.query(&heads).await.expect("heads").items;
    assert_eq!(heads.len(), 1, "there are some");
    for (sk, _) in heads {
        let head = Key::new(table::partials(&name("acme")), sk);
        app.store
            .commit(&[Write::delete(head)])
            .await
            .expect("gone");
    }
    for (question, (with, without)) in QUESTIONS.iter().zip(with.iter().zip(all(&app).await)) {
        assert_eq!(*with, without, "{question}");
    }
    app.clock.advance(3 * 3600);
    order(&app, "rollup").await;
    for (question, (with, rolled)) in QUESTIONS.iter().zip(with.iter().zip(all(&app).await)) {
        if !question.contains("stats") {
            assert_eq!(*with, rolled, "{question}");
        }
    }
}

#[tokio::test]
async fn a_page_of_a_list_and_a_total_cost_the_same_at_ten_thousand_and_a_million_events() {
    let mut costs = Vec::new();
    for events in [10_000, 1_000_000] {
        let (meter, app) = metered(events).await;
        let mut cost = Vec::new();
        let first = "/usage?tenant_id=acme&limit=100".to_owned();
        let page = app.get(&first).await.expect(200);
        assert_eq!(page.at("/count"), 100);
        cost.push(meter.take().units);
        let cursor = page.at("/next_cursor");
        let next = format!("{first}&cursor={}", cursor.as_str().expect("more"));
        assert_eq!(app.get(&next).await.expect(200).at("/count"), 100);
        cost.push(meter.take().units);
        let late = format!("{first}&start=2026-11-22T10:40:00Z");
        assert_eq!(app.get(&late).await.expect(200).at("/count"), 100);
        cost.push(meter.take().units);
        let total = app.get("/usage/summary?tenant_id=acme").await.expect(200);
        assert_eq!(total.at("/total_events"), events + 1);
        cost.push(meter.take().units);
        println!("{events} events of an open hour, 50 parts: read units {cost:?}");
        costs.push(cost);
    }
    for (few, many) in costs[0].iter().zip(&costs[1]) {
        assert!(*many <= few + 32, "{costs:?}");
    }
}

#[tokio::test]
async fn a_name_that_is_erased_is_in_none_of_them() {
    let app = TestApp::new().await;
    fill(&app, 2_000).await;
    let holds = async |text: &str| {
        let mut found = 0;
        for pk in [table::partials(&name("acme")), names()] {
            let items = app.store.query(&Query::of(pk)).await.expect("items").items;
            let body = |attrs: &tollgate_core::Attrs| format!("{attrs:?}");
            let needle = format!("{:?}", text.as_bytes());
            let needle = needle.trim_matches(['[', ']']).to_owned();
            found += items
                .iter()
                .filter(|(_, attrs)| body(attrs).contains(&needle))
                .count();
        }
        found
    };
    assert!(holds("agent-3").await > 0);
    app.clock.advance(1);
    let order = json!({ "tenant_id": "acme", "agent_id": "agent-3", "pseudonymise": true });
    let erased = app.post("/usage/purge", order).await.expect(200);
    assert_eq!(holds("agent-3").await, 0);
    let of = |agent: &str| format!("/usage/summary?tenant_id=acme&agent_id={agent}");
    let gone = app.get(&of("agent-3")).await.expect(200);
    assert_eq!(gone.at("/total_events"), 0);
    let pseudonym = erased.at("/pseudonym");
    let pseudonym = pseudonym.as_str().expect("a pseudonym");
    let there = app.get(&of(pseudonym)).await.expect(200);
    assert!(there.at("/total_events").as_u64() > Some(0));
    app.service()
        .roll_up_open(&name("acme"), 1)
        .await
        .expect("again");
    let again = app.get(&of(pseudonym)).await.expect(200);
    assert_eq!(again.json(), there.json());
}

fn names() -> String {
    let hour = "2026-11-22T10:00:00Z".parse().expect("a time");
    table::partial_names(&name("acme"), hour)
}

#[tokio::test]
async fn a_fault_at_any_call_of_one_changes_no_answer() {
    let tenant: Name = name("acme");
    let settle = Duration::ZERO;
    let mut call = 0;
    loop {
        let app = TestApp::over(Arc::new(Memory::default()), Tenancy::Shared { settle });
        Crowd::SMALL.record(&app, &tenant, 0..300).await;
        app.clock.advance(120);
        app.service()
            .roll_up_open(&tenant, 1)
            .await
            .expect("a first part");
        Crowd::SMALL.record(&app, &tenant, 1_000..1_200).await;
        app.clock.advance(120);
        let before = all(&app).await;
        let first = app.store.calls();
        let cut = first + call / 2;
        app.store.rule(move |of| match of.number {
            number if number == cut && call % 2 == 0 => Fault::Before,
            number if number == cut => Fault::After,
            _ => Fault::None,
        });
        let done = app.service().roll_up_open(&tenant, 1).await;
        let calls = app.store.calls() - first;
        app.store.heal();
        assert_eq!(all(&app).await, before, "a fault at call {call}: {done:?}");
        app.service().roll_up_open(&tenant, 1).await.expect("again");
        assert_eq!(
            all(&app).await,
            before,
            "again after a fault at call {call}"
        );
        if call / 2 > calls {
            println!("{calls} calls of a part failed, each in its turn");
            return;
        }
        call += 1;
    }
}

#[tokio::test]
async fn a_busy_tenant_is_found_by_its_pages_and_an_idle_one_is_not() {
    let app = TestApp::new().await;
    for number in 0..40 {
        app.record("busy", json!({ "id": format!("e{number}") }))
            .await
            .expect(201);
        if number < 10 {
            app.record("idle", json!({ "id": format!("e{number}") }))
                .await
                .expect(201);
        }
    }
    app.clock.advance(60);
    app.record("busy", json!({ "id": "last" }))
        .await
        .expect(201);
    assert_eq!(order(&app, "rollup_open").await["pages"], 40);
    assert_eq!(order(&app, "rollup_open").await["pages"], 0);
    let total = app.get("/usage/summary?tenant_id=busy").await.expect(200);
    assert_eq!(total.at("/total_events"), 41);
}

#[tokio::test]
async fn what_came_too_lately_for_a_part_is_in_a_later_one() {
    let settle = Duration::ZERO;
    let app = TestApp::over(Arc::new(Memory::default()), Tenancy::Shared { settle });
    for number in 0..60 {
        let id = json!({ "id": format!("e{number}") });
        app.record("acme", id).await.expect(201);
        app.clock.advance(i64::from(number % 10 == 9));
    }
    app.clock.advance(10);
    assert_eq!(order(&app, "rollup_open").await["pages"], 0);
    app.clock.advance(60);
    assert_eq!(order(&app, "rollup_open").await["pages"], 50);
    assert_eq!(order(&app, "rollup_open").await["pages"], 0);
    let listed = tollgate_core::table::busy(&name("acme"));
    let listed = app.store.read(&[listed]).await.expect("the list");
    assert_eq!(listed, [None], "nothing is left for it");
}

#[tokio::test]
async fn a_task_is_found_in_an_open_hour_however_large() {
    let app = TestApp::new().await;
    app.store.remember_nothing();
    let wide = Crowd {
        metadata: 2_000,
        ..Crowd::SMALL
    };
    wide.record(&app, &name("acme"), 0..34_000).await;
    let one = json!({ "id": "one", "task_id": "the-one" });
    app.clock.advance(1);
    app.record("acme", one).await.expect(201);
    let found = app.get("/usage/tasks/the-one?tenant_id=acme").await;
    let found = found.expect(200);
    assert_eq!(found.at("/total_events"), 1, "{}", found.text);
    let total = app.get("/usage/summary?tenant_id=acme").await;
    assert_eq!(total.expect(422).at("/code"), "range_too_large");
    app.service()
        .roll_up_open(&name("acme"), 1)
        .await
        .expect("a part");
    let total = app.get("/usage/summary?tenant_id=acme").await;
    assert_eq!(total.expect(200).at("/total_events"), 34_001);
}
