//! Totals: of a tenant, of what filters pick, in groups.

use crate::answers::figure::{mean, read_count};
use crate::answers::list::List;
use crate::answers::record::StoredEvent;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tollgate_core::{Amount, Component, Counted, Currency, Instant, Name, Range, Tally, Usage};

/// A tenant's totals, in the dialect of ACGS.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TenantUsage {
    /// Whose they are.
    pub tenant_id: Name,
    /// From when on.
    pub period_start: Option<Instant>,
    /// Up to when.
    pub period_end: Option<Instant>,
    /// Events by operation.
    pub operations: BTreeMap<Name, i64>,
    /// Events by tier.
    pub tiers: BTreeMap<Name, i64>,
    /// Events.
    pub total_events: i64,
    /// Units of whatever operation.
    pub total_units: i128,
    /// Input, output and other tokens.
    pub total_tokens: i128,
    /// Their cost, exact.
    #[cfg_attr(feature = "schema", schemars(with = "Amount"))]
    pub total_cost: String,
    /// The currency of the cost.
    pub currency: Currency,
    /// Over the events that carry it, with 6 digits; null where none does.
    pub avg_latency_ms: Option<String>,
    /// Over all events, with 6 digits; null where there are none.
    pub avg_compliance_score: Option<String>,
    /// The deployment's; null where it has none.
    pub constitutional_hash: Option<String>,
}

impl TenantUsage {
    /// The totals of `period`.
    #[must_use]
    pub fn new(
        tenant: &Name,
        period: Range,
        usage: &Usage,
        currency: Currency,
        hash: Option<&str>,
    ) -> Self {
        let totals = &usage.tally.totals;
        Self {
            tenant_id: tenant.clone(),
            period_start: period.start,
            period_end: period.end,
            operations: usage.operations.clone(),
            tiers: usage.tiers.clone(),
            total_events: totals.events,
            total_units: totals.priced_by(Component::Unit),
            total_tokens: totals.tokens(),
            total_cost: totals.cost.to_string(),
            currency,
            avg_latency_ms: mean(Some(totals.latency_ms), totals.latency_events),
            avg_compliance_score: mean(Some(totals.compliance_score), totals.events),
            constitutional_hash: hash.map(str::to_owned),
        }
    }
}

/// Totals of whatever was picked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Totals {
    /// Events.
    pub total_events: i64,
    /// Distinct tasks, and events without one.
    pub total_tasks: u64,
    /// Input tokens.
    #[serde(deserialize_with = "read_count")]
    pub tokens_in: i128,
    /// Output tokens.
    #[serde(deserialize_with = "read_count")]
    pub tokens_out: i128,
    /// Input, output and other tokens.
    #[serde(deserialize_with = "read_count")]
    pub total_tokens: i128,
    /// Milliseconds worked.
    #[serde(deserialize_with = "read_count")]
    pub total_duration_ms: i128,
    /// Calls.
    #[serde(deserialize_with = "read_count")]
    pub total_api_calls: i128,
    /// Units of whatever operation.
    #[serde(deserialize_with = "read_count")]
    pub total_units: i128,
    /// Bytes moved.
    #[serde(deserialize_with = "read_count")]
    pub total_data_bytes: i128,
    /// Searches.
    #[serde(deserialize_with = "read_count")]
    pub total_searches: i128,
    /// Images.
    #[serde(deserialize_with = "read_count")]
    pub total_images: i128,
    /// Their cost, exact.
    #[cfg_attr(feature = "schema", schemars(with = "Amount"))]
    pub total_cost: String,
    /// The currency of the cost.
    pub currency: Currency,
    /// With 6 digits; null without tasks.
    pub avg_tokens_per_task: Option<String>,
    /// With 6 digits; null without tasks.
    pub avg_duration_ms_per_task: Option<String>,
    /// Distinct agents.
    pub unique_agents: u64,
    /// Distinct consumers.
    pub unique_consumers: u64,
}

