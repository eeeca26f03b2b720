//! Events as clients send them, alone and in batches.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use tollgate_core::{Amount, Dimensions, Event, Instant, Name, Quantities};

/// The most events of one batch.
pub const BATCH_MAX: usize = 1000;
/// The longest latency, in milliseconds: some 115 days.
const LATENCY_MS_MAX: u64 = 10_000_000_000;
/// The highest cost override.
const OVERRIDE_MAX: u64 = 1_000_000_000_000_000;

/// Words that follow `/usage/`, `/events/` and the like in routes.
const RESERVED: &[&str] = &[
    "aggregate",
    "agents",
    "batch",
    "check",
    "close",
    "consumers",
    "export",
    "purge",
    "statement",
    "stats",
    "subscription",
    "summary",
    "tasks",
    "tree",
    "validate",
    "void",
];

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
    pub(crate) fn new(tenant: Option<Name>, id: Option<Name>, timestamp: Option<Instant>, event: Event) -> Self {
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

/// Whether `id` is a word of a route, so that no tenant can have it.
#[must_use]
pub fn is_reserved_tenant(id: &str) -> bool {
    RESERVED.contains(&id)
}

/// Reads one event.
///
/// # Errors
/// 400 `invalid_request` for a wrong shape, 422 `invalid_event` for a value
/// that breaks a rule, listing all that is wrong.
pub fn parse_event(body: &[u8]) -> Result<NewEvent, Problem> {
    let event = Node::root(body).and_then(|node| node.object(plain_event));
    event.map_err(Errors::into_problem)
}

/// Reads `{"events":[…]}` of 1 to [`BATCH_MAX`] events; each bad one fails
/// alone, with pointers such as `/events/3/units`.
///
/// # Errors
/// 400 `invalid_request` where the batch itself is misshapen.
pub fn parse_batch(body: &[u8]) -> Result<Vec<Result<NewEvent, Problem>>, Problem> {
    let nodes = events_of(body).map_err(Errors::into_problem)?;
    let event = |node: &Node<'_>| node.object(plain_event).map_err(Errors::into_problem);
    Ok(nodes.iter().map(event).collect())
}

/// The elements of `{"events":[…]}`.
pub(crate) fn events_of(body: &[u8]) -> Result<Vec<Node<'_>>, Errors> {
    Node::root(body)?.object(|object| {
        object.require("events");
        let events = object.take("events")?.elements(1, BATCH_MAX);
        object.keep(events)
    })
}

pub(crate) fn plain_event(object: &mut Object<'_>) -> Option<NewEvent> {
    object.require("operation");
    hinted_event(object, Hints::default())
}

/// An event that takes from `hints` what it does not say itself.
pub(crate) fn hinted_event(object: &mut Object<'_>, hints: Hints) -> Option<NewEvent> {
    let tenant = object.read("tenant_id", scalar::tenant);
    let id = object.read("id", scalar::name);
    let timestamp = object.read("timestamp", scalar::instant).or(hints.timestamp);
    let operation = object.read("operation", scalar::name).or(hints.operation);
    let dimensions = dimensions(object, hints.agent);
    let quantities = quantities(object);
    let task = object.read("task_id", scalar::name);
    let provider = object.read("provider", scalar::name);
    let latency_ms = object.read("latency_ms", scalar::decimal_to(LATENCY_MS_MAX));
    let compliance_score = object.read("compliance_score", scalar::decimal_to(1)).or(Amount::whole(1))?;
    let cost_override = object.read("cost_override", scalar::decimal_to(OVERRIDE_MAX));
    let metadata = object.read("metadata", scalar::metadata);
    let operation = operation?;
    let event = Event {
        // A stand-in: `into_event` sets id and timestamp.
        id: id.clone().unwrap_or_else(|| operation.clone()),
        timestamp: timestamp.unwrap_or(Instant::EPOCH),
        dimensions: Dimensions { operation, ..dimensions },
        quantities,
        task,
        provider,
        latency_ms,
        compliance_score,
        cost_override,
        metadata,
    };
    Some(NewEvent::new(tenant, id, timestamp, event))
}

/// All dimensions but the operation.
fn dimensions(object: &mut Object<'_>, agent: Option<Name>) -> Dimensions {
    Dimensions {
        tier: object.read("tier", scalar::name).unwrap_or_else(Name::standard),
        agent: object.read("agent_id", scalar::name).or(agent),
        consumer: object.read("consumer_id", scalar::name),
        session: object.read("session_id", scalar::name),
        tool_server: object.read("tool_server", scalar::name),
        tool_name: object.read("tool_name", scalar::name),
        model: object.read("model", scalar::name),
        ..Dimensions::of(Name::standard())
    }
}

fn quantities(object: &mut Object<'_>) -> Quantities {
    let mut of = |field: &str, default: u64| object.read(field, scalar::quantity).unwrap_or(default);
    let quantities = Quantities {
        units: of("units", 1),
        tokens_in: of("tokens_in", 0),
        tokens_out: of("tokens_out", 0),
        cached_tokens_in: of("cached_tokens_in", 0),
        tokens_processed: of("tokens_processed", 0),
        api_calls: of("api_calls", 0),
        duration_ms: of("duration_ms", 0),
        data_bytes: of("data_bytes", 0),
    };
    if quantities.cached_tokens_in > quantities.tokens_in {
        object.fault("cached_tokens_in", Fault::rule("is a part of tokens_in and must not exceed it"));
    }
    quantities
}
