//! What operators set for tenants that name nothing of their own.

use crate::admin::card_ids;
use crate::json::{Errors, Node};
use crate::problem::Problem;
use tollgate_core::Name;

/// Reads `PUT /defaults`: the cards that price, the first first.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_defaults(body: &[u8]) -> Result<Vec<Name>, Problem> {
    let cards = Node::root(body).and_then(|node| {
        node.object(|object| {
            object.require("rate_cards");
            card_ids(object)
        })
    });
    cards.map_err(Errors::into_problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusals::refuses;

    #[test]
    fn defaults_name_at_least_one_card_and_none_twice() {
        let cards = parse_defaults(br#"{"rate_cards":["ai","default"]}"#).unwrap();
        assert_eq!(cards, ["ai", "default"].map(|id| Name::new(id).unwrap()));
        refuses(
            parse_defaults,
            &[
                (b"{}", 400, "/rate_cards"),
                (br#"{"rate_cards":null}"#, 400, "/rate_cards"),
                (br#"{"rate_cards":[]}"#, 400, "/rate_cards"),
                (br#"{"rate_cards":["a","a"]}"#, 422, "/rate_cards/1"),
                (
                    br#"{"rate_cards":["a"],"rate_card":"a"}"#,
                    400,
                    "/rate_card",
                ),
            ],
        );
    }
}
