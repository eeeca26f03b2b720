//! Totals in answers.

use crate::figures::{amount, count, mean};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tollgate_core::{Amount, Component, Counted, Currency, Name, Range, Tally, Usage};

/// `GET /usage/{tenant_id}`; `period` is the range asked for. Averages are null
/// when nothing carries the figure.
#[must_use]
pub fn usage_json(
    tenant: &Name,
    period: Range,
    usage: &Usage,
    currency: Currency,
    hash: Option<&str>,
) -> Value {
    let totals = &usage.tally.totals;
    let mut body = json!({
        "tenant_id": tenant.as_str(),
        "period_start": period.start.map(|at| at.to_string()),
        "period_end": period.end.map(|at| at.to_string()),
        "operations": counts(&usage.operations),
        "tiers": counts(&usage.tiers),
        "total_events": totals.events,
        "total_units": count(totals.priced_by(Component::Unit)),
        "total_tokens": count(totals.tokens()),
        "total_cost": amount(totals.cost),
        "currency": currency.code(),
        "avg_latency_ms": mean(Some(totals.latency_ms), totals.latency_events),
        "avg_compliance_score": mean(Some(totals.compliance_score), totals.events),
    });
    with_hash(&mut body, hash);
    body
}

/// Adds the constitutional hash, where there is one.
pub(crate) fn with_hash(body: &mut Value, hash: Option<&str>) {
    if let (Some(body), Some(hash)) = (body.as_object_mut(), hash) {
        body.insert("constitutional_hash".to_owned(), hash.into());
    }
}

fn counts(counts: &BTreeMap<Name, i64>) -> Map<String, Value> {
    counts
        .iter()
        .map(|(name, events)| (name.to_string(), Value::from(*events)))
        .collect()
}

/// `GET /usage/summary`.
#[must_use]
pub fn summary_json(tally: &Tally, currency: Currency) -> Value {
    let totals = &tally.totals;
    json!({
        "total_tasks": tally.total_tasks(),
        "total_events": totals.events,
        "total_tokens": count(totals.tokens()),
        "total_duration_ms": count(totals.priced_by(Component::DurationMs)),
        "total_api_calls": count(totals.priced_by(Component::ApiCall)),
        "total_cost": amount(totals.cost),
        "currency": currency.code(),
        "unique_agents": tally.distinct(Counted::Agent),
        "unique_consumers": tally.distinct(Counted::Consumer),
    })
}

/// The totals of one row of `GET /usage/aggregate`, or of one task.
#[must_use]
pub fn totals_json(tally: &Tally, currency: Currency) -> Map<String, Value> {
    let totals = &tally.totals;
    let tasks = tally.total_tasks();
    let per_task = |sum: i128| {
        mean(
            u64::try_from(sum).ok().and_then(Amount::whole),
            i64::try_from(tasks).unwrap_or(0),
        )
    };
    let fields = [
        ("total_events", Value::from(totals.events)),
        ("total_tasks", tasks.into()),
        ("tokens_in", count(totals.priced_by(Component::TokenIn))),
        ("tokens_out", count(totals.priced_by(Component::TokenOut))),
        ("total_tokens", count(totals.tokens())),
        (
            "total_duration_ms",
            count(totals.priced_by(Component::DurationMs)),
        ),
        (
            "total_api_calls",
            count(totals.priced_by(Component::ApiCall)),
        ),
        ("total_units", count(totals.priced_by(Component::Unit))),
        ("total_cost", amount(totals.cost)),
        ("currency", currency.code().into()),
        ("avg_tokens_per_task", per_task(totals.tokens())),
        (
            "avg_duration_ms_per_task",
            per_task(totals.priced_by(Component::DurationMs)),
        ),
        ("unique_agents", tally.distinct(Counted::Agent).into()),
        ("unique_consumers", tally.distinct(Counted::Consumer).into()),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// The same led by what the row is of: `("key", "2026-11")` in aggregates,
/// `("agent_id", "a1")` in lists of agents.
#[must_use]
pub fn aggregate_row(field: &str, key: &str, tally: &Tally, currency: Currency) -> Value {
    let mut row = Map::from_iter([(field.to_owned(), Value::from(key))]);
    row.extend(totals_json(tally, currency));
    Value::Object(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::parse_event;
    use tollgate_core::{Instant, Roster, Totals};

    fn usage(bodies: &[&str]) -> Usage {
        let (mut usage, mut roster) = (Usage::default(), Roster::default());
        for body in bodies {
            let event = parse_event(body.as_bytes())
                .unwrap()
                .into_event(Name::standard(), Instant::EPOCH);
            let totals = Totals::of(&event, "0.0015".parse().unwrap());
            usage
                .add(&roster.place(&event).unwrap(), &totals.into())
                .unwrap();
        }
        usage
    }

    #[test]
    fn averages_are_over_the_events_that_carry_the_figure() {
        let usage = usage(&[
            r#"{"operation":"x","latency_ms":1,"tokens_in":5,"agent_id":"a1","task_id":"t1"}"#,
            r#"{"operation":"x","latency_ms":"1.000001","tokens_out":5,"agent_id":"a1","task_id":"t1"}"#,
            r#"{"operation":"y","tier":"enhanced","compliance_score":0,"tokens_in":1,"consumer_id":"c1"}"#,
        ]);
        let body = usage_json(
            &Name::new("acme").unwrap(),
            Range::default(),
            &usage,
            Currency::USD,
            None,
        );
        assert_eq!(body["operations"], json!({"x":2,"y":1}));
        assert_eq!(body["tiers"], json!({"enhanced":1,"standard":2}));
        assert_eq!(
            (&body["total_cost"], &body["total_tokens"]),
            (&json!("0.0045"), &json!(11))
        );
        assert_eq!(body["avg_latency_ms"], json!("1.000000"));
        assert_eq!(body["avg_compliance_score"], json!("0.666667"));
        let row = aggregate_row("key", "x", &usage.tally, Currency::USD);
        assert_eq!(
            (&row["total_tasks"], &row["avg_tokens_per_task"]),
            (&json!(2), &json!("5.500000"))
        );
        assert_eq!(
            (&row["unique_agents"], &row["unique_consumers"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(
            summary_json(&usage.tally, Currency::USD)["total_events"],
            json!(3)
        );
    }

    #[test]
    fn nothing_used_is_zeros_and_no_averages() {
        let body = usage_json(
            &Name::new("acme").unwrap(),
            Range::default(),
            &Usage::default(),
            Currency::USD,
            Some("h"),
        );
        assert_eq!(
            (&body["total_events"], &body["total_cost"]),
            (&json!(0), &json!("0"))
        );
        assert_eq!(
            (&body["avg_latency_ms"], &body["constitutional_hash"]),
            (&json!(null), &json!("h"))
        );
    }

    #[test]
    fn sums_beyond_64_bits_keep_every_digit() {
        let mut tally = Tally::default();
        let mut quantities = tollgate_core::Quantities::default();
        (quantities.units, quantities.tokens_in) = (0, u64::MAX);
        tally.totals = Totals::from(&quantities);
        assert_eq!(
            totals_json(&tally, Currency::USD)["tokens_in"],
            json!(u64::MAX)
        );
        quantities.tokens_in = 1;
        tally.totals.add(&Totals::from(&quantities)).unwrap();
        assert_eq!(
            totals_json(&tally, Currency::USD)["tokens_in"],
            json!("18446744073709551616")
        );
    }
}
