//! Random limits and streams of batches, tight enough to collide.

use crate::draw::{cut, cuts};
use crate::given::{at, event, name};
use crate::ledger::Batch;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tollgate_core::{
    Amount, Config, Event, Layer, Limit, Measure, Mode, OnUnavailable, Scope, SoftMode, WindowKind,
};

/// When the limits were set: in the middle of the month's events.
pub(crate) const SET: &str = "2026-11-22T00:00:00Z";
const OPERATIONS: [&str; 3] = [
    "constitutional_validation",
    "agent_message",
    "hitl_approval",
];
const TIMES: [&str; 6] = [
    "2026-10-31T23:59:59.999999999Z",
    "2026-11-21T23:59:59.5Z",
    "2026-11-22T00:00:00Z",
    "2026-11-22T10:59:59.999Z",
    "2026-11-22T11:00:00Z",
    "2026-12-01T00:00:00+00:00",
];

/// The nodes that events count in, from their leaves up.
const PATHS: [&[&str]; 4] = [&[], &["org"], &["x", "org"], &["x", "team", "org"]];

fn scope() -> impl Strategy<Value = (Scope, Option<&'static str>)> {
    let tools = || select([None, Some("srv/search"), Some("s%2Fv/a")].as_slice());
    let named = || select([None, None, Some("x"), Some("y")].as_slice());
    prop_oneof![
        2 => Just((Scope::Tenant, None)),
        1 => named().prop_map(|id| (Scope::Agent, id)),
        1 => named().prop_map(|id| (Scope::Consumer, id)),
        1 => named().prop_map(|id| (Scope::Session, id)),
        1 => named().prop_map(|id| (Scope::Model, id)),
        1 => tools().prop_map(|id| (Scope::Tool, id)),
        1 => select([None, Some(OPERATIONS[0])].as_slice()).prop_map(|id| (Scope::Operation, id)),
        1 => select(["x", "team", "org"].as_slice()).prop_map(|id| (Scope::Node, Some(id))),
    ]
}

/// A measure, and how much of it an event usually takes.
fn measure() -> impl Strategy<Value = (Measure, i128)> {
    let all = [
        ("events", 1),
        ("units", 2),
        ("tokens", 12),
        ("tokens_in", 5),
        ("tokens_out", 5),
        ("api_calls", 2),
        ("duration_ms", 5),
        ("data_bytes", 5),
        ("searches", 5),
        ("images", 5),
        ("spend", 1_500_000_000_000_000),
        ("spend", 20_000_000_000_000_000),
        ("events:agent_message", 1),
        ("units:hitl_approval", 2),
    ];
    select(all.to_vec()).prop_map(|(text, step)| (text.parse().unwrap(), step))
}

fn limit() -> impl Strategy<Value = Limit> {
    use WindowKind::{Day, Hour, Month, Second, Total, Week};
    let value = || option::weighted(0.7, 0_i128..15);
    let soft_mode = prop_oneof![2 => Just(SoftMode::Warn), 1 => Just(SoftMode::Block)];
    let window = select([Total, Second, Hour, Day, Week, Month].as_slice());
    (scope(), measure(), window, value(), value(), soft_mode).prop_map(
        |((scope, id), (measure, step), window, soft, hard, soft_mode)| Limit {
            id: name("l"),
            layer: Layer::Limits,
            scope,
            scope_id: id.map(Into::into),
            measure,
            window,
            soft: soft.map(|n| n * step),
            hard: hard.map(|n| n * step),
            currency: None,
            soft_mode,
            on_unavailable: OnUnavailable::Deny,
        },
    )
}

pub(crate) fn config(limits: usize) -> impl Strategy<Value = Config> {
    vec(limit(), 0..=limits).prop_map(|limits| Config {
        limits: limits
            .into_iter()
            .filter(|limit| !limit.is_open())
            .collect(),
        ..Config::default()
    })
}

