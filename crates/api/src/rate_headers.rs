//! The headers of a refusal by limits: what is left, and when to come back.

use tollgate_core::{Instant, Ruling, Standpoint};

/// The largest integer of a structured field (RFC 9651, 3.3.1).
const FIELD_INTEGER_MAX: i128 = 999_999_999_999_999;

/// The most limits that are named: more would not fit the buffers of proxies.
const LISTED_MAX: usize = 5;

/// `retry-after` where waiting helps, `ratelimit-policy` and `ratelimit` where
/// quantities are passed.
pub(crate) fn headers(
    ruling: &Ruling,
    quantities: &[&Standpoint],
    now: Instant,
) -> Vec<(&'static str, String)> {
    // A request that is larger than the whole limit never fits.
    let fits = |at: &Standpoint| at.limit_value().is_some_and(|value| at.requested <= value);
    let waits: Option<Vec<i128>> = ruling
        .violations
        .iter()
        .map(|at| seconds_left(at, now).filter(|_| fits(at)))
        .collect();
    // Nor does waiting enable a node or grant credit.
    let waits = waits.filter(|_| ruling.objections.is_empty());
    let retry_after = waits.and_then(|waits| waits.into_iter().max());
    let mut headers: Vec<(&'static str, String)> = Vec::new();
    headers.extend(retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    let quantities: Vec<_> = quantities.iter().take(LISTED_MAX).collect();
    if !quantities.is_empty() {
        headers.push((
            "ratelimit-policy",
            joined(quantities.iter().map(|at| policy(at))),
        ));
        headers.push((
            "ratelimit",
            joined(quantities.iter().map(|at| remaining(at, now))),
        ));
    }
    headers
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

/// Seconds to the window's end, rounded up; `None` where waiting does not
/// help: the window is for ever, or over.
fn seconds_left(at: &Standpoint, now: Instant) -> Option<i128> {
    let end = at.window.end().filter(|end| *end > now)?;
    seconds_between(now, end)
}

fn seconds_between(start: Instant, end: Instant) -> Option<i128> {
    let nanos = end
        .timestamp()
        .as_nanosecond()
        .checked_sub(start.timestamp().as_nanosecond())?;
    nanos.checked_add(999_999_999)?.checked_div(1_000_000_000)
}

/// `"id";q=100;w=3600;qu="tokens"`, the unit where it is not the request. Source:
/// draft-ietf-httpapi-ratelimit-headers-10.
fn policy(at: &Standpoint) -> String {
    let quota = field_integer(at.limit_value().unwrap_or(0));
    let seconds = at
        .window
        .end()
        .and_then(|end| seconds_between(at.window.start, end));
    let window = seconds.map_or_else(String::new, |seconds| format!(";w={seconds}"));
    let unit = match at.limit.measure.unit() {
        "events" => String::new(),
        unit => format!(";qu=\"{unit}\""),
    };
    format!("\"{}\";q={quota}{window}{unit}", at.limit.id)
}

/// `"id";r=0;t=60`.
fn remaining(at: &Standpoint, now: Instant) -> String {
    let left = at
        .limit_value()
        .unwrap_or(0)
        .saturating_sub(at.count.taken());
    let reset = seconds_left(at, now).map_or_else(String::new, |seconds| format!(";t={seconds}"));
    format!("\"{}\";r={}{reset}", at.limit.id, field_integer(left))
}

fn field_integer(value: i128) -> i128 {
    value.clamp(0, FIELD_INTEGER_MAX)
}
