//! The naive fold: every event kept, every answer summed up anew.

use super::calendar::{DAY, HOUR, SECOND, day, floor, instant, month, week};
use crate::given::merged;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The fields that questions can be filtered by, in the order of [`Event::names`].
pub(super) const FIELDS: [&str; 9] = [
    "agent_id",
    "consumer_id",
    "session_id",
    "task_id",
    "operation",
    "tier",
    "tool_server",
    "tool_name",
    "model",
];
/// What use can be grouped by.
pub(super) const GROUPS: [&str; 11] = [
    "agent",
    "consumer",
    "operation",
    "tier",
    "session",
    "tool",
    "model",
    "hour",
    "day",
    "week",
    "month",
];

/// One event as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) at: i128,
    pub(super) received: i128,
    pub(super) names: [Option<String>; 9],
    /// Units, tokens in, out and processed, milliseconds, calls, bytes.
    pub(super) quantities: [u128; 7],
    /// Millionths.
    pub(super) latency: Option<u128>,
    pub(super) score: u128,
    /// Billionths.
    pub(super) cost: u128,
    pub(super) purged: bool,
    /// Whether it takes another back, whose figures these are.
    pub(super) against: bool,
}

impl Event {
    fn sign(&self) -> i128 {
        if self.against { -1 } else { 1 }
    }
}

/// What is asked: conditions and half-open bounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) filters: [Option<String>; 9],
    pub(super) start: Option<i128>,
    pub(super) end: Option<i128>,
}

impl Asked {
    pub(super) fn picks(&self, event: &Event) -> bool {
        let inside = self.start.is_none_or(|start| start <= event.at)
            && self.end.is_none_or(|end| event.at < end);
        inside
            && self
                .filters
                .iter()
                .zip(&event.names)
                .all(|(wanted, name)| wanted.is_none() || wanted == name)
    }

    /// Whether a bound lies within an hour of which something is purged.
    pub(super) fn cuts_purged(&self, events: &[Event]) -> bool {
        let cut = |bound: &i128| *bound != floor(*bound, HOUR);
        let hours: BTreeSet<i128> = [self.start, self.end]
            .into_iter()
            .flatten()
            .filter(cut)
            .map(|bound| floor(bound, HOUR))
            .collect();
        events
            .iter()
            .any(|event| event.purged && hours.contains(&floor(event.at, HOUR)))
    }
}

fn key(by: &str, event: &Event) -> String {
    let name = |place: usize| event.names[place].clone().unwrap_or("(none)".to_owned());
    match by {
        "agent" => name(0),
        "consumer" => name(1),
        "session" => name(2),
        "operation" => name(4),
        "tier" => name(5),
        "model" => name(8),
        "tool" => match (&event.names[6], &event.names[7]) {
            (Some(server), Some(tool)) => format!(
                "{}/{}",
                server.replace('/', "%2F"),
                tool.replace('/', "%2F")
            ),
            _ => "(none)".to_owned(),
        },
        "hour" => instant(floor(event.at, HOUR)),
        "day" => day(event.at),
        "week" => week(event.at),
        "month" => month(event.at),
        other => unreachable!("{other}"),
    }
}

/// The field that a group's key stands in, beside `key`.
fn own_field(by: &str) -> &str {
    match by {
        "agent" => "agent_id",
        "consumer" => "consumer_id",
        "session" => "session_id",
        "hour" | "day" | "week" | "month" => "period",
        other => other,
    }
}

