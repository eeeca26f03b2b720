//! Taking events back: what is asked, and the answer.

use crate::hold::or_empty;
use crate::json::{Errors, Node, Object, scalar};
use crate::problem::Problem;
use tollgate_core::Name;

/// The longest reason, in characters.
const REASON_MAX: usize = 128;

/// What `POST /events/{event_id}/void` says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewVoid {
    /// Whose event it is, where the body says so.
    pub tenant: Option<Name>,
    /// Why, for the audit trail.
    pub reason: Option<String>,
}

/// Reads `POST /events/{event_id}/void`; an empty body is an empty object.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_void(body: &[u8]) -> Result<NewVoid, Problem> {
    let void = Node::root(or_empty(body)).and_then(|node| node.object(|object| Some(void(object))));
    void.map_err(Errors::into_problem)
}

fn void(object: &mut Object<'_>) -> NewVoid {
    NewVoid {
        tenant: object.read("tenant_id", scalar::tenant),
        reason: object.read("reason", scalar::line(REASON_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refuses;

    #[test]
    fn a_body_may_say_whose_and_why_or_be_absent() {
        assert_eq!(parse_void(b"").unwrap(), NewVoid::default());
        let void = parse_void(br#"{"tenant_id":"acme","reason":"sent twice"}"#).unwrap();
        assert_eq!(
            (void.tenant.unwrap().as_str(), void.reason.unwrap().as_str()),
            ("acme", "sent twice")
        );
        let long = format!(r#"{{"reason":"{}"}}"#, "x".repeat(129));
        refuses(
            parse_void,
            &[
                (b"x", 400, ""),
                (br#"{"id":"e1"}"#, 400, "/id"),
                (br#"{"tenant_id":"a/b"}"#, 422, "/tenant_id"),
                (br#"{"reason":""}"#, 422, "/reason"),
                (br#"{"reason":"a\nb"}"#, 422, "/reason"),
                (br#"{"reason":5}"#, 400, "/reason"),
                (long.as_bytes(), 422, "/reason"),
            ],
        );
    }
}
