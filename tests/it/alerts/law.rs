//! A law over random histories: what was told is what was reached.

use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::TestApp;

const THRESHOLDS: [u64; 4] = [1, 33, 80, 100];
/// By measure: the value that thresholds are shares of.
const VALUES: [(&str, u64); 3] = [("tokens_in", 97), ("api_calls", 10), ("units", 1000)];

/// One request.
#[derive(Clone, Debug)]
enum Step {
    Event {
        agent: u8,
        size: u64,
        observe: bool,
    },
    Batch {
        agent: u8,
        sizes: Vec<u64>,
    },
    Hold {
        agent: u8,
        size: u64,
    },
    Capture {
        hold: usize,
        size: u64,
    },
    Release {
        hold: usize,
    },
    /// Another process goes on: it remembers nothing.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let size = || prop_oneof![0..4_u64, 0..40_u64, 0..200_u64];
    prop_oneof![
        4 => (0..2_u8, size(), any::<bool>()).prop_map(|(agent, size, observe)| Step::Event { agent, size, observe }),
        2 => (0..2_u8, prop::collection::vec(size(), 1..6)).prop_map(|(agent, sizes)| Step::Batch { agent, sizes }),
        2 => (0..2_u8, size()).prop_map(|(agent, size)| Step::Hold { agent, size }),
        2 => (0..6_usize, size()).prop_map(|(hold, size)| Step::Capture { hold, size }),
        1 => (0..6_usize).prop_map(|hold| Step::Release { hold }),
        1 => Just(Step::Restart),
    ]
}

struct History {
    memory: Arc<Memory>,
    app: TestApp,
    holds: usize,
    /// The most that each counter held after any step, by agent and measure.
    peaks: BTreeMap<(String, String), u64>,
}

fn event(id: &str, agent: u8, size: u64) -> Value {
    json!({ "id": id, "tenant_id": "acme", "operation": "agent_message", "agent_id": format!("a{agent}"), "tokens_in": size,
        "api_calls": size / 8, "units": size })
}

fn estimate(agent: u8, size: u64) -> Value {
    crate::given::without(event("", agent, size), &["id"])
}

impl History {
    async fn begin() -> Self {
        let memory = Arc::new(Memory::default());
        let app = TestApp::over(memory.clone(), Tenancy::Sole);
        app.put("/alerts/acme", json!({ "thresholds": THRESHOLDS }))
            .await
            .expect(200);
        let limit = |(measure, hard): (&str, u64)| {
            let soft = measure == "units";
            json!({ "id": measure, "scope": "agent", "measure": measure, "window": "total", if soft { "soft" } else { "hard" }: hard })
        };
        app.limit("acme", json!(VALUES.map(limit))).await;
        Self {
            memory,
            app,
            holds: 0,
            peaks: BTreeMap::new(),
        }
    }

    async fn take(&mut self, number: usize, step: &Step) {
        let hold = |hold: &usize| format!("h{hold}");
        match step {
            Step::Event {
                agent,
                size,
                observe,
            } => {
                let path = if *observe {
                    "/events?mode=observe"
                } else {
                    "/events"
                };
                self.app
                    .post(path, event(&format!("e{number}"), *agent, *size))
                    .await;
            }
            Step::Batch { agent, sizes } => {
                let events: Vec<Value> = sizes
                    .iter()
                    .enumerate()
                    .map(|(n, size)| event(&format!("b{number}-{n}"), *agent, *size))
                    .collect();
                self.app
                    .post("/events/batch", json!({ "events": events }))
                    .await
                    .expect(200);
            }
            Step::Hold { agent, size } => {
                let taken = self
                    .app
                    .post(
                        "/holds",
                        json!({ "id": hold(&self.holds), "event": estimate(*agent, *size) }),
                    )
                    .await;
                self.holds += usize::from(taken.status == 201);
            }
            Step::Capture { hold: which, size } => {
                let used = json!({ "event": { "tenant_id": "acme", "tokens_in": size, "api_calls": size / 8, "units": size } });
                self.app
                    .post(&format!("/holds/{}/capture", hold(which)), used)
                    .await;
            }
            Step::Release { hold: which } => {
                self.app
                    .post(
                        &format!("/holds/{}/release", hold(which)),
                        json!({ "tenant_id": "acme" }),
                    )
                    .await;
            }
            Step::Restart => self.app = TestApp::over(self.memory.clone(), Tenancy::Sole),
        }
        for (key, attrs) in self.memory.dump() {
            let Some(agent) = key.pk.strip_prefix("T|acme|C|agent|") else {
                continue;
            };
            for (name, value) in &attrs {
                let Some((measure, _)) = name
                    .strip_prefix("n:")
                    .and_then(|name| name.split_once(':'))
                else {
                    continue;
                };
                let held =
                    u64::try_from(value.as_number().expect("a count")).expect("not negative");
                let peak = self
                    .peaks
                    .entry((agent.to_owned(), measure.to_owned()))
                    .or_default();
                *peak = held.max(*peak);
            }
        }
    }

    /// What was told, by agent and measure.
    async fn told(&self) -> BTreeMap<(String, String), Vec<u64>> {
        let mut told: BTreeMap<(String, String), Vec<u64>> = BTreeMap::new();
        for alert in self
            .app
            .get("/alerts/acme")
            .await
            .expect(200)
            .at("/alerts")
            .as_array()
            .expect("alerts")
        {
            let text = |name: &str| alert["limit"][name].as_str().expect("a text").to_owned();
            told.entry((text("scope_id"), text("limit_id")))
                .or_default()
                .push(alert["threshold"].as_u64().expect("a percent"));
        }
        told.values_mut()
            .for_each(|thresholds| thresholds.sort_unstable());
        told
    }

    /// What should have been, by what each counter came to.
    fn due(&self) -> BTreeMap<(String, String), Vec<u64>> {
        let value = |measure: &str| {
            VALUES
                .into_iter()
                .find(|(known, _)| *known == measure)
                .expect("a measure")
                .1
        };
        let reached = |(place, peak): (&(String, String), &u64)| {
            let reached = THRESHOLDS
                .into_iter()
                .filter(|percent| peak * 100 >= percent * value(&place.1))
                .collect::<Vec<_>>();
            (!reached.is_empty()).then(|| (place.clone(), reached))
        };
        self.peaks.iter().filter_map(reached).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_told_is_each_threshold_that_a_counter_ever_reached_once(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut history = History::begin().await;
            for (number, step) in steps.iter().enumerate() {
                history.take(number, step).await;
                prop_assert_eq!(history.told().await, history.due(), "after {:?}", step);
            }
            Ok(())
        })?;
    }
}