impl Totals {
    /// The totals of `tally`.
    #[must_use]
    pub fn new(tally: &Tally, currency: Currency) -> Self {
        let totals = &tally.totals;
        let tasks = tally.total_tasks();
        let per_task = |sum: i128| {
            let sum = u64::try_from(sum).ok().and_then(Amount::whole);
            mean(sum, i64::try_from(tasks).unwrap_or(0))
        };
        let of = |component| totals.priced_by(component);
        Self {
            total_events: totals.events,
            total_tasks: tasks,
            tokens_in: of(Component::TokenIn),
            tokens_out: of(Component::TokenOut),
            total_tokens: totals.tokens(),
            total_duration_ms: of(Component::DurationMs),
            total_api_calls: of(Component::ApiCall),
            total_units: of(Component::Unit),
            total_data_bytes: of(Component::DataByte),
            total_searches: of(Component::Search),
            total_images: of(Component::Image),
            total_cost: totals.cost.to_string(),
            currency,
            avg_tokens_per_task: per_task(totals.tokens()),
            avg_duration_ms_per_task: per_task(of(Component::DurationMs)),
            unique_agents: tally.distinct(Counted::Agent),
            unique_consumers: tally.distinct(Counted::Consumer),
        }
    }
}

/// Whose totals, and of when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Asked {
    /// Whose they are.
    pub tenant_id: Name,
    /// From when on; null = from the first.
    pub start: Option<Instant>,
    /// Up to when; null = to the last.
    pub end: Option<Instant>,
    /// Where days begin.
    pub time_zone: String,
}

impl Asked {
    /// Of `tenant` in `range`, in UTC.
    #[must_use]
    pub fn new(tenant: &Name, range: Range) -> Self {
        Self {
            tenant_id: tenant.clone(),
            start: range.start,
            end: range.end,
            time_zone: "UTC".to_owned(),
        }
    }
}

/// Totals over what filters pick.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// Whose, and of when.
    #[serde(flatten)]
    pub asked: Asked,
    /// The totals.
    #[serde(flatten)]
    pub totals: Totals,
}

/// A task: its totals, and its events a page at a time.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Task {
    /// The task.
    pub task_id: Name,
    /// The totals of all of its events.
    #[serde(flatten)]
    pub totals: Totals,
    /// Its events on this page.
    #[serde(flatten)]
    pub events: List<StoredEvent>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::group::GroupRow;
    use crate::event::parse_event;
    use serde_json::{Value, json};
    use tollgate_core::{GroupBy, Roster};

    fn shown(usage: &Usage, hash: Option<&str>) -> Value {
        let tenant = Name::new("acme").unwrap();
        let usage = TenantUsage::new(&tenant, Range::default(), usage, Currency::USD, hash);
        serde_json::to_value(usage).unwrap()
    }

    fn usage(bodies: &[&str]) -> Usage {
        let (mut usage, mut roster) = (Usage::default(), Roster::default());
        for body in bodies {
            let event = parse_event(body.as_bytes())
                .unwrap()
                .into_event(Name::standard(), Instant::EPOCH);
            let totals = tollgate_core::Totals::of(&event, "0.0015".parse().unwrap());
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
        let body = shown(&usage, None);
        assert_eq!(body["operations"], json!({"x":2,"y":1}));
        assert_eq!(body["tiers"], json!({"enhanced":1,"standard":2}));
        assert_eq!(
            (&body["total_cost"], &body["total_tokens"]),
            (&json!("0.0045"), &json!(11))
        );
        assert_eq!(body["avg_latency_ms"], json!("1.000000"));
        assert_eq!(body["avg_compliance_score"], json!("0.666667"));
        let row = Totals::new(&usage.tally, Currency::USD);
        let row = serde_json::to_value(row).unwrap();
        assert_eq!(
            (&row["total_tasks"], &row["avg_tokens_per_task"]),
            (&json!(2), &json!("5.500000"))
        );
        assert_eq!(
            (&row["unique_agents"], &row["unique_consumers"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(row["total_events"], json!(3));
        let row = GroupRow::new(GroupBy::Tool, "(none)", &usage.tally, Currency::USD);
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<GroupRow>(&text).unwrap(), row);
    }

    #[test]
    fn nothing_used_is_zeros_and_no_averages() {
        let body = shown(&Usage::default(), Some("h"));
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
        tally.totals = tollgate_core::Totals::from(&quantities);
        let text =
            |tally: &Tally| serde_json::to_string(&Totals::new(tally, Currency::USD)).unwrap();
        assert!(text(&tally).contains(r#""tokens_in":18446744073709551615,"#));
        quantities.tokens_in = 1;
        tally
            .totals
            .add(&tollgate_core::Totals::from(&quantities))
            .unwrap();
        assert!(text(&tally).contains(r#""tokens_in":18446744073709551616,"#));
    }
}
