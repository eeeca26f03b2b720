//! Histories by chance: what is recorded when, how long it waits, what is asked.

use super::calendar::{DAY, HOUR, SECOND, floor};
use proptest::prelude::*;
use proptest::{array, collection, option, sample};
use serde_json::{Value, json};

use super::oracle::{Asked, Event, FIELDS};

/// When histories begin: in mid-month, and before ends of months and years.
pub(super) const BEGINNINGS: [&str; 5] = [
    "2026-11-22T10:00:00Z",
    "2026-12-31T23:50:00Z",
    "2027-01-02T00:00:00Z",
    "2028-02-28T22:30:00Z",
    "2026-10-31T23:00:00Z",
];

/// Names of each field; `None` in an event is without the field.
const NAMES: [&[&str]; 9] = [
    &["a1", "a/2", "agent:three", "a4"],
    &["c1", "c2", "a1"],
    &["s1", "s2"],
    &["t1", "t/2", "t3", "t4", "t5"],
    &["agent_message", "hitl_approval", "audit_write"],
    &["standard", "enhanced", "deliberation"],
    &["srv", "s/v"],
    &["find", "f/nd", "v"],
    &["m1", "m2"],
];
/// Prices of the operations, in billionths, and the tiers in tenths.
const PRICES: [u128; 3] = [500_000, 50_000_000, 1_000_000];
const TIERS: [u128; 3] = [10, 15, 30];
/// The most that a quantity can be.
const MOST: u64 = (1 << 53) - 1;

#[derive(Clone, Debug)]
pub(super) enum Step {
    Record(Vec<Draft>),
    Wait(i64),
    /// To a second before the next day.
    WaitForMidnight,
    RollUp {
        all: bool,
    },
    /// The open hours, in part.
    RollUpOpen,
    Purge,
    /// One of the events that there are.
    Void(sample::Index),
    Ask(Question),
}

/// A time in relation to now.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    ago: i64,
    snap: Snap,
}

#[derive(Clone, Copy, Debug)]
enum Snap {
    None,
    Hour,
    BeforeHour,
    Day,
    BeforeDay,
}

