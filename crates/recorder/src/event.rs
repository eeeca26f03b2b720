//! Events as they are sent: made once, never changed.

use crate::settings::Settings;
use crate::task::{Outcome, Task};
use crate::usage::Usage;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tollgate_core::{Amount, Component, GenAi, Instant, Name, Quantities, whole_millis};

/// An event as it is sent: its id, if it has one of its own, and its JSON stay the same
/// however often that happens. Cloning is cheap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordedEvent {
    id: Option<Name>,
    json: Arc<str>,
}

impl RecordedEvent {
    /// What makes it count once, where the task or the span names it. Else its batch
    /// does.
    #[must_use]
    pub fn id(&self) -> Option<&Name> {
        self.id.as_ref()
    }

    /// The event as the API takes it.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.json
    }

    /// What a call used that took `taken`, stamped now.
    pub(crate) fn of_call(
        settings: &Settings,
        task: Task,
        usage: Usage,
        taken: Duration,
        outcome: Outcome,
    ) -> Option<Self> {
        let now = settings.clock.now();
        let usage = usage.settled(whole_millis(taken));
        let body = Body {
            id: task.id.as_ref(),
            tenant_id: settings.tenant.as_ref(),
            timestamp: now,
            operation: &usage
                .operation
                .or(task.operation)
                .unwrap_or_else(|| settings.operation.clone()),
            tier: task.tier,
            quantities: used(&usage.quantities),
            latency_ms: usage.latency.and_then(millis),
            compliance_score: usage
                .compliance_score
                .and_then(|score| Some(score.min(Amount::whole(1)?))),
            agent_id: task.agent,
            consumer_id: task.consumer,
            session_id: task.session,
            task_id: task.task,
            tool_server: task.tool_server,
            tool_name: task.tool_name,
            model: usage.model.or(task.model),
            provider: usage.provider.or(task.provider),
            budget_node: task.budget_node,
            metadata: kept(task.metadata, outcome),
        };
        let json = serde_json::to_string(&body).ok()?.into();
        let id = task.id;
        Some(Self { id, json })
    }

    /// What a span says, with what it leaves out: operation and timestamp.
    pub(crate) fn of_span(settings: &Settings, mut span: GenAi) -> Option<Self> {
        span.timestamp.get_or_insert_with(|| settings.clock.now());
        let id = span.id.clone();
        span.operation
            .get_or_insert_with(|| settings.operation.clone());
        let of_tenant = OfTenant {
            tenant_id: settings.tenant.as_ref(),
            span: &span,
        };
        let json = serde_json::to_string(&of_tenant).ok()?.into();
        Some(Self { id, json })
    }
}

/// What most calls have, and each other quantity that is not 0, by their fields.
fn used(quantities: &Quantities) -> BTreeMap<&'static str, u64> {
    let table = quantities.to_table();
    let always = [
        Component::Unit,
        Component::TokenIn,
        Component::TokenOut,
        Component::ApiCall,
        Component::DurationMs,
    ];
    let figures = Component::ALL.into_iter();
    let set = figures.filter(|figure| table.of(*figure) != 0 || always.contains(figure));
    set.map(|figure| (figure.quantity(), table.of(figure)))
        .collect()
}

/// In milliseconds; `None` beyond what an amount holds.
fn millis(latency: Duration) -> Option<Amount> {
    let nanos = i128::try_from(latency.as_nanos()).ok()?;
    Amount::from_units(nanos.checked_mul(1_000_000_000_000)?)
}

/// The most that the API keeps as metadata.
const METADATA_BYTES_MAX: usize = 2048;

/// The Event of the API.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a Name>,
    timestamp: Instant,
    operation: &'a Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<Name>,
    #[serde(flatten)]
    quantities: BTreeMap<&'static str, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compliance_score: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_server: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_node: Option<Name>,
    metadata: Map<String, Value>,
}

#[derive(Serialize)]
struct OfTenant<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<&'a Name>,
    #[serde(flatten)]
    span: &'a GenAi,
}

/// The metadata with the outcome in it, or the outcome alone.
fn kept(mut metadata: Map<String, Value>, outcome: Outcome) -> Map<String, Value> {
    let outcome = ("outcome".to_owned(), Value::from(outcome.word()));
    metadata.extend([outcome.clone()]);
    let fits = serde_json::to_string(&metadata).is_ok_and(|json| json.len() <= METADATA_BYTES_MAX);
    if fits {
        metadata
    } else {
        Map::from_iter([outcome])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Clock;
    use tollgate_core::{Attributes, Reported, Span};

    fn settings() -> Settings {
        let noon: Instant = "2026-11-22T12:00:00Z".parse().unwrap();
        Settings {
            clock: Clock::new(move || noon),
            ..Settings::default()
        }
    }

    fn json(event: Option<RecordedEvent>) -> Value {
        serde_json::from_str(event.unwrap().json()).unwrap()
    }

    #[test]
    fn a_duration_is_rounded_half_to_even_and_quantities_stay_as_they_are() {
        for (micros, millis) in [(1_234_500, 1234), (1_235_500, 1236), (0, 0), (500_000, 500)] {
            let usage = Usage::from(Quantities {
                tokens_in: 1500,
                tokens_out: 2300,
                api_calls: 5,
                ..Quantities::default()
            });
            let event = json(RecordedEvent::of_call(
                &settings(),
                Task::default(),
                usage,
                Duration::from_micros(micros),
                Outcome::Success,
            ));
            assert_eq!(event["duration_ms"], millis);
            assert_eq!(
                (
                    &event["tokens_in"],
                    &event["tokens_out"],
                    &event["api_calls"]
                ),
                (&1500.into(), &2300.into(), &5.into())
            );
            assert_eq!(
                (&event["operation"], &event["timestamp"]),
                (&"agent_task".into(), &"2026-11-22T12:00:00Z".into())
            );
        }
    }

    #[test]
    fn what_the_result_says_goes_before_what_the_task_said() {
        let name = |text| Some(Name::new(text).unwrap());
        let task = Task {
            operation: name("asked"),
            model: name("asked"),
            provider: name("p"),
            id: name("e1"),
            ..Task::default()
        };
        let usage = Usage {
            operation: name("answered"),
            model: name("answered"),
            ..Usage::default()
        };
        let settings = Settings {
            tenant: name("acme"),
            ..settings()
        };
        let event = json(RecordedEvent::of_call(
            &settings,
            task,
            usage,
            Duration::ZERO,
            Outcome::Error,
        ));
        for (field, value) in [
            ("operation", "answered"),
            ("model", "answered"),
            ("provider", "p"),
            ("id", "e1"),
            ("tenant_id", "acme"),
        ] {
            assert_eq!(event[field], value);
        }
        assert_eq!(event["metadata"]["outcome"], "error");
    }

    #[test]
    fn a_span_that_leaves_out_what_an_event_needs_gets_it() {
        let attributes: Attributes<'_> = [("gen_ai.usage.input_tokens", Reported::Integer(5))]
            .into_iter()
            .collect();
        let event = json(RecordedEvent::of_span(
            &settings(),
            GenAi::read(&Span::default(), &attributes),
        ));
        assert_eq!(
            (&event["operation"], &event["timestamp"]),
            (&"agent_task".into(), &"2026-11-22T12:00:00Z".into())
        );
        assert_eq!(event.get("id"), None);
        assert_eq!(event["tokens_in"], 5);
    }
}
