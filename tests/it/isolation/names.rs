//! Tenants whose names look alike never meet.

use crate::given::{Open, events_of};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Names made of what keys are joined with, or nearly.
const PARTS: [&str; 9] = ["a", "A", "a-b", "a.b", "a:b", "a_b", "a+b", "a@b", "ab"];
/// The same, and with a slash, for ids that stand in no path.
const IDS: [&str; 8] = ["e", "E", "e/e", "e:e", "a-b", "a/e", "I", "CONFIG"];

#[test]
fn each_tenant_counts_its_own_and_nothing_else() {
    let steps = proptest::collection::vec((0..PARTS.len(), 0..IDS.len(), 0..IDS.len(), 0..3_usize), 1..60);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let config = ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps)| {
        let counts = runtime.block_on(async {
            let open = Open::new();
            let app = &open.app;
            let limit = json!([{ "id": "each", "scope": "agent", "measure": "events", "window": "total", "hard": 3 }]);
            for tenant in PARTS {
                app.limit(tenant, limit.clone()).await;
            }
            // By tenant: what each id was recorded as, and how often each agent.
            let mut model: BTreeMap<usize, (BTreeMap<usize, (usize, usize)>, BTreeMap<usize, u32>)> = BTreeMap::new();
            let mut wrong = Vec::new();
            for (tenant, id, agent, units) in steps {
                let event = json!({ "id": IDS[id], "agent_id": IDS[agent], "units": units });
                let reply = app.record(PARTS[tenant], event).await;
                let (ids, agents) = model.entry(tenant).or_default();
                let used = agents.entry(agent).or_default();
                let expected = match ids.get(&id) {
                    Some(held) if *held == (agent, units) => 200,
                    Some(_) => 409,
                    None if *used == 3 => 429,
                    None => {
                        *used += 1;
                        ids.insert(id, (agent, units));
                        201
                    }
                };
                if reply.status != expected {
                    wrong.push((reply.text, expected));
                }
            }
            for tenant in 0..PARTS.len() {
                let expected = model.get(&tenant).map_or(0, |(ids, _)| ids.len());
                let found = events_of(app, &PARTS[tenant].replace('+', "%2B")).await;
                if found != expected {
                    wrong.push((format!("{}: {found}", PARTS[tenant]), 0));
                }
            }
            wrong
        });
        prop_assert_eq!(counts, Vec::<(String, u16)>::new());
    });
}
