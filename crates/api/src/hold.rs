//! Holds as clients send them.

use crate::event::{Hints, NewEvent, hinted_event, plain_event};
use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::problem::Problem;
use serde_json::value::RawValue;
use tollgate_core::{Actual, Name};

/// The longest that a hold lives without being extended, in seconds: a day.
const TTL_SECONDS_MAX: u64 = 86_400;
const TTL_SECONDS: u32 = 600;

/// What `POST /holds` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewHold {
    /// Its id, where the client made one: beside the estimate or in it.
    pub id: Option<Name>,
    /// What is expected to be used.
    pub estimate: NewEvent,
    /// For how long it is held.
    pub ttl_seconds: u32,
    /// Whether it may be cut to the output tokens that the money left pays for.
    pub max_affordable: bool,
}

/// Reads `POST /holds`.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_hold(body: &[u8]) -> Result<NewHold, Problem> {
    let hold = Node::root(body).and_then(|node| node.object(hold));
    hold.map_err(|errors| errors.into_problem_within("/event"))
}

/// Reads `POST /holds/{hold_id}/capture`: the tenant, where the event names
/// one, and what was used.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_capture(body: &[u8]) -> Result<(Option<Name>, Actual), Problem> {
    let capture = Node::root(body).and_then(|node| node.object(capture));
    capture.map_err(|errors| errors.into_problem_within("/event"))
}

/// Reads `POST /holds/{hold_id}/extend`: the tenant, where the body names one,
/// and the seconds; an empty body is an empty object.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_extension(body: &[u8]) -> Result<(Option<Name>, u32), Problem> {
    let extension = Node::root(or_empty(body))
        .and_then(|node| node.object(|object| Some((tenant(object), ttl_seconds(object)))));
    extension.map_err(Errors::into_problem)
}

/// Reads `POST /holds/{hold_id}/release`: the tenant, where the body names one;
/// an empty body is an empty object.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_release(body: &[u8]) -> Result<Option<Name>, Problem> {
    let release =
        Node::root(or_empty(body)).and_then(|node| node.object(|object| Some(tenant(object))));
    release.map_err(Errors::into_problem)
}

fn tenant(object: &mut Object<'_>) -> Option<Name> {
    object.read("tenant_id", scalar::tenant)
}

/// An absent body as an empty object.
pub(crate) fn or_empty(body: &[u8]) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

fn hold(object: &mut Object<'_>) -> Option<NewHold> {
    let id = object.read("id", scalar::hold_id);
    let ttl_seconds = ttl_seconds(object);
    let max_affordable = object.read("max_affordable", scalar::flag).unwrap_or(false);
    object.require("event");
    let event = object.take("event")?.object(plain_event);
    let estimate = object.keep(event)?;
    let own = estimate.id.as_ref();
    if own.is_some_and(|own| {
        id.as_ref().is_some_and(|id| id != own) || Name::in_path(own.as_str()).is_err()
    }) {
        object.fault(
            "event",
            Fault::rule(
                "must have the hold's id or none: a capture books its event under the hold's id",
            ),
        );
    }
    let id = id.or_else(|| own.cloned());
    Some(NewHold {
        id,
        estimate,
        ttl_seconds,
        max_affordable,
    })
}

fn capture(object: &mut Object<'_>) -> Option<(Option<Name>, Actual)> {
    object.require("event");
    let event = object.take("event")?.object(actual);
    object.keep(event)
}

/// An event that says only what its hold does not.
fn actual(object: &mut Object<'_>) -> Option<(Option<Name>, Actual)> {
    let [operation, tier] = ["operation", "tier"].map(|field| object.has(field));
    let new = hinted_event(
        object,
        Hints {
            operation: Some(Name::standard()),
            ..Hints::default()
        },
    )?;
    let event = new.contents().clone();
    let at = &event.dimensions;
    let (operation, tier) = (
        operation.then(|| at.operation.clone()),
        tier.then(|| at.tier.clone()),
    );
    Some((
        new.tenant,
        Actual {
            id: new.id,
            timestamp: new.timestamp,
            operation,
            tier,
            event,
        },
    ))
}

