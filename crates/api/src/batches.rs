//! Batches of events as clients send them.

use crate::event::{NewEvent, plain_event};
use crate::json::{Errors, Fault, Node, Object, below, canonical_or_raw, scalar};
use crate::problem::Problem;
use tollgate_core::Name;

/// The most events of one batch.
pub const BATCH_MAX: usize = 1000;

/// A batch as it was sent.
#[derive(Clone, PartialEq, Debug)]
pub enum NewBatch {
    /// Each event is judged on its own, by its id.
    Events(Vec<Result<NewEvent, Problem>>),
    /// The batch counts once, by this id.
    Sealed(Name, Vec<Result<NewEvent, BadElement>>),
}

/// An element of a sealed batch that is no event.
#[derive(Clone, PartialEq, Debug)]
pub struct BadElement {
    /// What is wrong with it.
    pub problem: Problem,
    /// Its canonical text, by which it is known again.
    pub text: String,
}

/// Reads `{"batch_id"?, "events":[…]}` of 1 to [`BATCH_MAX`] events; each bad one fails
/// alone, with pointers such as `/events/3/units`. The events of a sealed batch have no
/// id of their own.
///
/// # Errors
/// 400 `invalid_request` where the batch itself is misshapen.
pub fn parse_batch(body: &[u8]) -> Result<NewBatch, Problem> {
    let (id, nodes) = Node::root(body)
        .and_then(|node| node.object(batch))
        .map_err(Errors::into_problem)?;
    let event = |node: &Node<'_>| node.object(plain_event).map_err(Errors::into_event_problem);
    let Some(id) = id else {
        return Ok(NewBatch::Events(nodes.iter().map(event).collect()));
    };
    let mut named = Errors::default();
    let mut elements = Vec::with_capacity(nodes.len());
    for node in &nodes {
        let element = event(node).map_err(|problem| BadElement {
            problem,
            text: canonical_or_raw(node.raw),
        });
        if element.as_ref().is_ok_and(|event| event.id.is_some()) {
            let fault = Fault::shape("is made of the batch's id and the event's place");
            named.add(&below(&node.pointer, "id"), fault);
        }
        elements.push(element);
    }
    if named.is_empty() {
        Ok(NewBatch::Sealed(id, elements))
    } else {
        Err(named.into_event_problem())
    }
}

fn batch<'a>(object: &mut Object<'a>) -> Option<(Option<Name>, Vec<Node<'a>>)> {
    let id = object.read("batch_id", scalar::batch_id);
    object.require("events");
    let events = object.take("events")?.elements(1, BATCH_MAX);
    Some((id, object.keep(events)?))
}

/// The elements of `{"events":[…]}`.
pub(crate) fn events_of(body: &[u8]) -> Result<Vec<Node<'_>>, Errors> {
    Node::root(body)?.object(|object| {
        object.require("events");
        let events = object.take("events")?.elements(1, BATCH_MAX);
        object.keep(events)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::{refusal, refuses};

    fn events(body: &[u8]) -> Vec<Result<NewEvent, Problem>> {
        match parse_batch(body).unwrap() {
            NewBatch::Events(events) => events,
            NewBatch::Sealed(id, _) => panic!("{id} is sealed"),
        }
    }

    #[test]
    fn a_sealed_batch_has_an_id_and_its_events_have_none() {
        let body = br#"{"batch_id":"b-1","events":[{"operation":"x"},{ "units" : -1, "operation":"x"},5]}"#;
        let NewBatch::Sealed(id, elements) = parse_batch(body).unwrap() else {
            panic!("it is sealed");
        };
        assert_eq!((id.as_str(), elements.len()), ("b-1", 3));
        assert!(elements[0].is_ok());
        let bad = elements[1].as_ref().unwrap_err();
        assert_eq!(bad.text, r#"{"operation":"x","units":-1}"#);
        assert_eq!(bad.problem.errors[0].pointer, "/events/1/units");
        assert_eq!(elements[2].as_ref().unwrap_err().text, "5");
        let long = format!(
            r#"{{"batch_id":"{}","events":[{{"operation":"x"}}]}}"#,
            "b".repeat(121)
        );
        refuses(
            parse_batch,
            &[
                (
                    br#"{"batch_id":"b","events":[{"operation":"x","id":"e1"}]}"#,
                    400,
                    "/events/0/id",
                ),
                (
                    br#"{"batch_id":"b~1","events":[{"operation":"x"}]}"#,
                    422,
                    "/batch_id",
                ),
                (
                    br#"{"batch_id":"void-1","events":[{"operation":"x"}]}"#,
                    422,
                    "/batch_id",
                ),
                (
                    br#"{"batch_id":7,"events":[{"operation":"x"}]}"#,
                    400,
                    "/batch_id",
                ),
                (br#"{"batch_id":"b","events":[]}"#, 400, "/events"),
                (long.as_bytes(), 422, "/batch_id"),
            ],
        );
    }

    #[test]
    fn a_bad_event_of_a_batch_fails_alone() {
        let body = br#"{"events":[{"operation":"x"},{"operation":"x","units":-1},5,{"operation":"y","oops":1}]}"#;
        let mut events = events(body).into_iter();
        assert!(events.next().unwrap().is_ok());
        assert_eq!(
            refusal(events.next().unwrap()),
            (422, "/events/1/units".to_owned())
        );
        assert_eq!(
            refusal(events.next().unwrap()),
            (400, "/events/2".to_owned())
        );
        assert_eq!(
            refusal(events.next().unwrap()),
            (400, "/events/3/oops".to_owned())
        );
    }

    #[test]
    fn a_misshapen_batch_fails_as_a_whole() {
        let of = |count: usize| {
            format!(
                r#"{{"events":[{}]}}"#,
                vec![r#"{"operation":"x"}"#; count].join(",")
            )
        };
        assert_eq!(events(of(1000).as_bytes()).len(), 1000);
        let huge = format!(r#"{{"events":[{}0]}}"#, "0,".repeat(500_000));
        refuses(
            parse_batch,
            &[
                (of(1001).as_bytes(), 400, "/events"),
                (huge.as_bytes(), 400, "/events"),
                (br#"{"events":[]}"#, 400, "/events"),
                (br#"{"events":{}}"#, 400, "/events"),
                (br#"{}"#, 400, "/events"),
                (br#"{"events":[{"operation":"x"}],"mode":1}"#, 400, "/mode"),
                (br#"[{"operation":"x"}]"#, 400, ""),
            ],
        );
    }
}
