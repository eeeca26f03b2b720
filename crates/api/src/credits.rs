//! Credit as operators grant it, and in answers.

use crate::json::{Errors, Node, Object, scalar};
use crate::problem::Problem;
use tollgate_core::{Amount, GrantOrder};

/// The priority of grants that name none.
const PRIORITY: u64 = 100;
const PRIORITY_MAX: u64 = 1_000_000;

/// Reads `POST /credits/{tenant_id}`.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_grant(body: &[u8]) -> Result<GrantOrder, Problem> {
    let grant = Node::root(body).and_then(|node| node.object(grant));
    grant.map_err(Errors::into_problem)
}

fn grant(object: &mut Object<'_>) -> Option<GrantOrder> {
    let id = object.need("id", scalar::path_name);
    let granted = object.need("amount", scalar::decimal);
    object.forbid(
        granted == Some(Amount::ZERO),
        "amount",
        "must be more than 0",
    );
    let currency = object.need("currency", scalar::currency);
    let priority = object
        .read("priority", scalar::integer(0, PRIORITY_MAX))
        .unwrap_or(PRIORITY);
    let expires_at = object.read("expires_at", scalar::instant);
    Some(GrantOrder {
        id: id?,
        amount: granted?,
        currency: currency?,
        priority: u32::try_from(priority).ok()?,
        expires_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refusal;

    #[test]
    fn a_bad_grant_is_refused_by_field() {
        for (body, status, pointers) in [
            ("{}", 400, "/id /amount /currency"),
            (r#"{"id":"a/b","amount":1,"currency":"USD"}"#, 422, "/id"),
            (r#"{"id":"g","amount":0,"currency":"USD"}"#, 422, "/amount"),
            (r#"{"id":"g","amount":-1,"currency":"USD"}"#, 422, "/amount"),
            (
                r#"{"id":"g","amount":"NaN","currency":"USD"}"#,
                422,
                "/amount",
            ),
            (
                r#"{"id":"g","amount":1,"currency":"usd"}"#,
                422,
                "/currency",
            ),
            (
                r#"{"id":"g","amount":1,"currency":"USD","priority":-1}"#,
                422,
                "/priority",
            ),
            (
                r#"{"id":"g","amount":1,"currency":"USD","note":"x"}"#,
                400,
                "/note",
            ),
        ] {
            assert_eq!(
                refusal(parse_grant(body.as_bytes())),
                (status, pointers.to_owned()),
                "{body}"
            );
        }
    }
}
