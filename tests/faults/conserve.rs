//! Conservation: sequences of requests by chance, against a model that knows
//! the rules alone. After every step each answer, limit, source of credit and
//! counter is as the model says.
//!
//! `TOLLGATE_SEQUENCES` is how many sequences are run; a failure prints the
//! seed and the numbered steps up to it.

mod act;
mod model;
mod settings;
mod tell;
mod time;

use crate::chance::Chance;
use crate::ledger::Ledger;
use crate::storm;
use model::calendar::Calendar;
use model::tenant::{Cap, Model};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_service::{Memory, Tenancy};
use tollgate_tests::{TestApp, TestReply};

const TENANT: &str = "acme";
const STEPS: usize = 40;

/// One sequence under way.
struct Run {
    app: TestApp,
    memory: Arc<Memory>,
    chance: Chance,
    model: Model,
    /// Whether there is credit. Then holds that are over end at once, as what
    /// an event draws depends on when they do; else they end when it matters.
    credit: bool,
    /// Whether calls of the store fail.
    faults: bool,
    /// Bodies sent, by event id.
    sent: Vec<(String, serde_json::Value)>,
    /// Captures sent, by hold id.
    captures: Vec<(String, serde_json::Value)>,
    /// What the plan includes, and whether it is subscribed to.
    allowance: Option<i128>,
    subscribed: bool,
    plan: Vec<Cap>,
    /// The tenant's own soft and hard value of its feature.
    overrides: Option<(Option<i128>, Option<i128>)>,
    /// Where periods begin, where there is credit.
    fixed: Calendar,
    past_due: bool,
    /// What 1 EUR is worth in USD, in hundredths.
    rate: i128,
    made: u64,
    days: u64,
    steps: Vec<String>,
    seen: Seen,
}

/// How often what is worth seeing was seen.
#[derive(Default, Clone, Copy)]
struct Seen {
    recorded: u64,
    /// For money, for a quantity.
    refused: [u64; 2],
    /// In how many steps something was drawn.
    drawn: u64,
    /// In how many something was used beyond all credit.
    uncovered: u64,
    captured: u64,
}

impl Run {
    async fn begin(seed: u64, faults: bool) -> Self {
        let memory = Arc::new(Memory::default());
        let app = TestApp::in_doubt(memory.clone(), Tenancy::Sole);
        let mut chance = Chance::new(seed);
        let credit = chance.percent(60);
        // A month begins soon, in some places with an hour more on its first day.
        let beginnings = ["2026-11-29T20:00:00Z", "2026-10-31T02:00:00Z"];
        app.clock.set(beginnings[usize::from(chance.percent(50))]);
        let fixed = Calendar {
            zone: *chance.pick(&[None, Some("America/St_Johns")]),
            anchor: *chance.pick(&[None, None, Some("2026-07-31T22:00:00Z")]),
        };
        let mut model = Model::default();
        model.pass(app.service().now().to_string());
        let mut run = Self {
            app,
            memory,
            chance,
            model,
            credit,
            faults,
            sent: Vec::new(),
            captures: Vec::new(),
            allowance: None,
            subscribed: false,
            plan: Vec::new(),
            overrides: None,
            fixed,
            past_due: false,
            rate: 108,
            made: 0,
            days: 0,
            steps: Vec::new(),
            seen: Seen::default(),
        };
        run.prepare().await;
        run
    }

    /// A step's numbered line, for who has to find out why it fails.
    fn note(&mut self, step: String) {
        let number = self.steps.len();
        self.steps
            .push(format!("{number:3} {} {step}", self.model.now));
    }

    fn name(&mut self, letter: &str) -> String {
        self.made += 1;
        format!("{letter}{}", self.made)
    }

    /// Asserts that an answer has the status foretold. Where answers are lost, a
    /// repeat finds the work done.
    fn answered(&self, reply: &TestReply, status: u16) {
        let (mut got, mut due) = (reply.status, status);
        if self.faults {
            got = if got == 201 { 200 } else { got };
            due = if due == 201 { 200 } else { due };
        }
        assert_eq!(got, due, "{}", reply.text);
    }

    async fn step(&mut self) {
        match self.chance.below(100) {
            0..22 => self.event().await,
            22..32 => self.batch().await,
            32..36 => self.again().await,
            36..52 => self.hold().await,
            52..70 => self.end().await,
            70..80 => self.time().await,
            80..83 => self.limits().await,
            83..85 => self.budget().await,
            85..87 => self.quota().await,
            87..90 => self.plan().await,
            90..92 => self.subscribe().await,
            92..94 => self.tree().await,
            94..96 => self.grant().await,
            96..98 => self.void().await,
            98 => self.rates().await,
            _ => self.jump().await,
        }
    }

    async fn play(&mut self) {
        let injected = Arc::new(AtomicU64::new(0));
        for step in 0..STEPS {
            if self.faults {
                let seed = self.chance.next();
                self.app
                    .store
                    .rule(storm::faults(seed, 20, injected.clone()));
            }
            self.step().await;
            self.app.store.heal();
            self.sweep().await;
            self.agree().await;
            if step % 8 == 7 || step + 1 == STEPS {
                Ledger::balanced_in(&self.memory, TENANT).await;
            }
        }
        assert!(
            !self.faults || injected.load(Ordering::Relaxed) > 0,
            "no fault was met"
        );
    }
}

/// Plays `count` sequences from `first` on.
async fn sequences(first: u64, count: u64, faults: bool) -> Seen {
    let mut sum = Seen::default();
    for seed in first..first + count {
        let mut run = Run::begin(seed, faults).await;
        let played = futures::FutureExt::catch_unwind(AssertUnwindSafe(run.play())).await;
        if let Err(panic) = played {
            eprintln!(
                "seed {seed}, faults {faults}, credit {}:\n{}",
                run.credit,
                run.steps.join("\n")
            );
            std::panic::resume_unwind(panic);
        }
        sum.recorded += run.seen.recorded;
        sum.captured += run.seen.captured;
        sum.drawn += run.seen.drawn;
        sum.uncovered += run.seen.uncovered;
        (sum.refused[0], sum.refused[1]) = (
            sum.refused[0] + run.seen.refused[0],
            sum.refused[1] + run.seen.refused[1],
        );
    }
    eprintln!(
        "{count} sequences: {} recorded, {} captured, {:?} refused for money and quantity; credit drawn in {} steps, uncovered in {}",
        sum.recorded, sum.captured, sum.refused, sum.drawn, sum.uncovered,
    );
    sum
}

fn count(default: u64) -> u64 {
    std::env::var("TOLLGATE_SEQUENCES").map_or(default, |count| {
        count.parse().expect("a number of sequences")
    })
}

#[tokio::test(start_paused = true)]
async fn whatever_happens_every_answer_and_counter_is_as_the_rules_say() {
    let count = count(64);
    let seen = sequences(1, count, false).await;
    let enough = seen.recorded > 4 * count
        && seen.captured > count
        && seen.refused.iter().all(|refused| *refused > count / 2);
    assert!(
        enough && seen.drawn > count && seen.uncovered > 0,
        "too little to say anything"
    );
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_meanwhile_it_is_the_same_in_the_end() {
    let count = count(32);
    let seen = sequences(10_001, count, true).await;
    assert!(seen.recorded > 4 * count, "too little to say anything");
}