/// A decimal without trailing zeros.
fn decimal(value: i128, scale: u128) -> String {
    let value = natural(value);
    let text = format!(
        "{}.{:0width$}",
        value / scale,
        value % scale,
        width = scale.ilog10() as usize
    );
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// To six digits, half to even; null over nothing.
fn mean(sum_in_millionths: i128, count: i128) -> Value {
    let (sum_in_millionths, count) = (natural(sum_in_millionths), natural(count));
    if count == 0 {
        return Value::Null;
    }
    let (whole, rest) = (sum_in_millionths / count, sum_in_millionths % count);
    let up = rest * 2 > count || (rest * 2 == count && whole % 2 == 1);
    let rounded = whole + u128::from(up);
    json!(format!(
        "{}.{:06}",
        rounded / 1_000_000,
        rounded % 1_000_000
    ))
}

/// All that is asked adds up to something or nothing.
fn natural(sum: i128) -> u128 {
    u128::try_from(sum).expect("no more is taken back than there is")
}

/// Σ of what `figure` says, less what was taken back.
fn sum(events: &[&Event], figure: impl Fn(&Event) -> u128) -> i128 {
    events
        .iter()
        .map(|event| event.sign() * i128::try_from(figure(event)).expect("a figure"))
        .sum()
}

struct Sums {
    events: i128,
    tasks: i128,
    quantities: [i128; 7],
    cost: i128,
    agents: usize,
    consumers: usize,
}

impl Sums {
    fn of(events: &[&Event]) -> Self {
        let distinct = |place: usize| {
            events
                .iter()
                .filter_map(|event| event.names[place].as_ref())
                .collect::<BTreeSet<_>>()
                .len()
        };
        Self {
            events: sum(events, |_| 1),
            tasks: distinct(3) as i128 + sum(events, |event| u128::from(event.names[3].is_none())),
            quantities: std::array::from_fn(|place| sum(events, |event| event.quantities[place])),
            cost: sum(events, |event| event.cost),
            agents: distinct(0),
            consumers: distinct(1),
        }
    }

    fn tokens(&self) -> i128 {
        self.quantities[1..4].iter().sum()
    }
}

/// A count as JSON has it. No history is so long that 64 bits do not hold it.
fn count(value: i128) -> Value {
    json!(u64::try_from(natural(value)).expect("a count of 64 bits"))
}

/// All totals.
fn totals(events: &[&Event]) -> Value {
    let sums = Sums::of(events);
    let [units, tokens_in, tokens_out, _, duration, calls, bytes] = sums.quantities;
    json!({
        "total_events": count(sums.events), "total_tasks": count(sums.tasks),
        "tokens_in": count(tokens_in), "tokens_out": count(tokens_out),
        "total_tokens": count(sums.tokens()), "total_duration_ms": count(duration),
        "total_api_calls": count(calls), "total_units": count(units),
        "total_data_bytes": count(bytes), "total_searches": 0, "total_images": 0, "total_cost": decimal(sums.cost, 1_000_000_000),
        "currency": "USD", "avg_tokens_per_task": mean(sums.tokens() * 1_000_000, sums.tasks),
        "avg_duration_ms_per_task": mean(duration * 1_000_000, sums.tasks),
        "unique_agents": sums.agents, "unique_consumers": sums.consumers,
    })
}

/// Whose totals, and of when.
fn head(asked: &Asked) -> Value {
    json!({
        "tenant_id": "acme", "start": asked.start.map(instant), "end": asked.end.map(instant),
        "time_zone": "UTC",
    })
}

/// Rows sorted by key, which stands in each of `fields`, in a list.
fn listed_rows(asked: &Asked, by: &str, fields: &[&str], events: &[&Event]) -> Value {
    let mut groups: BTreeMap<String, Vec<&Event>> = BTreeMap::new();
    for event in events {
        groups.entry(key(by, event)).or_default().push(event);
    }
    let row = |(key, events): (&String, &Vec<&Event>)| {
        let mut row = totals(events);
        fields.iter().for_each(|field| row[*field] = json!(key));
        row
    };
    let rows: Vec<Value> = groups.iter().map(row).collect();
    let list = json!({ "count": rows.len(), "data": rows, "next_cursor": null });
    merged(head(asked), list)
}

/// What `GET /usage/aggregate` says.
pub(super) fn aggregate(asked: &Asked, by: &str, events: &[&Event]) -> Value {
    let list = listed_rows(asked, by, &["key", own_field(by)], events);
    merged(list, json!({ "group_by": by }))
}

/// What `GET /usage/agents` and the like say.
pub(super) fn people(asked: &Asked, by: &str, events: &[&Event]) -> Value {
    listed_rows(asked, by, &[own_field(by)], events)
}

pub(super) fn summary(asked: &Asked, events: &[&Event]) -> Value {
    merged(head(asked), totals(events))
}

/// What `GET /usage/{tenant_id}` says of a range with both ends.
pub(super) fn usage(asked: &Asked, events: &[&Event]) -> Value {
    let sums = Sums::of(events);
    let counts = |place: usize| {
        let mut counts: BTreeMap<&str, i128> = BTreeMap::new();
        events.iter().for_each(|event| {
            *counts
                .entry(event.names[place].as_deref().unwrap_or_default())
                .or_default() += event.sign()
        });
        json!(counts)
    };
    let latencies = sum(events, |event| u128::from(event.latency.is_some()));
    json!({
        "tenant_id": "acme", "period_start": asked.start.map(instant),
        "period_end": asked.end.map(instant), "constitutional_hash": "cdd01ef066bc6cf2",
        "operations": counts(4), "tiers": counts(5), "total_events": count(sums.events),
        "total_units": count(sums.quantities[0]), "total_tokens": count(sums.tokens()),
        "total_cost": decimal(sums.cost, 1_000_000_000), "currency": "USD",
        "avg_latency_ms": mean(sum(events, |event| event.latency.unwrap_or(0)), latencies),
        "avg_compliance_score": mean(sum(events, |event| event.score), sums.events),
    })
}

/// The ids of those that are still there, by time, then id.
pub(super) fn listed(events: &[&Event]) -> Vec<String> {
    let kept: BTreeSet<(i128, &str)> = events
        .iter()
        .filter(|event| !event.purged)
        .map(|event| (event.at, event.id.as_str()))
        .collect();
    kept.into_iter().map(|(_, id)| id.to_owned()).collect()
}

/// Whether a purge at `now` of what is older than 35 days must have taken the
/// event: all of its receipt hour is older, and closed for over two days.
pub(super) fn is_due(event: &Event, events: &[Event], now: i128) -> bool {
    let hour = floor(event.received, HOUR);
    let of_hour = |other: &&Event| floor(other.received, HOUR) == hour;
    hour + 2 * DAY < now
        && events
            .iter()
            .filter(of_hour)
            .all(|other| other.at < now - 35 * DAY)
}

/// The whole second that `now` is.
pub(super) fn seconds(at: i128) -> i64 {
    i64::try_from(at / SECOND).expect("a time")
}
