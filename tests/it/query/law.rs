//! The law of all answers: whatever was recorded, however it falls into receipt
//! hours, however late, rolled up or not, purged or not: the API answers what a
//! naive fold over all events does.

mod calendar;
mod draw;
mod oracle;

use calendar::{DAY, SECOND, instant};
use draw::{BEGINNINGS, Step, steps};
use oracle::{Asked, Event, FIELDS, GROUPS};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tollgate_core::Name;
use tollgate_tests::TestApp;

const CASES: u32 = 48;

/// An app and all that it was told.
struct History {
    app: TestApp,
    events: Vec<Event>,
}

impl History {
    fn now(&self) -> i128 {
        i128::from(self.app.service().now().unix_seconds()) * SECOND
    }

    async fn step(&mut self, step: &Step) {
        let now = self.now();
        match step {
            Step::Wait(seconds) => self.app.clock.advance(*seconds),
            Step::WaitForMidnight => self.app.clock.advance(oracle::seconds(DAY - now % DAY) - 1),
            Step::RollUp { all: true } => {
                self.app.service().roll_up_all().await.expect("a rollup");
            }
            Step::RollUp { all: false } => drop(
                self.app
                    .service()
                    .roll_up(&Name::new("acme").expect("a name"))
                    .await
                    .expect("a rollup"),
            ),
            Step::RollUpOpen => {
                let tenant = Name::new("acme").expect("a name");
                let done = self.app.service().roll_up_open(&tenant, 1).await;
                done.expect("a partial rollup");
            }
            Step::Purge => self.purge().await,
            Step::Void(index) => self.void(index, now).await,
            Step::Ask(question) => self.ask(&question.asked(now)).await,
            Step::Record(drafts) => {
                let mut bodies = Vec::new();
                for draft in drafts {
                    let event = draft.event(self.events.len(), now);
                    bodies.push(draft.body(&event));
                    self.events.push(event);
                }
                let reply = self
                    .app
                    .post("/events/batch?backfill=true", json!({ "events": bodies }))
                    .await
                    .expect(200);
                assert_eq!(reply.at("/recorded"), drafts.len(), "{}", reply.text);
            }
        }
    }

    /// Takes one of the events back, if it is none that does so itself.
    async fn void(&mut self, index: &Index, now: i128) {
        let event = index.get(&self.events).clone();
        let reply = self
            .app
            .post(
                &format!("/events/{}/void?tenant_id=acme", event.id),
                json!({}),
            )
            .await;
        let again = self
            .events
            .iter()
            .any(|other| other.against && other.id == void_of(&event.id));
        match (event.against, again, event.purged) {
            (_, true, _) => assert_eq!(reply.expect(200).at("/replayed"), true),
            (_, false, true) => drop(crate::given::refused(&reply, 404, "not_found")),
            (true, false, false) => drop(crate::given::refused(&reply, 409, "conflict")),
            (false, false, false) => {
                assert_eq!(reply.expect(201).at("/event_id"), void_of(&event.id));
                self.events.push(Event {
                    id: void_of(&event.id),
                    received: now,
                    against: true,
                    ..event
                });
            }
        }
    }

    /// Purges, and finds by the list what is gone.
    async fn purge(&mut self) {
        let reply = self
            .app
            .post(
                "/usage/purge",
                json!({ "tenant_id": "acme", "older_than_days": 35 }),
            )
            .await
            .expect(200);
        let there: BTreeSet<String> = self.list(&Asked::default()).await.into_iter().collect();
        let now = self.now();
        let due: Vec<bool> = self
            .events
            .iter()
            .map(|event| oracle::is_due(event, &self.events, now))
            .collect();
        let mut removed = 0;
        for (event, due) in self.events.iter_mut().zip(due) {
            let gone = !there.contains(&event.id);
            assert!(gone || !due, "{} was left", event.id);
            if gone && !event.purged {
                assert!(event.at < now - 35 * DAY, "{} went too early", event.id);
                (event.purged, removed) = (true, removed + 1);
            }
        }
        assert_eq!(reply.at("/removed"), removed);
    }