fn one_event() -> impl Strategy<Value = Event> {
    let who = || option::weighted(0.7, select(["x", "y", "z"].as_slice()));
    let tool = option::weighted(
        0.7,
        select(
            [
                ("srv", "search"),
                ("s/v", "a"),
                ("s", "v/a"),
                ("s%2Fv", "a"),
            ]
            .as_slice(),
        ),
    );
    let used = proptest::array::uniform9(0_u64..5);
    let cost = option::weighted(0.2, select(["0", "0.0005", "1e-15"].as_slice()));
    let placed = (
        who(),
        who(),
        who(),
        who(),
        tool,
        select(["standard", "enhanced"].as_slice()),
        select(PATHS.as_slice()),
    );
    (
        select(OPERATIONS.as_slice()),
        select(TIMES.as_slice()),
        used,
        cost,
        placed,
    )
        .prop_map(
            |(of, time, used, cost, (agent, consumer, session, model, tool, tier, path))| {
                let mut event = event("e", of);
                event.timestamp = at(time);
                let d = &mut event.dimensions;
                [d.agent, d.consumer, d.session, d.model] =
                    [agent, consumer, session, model].map(|id| id.map(name));
                d.tier = name(tier);
                d.path = path.iter().copied().map(name).collect();
                (d.tool_server, d.tool_name) = (
                    tool.map(|(server, _)| name(server)),
                    tool.map(|(_, tool)| name(tool)),
                );
                let q = &mut event.quantities;
                [
                    q.units,
                    q.tokens_in,
                    q.tokens_out,
                    q.tokens_processed,
                    q.api_calls,
                    q.duration_ms,
                    q.data_bytes,
                    q.searches,
                    q.images,
                ] = used;
                event.cost_override = cost.map(|text: &str| text.parse::<Amount>().unwrap());
                event
            },
        )
}

/// Events with ids of their own.
pub(crate) fn events(most: usize) -> impl Strategy<Value = Vec<Event>> {
    vec(one_event(), 0..=most).prop_map(|events| {
        let numbered = |(number, mut event): (usize, Event)| {
            event.id = name(&format!("e{number}"));
            event
        };
        events.into_iter().enumerate().map(numbered).collect()
    })
}

pub(crate) fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Observe)]
}

/// The order in which recorded things are sent again.
pub(crate) fn shuffled<T: Clone>(list: &[T], seed: u64) -> Vec<T> {
    let mut keyed: Vec<(u64, T)> = Vec::new();
    let mut state = seed;
    for item in list {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        keyed.push((state >> 20, item.clone()));
    }
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, item)| item).collect()
}

/// `events` in batches, some of which are sent by two processes at once, with
/// some events of the batch before sent again.
pub(crate) fn batches(
    events: &[Event],
    parts: &[usize],
    choices: &[(Mode, bool, u8)],
) -> Vec<Batch> {
    let start = at("2026-11-22T10:59:58Z");
    let mut batches: Vec<Batch> = Vec::new();
    for (number, mut part) in cut(events, parts).into_iter().enumerate() {
        let (mode, reads, chance) = choices[number % choices.len()];
        let step = i64::try_from(number).unwrap();
        let rival = match chance % 4 {
            0 => part.split_off(part.len().div_ceil(2)),
            1 => part.clone(),
            _ => Vec::new(),
        };
        if let Some(before) = batches.last().filter(|_| chance % 3 == 0) {
            part.extend(before.events.iter().take(3).cloned());
        }
        let received = start.plus_seconds(step / 2);
        batches.push(Batch {
            events: part,
            mode,
            received,
            reads,
            rival,
        });
    }
    batches
}

pub(crate) fn choices() -> impl Strategy<Value = Vec<(Mode, bool, u8)>> {
    vec((mode(), any::<bool>(), any::<u8>()), 1..6)
}

pub(crate) fn parts() -> impl Strategy<Value = Vec<usize>> {
    cuts(12)
}
