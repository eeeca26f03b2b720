//! The ASAP form of usage: flat records of tasks.

use crate::digest::derived_id;
use crate::event::{NewEvent, events_of, plain_event};
use crate::json::{Errors, Node, Object, scalar};
use crate::problem::Problem;
use tollgate_core::{Event, Instant, Name, Quantities};

/// The operation of every event in this form.
const OPERATION: &str = "agent_task";

/// Reads one record of usage. Its id is derived from all of it, so a repeated
/// body is the same event, and another step of the same task is another.
///
/// # Errors
/// 400 `invalid_request` for whatever is wrong, listing all of it.
pub fn parse_asap(body: &[u8]) -> Result<NewEvent, Problem> {
    let event = Node::root(body).and_then(|node| node.object(asap_event));
    event.map_err(Errors::into_invalid_request)
}

/// Reads `{"events":[…]}` of 1 to 1000 records: all of them, or none.
///
/// # Errors
/// 400 `invalid_request` for whatever is wrong, listing all of it.
pub fn parse_asap_batch(body: &[u8]) -> Result<Vec<NewEvent>, Problem> {
    let events = events_of(body).and_then(|nodes| Errors::gather(nodes.iter().map(|node| node.object(asap_event))));
    events.map_err(Errors::into_invalid_request)
}

/// Reads either form: a body with `operation` is an event, any other a record.
///
/// # Errors
/// As [`crate::parse_event`] or [`parse_asap`].
pub fn parse_either(body: &[u8]) -> Result<NewEvent, Problem> {
    let has_operation = |node: &Node<'_>| node.entries().is_ok_and(|fields| fields.iter().any(|(key, _)| key == "operation"));
    let node = Node::root(body).map_err(Errors::into_problem)?;
    if has_operation(&node) {
        node.object(plain_event).map_err(Errors::into_problem)
    } else {
        node.object(asap_event).map_err(Errors::into_invalid_request)
    }
}

fn asap_event(object: &mut Object<'_>) -> Option<NewEvent> {
    let tenant = object.read("tenant_id", scalar::tenant);
    let task = object.need("task_id", scalar::name);
    let agent = object.need("agent_id", scalar::name);
    let consumer = object.need("consumer_id", scalar::name);
    let timestamp = object.need("timestamp", scalar::instant);
    let quantities = quantities(object);
    let names = [task?, agent?, consumer?];
    let timestamp = timestamp?;
    let id = record_id(&names, &quantities, timestamp)?;
    let mut event = Event::new(id.clone(), timestamp, Name::new(OPERATION).ok()?);
    let [task, agent, consumer] = names;
    event.task = Some(task);
    event.dimensions.agent = Some(agent);
    event.dimensions.consumer = Some(consumer);
    event.quantities = quantities;
    Some(NewEvent::new(tenant, Some(id), Some(timestamp), event))
}

fn quantities(object: &mut Object<'_>) -> Quantities {
    let mut of = |field: &str| object.read(field, scalar::quantity).unwrap_or(0);
    Quantities {
        tokens_in: of("tokens_in"),
        tokens_out: of("tokens_out"),
        duration_ms: of("duration_ms"),
        api_calls: of("api_calls"),
        ..Quantities::default()
    }
}

/// Names cannot hold a line feed, so the lines are injective.
fn record_id(names: &[Name; 3], used: &Quantities, timestamp: Instant) -> Option<Name> {
    let [task, agent, consumer] = names;
    let Quantities {
        tokens_in,
        tokens_out,
        duration_ms,
        api_calls,
        ..
    } = used;
    let content = format!("asap-1\n{task}\n{agent}\n{consumer}\n{tokens_in}\n{tokens_out}\n{duration_ms}\n{api_calls}\n{timestamp}\n");
    derived_id("asap-", content.as_bytes())
}
