//! Rate cards as operators send them.

use crate::json::{Errors, Fault, Node, NodeKind, Object, scalar};
use crate::problem::Problem;
use std::collections::BTreeMap;
use tollgate_core::{
    Amount, Card, Component, Currency, DiscountMode, Factor, Instant, Name, Operation, Price,
    QUANTITY_MAX, Unpriced, VolumeDiscount,
};

/// The highest price.
const PRICE_MAX: u64 = 1_000_000_000_000;
/// Discounts have at most 9 fraction digits, so that a line stays exact.
const DISCOUNT_STEP: i128 = 1_000_000_000;
/// The most volume discounts of one operation.
const DISCOUNTS_MAX: usize = 100;

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
            takes_over: None,
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
    Some(NewCard {
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
    let tiers = named(node, |node| {
        let factor = Factor::new(node.scalar(scalar::decimal)?);
        factor.ok_or_else(|| {
            node.fault(Fault::rule(
                "must be at most 1000000, with at most 3 fraction digits",
            ))
        })
    })?;
    if tiers.is_empty() {
        return Err(node.fault(Fault::rule("must name at least one tier")));
    }
    Ok(tiers)
}

/// A dictionary with names for keys.
fn named<'a, T>(
    node: &Node<'a>,
    read: impl Fn(&Node<'a>) -> Result<T, Errors>,
) -> Result<BTreeMap<Name, T>, Errors> {
    let entry = |(key, node): (String, Node<'a>)| {
        let name = Name::new(&key)
            .map_err(|error| node.fault(Fault::Rule(format!("has a name that {error}"))))?;
        Ok((name, read(&node)?))
    };
    Errors::gather(node.entries()?.into_iter().map(entry)).map(BTreeMap::from_iter)
}

fn operation(object: &mut Object<'_>) -> Option<Operation> {
    let mut prices = BTreeMap::new();
    for component in Component::ALL {
        let price = object.take(component.as_str()).map(|node| price(&node));
        let price = price.and_then(|price| object.keep(price));
        prices.extend(price.map(|price| (component, price)));
    }
    let discounts = object.take("volume_discounts").map(|node| discounts(&node));
    let operation = Operation {
        prices,
        volume_discounts: discounts
            .and_then(|discounts| object.keep(discounts))
            .unwrap_or_default(),
        discount_mode: object
            .read("discount_mode", scalar::one_of(&DiscountMode::ALL))
            .unwrap_or_default(),
    };
    if !operation.is_summable() {
        object.fault_here(Fault::rule(
            "has prices per numbers whose least common multiple exceeds 1e18",
        ));
    }
    Some(operation)
}

/// An amount for one, or `{amount, per}`.
fn price(node: &Node<'_>) -> Result<Price, Errors> {
    if node.kind() != NodeKind::Object {
        let amount = node.scalar(scalar::decimal_to(PRICE_MAX))?;
        return Ok(Price { amount, per: 1 });
    }
    node.object(|object| {
        let amount = object.need("amount", scalar::decimal_to(PRICE_MAX));
        let per = object.need("per", scalar::integer(1, Price::PER_MAX));
        Some(Price {
            amount: amount?,
            per: per?,
        })
    })
}

fn discounts(node: &Node<'_>) -> Result<Vec<VolumeDiscount>, Errors> {
    let nodes = node.elements(0, DISCOUNTS_MAX)?;
    let mut last: Option<u64> = None;
    let discounts = nodes.iter().map(|node| {
        node.object(|object| {
            let from = object.need("from", scalar::integer(0, QUANTITY_MAX));
            let discount: Option<Amount> = object.need("discount", scalar::decimal_to(1));
            let falls = from.zip(last).is_some_and(|(from, last)| from <= last);
            object.forbid(falls, "from", "must exceed that of the discount before");
            let fine = discount.is_some_and(|discount| discount.units() % DISCOUNT_STEP != 0);
            object.forbid(fine, "discount", "must have at most 9 fraction digits");
            last = from.or(last);
            Some(VolumeDiscount {
                from: from?,
                discount: discount?,
            })
        })
    });
    Errors::gather(discounts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::card::RateCardVersion;
    use crate::refusals::{refusal, refuses};
    use serde_json::{Value, json};

    fn shown_card(card: &Card) -> Value {
        serde_json::to_value(RateCardVersion::from(card)).unwrap()
    }

    fn of(body: &[u8]) -> Result<NewCard, Problem> {
        parse_card("c1", body)
    }

    fn operations(json: &str) -> Result<NewCard, Problem> {
        of(format!(r#"{{"currency":"USD","operations":{json}}}"#).as_bytes())
    }

    #[test]
    fn a_card_is_shown_as_it_was_put() {
        let body = json!({"id":"c1","currency":"EUR","effective_from":"2026-01-01T00:00:00Z",
            "tiers":{"enhanced":"1.5","standard":"1"},
            "unpriced":"free","operations":{
                "gpt-4o":{"token_in":{"amount":"2.5","per":1_000_000},"token_out":"0.00001"},
                "validation":{"unit":"0.001",
                    "volume_discounts":[{"from":0,"discount":"0.05"},
                        {"from":100_000,"discount":"0.1"}],
                    "discount_mode":"volume"}}});
        let card = of(body.to_string().as_bytes())
            .unwrap()
            .into_card(3, 7, Instant::EPOCH);
        let mut shown = shown_card(&card);
        assert_eq!(
            shown.as_object_mut().unwrap().shift_remove("version"),
            Some(json!(3))
        );
        assert_eq!(shown, body);
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
                    br#"{"currency":"USD","operations":{},"tiers":{"a b":1}}"#,
                    422,
                    "/tiers/a b",
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
    fn a_bad_price_is_refused_by_field() {
        for (json, status, pointers) in [
            (r#"{"x":5}"#, 400, "/x"),
            (r#"{"a|b":{}}"#, 422, "/a|b"),
            (r#"{"x":{"token":1}}"#, 400, "/x/token"),
            (r#"{"x":{"unit":-0.1}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":"NaN"}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":1e-16}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":1000000000001}}"#, 422, "/x/unit"),
            (r#"{"x":{"unit":true}}"#, 400, "/x/unit"),
            (r#"{"x":{"unit":{"amount":1}}}"#, 400, "/x/unit/per"),
            (r#"{"x":{"unit":{"amount":1,"per":0}}}"#, 422, "/x/unit/per"),
            (
                r#"{"x":{"unit":{"amount":1,"per":1000000001}}}"#,
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