fn ttl_seconds(object: &mut Object<'_>) -> u32 {
    let seconds = |raw: &RawValue| {
        let seconds = scalar::integer(1, TTL_SECONDS_MAX)(raw)?;
        u32::try_from(seconds).map_err(Fault::rule)
    };
    object.read("ttl_seconds", seconds).unwrap_or(TTL_SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refuses;

    #[test]
    fn a_hold_is_an_estimate_with_a_time_to_live_of_ten_minutes_unless_it_says() {
        let hold = parse_hold(br#"{"event":{"operation":"x","tokens_in":5}}"#).unwrap();
        assert_eq!(
            (hold.id, hold.ttl_seconds, hold.max_affordable),
            (None, 600, false)
        );
        let hold = parse_hold(br#"{"id":"h1","event":{"operation":"x","id":"h1"},"ttl_seconds":1,"max_affordable":true}"#).unwrap();
        assert_eq!(
            (
                hold.id.unwrap().as_str(),
                hold.ttl_seconds,
                hold.max_affordable
            ),
            ("h1", 1, true)
        );
        let hold = parse_hold(br#"{"event":{"operation":"x","id":"e1"}}"#).unwrap();
        assert_eq!(hold.id.unwrap().as_str(), "e1");
    }

    #[test]
    fn a_bad_hold_names_what_is_wrong() {
        refuses(
            parse_hold,
            &[
                (b"", 400, ""),
                (b"{}", 400, "/event"),
                (br#"{"event":5}"#, 400, "/event"),
                (br#"{"event":{}}"#, 400, "/event/operation"),
                (
                    br#"{"event":{"operation":"x"},"ttl_seconds":0}"#,
                    422,
                    "/ttl_seconds",
                ),
                (
                    br#"{"event":{"operation":"x"},"ttl_seconds":86401}"#,
                    422,
                    "/ttl_seconds",
                ),
                (
                    br#"{"event":{"operation":"x"},"ttl_seconds":"600"}"#,
                    400,
                    "/ttl_seconds",
                ),
                (
                    br#"{"event":{"operation":"x"},"ttl_seconds":1.5}"#,
                    400,
                    "/ttl_seconds",
                ),
                (
                    br#"{"event":{"operation":"x"},"max_affordable":1}"#,
                    400,
                    "/max_affordable",
                ),
                (br#"{"id":"a/b","event":{"operation":"x"}}"#, 422, "/id"),
                (br#"{"id":"void-1","event":{"operation":"x"}}"#, 422, "/id"),
                (
                    br#"{"event":{"operation":"x","id":"void-1"}}"#,
                    422,
                    "/event/id",
                ),
                (
                    br#"{"id":"a","event":{"operation":"x","id":"b"}}"#,
                    422,
                    "/event",
                ),
                (br#"{"event":{"operation":"x","id":"a/b"}}"#, 422, "/event"),
                (
                    br#"{"event":{"operation":"x","units":-1},"oops":1}"#,
                    400,
                    "/event/units /oops",
                ),
            ],
        );
    }

    #[test]
    fn a_bad_extension_or_release_names_what_is_wrong_and_an_empty_one_is_taken() {
        refuses(
            parse_extension,
            &[
                (br#"{"ttl_seconds":0}"#, 422, "/ttl_seconds"),
                (b"[]", 400, ""),
                (br#"{"x":1}"#, 400, "/x"),
            ],
        );
        refuses(
            parse_release,
            &[
                (b"x", 400, ""),
                (br#"{"x":1}"#, 400, "/x"),
                (br#"{"tenant_id":"a/b"}"#, 422, "/tenant_id"),
            ],
        );
        assert_eq!(
            (parse_extension(b"").unwrap(), parse_release(b"").unwrap()),
            ((None, 600), None)
        );
    }

    #[test]
    fn a_capture_says_only_what_its_hold_does_not() {
        let (tenant, actual) = parse_capture(br#"{"event":{"tokens_out":7}}"#).unwrap();
        assert_eq!(
            (
                tenant,
                actual.id,
                actual.timestamp,
                actual.operation,
                actual.tier
            ),
            (None, None, None, None, None)
        );
        assert_eq!(actual.event.quantities.tokens_out, 7);
        let (_, actual) =
            parse_capture(br#"{"event":{"operation":"standard","tier":"standard"}}"#).unwrap();
        assert!(actual.operation.is_some() && actual.tier.is_some());
        refuses(
            parse_capture,
            &[
                (b"{}", 400, "/event"),
                (br#"{"event":{"id":"void-1"}}"#, 422, "/event/id"),
                (
                    br#"{"event":{"tokens_out":-1,"oops":1}}"#,
                    400,
                    "/event/tokens_out /event/oops",
                ),
            ],
        );
    }
}