impl Moment {
    fn at(&self, now: i128) -> i128 {
        let at = now - i128::from(self.ago) * SECOND;
        match self.snap {
            Snap::None => at + 1,
            Snap::Hour => floor(at, HOUR),
            Snap::BeforeHour => floor(at, HOUR) - 1,
            Snap::Day => floor(at, DAY),
            Snap::BeforeDay => floor(at, DAY) - 1,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Draft {
    when: Moment,
    names: [Option<sample::Index>; 9],
    quantities: [u64; 7],
    latency: Option<u32>,
    score: Option<u32>,
    cost: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Question {
    filters: Vec<(usize, sample::Index)>,
    start: Option<Moment>,
    end: Option<Moment>,
}

fn moment(longest: i64) -> impl Strategy<Value = Moment> {
    let snap = sample::select(vec![
        Snap::None,
        Snap::None,
        Snap::Hour,
        Snap::BeforeHour,
        Snap::Day,
        Snap::BeforeDay,
    ]);
    let ago = prop_oneof![3 => -300..7200_i64, 2 => 0..2 * 86_400_i64, 2 => 0..longest];
    (ago, snap).prop_map(|(ago, snap)| Moment { ago, snap })
}

fn draft() -> impl Strategy<Value = Draft> {
    let quantity = prop_oneof![3 => Just(0), 8 => 1..1000_u64, 1 => Just(MOST)];
    let names = array::uniform9(option::weighted(0.7, any::<sample::Index>()));
    let decimals = (
        option::of(0..5_000_000_u32),
        option::of(0..=1_000_000_u32),
        option::weighted(0.2, 0..9_999_999_u32),
    );
    (
        moment(75 * 86_400),
        names,
        array::uniform7(quantity),
        decimals,
    )
        .prop_map(|(when, names, quantities, (latency, score, cost))| Draft {
            when,
            names,
            quantities,
            latency,
            score,
            cost,
        })
}

fn question() -> impl Strategy<Value = Question> {
    let filters = collection::vec((0..FIELDS.len(), any::<sample::Index>()), 0..4);
    (
        filters,
        option::of(moment(80 * 86_400)),
        option::of(moment(80 * 86_400)),
    )
        .prop_map(|(filters, start, end)| Question {
            filters,
            start,
            end,
        })
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![
        60..5400_i64,
        3600..100_000_i64,
        86_400..12 * 86_400_i64,
        Just(36 * 86_400)
    ];
    let step = prop_oneof![
        6 => collection::vec(draft(), 1..10).prop_map(Step::Record),
        4 => wait.prop_map(Step::Wait),
        1 => Just(Step::WaitForMidnight),
        3 => any::<bool>().prop_map(|all| Step::RollUp { all }),
        3 => Just(Step::RollUpOpen),
        1 => Just(Step::Purge),
        2 => any::<sample::Index>().prop_map(Step::Void),
        2 => question().prop_map(Step::Ask),
    ];
    (
        collection::vec(draft(), 1..10),
        collection::vec(step, 4..16),
        question(),
    )
        .prop_map(|(first, mut steps, last)| {
            steps.insert(0, Step::Record(first));
            steps.push(Step::Ask(last));
            steps
        })
}

impl Draft {
    /// Not so many units that what they cost would be out of range.
    fn quantities(&self) -> [u64; 7] {
        let mut quantities = self.quantities;
        quantities[0] %= 1000;
        quantities
    }

    /// The event, received `now` as the `number`th of all.
    pub(super) fn event(&self, number: usize, now: i128) -> Event {
        let name = |place: usize| Some(self.names[place]?.get(NAMES[place]).to_string());
        let index =
            |place: usize| self.names[place].map_or(0, |index| index.index(NAMES[place].len()));
        let mut names: [Option<String>; 9] = std::array::from_fn(name);
        let (operation, tier) = (index(4), index(5));
        names[4] = Some(NAMES[4][operation].to_owned());
        names[5] = Some(NAMES[5][tier].to_owned());
        let priced = PRICES[operation] * TIERS[tier] / 10 * u128::from(self.quantities()[0]);
        Event {
            id: format!("e{:03}", (number * 37) % 1000),
            at: self.when.at(now).clamp(now - 80 * DAY, now + 300 * SECOND),
            received: now,
            names,
            quantities: self.quantities().map(u128::from),
            latency: self.latency.map(u128::from),
            score: u128::from(self.score.unwrap_or(1_000_000)),
            cost: self.cost.map_or(priced, |cost| u128::from(cost) * 100),
            purged: false,
            against: false,
        }
    }

    /// The same as it is sent.
    pub(super) fn body(&self, event: &Event) -> Value {
        let [units, input, output, processed, duration, calls, bytes] = self.quantities();
        let mut body = json!({
            "id": event.id, "tenant_id": "acme", "timestamp": super::calendar::instant(event.at),
            "units": units, "tokens_in": input, "tokens_out": output,
            "tokens_processed": processed, "duration_ms": duration, "api_calls": calls,
            "data_bytes": bytes,
        });
        for (field, name) in FIELDS.iter().zip(&event.names) {
            if let Some(name) = name {
                body[*field] = json!(name);
            }
        }
        let decimals = [
            ("latency_ms", self.latency, 1_000_000),
            ("compliance_score", self.score, 1_000_000),
            ("cost_override", self.cost, 10_000_000),
        ];
        for (field, value, scale) in decimals {
            if let Some(value) = value {
                let width = usize::try_from(i32::ilog10(scale)).expect("digits");
                let scale = u32::try_from(scale).expect("a scale");
                body[field] = json!(format!("{}.{:0width$}", value / scale, value % scale));
            }
        }
        body
    }
}

impl Question {
    pub(super) fn asked(&self, now: i128) -> Asked {
        let mut asked = Asked::default();
        for (place, index) in &self.filters {
            asked.filters[*place] = Some(index.get(NAMES[*place]).to_string());
        }
        asked.start = self.start.as_ref().map(|start| start.at(now));
        asked.end = self.end.as_ref().map(|end| end.at(now));
        if asked
            .start
            .zip(asked.end)
            .is_some_and(|(start, end)| start > end)
        {
            (asked.start, asked.end) = (asked.end, asked.start);
        }
        // An empty range is refused.
        if asked.start.is_some() && asked.start == asked.end {
            asked.end = asked.end.map(|end| end + 1);
        }
        asked
    }
}
