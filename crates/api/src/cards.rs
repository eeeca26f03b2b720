//! Rate cards as operators send them.

use crate::json::{Errors, Fault, Node, Object, scalar};
use crate::prices::{factor, named, operation};
use crate::problem::Problem;
use std::collections::{BTreeMap, BTreeSet};
use tollgate_core::{Card, Currency, Factor, Instant, Name, Operation, Source, Unpriced};

/// The most versions that one takes the place of.
const REPLACES_MAX: usize = 100;

/// A rate card as it was sent: to become the next version of its card.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCard {
    /// The card.
    pub id: Name,
    /// The currency of all of its prices.
    pub currency: Currency,
    /// The first instant that it prices; absent = all of time for a first version, from receipt on
    /// for a later one.
    pub effective_from: Option<Instant>,
    /// Price factors by tier.
    pub tiers: BTreeMap<Name, Factor>,
    /// What becomes of an operation that it does not name.
    pub unpriced: Unpriced,
    /// Prices by operation.
    pub operations: BTreeMap<Name, Operation>,
    /// The versions that it takes the place of.
    pub replaces: BTreeSet<u32>,
    /// The price map that it was made from.
    pub source: Option<Source>,
}

impl NewCard {
    /// The card as `version`, at `sequence` among all versions of all cards.
    #[must_use]
    pub fn into_card(self, version: u32, sequence: u64, now: Instant) -> Card {
        Card {
            id: self.id,
            version,
            sequence,
            currency: self.currency,
            effective_from: self.effective_from.unwrap_or(now),
            tiers: self.tiers,
            unpriced: self.unpriced,
            operations: self.operations,
            replaced: self.replaces,
            source: self.source,
        }
    }
}

/// Reads `PUT /rate-cards/{id}`; an `id` in the body must be the same.
///
/// # Errors
/// As [`crate::parse_event`].
pub fn parse_card(id_in_path: &str, body: &[u8]) -> Result<NewCard, Problem> {
    let id = Name::in_path(id_in_path)
        .map_err(|error| Problem::invalid_value("/id", error.to_string()))?;
    let card = Node::root(body).and_then(|node| node.object(|object| card(object, id)));
    card.map_err(Errors::into_problem)
}

fn card(object: &mut Object<'_>, id: Name) -> Option<NewCard> {
    let other = object
        .read("id", scalar::path_name)
        .is_some_and(|given| given != id);
    object.forbid(other, "id", "must be the id in the path");
    let currency = object.need("currency", scalar::currency);
    let effective_from = object.read("effective_from", scalar::instant);
    let unpriced = object
        .read("unpriced", scalar::one_of(&Unpriced::ALL))
        .unwrap_or(Unpriced::Reject);
    let tiers = object
        .take("tiers")
        .map_or_else(|| Ok(standard_tier()), |node| tiers(&node));
    let tiers = object.keep(tiers);
    object.require("operations");
    let operations = object
        .take("operations")
        .map(|node| named(&node, |node| node.object(operation)));
    let operations = operations.and_then(|operations| object.keep(operations));
    let replaces = object.take("replaces").map(|node| replaces(&node));
    let source = object.take("source").map(|node| node.object(source));
    Some(NewCard {
        replaces: replaces
            .and_then(|replaces| object.keep(replaces))
            .unwrap_or_default(),
        source: source.and_then(|source| object.keep(source)),
        id,
        currency: currency?,
        effective_from,
        tiers: tiers?,
        unpriced,
        operations: operations?,
    })
}

fn standard_tier() -> BTreeMap<Name, Factor> {
    BTreeMap::from([(Name::standard(), Factor::ONE)])
}

fn tiers(node: &Node<'_>) -> Result<BTreeMap<Name, Factor>, Errors> {
    let tiers = named(node, factor)?;
    if tiers.is_empty() {
        return Err(node.fault(Fault::rule("must name at least one tier")));
    }
    Ok(tiers)
}

/// The version numbers that a new version takes the place of.
fn replaces(node: &Node<'_>) -> Result<BTreeSet<u32>, Errors> {
    let nodes = node.elements(1, REPLACES_MAX)?;
    let version = |node: &Node<'_>| {
        let version = node.scalar(scalar::integer(1, u32::MAX.into()))?;
        u32::try_from(version).map_err(|error| node.fault(Fault::rule(error)))
    };
    Errors::gather(nodes.iter().map(version)).map(BTreeSet::from_iter)
}

