//! Events as clients send them.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use tollgate_core::{Amount, Component, Event, Instant, Label, Name, Quantities};

/// The longest latency, in milliseconds: some 115 days.
const LATENCY_MS_MAX: u64 = 10_000_000_000;
/// The highest cost override.
const OVERRIDE_MAX: u64 = 1_000_000_000_000_000;

/// An event as it was sent: perhaps without id or timestamp.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEvent {
    /// Whose it is, where the event says so.
    pub tenant: Option<Name>,
    /// Its id, where the client made one.
    pub id: Option<Name>,
    /// When it happened, where the client says so.
    pub timestamp: Option<Instant>,
    event: Event,
}

/// What an envelope says of an event that does not say it itself.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    pub(crate) operation: Option<Name>,
    pub(crate) agent: Option<Name>,
    pub(crate) timestamp: Option<Instant>,
}

impl NewEvent {
    pub(crate) fn new(
        tenant: Option<Name>,
        id: Option<Name>,
        timestamp: Option<Instant>,
        event: Event,
    ) -> Self {
        Self {
            tenant,
            id,
            timestamp,
            event,
        }
    }

    /// What was used; its `id` and `timestamp` are settled by
    /// [`NewEvent::into_event`] only.
    #[must_use]
    pub fn contents(&self) -> &Event {
        &self.event
    }

    /// The event, under `id`, at its timestamp or else `now`.
    #[must_use]
    pub fn into_event(self, id: Name, now: Instant) -> Event {
        let timestamp = self.timestamp.unwrap_or(now);
        Event {
            id,
            timestamp,
            ..self.event
        }
    }
}

/// Reads one event.
///
/// # Errors
/// 400 `invalid_request` for a wrong shape, 422 `invalid_event` for a value
/// that breaks a rule, listing all that is wrong.
pub fn parse_event(body: &[u8]) -> Result<NewEvent, Problem> {
    let event = Node::root(body).and_then(|node| node.object(plain_event));
    event.map_err(Errors::into_event_problem)
}

/// An event that says all itself.
pub(crate) fn plain_event(object: &mut Object<'_>) -> Option<NewEvent> {
    object.require("operation");
    hinted_event(object, Hints::default())
}

/// An event that takes from `hints` what it does not say itself.
pub(crate) fn hinted_event(object: &mut Object<'_>, hints: Hints) -> Option<NewEvent> {
    let tenant = object.read("tenant_id", scalar::tenant);
    let id = object.read("id", scalar::event_id);
    let timestamp = object
        .read("timestamp", scalar::instant)
        .or(hints.timestamp);
    let operation = object.read("operation", scalar::name).or(hints.operation);
    let tier = object.read("tier", scalar::name);
    let labels = Label::ALL.map(|label| object.read(label.field(), scalar::name));
    let quantities = quantities(object);
    let latency_ms = object.read("latency_ms", scalar::measured_to(LATENCY_MS_MAX));
    let compliance_score = object
        .read("compliance_score", scalar::measured_to(1))
        .or(Amount::whole(1))?;
    let cost_override = object.read("cost_override", scalar::decimal_to(OVERRIDE_MAX));
    let metadata = object.read("metadata", scalar::metadata);
    let operation = operation?;
    // A stand-in: `into_event` sets id and timestamp.
    let own = id.clone().unwrap_or_else(|| operation.clone());
    let mut event = Event::new(own, timestamp.unwrap_or(Instant::EPOCH), operation);
    for (label, name) in Label::ALL.into_iter().zip(labels) {
        *event.label_mut(label) = name;
    }
    let d = &mut event.dimensions;
    d.agent = d.agent.take().or(hints.agent);
    d.tier = tier.unwrap_or_else(Name::standard);
    let event = Event {
        quantities,
        latency_ms,
        compliance_score,
        cost_override,
        metadata,
        ..event
    };
    Some(NewEvent::new(tenant, id, timestamp, event))
}

fn quantities(object: &mut Object<'_>) -> Quantities {
    let mut table = Quantities::default().to_table();
    for (component, quantity) in Component::ALL.into_iter().zip(&mut table.0) {
        let given = object.read(component.quantity(), scalar::quantity);
        *quantity = given.unwrap_or(*quantity);
    }
    let quantities = Quantities::from_table(table);
    if let Some(whole) = quantities.overfull() {
        let whole = whole.quantity();
        let message = format!("is less than its parts add up to, each of which is in {whole} once");
        object.fault(whole, Fault::Rule(message));
    }
    quantities
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
