//! Events and limits by chance.

use crate::chance::Chance;
use serde_json::{Value, json};
use tollgate_core::Instant;

/// How the limits of a tenant change on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limits {
    /// All of them, higher with time, none ever lower.
    Rising,
    /// Any of them, with any values.
    Any,
}

/// A limit in short.
type Short = (
    &'static str,
    &'static str,
    Option<&'static str>,
    &'static str,
    &'static str,
    u64,
);

/// All limits: id, scope, the one of it, measure, window, and a value that
/// some but not all events of a storm fit under.
const ALL: [Short; 12] = [
    ("tenant-month", "tenant", None, "events", "month", 900),
    ("tenant-spend", "tenant", None, "spend", "total", 12),
    (
        "tenant-messages",
        "tenant",
        None,
        "events:agent_message",
        "day",
        500,
    ),
    ("agent-each", "agent", None, "tokens", "day", 110_000),
    ("agent-named", "agent", Some("a1"), "tokens", "day", 80_000),
    ("agent-hour", "agent", Some("a0"), "events", "hour", 140),
    ("consumer-each", "consumer", None, "units", "total", 800),
    ("session-each", "session", None, "events", "hour", 100),
    ("session-spend", "session", Some("s1"), "spend", "month", 3),
    ("tool-each", "tool", None, "api_calls", "day", 900),
    (
        "operation-each",
        "operation",
        None,
        "duration_ms",
        "total",
        200_000,
    ),
    (
        "operation-named",
        "operation",
        Some("hitl_approval"),
        "units",
        "month",
        350,
    ),
];

impl Limits {
    /// The limits to begin with.
    pub(crate) fn first(self) -> Value {
        json!({ "limits": ALL.map(|limit| rendered(limit, 50)) })
    }

    /// The limits after a change, some `minutes` after the beginning.
    pub(crate) fn next(self, chance: &mut Chance, minutes: u64) -> Value {
        let limits: Vec<Value> = match self {
            Self::Rising => ALL.map(|limit| rendered(limit, 50 + minutes / 4)).to_vec(),
            Self::Any => {
                let some = ALL
                    .into_iter()
                    .filter(|_| chance.percent(60))
                    .collect::<Vec<_>>();
                some.into_iter()
                    .map(|limit| rendered(limit, chance.below(150) + 1))
                    .collect()
            }
        };
        json!({ "limits": limits })
    }
}

/// A limit at so many percent of its value, with a soft one at half of that.
fn rendered((id, scope, scope_id, measure, window, value): Short, percent: u64) -> Value {
    let mut limit = json!({ "id": id, "scope": scope, "measure": measure, "window": window });
    if let Some(scope_id) = scope_id {
        limit["scope_id"] = json!(scope_id);
    }
    if measure == "spend" {
        limit["currency"] = json!("USD");
        limit["hard"] = json!(format!(
            "{}.{:02}",
            value * percent / 100,
            value * percent % 100
        ));
        return limit;
    }
    limit["hard"] = json!(value * percent / 100);
    limit["soft"] = json!(value * percent / 200);
    limit
}

const OPERATIONS: [&str; 5] = [
    "agent_message",
    "agent_message",
    "audit_write",
    "constitutional_validation",
    "hitl_approval",
];

/// An event of `tenant` that happened up to two hours before `now`.
pub(crate) fn event(chance: &mut Chance, tenant: &str, id: &str, now: Instant) -> Value {
    let mut event = json!({
        "id": id, "tenant_id": tenant, "operation": chance.pick(&OPERATIONS), "units": chance.below(3) + 1,
        "tokens_in": chance.below(500), "tokens_out": chance.below(100), "api_calls": chance.below(4), "duration_ms": chance.below(900),
    });
    let mut name = |field: &str, letter: &str, count: u64, percent: u64| {
        if chance.percent(percent) {
            event[field] = json!(format!("{letter}{}", chance.below(count)));
        }
    };
    name("agent_id", "a", 4, 80);
    name("consumer_id", "c", 3, 60);
    name("session_id", "s", 6, 60);
    name("task_id", "t", 50, 30);
    name("tool_name", "tool", 2, 50);
    event["tool_server"] = json!("srv");
    if chance.percent(70) {
        let ago = i64::try_from(chance.below(7200)).expect("seconds");
        event["timestamp"] = json!(now.plus_seconds(-ago).to_string());
    }
    event
}

/// A batch of events.
pub(crate) fn batch(events: &[Value]) -> Value {
    json!({ "events": events })
}