fn source(object: &mut Object<'_>) -> Option<Source> {
    let map = object.need("map", scalar::id);
    let digest = object.need("digest", scalar::id);
    Some(Source {
        map: map?,
        digest: digest?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::card::RateCardVersion;
    use crate::refusals::{refusal, refuses};
    use serde_json::{Value, json};

    fn shown_card(card: &Card) -> Value {
        serde_json::to_value(RateCardVersion::new(card, Some(2)).changeable()).unwrap()
    }

    fn of(body: &[u8]) -> Result<NewCard, Problem> {
        parse_card("c1", body)
    }

    fn operations(json: &str) -> Result<NewCard, Problem> {
        of(format!(r#"{{"currency":"USD","operations":{json}}}"#).as_bytes())
    }

    #[test]
    fn a_card_is_shown_as_it_was_put() {
        let body = json!({"currency":"EUR","tiers":{"enhanced":"1.5","standard":"1"},
            "unpriced":"free","operations":{
                "claude":{"token_in":{"amount":"3","per":1_000_000},
                    "cache_write_1h_token_in":{"amount":"6","per":1_000_000},
                    "over":[{"tokens_in":200_000,"token_in":{"amount":"6","per":1_000_000}},
                        {"tokens_in":500_000,"inclusive":true,"token_out":"0.1"}],
                    "tiers":{"batch":"0.5","priority":{"token_in":"0.1",
                        "over":[{"tokens_in":9,"token_in":"0.2"}]}}},
                "gpt-4o":{"token_in":{"amount":"2.5","per":1_000_000},"token_out":"0.00001"},
                "fax":{"packages":{"size":1000,"price":"2"},"minimum":"50"},
                "resale":{"percentage":"0.03"},
                "validation":{"unit":"0.001",
                    "volume_discounts":[{"from":0,"discount":"0.05"},
                        {"from":100_000,"discount":"0.1"}],
                    "discount_mode":"volume"}}});
        let card = of(body.to_string().as_bytes()).unwrap();
        assert_eq!(shown_card(&card.into_card(3, 7, Instant::EPOCH)), body);
        let digest = "d".repeat(64);
        let more = json!({"id":"c1","currency":"EUR","effective_from":"2026-01-01T00:00:00Z",
            "replaces":[2],"source":{"map":"litellm","digest":digest},"operations":{}});
        let card = of(more.to_string().as_bytes()).unwrap();
        let card = card.into_card(3, 7, Instant::EPOCH);
        let shown = serde_json::to_value(RateCardVersion::new(&card, None)).unwrap();
        let expected = json!({"id":"c1","version":3,"in_force":null,"currency":"EUR",
            "effective_from":"2026-01-01T00:00:00Z","tiers":{"standard":"1"},"unpriced":"reject",
            "operations":{},"replaced":[2],"source":{"map":"litellm","digest":digest}});
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_a_card_leaves_out_is_a_default() {
        let card = operations(r#"{"x":{"unit":3.7e-11}}"#)
            .unwrap()
            .into_card(1, 1, Instant::EPOCH);
        assert_eq!(shown_card(&card)["tiers"], json!({"standard":"1"}));
        assert_eq!(shown_card(&card)["unpriced"], json!("reject"));
        assert_eq!(
            shown_card(&card)["operations"]["x"],
            json!({"unit":"0.000000000037"})
        );
        assert_eq!(card.effective_from, Instant::EPOCH);
        assert_eq!(shown_card(&card).get("discount_mode"), None::<&Value>);
    }

    #[test]
    fn a_bad_card_is_refused_by_field() {
        refuses(
            of,
            &[
                (b"{}", 400, "/currency /operations"),
                (
                    br#"{"id":"c2","currency":"USD","operations":{}}"#,
                    422,
                    "/id",
                ),
                (br#"{"currency":"EURO","operations":{}}"#, 422, "/currency"),
                (br#"{"currency":"USD","operations":[]}"#, 400, "/operations"),
                (
                    br#"{"currency":"USD","operations":{},"tiers":{}}"#,
                    422,
                    "/tiers",
                ),
                (
                    br#"{"currency":"USD","operations":{},"tiers":{"vip":1.0001}}"#,
                    422,
                    "/tiers/vip",
                ),
                (
                    br#"{"currency":"USD","operations":{},"tiers":{"vip":-1}}"#,
                    422,
                    "/tiers/vip",
                ),
                (
                    br#"{"currency":"USD","operations":{},"tiers":{"vip":1000001}}"#,
                    422,
                    "/tiers/vip",
                ),
                (
                    br#"{"currency":"USD","operations":{},"tiers":{"a|b":1}}"#,
                    422,
                    "/tiers/a|b",
                ),
                (
                    br#"{"currency":"USD","operations":{},"tiers":{"a":1,"a":2}}"#,
                    400,
                    "/tiers/a",
                ),
                (
                    br#"{"currency":"USD","operations":{},"unpriced":"maybe"}"#,
                    422,
                    "/unpriced",
                ),
                (
                    br#"{"currency":"USD","operations":{},"effective_from":"2026-01-01"}"#,
                    422,
                    "/effective_from",
                ),
                (
                    br#"{"currency":"USD","operations":{},"version":2}"#,
                    400,
                    "/version",
                ),
            ],
        );
        assert_eq!(refusal(parse_card("a/b", b"{}")), (422, "/id".to_owned()));
    }

    #[test]
    fn a_bad_class_of_prices_is_refused_by_field() {
        for (json, status, pointers) in [
            (r#"{"x":{"over":{}}}"#, 400, "/x/over"),
            (r#"{"x":{"over":[{}]}}"#, 400, "/x/over/0/tokens_in"),
            (
                r#"{"x":{"over":[{"tokens_in":9},{"tokens_in":9}]}}"#,
                422,
                "/x/over/1/tokens_in",
            ),
            // Greater than 9 is 10 or more.
            (
                r#"{"x":{"over":[{"tokens_in":9},{"tokens_in":10,"inclusive":true}]}}"#,
                422,
                "/x/over/1/tokens_in",
            ),
            (
                r#"{"x":{"over":[{"tokens_in":9,"tokens_out":1}]}}"#,
                400,
                "/x/over/0/tokens_out",
            ),
            (r#"{"x":{"tiers":{"batch":-1}}}"#, 422, "/x/tiers/batch"),
            (r#"{"x":{"tiers":{"a|b":1}}}"#, 422, "/x/tiers/a|b"),
            (r#"{"x":{"tiers":{"p":{}}}}"#, 422, "/x/tiers/p"),
            (
                r#"{"x":{"tiers":{"p":{"unit":1,"tiers":{}}}}}"#,
                400,
                "/x/tiers/p/tiers",
            ),
            (
                r#"{"x":{"packages":{"size":0,"price":1}}}"#,
                422,
                "/x/packages/size",
            ),
            (
                r#"{"x":{"packages":{"size":9,"price":1},"unit":1}}"#,
                422,
                "/x/packages",
            ),
            (
                r#"{"x":{"packages":{"size":9,"price":1},"volume_discounts":[{"from":1,"discount":1}]}}"#,
                422,
                "/x/packages",
            ),
            (r#"{"x":{"percentage":"0.0000001"}}"#, 422, "/x/percentage"),
            (r#"{"x":{"minimum":-1}}"#, 422, "/x/minimum"),
        ] {
            assert_eq!(
                refusal(operations(json)),
                (status, format!("/operations{pointers}")),
                "{json}"
            );
        }
    }

    #[test]
    fn a_bad_price_is_refused_by_field() {
        for (json, status, pointers) in [
            (r#"{"x":5}"#, 400, "/x"),
            (r#"{"a|b":{}}"#, 422, "/a|b"),
            (r#"{"x":{"token":1}}"#, 400, "/x/token"),
            (r#"{"x":{"unit":-0.1}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":"NaN"}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":1e-16}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":"0.0000000000000015"}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":1000000000001}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":true}}"#, 400, "/x/unit"),
            (r#"{"x":{"unit":{"amount":1}}}"#, 400, "/x/unit/per"),
            (r#"{"x":{"unit":{"amount":1,"per":0}}}"#, 422, "/x/unit/per"),
            (
                r#"{"x":{"unit":{"amount":1,"per":9007199254740992}}}"#,
                422,
                "/x/unit/per",
            ),
            (
                r#"{"x":{"unit":{"amount":1,"per":1.5}}}"#,
                400,
                "/x/unit/per",
            ),
            (
                r#"{"x":{"unit":1,"discount_mode":"all"}}"#,
                422,
                "/x/discount_mode",
            ),
            (
                r#"{"x":{"volume_discounts":[{"from":1,"discount":1.1}]}}"#,
                422,
                "/x/volume_discounts/0/discount",
            ),
            (
                r#"{"x":{"volume_discounts":[{"from":1,"discount":0},{"from":1,"discount":1}]}}"#,
                422,
                "/x/volume_discounts/1/from",
            ),
            (
                r#"{"x":{"volume_discounts":[{"from":-1,"discount":0}]}}"#,
                422,
                "/x/volume_discounts/0/from",
            ),
            (
                r#"{"x":{"token_in":{"amount":1,"per":999999937},"token_out":{"amount":1,"per":999999929},"unit":{"amount":1,"per":999999893}}}"#,
                422,
                "/x",
            ),
        ] {
            assert_eq!(
                refusal(operations(json)),
                (status, format!("/operations{pointers}")),
                "{json}"
            );
        }
    }
}