    async fn list(&self, asked: &Asked) -> Vec<String> {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let reply = self
                .app
                .get(&format!(
                    "/usage?tenant_id=acme&limit=7{}{cursor}",
                    query(asked)
                ))
                .await
                .expect(200);
            ids.extend(
                reply
                    .at("/data")
                    .as_array()
                    .expect("data")
                    .iter()
                    .map(|event| event["id"].as_str().expect("an id").to_owned()),
            );
            match reply.at("/next_cursor").as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return ids,
            }
        }
    }

    /// Asks everything that there is to ask, and compares.
    async fn ask(&self, asked: &Asked) {
        let picked: Vec<&Event> = self
            .events
            .iter()
            .filter(|event| asked.picks(event))
            .collect();
        for by in GROUPS {
            let expected = oracle::aggregate(asked, by, &picked);
            let path = format!("/usage/aggregate?tenant_id=acme&group_by={by}");
            self.compare(asked, &path, "", expected).await;
        }
        for (by, path) in [("agent", "agents"), ("consumer", "consumers")] {
            let expected = oracle::people(asked, by, &picked);
            let path = format!("/usage/{path}?tenant_id=acme");
            self.compare(asked, &path, "", expected).await;
        }
        let expected = oracle::summary(asked, &picked);
        self.compare(asked, "/usage/summary?tenant_id=acme", "", expected)
            .await;
        assert_eq!(self.list(asked).await, oracle::listed(&picked), "{asked:?}");
        for event in self.events.iter().step_by(7) {
            let reply = self
                .app
                .get(&format!(
                    "/usage?tenant_id=acme&id={}{}",
                    event.id,
                    query(asked)
                ))
                .await
                .expect(200);
            let expected = usize::from(asked.picks(event) && !event.purged);
            assert_eq!(
                (reply.at("/count"), reply.at("/next_cursor")),
                (json!(expected), Value::Null),
                "{} of {asked:?}",
                event.id
            );
        }
        if let (Some(_), Some(_)) = (asked.start, asked.end) {
            let any = Asked {
                filters: Default::default(),
                ..asked.clone()
            };
            let picked: Vec<&Event> = self
                .events
                .iter()
                .filter(|event| any.picks(event))
                .collect();
            self.compare(&any, "/usage/acme?", "", oracle::usage(&any, &picked))
                .await;
            let count: i64 = picked
                .iter()
                .map(|event| if event.against { -1 } else { 1 })
                .sum();
            self.compare(&any, "/billing/acme?", "/total_events", json!(count))
                .await;
        }
    }

    async fn compare(&self, asked: &Asked, path: &str, at: &str, expected: Value) {
        let path = format!("{path}{}", query(asked));
        let reply = self.app.get(&path).await;
        if asked.cuts_purged(&self.events) {
            crate::given::refused(&reply, 422, "range_purged");
            return;
        }
        let found = reply.expect(200).at(at);
        assert!(
            found == expected,
            "{path}: {}",
            difference(&found, &expected)
        );
    }
}

/// The first rows that differ, else the whole, to be read by people.
fn difference(found: &Value, expected: &Value) -> String {
    let rows = |of: &Value| of["data"].as_array().cloned().unwrap_or_default();
    let (rows, others) = (rows(found), rows(expected));
    let row = |rows: &[Value], place: usize| rows.get(place).cloned().unwrap_or_default();
    let mut places = 0..rows.len().max(others.len());
    let Some(place) = places.find(|place| row(&rows, *place) != row(&others, *place)) else {
        return format!("\n   found {found}\nexpected {expected}");
    };
    format!(
        "row {place}\n   found {}\nexpected {}",
        row(&rows, place),
        row(&others, place)
    )
}

/// The id of what takes the event `id` back.
fn void_of(id: &str) -> String {
    tollgate_core::void_id(&Name::new(id).expect("an id")).to_string()
}

fn query(asked: &Asked) -> String {
    let filters = FIELDS
        .iter()
        .zip(&asked.filters)
        .filter_map(|(field, name)| Some(format!("&{field}={}", name.as_ref()?)));
    let bounds = [("start", asked.start), ("end", asked.end)];
    filters
        .chain(
            bounds
                .into_iter()
                .filter_map(|(name, at)| Some(format!("&{name}={}", instant(at?)))),
        )
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, max_shrink_iters: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_is_a_naive_fold_over_all_events(beginning in proptest::sample::select(&BEGINNINGS[..]), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut history = History { app: TestApp::new().await, events: Vec::new() };
            history.app.clock.set(beginning);
            for step in &steps {
                history.step(step).await;
            }
            // The same after everything is rolled up, and again after a purge.
            history.ask(&Asked::default()).await;
            history.app.clock.advance(3 * 86_400);
            history.step(&Step::RollUp { all: true }).await;
            history.ask(&Asked::default()).await;
            history.app.clock.advance(40 * 86_400);
            history.step(&Step::Purge).await;
            prop_assert!(history.events.iter().all(|event| event.purged));
            history.ask(&Asked::default()).await;
            let (first, last) = (history.events[0].at, history.events[history.events.len() - 1].at);
            history.ask(&Asked { start: Some(first.min(last) + 1), end: Some(first.max(last) + 2), ..Asked::default() }).await;
            for step in steps.iter().filter(|step| matches!(step, Step::Ask(_))) {
                history.step(step).await;
            }
            Ok(())
        })?;
    }
}
