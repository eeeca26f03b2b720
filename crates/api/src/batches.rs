//! Batches of events as clients send them.

use crate::event::{NewEvent, plain_event};
use crate::json::{Errors, Node};
use crate::problem::Problem;

/// The most events of one batch.
pub const BATCH_MAX: usize = 1000;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::{refusal, refuses};

    #[test]
    fn a_bad_event_of_a_batch_fails_alone() {
        let body = br#"{"events":[{"operation":"x"},{"operation":"x","units":-1},5,{"operation":"y","oops":1}]}"#;
        let mut events = parse_batch(body).unwrap().into_iter();
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
        assert_eq!(parse_batch(of(1000).as_bytes()).unwrap().len(), 1000);
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
