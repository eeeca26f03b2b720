//! Tenants whose names look alike never meet.

use crate::given::{Open, events_of};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Tenants named with what keys are joined with, or nearly.
const TENANTS: [&str; 9] = ["a", "A", "a-b", "a.b", "a:b", "a_b", "a+b", "a@b", "ab"];
/// Ids of events and agents that look like parts of keys.
const IDS: [&str; 8] = ["e", "E", "e/e", "e:e", "a-b", "a/e", "I", "CONFIG"];
/// How many events each agent may record.
const EACH: u32 = 3;

/// What one tenant has recorded.
#[derive(Default)]
struct Recorded {
    /// The content of each id.
    contents: BTreeMap<usize, (usize, usize)>,
    /// How many events each agent has.
    agents: BTreeMap<usize, u32>,
}

impl Recorded {
    /// The status that the event is answered with, once it is taken in.
    fn take(&mut self, id: usize, agent: usize, units: usize) -> u16 {
        let used = self.agents.entry(agent).or_default();
        match self.contents.get(&id) {
            Some(held) if *held == (agent, units) => 200,
            Some(_) => 409,
            None if *used == EACH => 429,
            None => {
                *used += 1;
                self.contents.insert(id, (agent, units));
                201
            }
        }
    }
}

/// What is answered otherwise than if each tenant had a service of its own.
async fn differences(steps: Vec<(usize, usize, usize, usize)>) -> Vec<String> {
    let open = Open::new();
    let app = &open.app;
    let limit = json!([{ "id": "each", "scope": "agent", "measure": "events", "window": "total", "hard": EACH }]);
    for tenant in TENANTS {
        app.limit(tenant, limit.clone()).await;
    }
    let mut tenants = TENANTS.map(|_| Recorded::default());
    let mut wrong = Vec::new();
    for (tenant, id, agent, units) in steps {
        let event = json!({ "id": IDS[id], "agent_id": IDS[agent], "units": units });
        let reply = app.record(TENANTS[tenant], event).await;
        let expected = tenants[tenant].take(id, agent, units);
        if reply.status != expected {
            wrong.push(format!(
                "{} instead of {expected}: {}",
                reply.status, reply.text
            ));
        }
    }
    for (tenant, recorded) in TENANTS.iter().zip(&tenants) {
        let found = events_of(app, tenant).await;
        if found != recorded.contents.len() {
            wrong.push(format!("{tenant} has {found} events"));
        }
    }
    wrong
}

#[test]
fn each_tenant_counts_its_own_and_nothing_else() {
    let steps = proptest::collection::vec(
        (0..TENANTS.len(), 0..IDS.len(), 0..IDS.len(), 0..3_usize),
        1..60,
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(steps in steps)| {
        prop_assert_eq!(runtime.block_on(differences(steps)), Vec::<String>::new());
    });
}
