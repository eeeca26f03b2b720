//! The ASAP form of usage: flat records of tasks.

use crate::batches::events_of;
use crate::digest::derived_id;
use crate::event::{NewEvent, plain_event};
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
    let events = events_of(body)
        .and_then(|nodes| Errors::gather(nodes.iter().map(|node| node.object(asap_event))));
    events.map_err(Errors::into_invalid_request)
}

/// Reads either form: a body with `operation` is an event, any other a record.
///
/// # Errors
/// As [`crate::parse_event`] or [`parse_asap`].
pub fn parse_either(body: &[u8]) -> Result<NewEvent, Problem> {
    let node = Node::root(body).map_err(Errors::into_event_problem)?;
    let mut is_event = false;
    let event = node.object(|object| {
        is_event = object.has("operation");
        if is_event {
            plain_event(object)
        } else {
            asap_event(object)
        }
    });
    event.map_err(|errors| {
        if is_event {
            errors.into_event_problem()
        } else {
            errors.into_invalid_request()
        }
    })
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
    let content = format!(
        "asap-1\n{task}\n{agent}\n{consumer}\n{tokens_in}\n{tokens_out}\n{duration_ms}\n{api_calls}\n{timestamp}\n"
    );
    derived_id("asap-", content.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refuses;

    fn record(tokens_in: u64, timestamp: &str) -> String {
        format!(
            r#"{{"task_id":"t1","agent_id":"a1","consumer_id":"c1","tokens_in":{tokens_in},"timestamp":"{timestamp}"}}"#
        )
    }

    fn id(body: &str) -> Name {
        parse_asap(body.as_bytes()).unwrap().id.unwrap()
    }

    #[test]
    fn a_repeated_body_is_the_same_event_and_another_step_is_not() {
        let first = id(&record(5, "2026-11-22T10:00:00Z"));
        assert!(
            first.as_str().starts_with("asap-") && first.as_str().len() == 37,
            "{first}"
        );
        assert_eq!(first, id(&record(5, "2026-11-22T11:00:00.000+01:00")));
        assert_ne!(first, id(&record(6, "2026-11-22T10:00:00Z")));
        assert_ne!(first, id(&record(5, "2026-11-22T10:00:01Z")));
    }

    #[test]
    fn a_record_is_an_event_of_the_operation_agent_task() {
        let new = parse_asap(record(5, "2026-11-22T10:00:00Z").as_bytes()).unwrap();
        let event = new.contents();
        assert_eq!(event.dimensions.operation.as_str(), "agent_task");
        assert_eq!(event.dimensions.consumer.as_ref().unwrap().as_str(), "c1");
        assert_eq!((event.quantities.units, event.quantities.tokens_in), (1, 5));
    }

    #[test]
    fn whatever_is_wrong_is_400() {
        refuses(
            parse_asap,
            &[
                (b"{}", 400, "/task_id /agent_id /consumer_id /timestamp"),
                (record(5, "2026-11-22T10:00:00").as_bytes(), 400, "/timestamp"),
                (
                    record(9_007_199_254_740_992, "2026-11-22T10:00:00Z").as_bytes(),
                    400,
                    "/tokens_in",
                ),
                (br#"{"task_id":"a|b","agent_id":"a","consumer_id":"c","timestamp":"2026-11-22T10:00:00Z"}"#, 400, "/task_id"),
                (
                    br#"{"task_id":"t","agent_id":"a","consumer_id":"c","timestamp":"2026-11-22T10:00:00Z","api_calls":-1}"#,
                    400,
                    "/api_calls",
                ),
                (br#"{"task_id":"t","agent_id":"a","consumer_id":"c","timestamp":"2026-11-22T10:00:00Z","metrics":{}}"#, 400, "/metrics"),
            ],
        );
    }

    #[test]
    fn a_batch_is_taken_whole_or_not_at_all() {
        let good = record(5, "2026-11-22T10:00:00Z");
        assert_eq!(
            parse_asap_batch(format!(r#"{{"events":[{good},{good}]}}"#).as_bytes())
                .unwrap()
                .len(),
            2
        );
        let bad = record(5, "noon");
        refuses(
            parse_asap_batch,
            &[
                (
                    format!(r#"{{"events":[{good},{bad},3]}}"#).as_bytes(),
                    400,
                    "/events/1/timestamp /events/2",
                ),
                (br#"{"events":[]}"#, 400, "/events"),
                (b"[]", 400, ""),
            ],
        );
    }

    #[test]
    fn either_form_is_told_by_its_operation() {
        let either = |body: &str| {
            parse_either(body.as_bytes()).map(|new| new.contents().dimensions.operation.to_string())
        };
        assert_eq!(either(r#"{"operation":"x"}"#).unwrap(), "x");
        assert_eq!(
            either(&record(5, "2026-11-22T10:00:00Z")).unwrap(),
            "agent_task"
        );
        refuses(
            parse_either,
            &[
                (br#"{"operation":"x","units":-1}"#, 422, "/units"),
                (
                    br#"{"task_id":"t"}"#,
                    400,
                    "/agent_id /consumer_id /timestamp",
                ),
                (b"[]", 400, ""),
                (b"{", 400, ""),
            ],
        );
    }
}
