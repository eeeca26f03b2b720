//! What counters should hold, from events and holds alone, summed naively.

use super::Booked;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_core::{
    Calendar, Config, CounterKey, Hold, Instant, Key, Measure, Name, Scope, Series, Stored, Window,
    WindowKind, table, tool_key,
};

/// The attribute of what is used and held together.
pub(super) fn taken(series: &Series) -> String {
    format!("u:{}:{}", series.measure, series.since)
}

/// The attribute of what is used of it.
fn used(series: &Series) -> String {
    format!("n:{}:{}", series.measure, series.since)
}

/// What the counters of all series come to, summed naively.
pub(super) fn due(
    tenant: &Name,
    config: &Config,
    events: &BTreeMap<String, Booked>,
) -> BTreeMap<Key, BTreeMap<String, i128>> {
    let mut due: BTreeMap<Key, BTreeMap<String, i128>> = BTreeMap::new();
    for booked in events.values() {
        let mut counted = Vec::new();
        for series in counting(config) {
            let Some(counter) = counter(series, &booked.stored) else {
                continue;
            };
            let place = (table::counter(tenant, &counter), taken(series));
            // A named and an "each" limit made together share the attribute.
            if counted.contains(&place) {
                continue;
            }
            let sums = due.entry(place.0.clone()).or_default();
            for attribute in [taken(series), used(series)] {
                *sums.entry(attribute).or_default() += amount(&series.measure, &booked.stored);
            }
            counted.push(place);
        }
    }
    due
}

/// What is counted by the time of events.
fn counting(config: &Config) -> impl Iterator<Item = &Series> {
    config
        .series
        .iter()
        .filter(|series| series.window != WindowKind::Second)
}

/// Adds what open holds took of the series that were there, or that they were
/// counted in since: held, and not used.
pub(super) fn add_held(
    due: &mut BTreeMap<Key, BTreeMap<String, i128>>,
    tenant: &Name,
    config: &Config,
    holds: &[Hold],
) {
    for hold in holds {
        let mut counted = Vec::new();
        for series in counting(config).filter(|series| series.since <= hold.config_version) {
            let Some(counter) = counter(series, &hold.estimate) else {
                continue;
            };
            let place = (table::counter(tenant, &counter), taken(series));
            if counted.contains(&place) {
                continue;
            }
            let sums = due.entry(place.0.clone()).or_default();
            *sums.entry(taken(series)).or_default() += amount(&series.measure, &hold.estimate);
            sums.entry(used(series)).or_default();
            counted.push(place);
        }
    }
}

/// Where a series counts an event, if it does.
fn counter(series: &Series, stored: &Stored) -> Option<CounterKey> {
    let at = &stored.event.dimensions;
    let scope_id: Arc<str> = match series.scope {
        Scope::Tenant => Arc::from(""),
        Scope::Agent => at.agent.as_ref()?.shared(),
        Scope::Consumer => at.consumer.as_ref()?.shared(),
        Scope::Session => at.session.as_ref()?.shared(),
        Scope::Tool => tool_key(at.tool_server.as_ref()?, at.tool_name.as_ref()?),
        Scope::Operation => at.operation.shared(),
        Scope::Model => at.model.as_ref()?.shared(),
        Scope::Node => series
            .scope_id
            .clone()
            .filter(|node| at.path.iter().any(|above| above.as_str() == &**node))?,
        Scope::Credit => return None,
    };
    let window = window(series, stored.event.timestamp);
    let ended = window.end().is_some_and(|end| end <= series.from);
    let named = series
        .scope_id
        .as_ref()
        .is_none_or(|named| *named == scope_id);
    let concerns = match &series.measure {
        Measure::EventsOf(operation) | Measure::UnitsOf(operation) => *operation == at.operation,
        _ => true,
    };
    (named && concerns && !ended).then_some(CounterKey {
        scope: series.scope,
        scope_id,
        window,
    })
}

/// The window of `series` that holds `at`, from how its time is written. Where
/// windows begin at other midnights, the calendar says so.
fn window(series: &Series, at: Instant) -> Window {
    let kind = series.window;
    if series.calendar != Calendar::default() {
        return series.calendar.holding(kind, at);
    }
    let start = match kind {
        WindowKind::Total => "1970-01-01T00:00:00Z".to_owned(),
        WindowKind::Second => panic!("counted by receipt"),
        WindowKind::Hour => format!("{}:00:00Z", at.hour()),
        WindowKind::Day => format!("{}T00:00:00Z", at.day()),
        WindowKind::Week => {
            let midnight: Instant = format!("{}T00:00:00Z", at.day()).parse().expect("a time");
            // Day 0 was a Thursday.
            let into = (midnight.unix_seconds() / 86_400 + 3).rem_euclid(7);
            midnight.plus_seconds(-into * 86_400).to_string()
        }
        WindowKind::Month | WindowKind::Period => format!(
            "{}-01T00:00:00Z",
            at.day().rsplit_once('-').expect("a date").0
        ),
    };
    let window = kind.holding(start.parse().expect("a time"));
    assert_eq!(window.start.to_string(), start);
    window
}

fn amount(measure: &Measure, stored: &Stored) -> i128 {
    let sign = if stored.voids.is_some() { -1 } else { 1 };
    let q = &stored.event.quantities;
    sign * i128::from(match measure {
        Measure::Spend => return sign * stored.cost.units(),
        Measure::Events | Measure::EventsOf(_) => 1,
        Measure::Units | Measure::UnitsOf(_) => q.units,
        Measure::Tokens => q.tokens_in + q.tokens_out + q.tokens_processed,
        Measure::TokensIn => q.tokens_in,
        Measure::TokensOut => q.tokens_out,
        Measure::ApiCalls => q.api_calls,
        Measure::DurationMs => q.duration_ms,
        Measure::DataBytes => q.data_bytes,
        Measure::Searches => q.searches,
        Measure::Images => q.images,
    })
}
